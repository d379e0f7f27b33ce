"""Requests byte by byte, against what Kamailio sends and what RFC 3261 demands."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.hops import Hop
from dialogs.control.sip.requests import HELD_SDP, Identity, acknowledge, acknowledge_refusal, bye, cancel, held_invite, inside, refer
from dialogs.control.sip.syntax import Unsendable

from .samples import IDENTITY, TO_CALLEE, UDP, US, answer_to, prepared, request

ROUTED = msgspec.structs.replace(TO_CALLEE, route_set=("<sip:p1;lr>", "<sip:p2;lr>"))


def test_bye_is_written_as_the_other_party_would():
    extra = msgspec.structs.replace(IDENTITY, extra=("X-Tap: 1",))
    assert prepared(bye(ROUTED, extra, 'the "end"')).data == (
        b"BYE sip:bob@192.0.2.1:5070 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK1\r\n"
        b"Route: <sip:p1;lr>\r\n"
        b"Route: <sip:p2;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b"To: <sip:bob@example.org>;tag=b2\r\n"
        b"From: <sip:alice@example.org>;tag=a1\r\n"
        b"Call-ID: one@lab\r\n"
        b"CSeq: 42 BYE\r\n"
        b"User-Agent: Dialtap test\r\n"
        b'Reason: SIP;cause=200;text="the \\"end\\""\r\n'
        b"X-Tap: 1\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_prepared_request_says_what_is_to_be_stored():
    one = bye(ROUTED, IDENTITY).prepare(Hop("tls", "2001:db8::1", 5061), ("2001:db8::9", 5060), b"x", "pbx")
    assert (one.method, one.branch, one.cseq, one.hop, one.name) == ("BYE", b"z9hG4bKx", 42, Hop("tls", "2001:db8::1", 5061), "pbx")
    assert b"\r\nVia: SIP/2.0/TLS [2001:db8::9]:5060;rport;branch=z9hG4bKx\r\n" in one.data
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=type(one)) == one


@given(call_id=st.binary(min_size=1), tag=st.binary(min_size=1))
def test_call_id_and_tags_come_back_byte_for_byte_or_not_at_all(call_id: bytes, tag: bytes):
    dialog = msgspec.structs.replace(TO_CALLEE, call_id=call_id, remote_tag=tag)
    try:
        message = request(prepared(bye(dialog, IDENTITY)).data)
    except Unsendable:
        return
    assert (message.call_id, message.to_tag, message.from_tag, message.cseq) == (call_id, tag, b"a1", 42)


@given(st.text(), st.text(), st.text(), st.text(), st.text())
def test_nothing_that_is_given_adds_a_line(target: str, uri: str, route: str, reason: str, extra: str):
    plain = prepared(bye(msgspec.structs.replace(ROUTED, route_set=("<sip:p;lr>",)), msgspec.structs.replace(IDENTITY, extra=("X: y",)), "r"))
    dialog = msgspec.structs.replace(TO_CALLEE, target=f"sip:{target}", remote_uri=uri, route_set=(f"<sip:{route};lr>",))
    try:
        one = prepared(bye(dialog, msgspec.structs.replace(IDENTITY, extra=(f"X: {extra}",)), f"r{reason}"))
    except Unsendable:
        return
    assert len(one.data.splitlines()) == len(plain.data.splitlines())
    assert one.data.count(b"\r") == plain.data.count(b"\r")


def test_refer_points_in_brackets():
    message = request(prepared(refer(TO_CALLEE, IDENTITY, "sip:carol@192.0.2.3;transport=tcp")).data)
    assert message.headers("refer-to") == ["<sip:carol@192.0.2.3;transport=tcp>"]
    assert message.headers("referred-by") == ["<sip:controller@kamailio.org>"]
    assert message.headers("contact") == ["<sip:dialtap@192.0.2.9:5060>"]


@pytest.mark.parametrize(("to", "mark"), [("sip:carol@h", "?"), ("sip:carol@h?Subject=x", "&")])
def test_refer_with_replaces_escapes_it(to: str, mark: str):
    other = Dialog(b"two;x@lab", "sip:dave@h", b"d4", "sip:carol@h", b"c3", "sip:carol@h")
    message = request(prepared(refer(TO_CALLEE, IDENTITY, to, replaced=other)).data)
    assert message.headers("refer-to") == [f"<{to}{mark}Replaces=two%3Bx%40lab%3Bto-tag%3Dc3%3Bfrom-tag%3Dd4&Require=replaces>"]


def test_refer_to_a_broken_address_is_refused():
    with pytest.raises(Unsendable, match="Refer-To"):
        refer(TO_CALLEE, IDENTITY, "sip:a@h>\r\nX: y")


def test_contact_is_the_configured_one_or_our_address_on_the_hop():
    configured = msgspec.structs.replace(IDENTITY, contact="sip:tap@pbx")
    over_tcp = refer(TO_CALLEE, IDENTITY, "sip:c@h").prepare(UDP._replace(transport="tcp"), US, b"1")
    assert request(prepared(refer(TO_CALLEE, configured, "sip:c@h")).data).headers("contact") == ["<sip:tap@pbx>"]
    assert request(over_tcp.data).headers("contact") == ["<sip:dialtap@192.0.2.9:5060;transport=tcp>"]
    assert request(prepared(bye(TO_CALLEE, configured)).data).headers("contact") == []


def test_held_invite_is_that_of_dlg_bridge():
    message = request(prepared(held_invite("sip:alice@192.0.2.1:5125?Subject=x", IDENTITY, b"c", b"t", "sip:proxy")).data)
    assert (message.request_uri, message.cseq, message.call_id, message.from_tag) == ("sip:alice@192.0.2.1:5125", 10, b"c", b"t")
    assert (message.to, message.from_.uri, message.body) == (("", "sip:alice@192.0.2.1:5125", ""), "sip:controller@kamailio.org", HELD_SDP)
    assert message.headers("content-type") == ["application/sdp"]
    assert held_invite("sip:alice@h", IDENTITY, b"c", b"t", "sip:proxy").next_hop == "sip:proxy"
    assert held_invite("sip:alice@h", IDENTITY, b"c", b"t").next_hop == "sip:alice@h"


def test_ack_of_a_2xx_has_the_invites_number_and_the_dialogs_way():
    message = request(prepared(acknowledge(ROUTED, IDENTITY, 10)).data)
    assert (message.method, message.cseq, message.route, message.to_tag) == ("ACK", 10, ["<sip:p1;lr>", "<sip:p2;lr>"], b"b2")


INVITE = (
    b"INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa, SIP/2.0/UDP b;branch=z9hG4bKb\r\nRoute: <sip:p;lr>\r\n"
    b"From: A <sip:a@h>;tag=1\r\nTo: <sip:bob@h>\r\nCall-ID: c@h\r\nCSeq: 0007 INVITE\r\nContact: <sip:a>\r\nContent-Length: 1\r\n\r\nx"
)
OF_INVITE = (
    b"Via: SIP/2.0/UDP a;branch=z9hG4bKa\r\nRoute: <sip:p;lr>\r\nMax-Forwards: 70\r\nTo: %s\r\nFrom: A <sip:a@h>;tag=1\r\n"
    b"Call-ID: c@h\r\nCSeq: 0007 %s\r\nContent-Length: 0\r\n\r\n"
)


def test_cancel_is_the_invites_twin():
    assert cancel(INVITE) == b"CANCEL sip:bob@h SIP/2.0\r\n" + OF_INVITE % (b"<sip:bob@h>", b"CANCEL")


def test_ack_of_a_refusal_has_the_refusals_to():
    invite = prepared(held_invite("sip:b@192.0.2.1", IDENTITY, b"c", b"t"))
    refusal = answer_to(invite, "486 Busy", tag="x")
    message = request(acknowledge_refusal(invite.data, refusal))
    assert (message.method, message.branch, message.to_tag, message.cseq, message.request_uri) == ("ACK", invite.branch, b"x", 10, "sip:b@192.0.2.1")


def test_stray_carriage_returns_of_the_wire_end_no_line():
    assert b"\r " not in cancel(INVITE)
    assert b"From: A <sip:a@h> X:y;tag=1\r\n" in cancel(INVITE.replace(b"<sip:a@h>;", b"<sip:a@h>\rX:y;"))


@pytest.mark.parametrize("broken", [b"", b"junk", INVITE.replace(b"INVITE", b"BYE"), INVITE.replace(b"0007", b"x"), INVITE.replace(b"Via", b"Xia")])
def test_cancel_needs_a_whole_invite(broken: bytes):
    with pytest.raises(Unsendable, match="CANCEL: needs a whole INVITE"):
        cancel(broken)


def test_user_agent_with_a_line_break_is_refused():
    with pytest.raises(Unsendable, match="User-Agent"):
        inside(TO_CALLEE, "INFO", Identity(user_agent="x\r\ny"))
    with pytest.raises(Unsendable, match="From"):
        held_invite("sip:a@h", Identity(controller="sip:x>\r\n"), b"c", b"t")
