"""Fragments of rows, rendered once for all browsers. Knows templates; knows no view and no socket."""

from collections import OrderedDict

from django.template.loader import get_template

from dashboard.live.changes import Profile, profile_mark, stamp
from dashboard.live.shown import NO_ACK_NS, first_profile, since_ns
from dashboard.models import DialogRow, Order
from dashboard.privacy import CLEAR, Policy

ROW = "live/_row.html"

KEPT = 5000
"Fragments remembered; the one unused longest goes first."


def row_context(row: DialogRow, order: Order | None, size: int, now_ns: int, *, over: bool = False, policy: Policy = CLEAR) -> dict[str, object]:
    """Return what the row template needs, as the policy has it; page and push share it."""
    profile = first_profile(row)
    return {
        "row": policy.row(row),
        "since_ns": since_ns(row),
        "drops_ns": row.start_ns + NO_ACK_NS if row.state == 3 else 0,
        "order": policy.order(order) if order else None,
        "profile": policy.profile("=".join(profile)) if profile else "",
        "mark": profile_mark(profile) if profile else "",
        "size": size,
        "over": over,
        "now_ns": now_ns,
    }


class Renderer:
    """Renders a row when it, its order or the size of its profile changed, and remembers the rest."""

    def __init__(self) -> None:
        self._template = get_template(ROW)
        self._kept: OrderedDict[tuple[object, ...], str] = OrderedDict()

    def row(self, row: DialogRow, order: Order | None, sizes: dict[Profile, int], now_ns: int, *, over: bool = False, policy: Policy = CLEAR) -> str:
        """Return the row's fragment; `over`: it is over a limit. Rendered once for all whom the same policy concerns."""
        size = sizes.get(first_profile(row) or ("", ""), 0)
        key = (row.uid, row.revision, stamp(order), size, over, policy)
        if key not in self._kept:
            self._kept[key] = self._template.render(row_context(row, order, size, now_ns, over=over, policy=policy)).strip()
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def forget(self) -> None:
        """Render everything anew: another database may use the same revisions."""
        self._kept.clear()
