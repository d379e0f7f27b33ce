"""Calls that are placed in the lab and ended by orders, as many and of as many sorts as wanted. Knows orders and the mix; judges nothing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dashboard.models import DialogRow, Order
from dashboard.orders.request import request_end

from .acting import anna, asked, closed, rows_of, stored
from .lab import Call, Lab
from .mix import MIX, Place

SETTLED_NS = 500_000_000
"A call of which nothing was seen for so long is through with its re-INVITEs."


@dataclass
class Ended:
    """Calls, how each was before, and what came of its order."""

    calls: list[Call] = field(default_factory=list)
    rows: list[DialogRow] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def exit_codes(self) -> set[int]:
        """Return the verdicts of all phones: 0 when each got what its script expects."""
        return {phone.exit_code() for call in self.calls for phone in call.phones}

    def seconds(self) -> list[float]:
        """Return how long each order took, from the wish to the proof."""
        return [(order.closed_ns - order.requested_ns) / 1e9 for order in self.orders]


async def end_all(lab: Lab, places: Sequence[Place], *, state: int = 4, before: Callable[[list[Call]], None] | None = None) -> Ended:
    """Place calls, order the end of each once all are in a state and nothing moves any more, wait for what comes of it. `before`: done first."""
    done = Ended([place(lab) for place in places])
    await rows_of(done.calls, state)
    wanted = [call.call_id for call in done.calls]

    def settled() -> list[DialogRow]:
        rows = {row.call_id: row for row in DialogRow.objects.filter(call_id__in=wanted)}
        return [rows[call_id] for call_id in wanted] if max(row.last_ns for row in rows.values()) < time.time_ns() - SETTLED_NS else []

    done.rows = await stored(settled, "calls in which nothing moves")
    if before is not None:
        before(done.calls)
    user = await asked(anna)
    orders = [await asked(request_end, row, user, "lab", "") for row in done.rows]
    done.orders = await closed(*orders)
    return done


async def end_mix(lab: Lab, rounds: int) -> dict[str, Ended]:
    """End this many calls of every sort, one of each at a time; returns them by sort."""
    found = {name: Ended() for name in MIX}
    for _ in range(rounds):
        done = await end_all(lab, list(MIX.values()))
        for ended, call, row, order in zip(found.values(), done.calls, done.rows, done.orders, strict=True):
            ended.calls.append(call)
            ended.rows.append(row)
            ended.orders.append(order)
    return found
