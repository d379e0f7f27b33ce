"""One dialog as Kamailio's dialog module keeps it (struct dlg_cell, dlg_hash.h), and how an input changes it.

Knows the table and messages; knows no other record, no sockets, no wire call. Times are integer nanoseconds UTC.
"""

import msgspec

from dialogs.engine.fields import Scalar, common_field
from dialogs.engine.profiles import Membership
from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, EARLY, UNCONFIRMED, Input, State, next_state
from dialogs.engine.transaction import InviteTransaction
from dialogs.packet import SECOND
from dialogs.sip import Message, text

HAS_BYE = 4
"dflags bit DLG_FLAG_HASBYE."

NEW, CHANGED, VARIABLES_CHANGED, TM, PROFILES_CHANGED = 1, 2, 128, 512, 1024
NO_RESET, CSEQ_DIFF, PRACK_SEEN = 8, 16, 32
"iflags bits, beside rules.moment.TIMEOUT_BYE."


LEG_KEYS = {"tag": "tag", "cseq": "cseq", "contact": "contact", "rs": "route_set", "bindaddr": "socket"}
"Kamailio's keys of $dlg(...) behind from_ and to_ -> our names."


class Leg(msgspec.Struct, gc=False):
    """One side as `dlg.list` prints it; None prints as null."""

    tag: str | None = None
    contact: str | None = None
    cseq: str | None = None
    route_set: str | None = None
    socket: str | None = None


class Record(msgspec.Struct, gc=False):
    """A dialog record. Field names are Kamailio's; `*_ns` are its `*_ts` before rounding to seconds."""

    h_entry: int
    h_id: int
    call_id: bytes
    from_uri: str
    to_uri: str
    request_uri: str
    caller_tag: bytes
    init_ns: int
    lifetime: int
    "Seconds."

    invite: InviteTransaction
    caller: Leg
    callee: Leg
    callee_tag: bytes = b""
    state: State = UNCONFIRMED
    start_ns: int = 0
    end_ns: int = 0
    timeout_ns: int = 0
    "When the dialog timer fires; 0 while none is armed (states 1, 2, 5)."

    linger_ns: int = 0
    "When a deleted record is destroyed; 0 while it lives."

    expiring: bool = False
    "The lifetime is over and the proxy ends the call itself (send_bye)."

    dflags: int = TM
    sflags: int = 0
    iflags: int = 0
    profiles: list[Membership] = []
    variables: dict[str, str] = {}
    routes_before: int = 1
    "Record-Route entries of the answer that lie between us and the caller, ours included."

    sockets: dict[bytes, str] = {}
    "To-tag of an answer -> the socket it came in on: the callee leg's, once that answer is the first 2xx."

    outs: tuple[bytes, ...] = ()
    "To-tags of relayed answers below 300 (ims_dialog's dlg_out entries)."

    ignored: bool = False
    "A rule said that it is not to be tracked."

    own_bye_ns: int = 0
    "When the proxy's own BYEs have timed out; 0 while it sent none."

    own_byes: tuple[bytes, ...] = ()
    "Branches of BYEs that the proxy itself sent: the first final answer to one of them ends the record."

    @property
    def had_bye(self) -> bool:
        """Whether a BYE or a timeout ended it; such a record cannot be revived."""
        return bool(self.dflags & HAS_BYE)

    def field(self, key: str) -> Scalar:
        """Return `$dlg(key)` (reference 6); "from" is the caller's leg, "to" the callee's."""
        side, _, name = key.partition("_")
        if side in ("from", "to") and name in LEG_KEYS:
            return getattr(self.caller if side == "from" else self.callee, LEG_KEYS[name]) or None
        return common_field(self, key)

    def asks(self, asked: Input) -> State | None:
        """Return the state that this input would lead to; None when the pair is impossible."""
        return next_state(self.state, asked, had_bye=self.had_bye)

    def arm(self, now_ns: int) -> None:
        """(Re)start the dialog timer (Kamailio: update_dlg_timer)."""
        self.timeout_ns = now_ns + self.lifetime * SECOND

    def answer(self, message: Message, now_ns: int) -> None:
        """Take the callee's side from the first 2xx and start the clock (Kamailio: dlg_onreply, RPL2XX)."""
        self.start_ns, self.end_ns, self.linger_ns = now_ns, 0, 0
        self.callee_tag = message.to_tag
        contacts = message.contacts
        routes = message.record_route[::-1][self.routes_before :]
        usable = len(contacts) == 1 and contacts[0] != "*"
        socket = self.sockets.get(message.to_tag, self.caller.socket)
        self.callee = Leg(text(message.to_tag), contacts[0], "0", ",".join(routes), socket) if usable else Leg(socket=socket)
        self.dflags |= NEW
        self.arm(now_ns)

    def within(self, message: Message, now_ns: int, *, downstream: bool, first: bool) -> None:
        """Follow a request inside the dialog: CSeq and, of a re-INVITE only, the Contact of its sender (Kamailio: dlg_onroute, 1.5 step 7 and 8).

        `first`: the ACK that confirmed it, which starts the timer anew whatever `timeout_noreset` says.
        """
        if self.state not in (EARLY, CONFIRMED):
            return
        if self.state is CONFIRMED and (first or not self.iflags & NO_RESET):
            self.arm(now_ns)
        if message.method == "ACK":
            return
        leg = self.caller if downstream else self.callee
        leg.cseq = message.cseq_text
        if message.method == "INVITE" and (contacts := message.contacts):
            leg.contact = contacts[0]

    def end(self, now_ns: int, linger_ns: int, *, by_bye: bool) -> None:
        """Fill in what the change to DELETED means."""
        self.end_ns = now_ns
        self.timeout_ns = 0
        self.linger_ns = linger_ns
        if by_bye:
            self.dflags |= HAS_BYE

    @property
    def answered(self) -> bool:
        """Whether it counts as active."""
        return self.state in (CONFIRMED_NA, CONFIRMED)


def direction(record: Record, message: Message) -> bool | None:
    """Return True for a request from the caller's side, False from the callee's, None when the tags do not belong to the record.

    Kamailio: match_dialog / match_downstream_dialog (reference 14.1): without a callee tag one matching tag is enough.
    """
    caller, callee = record.caller_tag, record.callee_tag
    if not callee:
        if message.to_tag == caller:
            return False
        return True if message.from_tag == caller else None
    if message.from_tag == caller:
        return True if message.to_tag == callee else None
    return False if message.from_tag == callee and message.to_tag == caller else None
