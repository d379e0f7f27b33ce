"""Fragments of rows, rendered once for all browsers. Knows columns; knows no view and no socket."""

from collections import OrderedDict
from collections.abc import Callable

from django.conf import settings

from dashboard.live.changes import Profile, profile_mark, stamp
from dashboard.live.columns import STANDARD, Seen, profiles, table_row
from dashboard.live.shown import NO_ACK_NS, first_profile
from dashboard.models import DialogRow, Order
from dashboard.privacy import CLEAR, Policy
from dialogs.engine.states import State

KEPT = 5000
"Fragments remembered; the one unused longest goes first."


def limit_of(name: str, value: str) -> int:
    """Return how many calls a profile's value may have: its own limit, else the one for each value; 0 for none."""
    found = [limit for limit in settings.DIALTAP.limit if limit.profile == name and limit.value in ("", value)]
    return (best := max(found, key=lambda one: bool(one.value))).critical or best.warn if found else 0


def seen(row: DialogRow, order: Order | None, size: int, now_ns: int, *, over: bool = False, policy: Policy = CLEAR) -> Seen:
    """Return the call as the columns need it and as the policy has it; page and push share it."""
    profile = first_profile(row)
    return Seen(
        policy.row(row),
        policy.order(order) if order else None,
        profile=policy.profile("=".join(profile)) if profile else "",
        mark=profile_mark(profile) if profile else "",
        size=size,
        limit=limit_of(*profile) if profile else 0,
        over=over,
        drops_ns=row.start_ns + NO_ACK_NS if row.state == State.CONFIRMED_NA else 0,
        now_ns=now_ns,
    )


class Renderer:
    """Renders a row when it, its order or the size of its profile changed, and remembers the rest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], str] = OrderedDict()

    def row(
        self,
        row: DialogRow,
        order: Order | None,
        sizes: dict[Profile, int],
        now_ns: int,
        *,
        over: bool = False,
        columns: tuple[str, ...] = STANDARD,
        policy: Policy = CLEAR,
    ) -> str:
        """Return the row's fragment; `over`: it is over a limit. Rendered once for all whom the same columns and policy concern."""
        size = sizes.get(first_profile(row) or ("", ""), 0)
        key = (row.uid, row.revision, stamp(order), size, over, columns, policy)
        return self._once(key, lambda: table_row(seen(row, order, size, now_ns, over=over, policy=policy), columns))

    def size(self, row: DialogRow, profile: Profile, size: int, policy: Policy = CLEAR) -> str:
        """Return the cell that says how many calls are in the row's first profile."""
        return self._once((profile, size, policy), lambda: profiles(seen(row, None, size, 0, policy=policy)))

    def _once(self, key: tuple[object, ...], render: Callable[[], str]) -> str:
        """Return what was rendered under this key, or render it."""
        if key not in self._kept:
            self._kept[key] = render()
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def forget(self) -> None:
        """Render everything anew: another database may use the same revisions."""
        self._kept.clear()
