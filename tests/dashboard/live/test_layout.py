"""The layout of the table, as the address has it."""

import pytest
from django.http import QueryDict

from dashboard.live.columns import COLUMNS, STANDARD
from dashboard.live.layout import Layout
from dashboard.models import DialogRow

ASKED = [
    ("", {}),
    ("columns=state,caller", {"columns": ("state", "caller")}),
    ("column=caller&column=state", {"columns": ("state", "caller")}),
    ("columns=nothing,<script>", {}),
    ("sort=-caller&density=compact&p=3", {"sort": "-caller", "density": "compact", "p": 3}),
    ("sort=--caller", {}),
    ("sort=why", {}),
    ("sort=uid;drop", {}),
    ("density=huge&p=-1", {}),
    ("p=0", {}),
    ("p=٣", {}),
    ("p=99999999999999999999", {}),
]


@pytest.mark.parametrize(("query", "expected"), ASKED)
def test_layout_takes_only_what_it_knows(query, expected):
    assert Layout.parse(QueryDict(query)) == Layout(**expected)


@pytest.mark.parametrize("query", ["", "columns=state%2Ccaller&sort=-age&density=roomy&p=2"])
def test_layout_is_its_own_query_string(query):
    assert Layout.parse(QueryDict(query)).query == query


@pytest.mark.parametrize(("sort", "kept"), [("caller", ""), ("-callee", ""), ("age", "age"), ("-path", "-path")])
def test_nobody_sorts_by_numbers_who_may_not_see_them(sort, kept):
    layout = Layout.parse({"sort": sort}, masked=True)
    assert (layout.sort, [column.name for column in layout.shown if not column.sort]) == (kept, ["caller", "callee", "why", "size"])


def test_click_on_a_head_goes_round():
    layout = Layout()
    seen = []
    for _ in range(3):
        layout = layout.with_(sort=layout.next_sort("caller"))
        seen.append(layout.sort)
    assert seen == ["caller", "-caller", ""]


@pytest.mark.django_db
@pytest.mark.parametrize("name", [column.name for column in COLUMNS if column.sort])
def test_every_order_is_one_that_the_database_knows(name):
    for sort in (name, f"-{name}"):
        assert list(DialogRow.objects.live().order_by(*Layout(sort=sort).order)) == []


@pytest.mark.parametrize(("layout", "newest"), [({}, True), ({"sort": "age"}, False), ({"p": 2}, False), ({"columns": STANDARD[:2]}, True)])
def test_new_calls_come_to_the_first_page_of_the_newest(layout, newest):
    assert Layout(**layout).newest == newest
