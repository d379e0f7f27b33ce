"""Which calls belong together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.insight.legs import MOST_VALUES, Mark, derived, links, named, relation
from dialogs.sip import parse

SECOND = 10**9


def invite(*headers: str):
    lines = ("INVITE sip:b@x SIP/2.0", "Via: SIP/2.0/UDP h;branch=z9hG4bKa", *headers, "Call-ID: leg-a@192.0.2.1", "CSeq: 1 INVITE", "", "")
    return parse("\r\n".join(lines).encode())


HEADERS = {
    "another Call-ID": (("X-CID: leg-b@192.0.2.9",), (("x-cid", "leg-b@192.0.2.9"),)),
    "Replaces has tags": (("Replaces: leg-b@192.0.2.9;to-tag=1;from-tag=2",), (("replaces", "leg-b@192.0.2.9"),)),
    "a vendor's own": (("x-Asterisk-Linked: 1689001.7",), (("x-asterisk-linked", "1689001.7"),)),
    "too short to be a name": (("X-Hop: 3",), ()),
    "icid": (('P-Charging-Vector: icid-value="AyretyU0dm+6O2IrT5tAFrbHLso=";orig-ioi=home1.net',), (("icid", "AyretyU0dm+6O2IrT5tAFrbHLso="),)),
    "icid missing": (("P-Charging-Vector: orig-ioi=home1.net",), ()),
    "session": (("Session-ID: AB30317f1a784dc48ff824d0d3715d86;remote=" + "0" * 32,), (("session-id", "ab30317f1a784dc48ff824d0d3715d86"),)),
    "no session yet": (("Session-ID: " + "0" * 32,), ()),
    "others": (("Subject: leg-b@192.0.2.9",), ()),
}


@pytest.mark.parametrize(("headers", "found"), HEADERS.values(), ids=HEADERS)
def test_headers_that_link_are_found(headers, found):
    assert links(invite(*headers)) == found


def test_only_so_many_headers_are_compared():
    assert len(links(invite(*(f"X-{n}: value-{n:09}" for n in range(100))))) == MOST_VALUES


def mark(call_id: str = "leg-a@x", at: float = 0, caller: str = "4417", callee: str = "5000", **headers: str) -> Mark:
    return Mark(call_id, int(at * SECOND), caller, callee, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


RELATIONS = {
    "named by the other leg": (mark("leg-a@x"), mark("leg-b@y", caller="", callee="", x_cid="leg-a@x"), "named in x-cid"),
    "names the other leg": (mark("leg-a@x", replaces="leg-b@y"), mark("leg-b@y"), "named in replaces"),
    "same icid": (mark(icid="i1"), mark("leg-b@y", icid="i1", caller="9"), "same icid"),
    "same value of a vendor": (mark(x_uuid="0123456789"), mark("b@y", x_uuid="0123456789"), "same x-uuid"),
    "another value": (mark(x_uuid="0123456789"), mark("b@y", x_uuid="9876543210", caller="1", callee="2"), ""),
    "Call-ID used again": (mark(), mark(at=60), "same Call-ID"),
    "Call-ID with something appended": (mark("8f1b2c3d4e5f6a@x"), mark("8f1b2c3d4e5f6a_b2b-1@y", caller="1", callee="2"), "Call-ID derived from the same"),
    "another try": (mark(), mark("other@z", at=2.5), "same parties, 2.5 s apart"),
    "same parties, long after": (mark(), mark("other@z", at=55), "same caller"),
    "call back": (mark(), mark("other@z", caller="5000", callee="4417"), "calls back"),
    "same callee": (mark(), mark("other@z", caller="1"), "same callee"),
    "nobody is nobody's friend": (mark(caller="", callee=""), mark("other@z", caller="", callee=""), ""),
    "strangers": (mark(), mark("other@z", caller="1", callee="2"), ""),
}


@pytest.mark.parametrize(("one", "other", "words"), RELATIONS.values(), ids=RELATIONS)
def test_relation_is_said(one, other, words):
    assert relation(one, other) == words


DERIVED = {
    ("a1b2c3d4e5f6g7@x", "a1b2c3d4e5f6g7-leg2@y"): True,
    ("a1b2c3d4e5f6-1@x", "a1b2c3d4e5f6-2@y"): True,
    ("a1b2c3d4e5f6@x", "b1b2c3d4e5f6@x"): False,
    ("1-4417@10.0.0.1", "1-4418@10.0.0.1"): False,
    ("short@x", "short-2@x"): False,
}


@pytest.mark.parametrize(("ids", "expected"), DERIVED.items())
def test_derived_call_ids_are_known(ids, expected):
    assert (derived(*ids), derived(*reversed(ids))) == (expected, expected)


def test_other_call_ids_to_look_for_are_named_once():
    assert named(mark("leg-a@x", x_cid="leg-b@y", replaces="leg-b@y", x_own="leg-a@x")) == ["leg-b@y"]


@given(st.binary(max_size=400))
def test_whatever_comes_never_raises(headers):
    message = parse(b"INVITE sip:b@x SIP/2.0\r\n" + headers + b"\r\n\r\n")
    assert message is None or len(links(message)) <= MOST_VALUES
