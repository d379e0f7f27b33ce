"""The KPI page and its data; the strip's links; the live page's layout in the address."""

import re
import time

import msgspec
import pytest

from dashboard.live.kpis import PERIOD_NS
from dashboard.models import KpiSample
from dialogs.insight.kpi import CHARTS, KPIS, Figures
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
S = 10**9
ALL, FAILED = [1, 2, 3, 4, 5, 6], [2, 3, 4, 5]
BEHIND = {"rate": ALL, "failing": FAILED, "seer": ALL, "isa": [3], "failed3": [4], "failed4": [2], "failed5": [3], "failed6": [5], "expired": [6]}
"The calls behind a point; of the others it is the one that was answered."


def test_page_has_a_place_for_every_chart(viewer):
    text = viewer.get("/kpis/").content.decode()
    assert re.findall(r'id="chart-(\w+)"', text) == list(CHARTS)
    assert 'href="/kpis/?last=3600" aria-current="true"' in text


def test_data_holds_every_kpi(viewer):
    at_ns = time.time_ns() // PERIOD_NS * PERIOD_NS
    KpiSample.objects.create(node="n1", at_ns=at_ns, figures=msgspec.json.encode(Figures(10, begun=30)).decode())
    found = viewer.get("/kpis/data").json()["charts"]
    assert [line["name"] for chart in found for line in chart["series"]] == [kpi.name for kpi in sorted(KPIS, key=lambda kpi: list(CHARTS).index(kpi.chart))]
    assert [chart["at"] for chart in found] == [[at_ns // S]] * len(CHARTS)


@pytest.mark.parametrize(
    ("query", "points"),
    [("since=1000&until=2000", 1), ("since=2000&until=1000", 0), ("since=x&until=%00", 0), ("last=604800", 0), ("since=1&until=99999999999", 0)],
)
def test_range_is_that_of_the_address(viewer, query, points):
    KpiSample.objects.create(node="n1", at_ns=1500 * S, figures="{}")
    assert len(viewer.get(f"/kpis/data?{query}").json()["charts"][0]["at"]) == points


@pytest.mark.parametrize("name", [kpi.name for kpi in KPIS])
def test_point_leads_to_exactly_its_calls(viewer, name):
    at = NOW // S
    decided = {"ring_ns": 0, "start_ns": 0, "init_ns": NOW - 9 * S}
    record(
        call(1, **decided | {"state": 4, "ring_ns": NOW - 4 * S, "start_ns": NOW - 3 * S}),
        call(2, **decided, state=5, end_ns=NOW - 2 * S, end_code=404),
        call(3, **decided, state=5, end_ns=NOW - 2 * S, end_code=503),
        call(4, **decided, state=5, end_ns=NOW - 2 * S, end_code=302),
        call(5, **decided, state=5, end_ns=NOW - 2 * S, end_code=603),
        call(6, **decided, state=5, end_ns=NOW - 2 * S, ended_by="timeout"),
        call(7, **decided | {"init_ns": NOW - 90 * S, "state": 5}, end_ns=NOW - 80 * S, end_code=503),
    )
    page = viewer.get(f"/kpis/calls?name={name}&at={at}&step=10", follow=True).content.decode()
    found = sorted(int(uid) for uid in re.findall(r'href="/call/0*(\d)/"', page))
    assert sorted(set(found)) == BEHIND.get(name, [1])


@pytest.mark.parametrize("query", ["name=nothing&at=5&step=5", "name=ser&at=0&step=5", "name=ser&at=9999999999&step=1", ""])
def test_point_that_there_is_not_leads_nowhere(viewer, query):
    assert viewer.get(f"/kpis/calls?{query}").status_code == 404


def test_stranger_sees_no_figures(client):
    assert [client.get(address).status_code for address in ("/kpis/", "/kpis/data")] == [302, 302]


def test_every_number_of_the_strip_is_a_link(viewer):
    record(call(1), call(2, state=3))
    strip = viewer.get("/").content.decode().partition('id="counters"')[2].partition("</section>")[0]
    boxes = re.findall(r'<(div|a) class="kpi[^"]*"(.*?)(?=<div class="kpi|<a class="kpi|$)', strip, re.DOTALL)
    assert (len(boxes), [tag for tag, text in boxes if "href=" not in text]) == (8, [])


def test_columns_order_and_density_are_those_of_the_address(viewer):
    record(call(1, caller="zoe"), call(2, caller="ann"))
    text = viewer.get("/?columns=caller,node&sort=-caller&density=compact&q=a").content.decode()
    assert re.findall(r'<tr id="call-0*(\d)"', text) == ["1", "2"]
    assert re.findall(r'<th[^>]* class="c-(\w+)', text) == ["pick", "caller", "node", "menu"]
    assert ('class="calls compact"' in text, 'aria-sort="descending"' in text) == (True, True)
    assert 'hx-ws:connect="/ws/live/?page=live&amp;q=a&amp;columns=caller%2Cnode&amp;sort=-caller&amp;density=compact&amp;at=' in text


def test_page_beyond_the_last_says_where_one_is(viewer):
    record(call(1))
    text = viewer.get("/?p=7").content.decode()
    assert ("page 7 of 1" in text, 'rel="prev"' in text, 'rel="next"' in text) == (True, True, False)
