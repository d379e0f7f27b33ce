"""What the chips say of the taps, and when the figures are doubted."""

import pytest

from dashboard.live.health import Doubt, TapMeter, chips, doubts, judge, newest_alert, taps
from dashboard.models import Alert, TapStatus
from dialogs.taps.health import Health, Report, encode
from tests.dashboard.live.people import call, record

NOW = 1_795_294_717 * 10**9
SECOND = 10**9


def status(report=None, **fields) -> TapStatus:
    return TapStatus(**({"name": "interface:eth1", "node": "n1", "at_ns": NOW, "newest_ns": NOW, "detail": encode(report or Report())} | fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("eth1", "good", "0 dropped")),
        ({"name": "hep:127.0.0.1:9060"}, ("HEP 127.0.0.1:9060", "good", "0 dropped")),
        ({"name": "file:/a/b.pcap", "recorded": True}, ("b.pcap", "good", "recording")),
        ({"name": "demo", "recorded": True}, ("demo", "good", "recording")),
        ({"dropped": 1234}, ("eth1", "warn", "1,234 dropped")),
        ({"error": "eth1: The interface went down"}, ("eth1", "bad", "The interface went down")),
        ({"error": "no permission to sniff"}, ("eth1", "bad", "no permission to sniff")),
        ({"at_ns": NOW - 6 * SECOND}, ("eth1", "bad", "stopped")),
        ({"duplicates": 5}, ("eth1", "good", "0 dropped")),
        ({"dropped": 3, "recorded": True}, ("eth1", "warn", "3 dropped")),
    ],
)
def test_chip_says_the_worst(fields, expected):
    assert judge(status(**fields), NOW)[:3] == expected


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, "Interface eth1"),
        ({"name": "hep:127.0.0.1:9060"}, "HEP 127.0.0.1:9060"),
        ({"name": "engine:n1"}, "Engine"),
        ({"name": "file:/a/b.pcap", "recorded": True}, "Recording b.pcap"),
    ],
)
def test_heading_says_what_kind_of_tap_it_is(fields, title):
    assert judge(status(**fields), NOW).title == title


@pytest.mark.parametrize(("rate", "shown"), [(-1, None), (0, 0), (2400.4, 2400)])
def test_rate_is_shown_once_it_is_known(rate, shown):
    assert judge(status(Report(messages_rate=rate)), NOW).rate == shown


@pytest.mark.django_db
def test_meter_looks_once_a_second():
    meter = TapMeter()
    meter.read(NOW)
    status().save()
    seen = [meter.changed]
    for at_ns in (NOW + SECOND // 2, NOW + SECOND, NOW + 2 * SECOND):
        meter.read(at_ns)
        seen.append(meter.changed)
    assert (seen, "no tap is running" in meter.fragment) == ([True, False, True, False], False)


@pytest.mark.django_db
def test_tap_of_long_ago_is_forgotten():
    status(at_ns=NOW - 3600 * SECOND).save()
    assert taps(NOW) == []


def test_worst_taps_come_first_and_a_good_engine_is_silent():
    judged = [judge(status(name=f"interface:e{n}", dropped=n == 3), NOW) for n in range(5)]
    context = chips([*judged, judge(status(name="engine:n1"), NOW)], NOW)
    assert ([tap.name for tap in context["taps"]], context["more"]) == (["e3", "e0", "e1"], 2)


def test_engine_speaks_up_when_a_peer_is_quiet():
    quiet = judge(status(Report(heard={"edge-1": NOW - 75 * SECOND}), name="engine:n1"), NOW)
    assert [(tap.name, tap.words) for tap in chips([quiet], NOW)["taps"]] == [("n1", "no SIP from edge-1 for 75 s")]


LOST = NOW - 120 * SECOND


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("report", "fields", "expected"),
    [
        (Report(), {}, []),
        (Report(), {"error": "gone"}, [Doubt("eth1: gone")]),
        (Report(lost_ns=LOST), {"error": "gone", "dropped": 9}, [Doubt("eth1: gone")]),
        (Report(lost_ns=NOW - SECOND), {"dropped": 1234}, [Doubt("1,234 dropped on eth1", NOW - SECOND)]),
        (Report(lost_ns=NOW - SECOND, health=Health(tcp_gaps=2, incomplete=1)), {}, [Doubt("2 missing in TCP, 1 incomplete on eth1", NOW - SECOND)]),
        (Report(lost_ns=LOST), {"dropped": 9}, []),
    ],
    ids=["good", "blind", "blind is enough", "just lost", "gaps", "lost before any call of now"],
)
def test_figures_are_doubted_when_something_is_missing(report, fields, expected):
    assert doubts([judge(status(report, **fields), NOW)], NOW) == expected


@pytest.mark.django_db
def test_figures_are_doubted_as_long_as_a_call_of_the_loss_is_up():
    lost = judge(status(Report(lost_ns=LOST), dropped=9), NOW)
    record(call(1, init_ns=LOST - SECOND))
    during = doubts([lost], NOW)
    record(call(1, init_ns=LOST - SECOND, state=5, end_ns=NOW))
    assert (during, doubts([lost], NOW)) == ([Doubt("9 dropped on eth1", LOST)], [])


def test_no_tap_at_all_is_the_greatest_doubt():
    assert doubts([], NOW) == [Doubt("no tap is running")]


@pytest.mark.django_db
def test_every_page_gets_the_chips_and_the_doubt():
    status(Report(lost_ns=NOW), dropped=1234).save()
    meter = TapMeter()
    meter.read(NOW)
    assert [words in meter.fragment for words in ('hx-target="#taps"', 'hx-target="#doubt"', "Numbers may be wrong", "1,234 dropped on eth1")] == [True] * 4


@pytest.mark.django_db
def test_newest_alert_is_told_without_its_text():
    said = [newest_alert()]
    for fields in ({"kind": "alert"}, {"kind": "limit", "limit": "many calls", "severity": "critical"}):
        alert = Alert.objects.create(at_ns=NOW, text="4417 calls", dialog_uid="", node="n1", **fields)
        said.append(newest_alert())
    meter = TapMeter()
    meter.read(NOW)
    assert said == [(0, ""), (alert.pk - 1, "a rule speaks of a call"), (alert.pk, "critical, many calls")]
    assert (f'data-alert="{alert.pk}" data-words="critical, many calls"' in meter.fragment, "4417" in meter.fragment) == (True, False)
