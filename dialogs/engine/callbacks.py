"""Which of Kamailio's callbacks a move of a record means. Knows the table's states and inputs; knows no record and no handler."""

from dialogs.engine.states import CONFIRMED_NA, REQACK, REQBYE, RPL1XX, RPL2XX, Input, State


def callbacks_of(before: State, after: State, asked: Input) -> tuple[str, ...]:
    """Return the callbacks of a move that ends nothing, in order (reference 1.4, 1.5)."""
    if asked is RPL1XX:
        return ("EARLY", "RESPONSE_FWDED")
    if asked is RPL2XX:
        return ("CONFIRMED_NA", "RESPONSE_FWDED") if after is not before else ("RESPONSE_FWDED",)
    if asked is REQACK:
        return ("CONFIRMED",) if after is not before else ()
    if asked is REQBYE:
        return ()
    return ("CONFIRMED",) if before is CONFIRMED_NA else ("REQ_WITHIN",)
