"""Pages in every order: each call once, in order, forth and back, whatever happens meanwhile."""

import pytest

from dashboard.history.search import Page, page
from dashboard.live.columns import COLUMNS
from dashboard.live.layout import Layout
from dashboard.models import DialogRow
from dashboard.pages.history import order_of
from tests.dashboard.history.calls import NOW, SECOND, call
from tests.dashboard.live.people import record

pytestmark = pytest.mark.django_db
LATER = NOW + 10_000 * SECOND
"When it is looked."

SORTS = [f"{sign}{column.name}" for column in COLUMNS if column.sort for sign in ("", "-")]
KEYS = {
    "state": lambda row: row.state,
    "age": lambda row: (row.end_ns or LATER) - (row.start_ns or row.init_ns),
    "caller": lambda row: row.from_user,
    "callee": lambda row: row.to_user,
    "path": lambda row: row.path,
    "event": lambda row: -row.last_ns,
    "when": lambda row: row.init_ns,
    "messages": lambda row: row.messages,
    "callid": lambda row: row.call_id,
    "node": lambda row: row.node,
    "tap": lambda row: row.tap,
}
"What the columns say, in Python."


def odd(number: int):
    """Return a call of which much is like that of others."""
    over = number % 4 == 0
    said = {"caller": f"+{number % 5}", "callee": "\u00e4<" if number % 2 else "b", "last_event": str(number % 3) * 300, "tap": f"t{number % 2}"}
    times = {
        "init_ns": NOW - number // 3 * SECOND,
        "last_ns": NOW + number % 7,
        "start_ns": NOW if over else 0,
        "end_ns": NOW + number % 6 * SECOND if over else 0,
    }
    return call(number, state=5 if over else 1 + number % 4, messages=number % 3, **said, **times)


@pytest.fixture
def many() -> None:
    record(*(odd(number) for number in range(1, 24)))


def uids(found: Page) -> list[str]:
    return [row.uid for row in found.rows]


def asked(sort: str, cursor: str = "", now_ns: int = LATER) -> Page:
    return page(DialogRow.objects.all(), cursor, 5, sort=order_of(Layout(sort=sort)), now_ns=now_ns)


@pytest.mark.parametrize("sort", SORTS)
def test_sorted_pages_forth_and_back_show_every_call_once_in_order(many, sort):
    pages = [asked(sort)]
    while pages[-1].next:
        pages.append(asked(sort, pages[-1].next))
    rows = [row for found in pages for row in found.rows]
    key = KEYS[sort.removeprefix("-")]
    newest = sorted(DialogRow.objects.all(), key=lambda row: (-row.init_ns, row.uid))
    expected = [row for value in sorted(set(map(key, newest)), reverse=sort.startswith("-")) for row in newest if key(row) == value]
    assert [row.uid for row in rows] == [row.uid for row in expected]
    back = [pages[-1]]
    while back[-1].previous:
        back.append(asked(sort, back[-1].previous))
    assert [uids(found) for found in reversed(back)] == [uids(found) for found in pages]
    assert (pages[0].previous, len(pages)) == ("", 5)


def test_page_of_durations_stays_while_calls_grow_and_longer_ones_come(many):
    second = asked("-age").next
    before = uids(asked("-age", second))
    record(call(500, init_ns=NOW - 900 * SECOND, start_ns=NOW - 900 * SECOND))
    assert uids(asked("-age", second, LATER + 3600 * SECOND)) == before
    assert uids(asked("-age"))[0] == call(500).uid


def test_page_stays_when_the_call_that_it_begins_behind_changes_or_is_gone(many):
    first = asked("state")
    before = uids(asked("state", first.next))
    last = first.rows[-1]
    record(call(int(last.uid, 16), state=5, end_ns=NOW))
    changed = uids(asked("state", first.next))
    DialogRow.objects.filter(pk=last.uid).delete()
    assert (changed, uids(asked("state", first.next))) == (before, before)


def test_caller_and_callee_are_sorted_by_their_index():
    for sort, index in (("caller", "dialog_caller"), ("callee", "dialog_callee"), ("callid", "dialog_call_id"), ("when", "dialog_history")):
        order = order_of(Layout(sort=sort))
        assert index in order.of(DialogRow.objects.all(), LATER).order_by("key", "-init_ns", "uid")[:50].explain()
