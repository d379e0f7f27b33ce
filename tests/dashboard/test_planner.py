"""SQLite finds live calls by their own index, whatever order and filter somebody asks for."""

import pytest
from django.db import connection

from dashboard.live.changes import light
from dashboard.live.columns import COLUMNS
from dashboard.live.filter import CallFilter
from dashboard.live.layout import Layout
from dashboard.models import DialogRow
from dashboard.planner import INDEX, LIVE, tell

pytestmark = [pytest.mark.django_db, pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's planner")]
SORTS = ["", *(f"{sign}{column.name}" for column in COLUMNS if column.sort for sign in ("", "-"))]
OTHERS = {"caller": "dialog_caller", "callid": "dialog_call_id"}


def plan(sort: str, typed: str) -> str:
    """Return the first step of reading a page of the live table."""
    order = Layout.parse({"sort": sort}).order
    return light(CallFilter.parse({"q": typed}).apply(DialogRow.objects.live())).order_by(*order)[:200].explain().partition("\n")[0]


def statistics() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        return cursor.execute("SELECT idx, stat FROM sqlite_stat1").fetchall()


def forget(*more: str) -> None:
    with connection.cursor() as cursor:
        for statement in ("DELETE FROM sqlite_stat1", *more, "ANALYZE sqlite_schema"):
            cursor.execute(statement)


@pytest.mark.parametrize("typed", ["", "490", 'state = "early" and duration > 60'])
@pytest.mark.parametrize("sort", SORTS)
def test_page_of_live_calls_is_read_by_their_index(sort, typed):
    assert f"USING INDEX {INDEX}" in plan(sort, typed)


def test_without_being_told_history_would_be_searched():
    forget()
    found = {sort: index for sort, index in OTHERS.items() if f"USING INDEX {index}" in plan(sort, "")}
    tell(using="default")
    assert (found, statistics()) == (OTHERS, [(INDEX, LIVE)])


def test_figures_of_an_administrator_are_left_alone():
    forget("INSERT INTO sqlite_stat1 VALUES ('dashboard_dialogrow', 'dialog_live', '7 1 1 1 1')")
    tell(using="default")
    assert statistics() == [(INDEX, "7 1 1 1 1")]


def test_database_that_was_migrated_back_is_not_told():
    forget(f"DROP INDEX {INDEX}")
    tell(using="default")
    assert statistics() == []
