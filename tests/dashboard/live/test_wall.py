"""What tiles say: figures, thresholds in words, age, and where they lead."""

import msgspec
import pytest

from dashboard.live import wall
from dashboard.live.gauges import Gauges
from dashboard.live.kpis import PERIOD_NS
from dashboard.live.wall import MOST, Figures, Tile, judge, look, offered, spelled, usual
from dashboard.models import KpiSample, TapStatus
from dashboard.privacy import CLEAR, MASKED
from dialogs.insight import kpi
from tests.dashboard.history.calls import NOW, SECOND
from tests.dashboard.live.people import call, record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def afresh(monkeypatch):
    """No figure of the test before."""
    monkeypatch.setattr(wall, "figures", Figures())
    monkeypatch.setattr(wall, "gauges", Gauges())


def heard(at_ns: int) -> None:
    TapStatus.objects.update_or_create(name="interface:any", defaults={"node": "n1", "at_ns": at_ns})


def samples(**figures: object) -> None:
    for before in range(3):
        text = msgspec.json.encode(kpi.Figures(**({"seconds": 10} | figures))).decode()
        KpiSample.objects.create(node="n1", at_ns=NOW - before * PERIOD_NS, figures=text)


@pytest.mark.parametrize(
    ("tile", "value", "expected"),
    [
        (Tile("x"), 5, ("", "")),
        (Tile("x", warn=5), 4.9, ("", "")),
        (Tile("x", warn=5), 5, ("warn", "warning ≥ 5")),
        (Tile("x", warn=5, critical=9), 8, ("warn", "warning ≥ 5")),
        (Tile("x", warn=5, critical=9), 9, ("bad", "critical ≥ 9")),
        (Tile("x", warn=60, critical=40, below=True), 61, ("", "")),
        (Tile("x", warn=60, critical=40, below=True), 60, ("warn", "warning ≤ 60")),
        (Tile("x", warn=60, critical=40, below=True), 0, ("bad", "critical ≤ 40")),
        (Tile("x", warn=0, critical=0), 0, ("bad", "critical ≥ 0")),
        (Tile("x", warn=5), None, ("", "")),
    ],
)
def test_thresholds_are_said_in_words(tile, value, expected):
    assert judge(tile, value, "calls") == expected


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "calls", "–"),
        (0.0, "calls", "0"),
        (1234.0, "calls", "1,234"),
        (2.5, "calls", "2"),
        (7.0, "/s", "7.0"),
        (99.96, "%", "100.0"),
        (123_456.0, "calls", "123.5k"),
    ],
)
def test_figures_can_be_read_from_afar(value, unit, text):
    assert spelled(value, unit) == text


def test_tiles_tell_figures_trends_and_where_their_calls_are():
    record(call(1, state=2, start_ns=0, init_ns=NOW - SECOND), call(2, init_ns=NOW - SECOND), call(3, state=5, end_ns=NOW, init_ns=NOW - 600 * SECOND))
    samples(answered=3, codes={503: 1}, live=[0, 4, 0, 2])
    heard(NOW)
    tiles = [Tile("Live calls"), Tile("Ringing", kpi="ringing"), Tile("Rate", kpi="rate"), Tile("Answered", kpi="ser"), Tile("Mine", query="state=4&sort=age")]
    found = look(tiles, NOW, CLEAR, linked=True)
    assert [(tile.value, tile.note) for tile in found.tiles] == [
        ("2", "highest 6 in an hour"),
        ("1", "highest 4 in an hour"),
        ("0.0", "in the last minute"),
        ("75.0", "in the last 5 minutes"),
        ("1", f"highest 1 since {wall.clock(NOW)}"),
    ]
    at = NOW // SECOND
    assert [tile.link for tile in found.tiles] == [
        "/",
        "/?state=2",
        f"/kpis/calls?name=rate&at={at}&step=60",
        f"/kpis/calls?name=ser&at={at}&step=300",
        "/?state=4&sort=age",
    ]
    assert [len(tile.line.split()) for tile in found.tiles] == [4, 4, 3, 3, 2]
    assert (found.old, [tile.link for tile in look(tiles, NOW, CLEAR, linked=False).tiles]) == (False, [""] * 5)


@pytest.mark.parametrize(("age_s", "old"), [(0, False), (5, False), (6, True), (-60, True)])
def test_data_is_old_when_the_ingest_has_written_nothing_for_five_seconds(age_s, old):
    heard(NOW)
    assert look([Tile("x", kpi="ser")], NOW + age_s * SECOND, CLEAR, linked=False).old == old


def test_wall_without_any_tap_is_old_and_doubts():
    found = look(usual([]), NOW, CLEAR, linked=True)
    assert (found.old, found.time, found.doubts, [tile.value for tile in found.tiles]) == (
        True,
        "",
        ["no tap is running"],
        ["0", "0.0", "–", "–", "0", "0", "0", "–"],
    )


def test_figures_are_read_once_a_second_for_all_walls(django_assert_num_queries):
    heard(NOW)
    tiles = usual([Tile("Mine", query="state=4")])
    look(tiles, NOW, CLEAR, linked=True)
    with django_assert_num_queries(0):
        for later in (1, SECOND // 2, SECOND - 1):
            look(tiles, NOW + later, MASKED, linked=False)


@pytest.mark.parametrize("name", list(offered()))
def test_every_kpi_can_be_a_tile(name):
    samples(answered=3, codes={503: 1}, ring={30: 4}, setup={40: 3})
    (tile,) = look([Tile("x", kpi=name)], NOW, CLEAR, linked=True).tiles
    assert (tile.value != "–", tile.link.startswith(("/?state=", f"/kpis/calls?name={name}&"))) == (True, True)


def test_usual_wall_has_eight_tiles_and_views_among_them():
    views = [Tile(str(number), query=f"q={number}") for number in range(9)]
    assert [tile.kpi or tile.query for tile in usual([])] == ["", "rate", "ser", "failing", "in_call", "ringing", "no_ack", "setup95"]
    assert [tile.title for tile in usual(views)][4:] == ["0", "1", "2", "3"]
    assert len(usual(views[:1])) == MOST


def test_title_is_masked_by_the_numbers_of_its_query():
    tile = Tile("Calls of 4417, and +15551234567", query="caller=4417")
    shown = [look([tile], NOW, policy, linked=True).tiles[0] for policy in (CLEAR, MASKED)]
    assert [one.title for one in shown] == [tile.title, "Calls of 44xx, and +155xxxxxxxx"]
    assert (shown[0].link, shown[1].link.startswith("/?caller=~")) == ("/?caller=4417", True)
