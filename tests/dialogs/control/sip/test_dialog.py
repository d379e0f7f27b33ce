"""The dialog toward a party: whose tags, whose numbers, and which way (RFC 3261, 12.2.1.1)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.control.sip.dialog import Dialog, Path
from dialogs.control.sip.syntax import Unsendable
from dialogs.engine.snapshot import CallSnapshot, LegView

from .samples import TO_CALLEE, response

CALLER = LegView("caller", "sip:alice@example.org", "Alice", "a1", "sip:alice@192.0.2.7:5062", 41, ("<sip:up;lr>",), "192.0.2.7:5062")
CALLEE = LegView("callee", "sip:bob@example.org", "", "b2", "sip:bob@192.0.2.1:5070", 7, ("<sip:p1;lr>", "<sip:p2;lr>"), "192.0.2.1:5070")


def call(caller: LegView = CALLER, callee: LegView = CALLEE, call_id: str = "one@lab") -> CallSnapshot:
    numbers = dict.fromkeys(("h_entry", "h_id", "init_ns", "ring_ns", "start_ns", "end_ns", "last_ns", "end_code", "messages", "repeats"), 0)
    texts = dict.fromkeys(("uid", "node", "tap", "request_uri", "end_reason", "ended_by", "last_event", "repeated"), "")
    lists = dict.fromkeys(("forks", "hosts", "transitions", "attempts", "profiles", "incomplete"), ())
    return CallSnapshot(call_id=call_id, did_seen=False, state=4, caller=caller, callee=callee, **numbers, **texts, **lists)


def test_toward_callee_speaks_as_the_caller():
    assert Dialog.toward(call(), "callee") == Dialog(
        b"one@lab", "sip:alice@example.org", b"a1", "sip:bob@example.org", b"b2", "sip:bob@192.0.2.1:5070", ("<sip:p1;lr>", "<sip:p2;lr>"), 41
    )


def test_toward_caller_speaks_as_the_callee_and_goes_the_same_way_back():
    assert Dialog.toward(call(), "caller") == Dialog(
        b"one@lab", "sip:bob@example.org", b"b2", "sip:alice@example.org", b"a1", "sip:alice@192.0.2.7:5062", ("<sip:p2;lr>", "<sip:p1;lr>"), 7
    )


def test_without_an_answers_routes_there_is_what_the_invite_brought():
    assert Dialog.toward(call(callee=msgspec.structs.replace(CALLEE, route_set=())), "caller").route_set == ("<sip:up;lr>",)


@given(seen=st.integers(-1, 2**31 - 2), sent=st.integers(0, 2**31 - 2))
def test_cseq_is_above_all_that_the_party_has_seen(seen: int, sent: int):
    dialog = Dialog.toward(call(callee=msgspec.structs.replace(CALLEE, cseq=seen)), "caller", cseq=sent)
    if max(seen, sent) == 2**31 - 2:
        assert dialog.next_cseq() == 2**31 - 1
    assert dialog.next_cseq() > max(seen, sent)


def test_cseq_never_wraps():
    with pytest.raises(Unsendable, match="no number is left above 2147483647"):
        msgspec.structs.replace(TO_CALLEE, cseq=2**31 - 1).next_cseq()


def test_call_id_bytes_are_taken_where_the_text_hides_them():
    with pytest.raises(Unsendable, match="Call-ID"):
        Dialog.toward(call(call_id="caf\xe9"), "caller")
    assert Dialog.toward(call(call_id="caf\xe9"), "caller", call_id=b"caf\xe9").call_id == b"caf\xe9"


def test_party_without_contact_cannot_be_reached():
    with pytest.raises(Unsendable, match="no Contact of the callee was seen"):
        Dialog.toward(call(callee=msgspec.structs.replace(CALLEE, contact="")), "callee")


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_call_without_an_answer_is_no_dialog(side: str):
    with pytest.raises(Unsendable, match="nobody has answered with a tag"):
        Dialog.toward(call(callee=msgspec.structs.replace(CALLEE, tag="")), side)


@pytest.mark.parametrize(
    ("contact", "address", "target"),
    [
        ("sip:w@x.invalid;transport=ws", "192.0.2.7:4000", "sip:w@x.invalid;transport=ws;alias=192.0.2.7~4000~5"),
        ("sip:w@x.invalid;transport=WSS", "[2001:db8::1]:4000", "sip:w@x.invalid;transport=WSS;alias=[2001:db8::1]~4000~6"),
        ("sip:w@x.invalid;alias=1~2~5;transport=ws", "192.0.2.7:4000", "sip:w@x.invalid;alias=1~2~5;transport=ws"),
        ("sip:w@x.invalid;transport=ws", "", "sip:w@x.invalid;transport=ws"),
    ],
)
def test_websocket_party_gets_the_alias_that_its_proxy_knows(contact: str, address: str, target: str):
    party = msgspec.structs.replace(CALLER, contact=contact, address=address)
    assert Dialog.toward(call(caller=party), "caller").target == target


@pytest.mark.parametrize(
    ("target", "routes", "path"),
    [
        ("sip:b@h", (), Path("sip:b@h", (), "sip:b@h")),
        ("sip:b@h;method=BYE?Subject=x", (), Path("sip:b@h", (), "sip:b@h")),
        ("sip:b@h", ("<sip:p1;lr>", "<sip:p2>"), Path("sip:b@h", ("<sip:p1;lr>", "<sip:p2>"), "sip:p1;lr")),
        ("sip:b@h", ("<sip:p1;lr=on>",), Path("sip:b@h", ("<sip:p1;lr=on>",), "sip:p1;lr=on")),
        ("sip:b@h", ("<sip:p1>", "<sip:p2;lr>"), Path("sip:p1", ("<sip:p2;lr>", "<sip:b@h>"), "sip:p1")),
        ("sip:b@h;alias=192.0.2.7~4000~2", (), Path("sip:b@h", (), "sip:192.0.2.7:4000;transport=tcp")),
        ("sip:b@h;alias=192.0.2.7~4000~5", (), Path("sip:b@h;alias=192.0.2.7~4000~5", (), "sip:b@h;alias=192.0.2.7~4000~5")),
        ("sip:b@h;alias=z", (), Path("sip:b@h;alias=z", (), "sip:b@h;alias=z")),
    ],
    ids=["direct", "headers", "loose", "loose-value", "strict", "alias", "alias-ws", "alias-odd"],
)
def test_path_follows_the_route_set(target: str, routes: tuple[str, ...], path: Path):
    assert msgspec.structs.replace(TO_CALLEE, target=target, route_set=routes).path() == path


@pytest.mark.parametrize(
    ("routes", "hop"),
    [
        (("<sip:p:80;transport=ws;r2=on;lr>", "<sip:p;r2=on;lr>"), "sip:p;r2=on;lr"),
        (("<sip:p:80;transport=ws;r2=on;lr>", "<sip:other;r2=on;lr>"), "sip:p:80;transport=ws;r2=on;lr"),
        (("<sip:p:80;transport=ws;lr>", "<sip:p;lr>"), "sip:p:80;transport=ws;lr"),
        (("<sip:p:80;transport=ws;r2=on;lr>",), "sip:p:80;transport=ws;r2=on;lr"),
        (("<sip:p;r2=on;lr>", "<sip:p:80;transport=ws;r2=on;lr>"), "sip:p;r2=on;lr"),
    ],
    ids=["twin", "another-host", "no-mark", "alone", "the-other-way"],
)
def test_proxy_between_websocket_and_udp_is_reached_by_its_other_side(routes: tuple[str, ...], hop: str):
    path = msgspec.structs.replace(TO_CALLEE, route_set=routes).path()
    assert (path.next_hop, path.routes) == (hop, routes)


@pytest.mark.parametrize("broken", ["sip:b@h\r\nVia: x", "sip:b h", "<sip:b@h>", "*", ""])
def test_target_that_is_no_uri_is_refused(broken: str):
    with pytest.raises(Unsendable, match="remote target"):
        msgspec.structs.replace(TO_CALLEE, target=broken).path()


@pytest.mark.parametrize("broken", ["<sip:p;lr>\r\nVia: x", "<>", "<p>"])
def test_route_that_is_none_is_refused(broken: str):
    with pytest.raises(Unsendable, match="Route"):
        msgspec.structs.replace(TO_CALLEE, route_set=(broken,)).path()


def test_replaces_names_the_dialog_as_its_remote_party_knows_it():
    assert TO_CALLEE.replaces() == "one%40lab%3Bto-tag%3Db2%3Bfrom-tag%3Da1"


def test_answer_makes_a_dialog():
    ok = response(
        b"SIP/2.0 200 OK\r\nFrom: <sip:us>;tag=t\r\nTo: <sip:b@h>;tag=r\r\nCall-ID: c\r\nCSeq: 10 INVITE\r\n"
        b'Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nContact: "B" <sip:b@192.0.2.1>;expires=3\r\n\r\n'
    )
    assert Dialog.of_answer(ok, "sip:us", b"t", 10) == Dialog(b"c", "sip:us", b"t", "sip:b@h", b"r", "sip:b@192.0.2.1", ("<sip:p1;lr>", "<sip:p2;lr>"), 10)
    with pytest.raises(Unsendable, match="Contact: the answer has none"):
        Dialog.of_answer(response(b"SIP/2.0 200 OK\r\n\r\n"), "sip:us", b"t", 10)
