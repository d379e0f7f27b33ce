"""What a filter lets through, and what it makes of what people type."""

import msgspec
import pytest

from dashboard.live.filter import CallFilter
from dashboard.models import DialogRow
from tests.dashboard.live.people import call, record

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"q": "4417"}, [1]),
        ({"q": "ANN"}, [2]),
        ({"q": "call-3@"}, [3]),
        ({"q": "edge-1"}, [1, 2, 3]),
        ({"q": "%"}, []),
        ({"q": "' or 1=1 --"}, []),
        ({"caller": "ann"}, [2]),
        ({"caller": "an"}, []),
        ({"caller": "sip:ann@example.net"}, [2]),
        ({"caller": "sip:ann@example.org"}, []),
        ({"profile": "caller"}, [1, 2, 3]),
        ({"profile": "caller=sip:ann@example.net"}, [2]),
        ({"profile": "other"}, []),
        ({"state": "2"}, [3]),
        ({"state": "4", "q": "ann"}, [2]),
        ({"q": 'state = ringing or caller = "ann"'}, [2, 3]),
        ({"q": "caller = ann and state = ringing"}, []),
        ({"q": "duration > 0 and caller = bob"}, [3]),
        ({"q": "caller ="}, []),
    ],
)
def test_filter_lets_through(chosen, numbers):
    calls = [call(1), call(2, caller="ann", profiles=(("caller", "sip:ann@example.net"),)), call(3, caller="bob", state=2)]
    record(*calls)
    found = CallFilter.parse(chosen).apply(DialogRow.objects.live())
    assert sorted(found.values_list("uid", flat=True)) == [f"{number:016x}" for number in numbers]


def test_call_in_a_profile_twice_is_found_once():
    record(call(1, profiles=(("caller", "a"), ("caller", "b"))))
    assert CallFilter(profile="caller").apply(DialogRow.objects.live()).count() == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "  a\0b "}, CallFilter(q="ab")),
        ({"q": "x" * 2000}, CallFilter(q="x" * 1001)),
        ({"q": "a", "zone": "Europe/Berlin"}, CallFilter(q="a", zone="Europe/Berlin")),
        ({"q": "a", "zone": "Mars/Base"}, CallFilter(q="a")),
        ({"state": "9"}, CallFilter()),
        ({"state": 4, "q": None}, CallFilter(state="4")),
        ({"other": "1"}, CallFilter()),
    ],
)
def test_filter_takes_only_what_it_knows(query, expected):
    assert CallFilter.parse(query) == expected


def test_filter_is_its_own_query_string():
    chosen = CallFilter(q="a&b", profile="caller=sip:ä@b")
    assert (chosen.query, bool(chosen), bool(CallFilter())) == ("q=a%26b&profile=caller%3Dsip%3A%C3%A4%40b", True, False)


def test_filter_says_what_is_wrong_with_it_and_whether_it_ages():
    assert [CallFilter(q=q).timed for q in ("duration > 1", "caller = a", "")] == [True, False, False]
    assert str(CallFilter(q="caller =").asked.problem) == 'column 9: expected a "text", a number or a word, got the end'


def test_call_without_the_filter_is_not_in_the_total():
    record(call(1), msgspec.structs.replace(call(2), state=5))
    assert CallFilter().apply(DialogRow.objects.live()).count() == 1
