"""Kamailio's hash and cookie, on published values (reference 0.2, 0.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.engine.identity import find_did, format_did, h_entry, uid

ENTRIES = {
    b"ef6fcea66f0f40938cc3060226340f39": 3702,
    b"pd32UDkxLpckfIImaMSLBwxDuFEtHz5V": 1685,
    b"w6HWT0d6EZaVY3Lt1dIi0auvX1sq7Ctl": 93,
    b"TOdkWS1Q3cLb1WScROKcBM59sMLtN4JX": 1703,
    b"1372913901@192.168.5.52": 1185,
    b"541d3f2c-43fd-43b6-af24-bad1fbf85eb6": 3614,
}


@pytest.mark.parametrize(("call_id", "entry"), ENTRIES.items())
def test_h_entry_is_kamailios_hash(call_id, entry):
    assert h_entry(call_id, 4096) == entry


def parsed(cookie: bytes) -> tuple[int, int] | None:
    return find_did(b"<sip:p;lr;did=" + cookie + b";x>", b"did")


def test_did_digits_are_reversed():
    assert format_did(3614, 8948) == "e1e.4f22"
    assert parsed(b"e1e.4f22") == (3614, 8948)


@given(st.integers(0, 4095), st.integers(0, 2**32 - 1))
def test_did_round_trips(entry, serial):
    assert parsed(format_did(entry, serial).encode()) == (entry, serial)


@pytest.mark.parametrize("cookie", [b"", b"e1e", b".4f22", b"e1e.", b"e1g.4", b"e1e.4g", b"e" * 20 + b".1"])
def test_malformed_did_is_none(cookie):
    assert parsed(cookie) is None


ROUTES = {
    b"<sip:p;lr;ftag=x;did=e1e.4f22>": (3614, 8948),
    b"<sip:p;lr;did=e1e.4f22;x>, <sip:q;did=1.1>": (3614, 8948),
    b"<sip:p;lr>": None,
    b"<sip:p;did=zz>": None,
    b"<sip:p;did=e1e.4f22": (3614, 8948),
}


@pytest.mark.parametrize(("route", "expected"), ROUTES.items())
def test_did_is_found_in_record_route(route, expected):
    assert find_did(route, b"did") == expected


def test_uid_tells_calls_apart():
    names = {uid("n", b"c", b"t", 1, 5), uid("m", b"c", b"t", 1, 5), uid("n", b"d", b"t", 1, 5), uid("n", b"c", b"t", 2, 5), uid("n", b"c", b"t", 1, 6)}
    assert len(names) == 5
    assert {len(name) for name in names} == {16}
