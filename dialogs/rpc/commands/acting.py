"""Commands that act on calls: looked up here, carried out by the host's controller (reference 5.2, 11, 12). Knows records; sends nothing."""

from collections.abc import Iterator
from typing import Any

from dialogs.engine.states import DELETED, UNCONFIRMED
from dialogs.rpc.commands.listings import INVALID
from dialogs.rpc.errors import Fault
from dialogs.rpc.host import Host
from dialogs.rpc.registry import PAUSE, Loose, Value, command
from dialogs.rpc.walk import by_number, by_tags

NOT_FOUND = Fault(404, "Dialog not found")


def numbered(host: Host, h_entry: int, h_id: int) -> Iterator[Any]:
    """Yield PAUSE while looking, then the record. Raises Fault."""
    for found in by_number(host, h_entry, h_id):
        if found is None:
            raise NOT_FOUND
        yield found


@command("dlg.end_dlg", permission="control", need=INVALID)
def end_dlg(host: Host, h_entry: int, h_id: int, headers: str = "") -> Iterator[Value]:
    """End a given dialog based on [h_entry] [h_id]."""
    for found in numbered(host, h_entry, h_id):
        if found is PAUSE:
            yield PAUSE
        else:
            host.order("end_dlg", (h_entry, h_id, headers))


@command("dlg.terminate_dlg", permission="control", need=Fault(400, "Need a Callid ,from tag ,to tag"))
def terminate_dlg(host: Host, callid: Loose, ftag: Loose, ttag: Loose) -> None:
    """End a given dialog based on callid."""
    by_tags(host, callid, ftag, ttag, Fault(500, "Couldnt find callid in dialog"))
    host.order("terminate_dlg", (callid, ftag, ttag))


@command("dlg.bridge_dlg", permission="control", need=INVALID)
def bridge_dlg(host: Host, from_uri: str, to_uri: str, op: str = ".", body: str = ".") -> None:
    """Bridge two SIP addresses in a call using INVITE(hold)-REFER-BYE mechanism: to, from, [outbound SIP proxy]."""
    host.order("bridge_dlg", (from_uri, to_uri, op, body))


@command("dlg.refer", permission="control", need=INVALID)
def refer(host: Host, h_entry: int, h_id: int, side: str, to_uri: str) -> Iterator[Value]:
    """Send one side of a dialog, caller or callee, to another SIP address by REFER.

    Kamailio has it as a script function only (reference 12.2).
    """
    if side not in ("caller", "callee"):
        raise INVALID
    for found in numbered(host, h_entry, h_id):
        if found is PAUSE:
            yield PAUSE
        else:
            host.order("refer", (h_entry, h_id, side, to_uri))


@command("dlg.set_state", permission="control", need=Fault(400, "Need the callid, from tag,to tag and state"))
def set_state(host: Host, callid: Loose, ftag: Loose, ttag: Loose, state: int) -> None:
    """Set state for a dialog based on callid and tags.

    Always refused, after the original's own checks: what a call's state is, the wire says.
    """
    if not UNCONFIRMED <= state <= DELETED:
        raise Fault(500, "Invalid state value")
    by_tags(host, callid, ftag, ttag, Fault(500, "Dialog not found"))
    raise Fault(501, "Not supported: the state of a call is what the wire says")
