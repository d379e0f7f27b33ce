"""What is new since the last look: one read of the tables for all views of a process. Knows tables; knows no view, no fragment, no socket."""

import hashlib
import json
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Count, Max, Q

from dashboard.live.filter import CallFilter
from dashboard.live.matching import Matcher
from dashboard.live.shown import first_profile
from dashboard.models import Alert, DialogQuerySet, DialogRow, Order, ProfileEntry

HEAVY = ("detail", "frames", "engine")
"Columns that no table row shows."

ORDERS_NS = 120_000_000_000
"An order older than this is history: the table no longer looks at it."

BRIEF_NS = 2_000_000_000
"A call shorter than this may begin and end between two looks."

MOST_ORDERS = 500
"Orders looked at in a tick; older ones keep the words that their rows have."

ALL = CallFilter()
MOST_OVER = 1000
"Breaches of limits, and calls of a value, that are looked at in a tick."

type Profile = tuple[str, str]


@dataclass(slots=True)
class Changes:
    """The rows above the last revision, the orders that moved, the sizes that changed."""

    since: int
    revision: int
    matcher: Matcher = field(default_factory=Matcher)
    rows: dict[str, DialogRow] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    "The newest order of each call that changed or has a recent one."

    touched: set[str] = field(default_factory=set)
    "Calls whose order moved."

    over: frozenset[str] = frozenset()
    "What is over a limit now: profiles with their values, and calls."

    sizes: dict[Profile, int] = field(default_factory=dict)
    matches: dict[CallFilter, set[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.touched)

    def is_over(self, row: DialogRow) -> bool:
        """Return whether the call, or a profile it is in, is over a limit."""
        if not self.over:
            return False
        return row.uid in self.over or any(subject(name, value) in self.over for name, value in json.loads(row.profiles or "[]"))

    def matching(self, chosen: CallFilter) -> set[str]:
        """Return which changed calls are live, or over before anybody could see them, and pass the filter; asked once per filter, not per browser."""
        if chosen not in self.matches and chosen:
            self.matches[chosen] = self.matching(ALL) & self.matcher.changed(chosen, self.since, self.revision)
        elif chosen not in self.matches:
            self.matches[chosen] = {row.uid for row in self.rows.values() if row.state < 5 or row.end_ns - row.init_ns < BRIEF_NS}
        return self.matches[chosen]

    def total(self, chosen: CallFilter) -> int:
        """Return how many live calls pass the filter."""
        return self.matcher.total(chosen)


class Reader:
    """Reads what changed since its last call."""

    def __init__(self) -> None:
        self.revision = newest_revision()
        self._stamps: dict[str, tuple[str, str, str, int]] = {}
        self._over: frozenset[str] | None = None
        self._matcher = Matcher()

    def read(self, now_ns: int) -> Changes:
        """Return the changes since the last read."""
        changes = Changes(self.revision, newest_revision(), self._matcher)
        if changes.revision > self.revision:
            rows = light(DialogRow.objects.changed_since(self.revision).filter(revision__lte=changes.revision)).order_by("init_ns", "uid")
            changes.rows = {row.uid: row for row in rows}
            changes.sizes = sizes_of(list(changes.rows.values()))
        elif changes.revision < self.revision:
            changes.since = changes.revision  # the database was emptied below us
        self._matcher.begin(moved=changes.revision != self.revision)
        self.revision = changes.revision
        self._read_orders(changes, now_ns)
        changes.over = breached()
        if self._over is not None and changes.over != self._over:
            changes.touched |= concerned(changes.over ^ self._over)
        self._over = changes.over
        return changes

    def _read_orders(self, changes: Changes, now_ns: int) -> None:
        """Fill in the recent orders, and which of them moved since the last read."""
        recent = Order.objects.filter(requested_ns__gt=now_ns - ORDERS_NS).order_by("-requested_ns")[:MOST_ORDERS]
        changes.orders = {order.dialog_uid: order for order in reversed(recent)}  # the newest of a call wins
        stamps = {uid: (*stamp(order), len(order.steps)) for uid, order in changes.orders.items()}
        changes.touched = {uid for uid, value in stamps.items() if self._stamps.get(uid) != value}
        self._stamps = stamps


def subject(name: str, value: str) -> str:
    """Return a profile's value as alerts of limits name it."""
    return f"{name}={value}" if value else name


def breached() -> frozenset[str]:
    """Return what is over a limit now."""
    return frozenset(Alert.objects.filter(cleared_ns=0).exclude(limit="").values_list("subject", flat=True)[:MOST_OVER])


def concerned(subjects: frozenset[str]) -> set[str]:
    """Return the calls whose rows say that these are over a limit, or said it."""
    named: dict[str, set[str]] = {}
    for one in subjects:
        name, _, value = one.partition("=")
        named.setdefault(name, set()).add(value)
    found = set(subjects)
    for name, values in named.items():
        found.update(ProfileEntry.objects.filter(name=name, value__in=values, dialog__state__lt=5).values_list("dialog_id", flat=True)[:MOST_OVER])
    return found


def newest_revision() -> int:
    """Return the number of the newest tick that was written: one step in an index."""
    return DialogRow.objects.aggregate(newest=Max("revision"))["newest"] or 0


def light(rows: DialogQuerySet) -> DialogQuerySet:
    """Return the rows without the columns that no table shows."""
    return rows.defer(*HEAVY)


def stamp(order: Order | None) -> tuple[str, str, str]:
    """Return what of an order can be seen in a row."""
    return (str(order.phase), str(order.outcome), order.detail) if order else ("", "", "")


def sizes_of(rows: list[DialogRow]) -> dict[Profile, int]:
    """Return how many live calls are in the first profile of each of these rows."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        if profile := first_profile(row):
            wanted.setdefault(profile[0], set()).add(profile[1])
    sizes = {(name, value): 0 for name, values in wanted.items() for value in values}
    for name, values in wanted.items():
        counted = ProfileEntry.objects.filter(name=name, value__in=values).values_list("value").annotate(live=Count("pk", filter=Q(dialog__state__lt=5)))
        sizes |= {(name, value): live for value, live in counted}
    return sizes


def profile_mark(profile: Profile) -> str:
    """Return a profile's address on the page: a hash, because its value is a stranger's text; keyed, because it may be a masked number."""
    key = hashlib.blake2s(settings.SECRET_KEY.encode()).digest()
    return hashlib.blake2s("\0".join(profile).encode(errors="surrogatepass"), digest_size=6, key=key).hexdigest()
