"""The columns: what each cell says, and that all of it is text."""

import re
from html import unescape

import msgspec
import pytest
from django.utils.html import strip_tags

from dashboard.live.columns import COLUMNS, STANDARD, Seen, cells, table_row
from dashboard.live.render import seen
from dashboard.models import DialogRow, Order
from dialogs.config import Limit
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
SECOND = 10**9


def row(**changes) -> DialogRow:
    evidence = changes.pop("evidence", (("warn", "caller's Contact is private"), ("bad", "one leg left")))
    return record(call(1, **changes), path="edge-1 → gw-2", evidence=evidence)[0]


def cell(name: str, shown: Seen) -> str:
    """Return a cell's words."""
    return " ".join(unescape(strip_tags(cells(shown, [name]))).split())


WORDS = {
    "state": "In call",
    "age": "0:56",
    "caller": "4417@example.net",
    "callee": "→ 5000@example.net",
    "path": "edge-1 → gw-2",
    "event": "ACK 57 s ago",
    "why": "caller's Contact is privateone leg left",
    "size": "7",
    "when": "2026-11-21 20:58:38.000",
    "rang": "+0.000 s",
    "messages": "4",
    "by": "",
    "callid": "call-1@192.0.2.7",
    "node": "n1",
    "tap": "interface:any",
}


def test_every_column_says_what_it_is_for():
    shown = seen(row(), None, 7, NOW + 58 * SECOND)
    assert {column.name: cell(column.name, shown) for column in COLUMNS} == WORDS


@pytest.mark.parametrize(
    ("fields", "column", "words"),
    [
        ({"state": 3, "start_ns": NOW}, "why", "drops in 32 scaller's Contact is privateone leg left"),
        ({"state": 5, "end_ns": NOW + 3 * SECOND, "ended_by": "operator:ann"}, "by", "ann"),
        ({"state": 5, "end_ns": NOW + 3 * SECOND, "end_code": 486, "start_ns": 0}, "state", "Failed 486"),
        ({"state": 2, "start_ns": 0}, "age", "0:57"),
        ({"ring_ns": 0}, "rang", ""),
        ({"profiles": ()}, "size", ""),
    ],
)
def test_cell_follows_the_call(fields, column, words):
    assert cell(column, seen(row(**fields), None, 1, NOW + 58 * SECOND)) == words


def test_order_and_breach_come_before_what_was_diagnosed():
    order = Order(username="ann", kind="end", phase="requested")
    tags = re.findall(r'class="tag ([\w-]+)"', cells(seen(row(), order, 1, NOW, over=True), ["why"]))
    assert tags == ["sf", "t-order", "s3", "sf"]


@pytest.mark.parametrize(("size", "bar"), [(3, ("10", "3", "3/10")), (10, ("10", "10", "10/10")), (12, ("10", "10", "12/10"))])
def test_size_is_drawn_against_its_limit(settings, size, bar):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, limit=(Limit(name="each", profile="caller", critical=10),))
    text = cells(seen(row(), None, size, NOW), ["size"])
    found = re.search(r'max="(\d+)" value="(\d+)"', text)
    assert (found and found.groups(), cell("size", seen(row(), None, size, NOW))) == (bar[:2], bar[2])


def test_hostile_text_is_text_in_every_cell():
    evil = '"><script>alert(1)</script>\u202e'
    leg = msgspec.structs.replace(call(1).caller, uri=f"sip:{evil}@{evil}", name=evil)
    fields = {"caller": leg, "callee": leg, "call_id": evil, "last_event": evil, "ended_by": evil, "tap": evil, "profiles": ((evil, evil),)}
    found = record(call(1, **fields), path=evil, evidence=((evil, evil),))[0]
    text = table_row(seen(found, None, 1, NOW), [column.name for column in COLUMNS])
    assert ("<script" in text, "&lt;script&gt;" in text, text.count("<td"), text.count("</td>")) == (False, True, len(COLUMNS) + 2, len(COLUMNS) + 2)


def test_names_are_known_once():
    names = [column.name for column in COLUMNS]
    assert (len(set(names)), [name for name in names if name in STANDARD]) == (len(names), list(STANDARD))
