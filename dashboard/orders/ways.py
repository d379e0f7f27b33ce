"""Where our own user agent would send an order's requests. Knows calls and the wire's rules; decides nothing, sends nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dashboard.models import DialogRow
from dashboard.orders.ringing import cancel_for
from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.hops import Hop, next_hop
from dialogs.control.sip.syntax import Unsendable
from dialogs.engine.states import State


def ways(kind: str, legs: Iterable[tuple[DialogRow, str]], to: tuple[str, ...]) -> Iterator[str | Unsendable]:
    """Yield the hosts that are sent something, or why one cannot be. legs: calls, each with the side ("both") that is meant; to: addresses."""
    if kind == "bridge" and to:
        yield _host(next_hop, to[0])
    for row, side in legs:
        if row.state < State.CONFIRMED_NA:
            yield _host(_cancelled_at, row)
            continue
        for one in ("caller", "callee") if side == "both" else (side,):
            yield _host(_reached_at, row, one)


def _host(find: Callable[..., Hop], *of: Any) -> str | Unsendable:
    try:
        return find(*of).host
    except Unsendable as error:
        return error


def _cancelled_at(row: DialogRow) -> Hop:
    return cancel_for(row, row.snapshot).hop


def _reached_at(row: DialogRow, side: str) -> Hop:
    return next_hop(Dialog.toward(row.snapshot, side).path().next_hop)
