"""The dialog state machine: states, inputs, the table and what makes an input. Knows SIP messages; knows no time, no storage, no I/O.

The table is Kamailio's (`next_state_dlg`, dlg_hash.c), cell by cell, with one more input: TIMEOUT, which the original
applies as a BYE from its own timer. A pair that is missing is impossible on a clean wire: the state is kept and an
`Anomaly` says so. A pair that is written down and stays where it is, is ordinary. That difference is the reason why
staying is written down at all.

Three cells surprise newcomers:

- BYE while EARLY keeps EARLY. The caller may do it (RFC 3261, 15), but the call ends when the INVITE gets its 487.
- 2xx while DELETED goes back to CONFIRMED_NA: a 200 that crossed a CANCEL revives the dialog. `next_state` refuses it
  when the dialog was ended by a BYE; that memory is the caller's (`had_bye`).
- A negative final answer while CONFIRMED is impossible here: it can only be a losing branch, and those are no input.
"""

from enum import IntEnum

from dialogs.sip import Message


class State(IntEnum):
    """Kamailio's dialog states; the numbers are on the wire of its RPC."""

    UNCONFIRMED = 1
    EARLY = 2
    CONFIRMED_NA = 3
    CONFIRMED = 4
    DELETED = 5


class Input(IntEnum):
    """What the table is asked. 1 to 8 are Kamailio's numbers."""

    TDEL = 1
    RPL1XX = 2
    RPL2XX = 3
    RPL3XX = 4
    REQPRACK = 5
    REQACK = 6
    REQBYE = 7
    REQ = 8
    TIMEOUT = 9


UNCONFIRMED, EARLY, CONFIRMED_NA, CONFIRMED, DELETED = State
TDEL, RPL1XX, RPL2XX, RPL3XX, REQPRACK, REQACK, REQBYE, REQ, TIMEOUT = Input

TRANSITIONS: dict[tuple[State, Input], State] = {
    # The INVITE transaction went away without a final answer
    (UNCONFIRMED, TDEL): DELETED,
    (EARLY, TDEL): DELETED,
    (CONFIRMED_NA, TDEL): CONFIRMED_NA,
    (CONFIRMED, TDEL): CONFIRMED,
    (DELETED, TDEL): DELETED,
    # Ringing: 101 to 199
    (UNCONFIRMED, RPL1XX): EARLY,
    (EARLY, RPL1XX): EARLY,
    # Answered
    (UNCONFIRMED, RPL2XX): CONFIRMED_NA,
    (EARLY, RPL2XX): CONFIRMED_NA,
    (CONFIRMED_NA, RPL2XX): CONFIRMED_NA,
    (CONFIRMED, RPL2XX): CONFIRMED,
    (DELETED, RPL2XX): CONFIRMED_NA,
    # Refused, with a status of 300 or more
    (UNCONFIRMED, RPL3XX): DELETED,
    (EARLY, RPL3XX): DELETED,
    # PRACK of a reliable 1xx
    (EARLY, REQPRACK): EARLY,
    (CONFIRMED_NA, REQPRACK): CONFIRMED_NA,
    (DELETED, REQPRACK): DELETED,
    # ACK of the 2xx
    (CONFIRMED_NA, REQACK): CONFIRMED,
    (CONFIRMED, REQACK): CONFIRMED,
    (DELETED, REQACK): DELETED,
    # BYE
    (EARLY, REQBYE): EARLY,
    (CONFIRMED_NA, REQBYE): DELETED,
    (CONFIRMED, REQBYE): DELETED,
    (DELETED, REQBYE): DELETED,
    # Any other request inside the dialog
    (EARLY, REQ): EARLY,
    (CONFIRMED_NA, REQ): CONFIRMED_NA,
    (CONFIRMED, REQ): CONFIRMED,
    (DELETED, REQ): DELETED,
    # The lifetime is over, or nobody answered for too long
    (UNCONFIRMED, TIMEOUT): DELETED,
    (EARLY, TIMEOUT): DELETED,
    (CONFIRMED_NA, TIMEOUT): DELETED,
    (CONFIRMED, TIMEOUT): DELETED,
    (DELETED, TIMEOUT): DELETED,
}

STATE_NAMES = {
    UNCONFIRMED: "UNCONFIRMED",
    EARLY: "EARLY",
    CONFIRMED_NA: "CONFIRMED_NA",
    CONFIRMED: "CONFIRMED",
    DELETED: "DELETED",
}


def next_state(state: State, asked: Input, *, had_bye: bool = False) -> State | None:
    """Return the state after this input, or None when the pair is impossible."""
    if state is DELETED and asked is RPL2XX and had_bye:
        return None
    return TRANSITIONS.get((state, asked))


IN_DIALOG = {"ACK": REQACK, "BYE": REQBYE, "PRACK": REQPRACK}


def classify(message: Message) -> Input | None:
    """Return what a message asks of the table, None when it asks nothing: 100, CANCEL, an initial INVITE, a reply to another method.

    Whether a reply decides (a losing branch does not) and whose dialog a request belongs to is not in the message alone:
    the two views add that.
    """
    status = message.status
    if status:
        if message.method != "INVITE" or status <= 100:
            return None
        if status < 200:
            return RPL1XX
        return RPL2XX if status < 300 else RPL3XX
    if not message.to_tag or message.method == "CANCEL":
        return None
    return IN_DIALOG.get(message.method, REQ)
