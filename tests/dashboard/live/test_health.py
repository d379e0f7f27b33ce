"""What the chips say of the taps."""

import pytest

from dashboard.live.health import TapMeter, chips, judge
from dashboard.models import TapStatus

NOW = 1_795_294_717 * 10**9
SECOND = 10**9


def status(**fields) -> TapStatus:
    return TapStatus(**({"name": "interface:eth1", "node": "n1", "at_ns": NOW, "newest_ns": NOW} | fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("eth1", "good", "0 dropped")),
        ({"name": "hep:127.0.0.1:9060"}, ("HEP 127.0.0.1:9060", "good", "0 dropped")),
        ({"name": "file:/a/b.pcap", "recorded": True}, ("b.pcap", "good", "recording")),
        ({"name": "demo", "recorded": True}, ("demo", "good", "recording")),
        ({"dropped": 1234}, ("eth1", "warn", "1,234 dropped")),
        ({"error": "no permission to sniff"}, ("eth1", "bad", "no permission to sniff")),
        ({"at_ns": NOW - 6 * SECOND}, ("eth1", "bad", "stopped")),
        ({"at_ns": NOW - 4 * SECOND}, ("eth1", "good", "0 dropped")),
    ],
)
def test_tap_is_judged(fields, expected):
    assert judge(status(**fields), NOW, None)[:3] == expected


@pytest.mark.django_db
def test_rate_is_known_from_the_second_look():
    status(messages=1000).save()
    meter = TapMeter()
    first = meter.taps(NOW)[0].rate
    status(messages=5800, at_ns=NOW + 2 * SECOND).save()
    assert (first, meter.taps(NOW + 2 * SECOND)[0].rate) == (None, 2400)


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
    assert TapMeter().taps(NOW) == []


def test_worst_taps_come_first():
    taps = [judge(status(name=f"interface:e{n}", dropped=n == 3), NOW, None) for n in range(5)]
    context = chips(taps, NOW)
    assert ([tap.name for tap in context["taps"]], context["more"]) == (["e3", "e0", "e1"], 2)
