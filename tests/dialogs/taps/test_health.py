"""What a tap says of itself as a stored value."""

import pytest

from dialogs.taps.counters import Counters
from dialogs.taps.health import NAMED, Agent, Health, Report, decode, encode, health_of, most, one_way


def test_report_survives_storage():
    report = Report(
        health=Health(undecodable={"cut short": 2}, agents=(Agent("edge-1", 5, -3),), encrypted={"192.0.2.7": 9}),
        packets_rate=2.5,
        lost_ns=7,
        heard={"gw-1": 0},
    )
    assert decode(encode(report)) == report


def test_empty_report_is_short():
    assert encode(Report()) == "{}"


@pytest.mark.parametrize("text", ["", "{}", "[1]", "{", '{"health": 5}', '{"lost_ns": "x"}'])
def test_what_another_version_wrote_is_an_empty_report(text):
    assert decode(text) == Report()


def test_field_of_a_later_version_is_passed_over():
    assert decode('{"lost_ns": 7, "later": [1]}') == Report(lost_ns=7)


def test_most_names_the_greatest_and_sums_up_the_rest():
    counts = {f"192.0.2.{number}": number for number in range(1, NAMED + 3)} | {"others": 10}
    named = most(counts)
    assert (len(named), next(iter(named)), named["others"]) == (NAMED, f"192.0.2.{NAMED + 2}", 10 + 1 + 2 + 3)


def test_one_direction_counts_from_twenty_packets_on():
    assert one_way({"a": (20, 0), "b": (0, 25), "c": (900, 1), "d": (19, 0)}) == {"a": 20, "b": 25}


def test_counters_become_a_value():
    counters = Counters()
    counters.fail("cut short")
    counters.skip("RTP")
    counters.encrypt("192.0.2.7")
    counters.refuse("192.0.2.8")
    counters.incomplete = 3
    assert health_of(counters, down_ns=5) == Health(
        undecodable={"cut short": 1}, skipped={"RTP": 1}, incomplete=3, encrypted={"192.0.2.7": 1}, unreachable={"192.0.2.8": 1}, down_ns=5
    )
