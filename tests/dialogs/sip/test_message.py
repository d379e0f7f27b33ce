"""The parser on what the wire really carries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.sip import Request, Response, parse

INVITE = (
    b"INVITE sip:bob@example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK0\r\n"
    b'From: "Alice" <sip:alice@example.org>;tag=a1\r\n'
    b"To: <sip:bob@example.org>\r\n"
    b"Call-ID: one@example.org\r\n"
    b"CSeq: 0042 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1>\r\n"
    b"Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\n"
    b"Route: <sip:p3;lr>\r\n"
    b"Subject: x\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n-trailing"
)


def test_request_has_what_every_message_needs():
    message = parse(INVITE)
    assert isinstance(message, Request)
    assert (message.method, message.status, message.call_id, message.cseq) == ("INVITE", 0, b"one@example.org", 42)
    assert (message.from_tag, message.to_tag, message.branch, message.cseq_text) == (b"a1", b"", b"z9hG4bK1", "0042")
    assert (message.request_uri, message.reason, message.summary, message.body) == ("sip:bob@example.org", "", "INVITE", b"v=0\n")
    assert (message.from_.name, message.from_.uri, message.from_.tag) == ("Alice", "sip:alice@example.org", "a1")
    assert (message.to.uri, message.contacts) == ("sip:bob@example.org", ["sip:alice@192.0.2.1"])
    assert (message.record_route, message.route) == (["<sip:p2;lr>", "<sip:p1;lr>"], ["<sip:p3;lr>"])


def test_response_takes_its_method_from_cseq():
    message = parse(INVITE.replace(b"INVITE sip:bob@example.org SIP/2.0", b"SIP/2.0 200 All is  well").replace(b"0042 INVITE", b"7 BYE"))
    assert isinstance(message, Response)
    assert (message.method, message.status, message.reason, message.summary) == ("BYE", 200, "All is  well", "200 All is  well (BYE)")
    assert message.request_uri == ""


def test_response_summary_of_invite_is_status_and_reason():
    assert parse(b"SIP/2.0 180\r\nCSeq: 1 INVITE\r\n\r\n").summary == "180"
    assert parse(b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n").summary == "180 Ringing"


def test_header_is_found_in_any_spelling():
    message = parse(INVITE)
    assert message.header("subject") == message.header("S") == message.header("SUBJECT") == "x"
    assert message.header("x-none") is None
    assert message.headers("via") == ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK0"]
    assert message.headers("x-none") == []
    assert parse(b"SIP/2.0 200 OK\r\nVia: one\r\n\r\n").headers("v") == ["one"]


PLAIN = b"INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=x\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
COMPACT = PLAIN.replace(b"Via", b"v").replace(b"From", b"f").replace(b"To", b"t").replace(b"Call-ID", b"i")
ODD = {
    "compact names": COMPACT,
    "odd case": PLAIN.replace(b"Via", b"vIa").replace(b"From", b"FROM ").replace(b"Call-ID", b"call-iD\t").replace(b"CSeq", b"cSEQ"),
    "bare LF": PLAIN.replace(b"\r", b""),
    "no blank line": PLAIN.removesuffix(b"\r\n\r\n"),
    "folding": PLAIN.replace(b"UDP h;branch=x", b"UDP\r\n h\r\n\t;branch= x").replace(b"-ID: c", b"-ID:\r\n c").replace(b"1 INVITE", b"1\r\n INVITE"),
    "leading CRLF": b"\r\n\r\n" + PLAIN,
    "fold before any header": PLAIN.replace(b"SIP/2.0\r\n", b"SIP/2.0\r\n x\r\n", 1),
    "junk lines": COMPACT.replace(b"SIP/2.0\r\n", b"SIP/2.0\r\nno colon\r\n: no name\r\n", 1),
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_strange_spelling_loses_nothing(data):
    message = parse(data)
    assert (message.method, message.call_id, message.cseq, message.from_tag, message.branch) == ("INVITE", b"c", 1, b"1", b"x")


NO_MESSAGE = {
    "empty": b"",
    "keep-alive": b"\r\n\r\n",
    "no line end": b"INVITE sip:b SIP/2.0",
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "no version": b"INVITE sip:b\r\n\r\n",
    "no uri": b"INVITE SIP/2.0\r\n\r\n",
    "status no number": b"SIP/2.0 abc x\r\n\r\n",
    "status too small": b"SIP/2.0 042 x\r\n\r\n",
    "status too long": b"SIP/2.0 2000 x\r\n\r\n",
    "binary": b"\x00\x01\x02\n\xff",
    "method no token": b"IN(VITE sip:b SIP/2.0\r\n\r\n",
}


@pytest.mark.parametrize("data", NO_MESSAGE.values(), ids=NO_MESSAGE)
def test_what_has_no_start_line_is_no_message(data):
    assert parse(data) is None


def test_extension_method_with_token_characters_is_a_request():
    assert parse(b"X-TEND sip:b SIP/2.0\r\n\r\n").method == "X-TEND"
    assert parse(b"TEND sip:b SIP/2.0\r\n\r\n").method == "TEND"


CSEQ = {b"": (-1, ""), b"x INVITE": (-1, "x"), b"1_0 INVITE": (-1, "1_0"), b"99999999999 INVITE": (-1, "99999999999"), b"7": (7, "7"), b"x": (-1, "x")}


@pytest.mark.parametrize(("value", "expected"), CSEQ.items())
def test_cseq_that_is_no_number_is_minus_one(value, expected):
    message = parse(b"INVITE sip:b SIP/2.0\r\nCSeq: " + value + b"\r\n\r\n")
    assert (message.cseq, message.cseq_text) == expected


BRANCH = {b"SIP/2.0/UDP h": b"", b"SIP/2.0/UDP h;branch=a": b"a", b"SIP/2.0/UDP h;branch=a;x": b"a", b"SIP/2.0/UDP h;branch=a, SIP/2.0/UDP i;branch=b": b"a"}


@pytest.mark.parametrize(("via", "branch"), BRANCH.items())
def test_branch_is_the_topmost(via, branch):
    assert parse(b"BYE sip:b SIP/2.0\r\nVia: " + via + b"\r\n\r\n").branch == branch


def test_message_without_headers_is_empty_not_an_error():
    message = parse(b"BYE sip:b SIP/2.0\r\n\r\n")
    assert (message.call_id, message.cseq, message.branch, message.from_tag) == (b"", -1, b"", b"")
    assert (message.contacts, message.record_route, message.cseq_text) == ([], [], "")
    assert message.from_ == message.to == ("", "", "")


BODY = {
    b"BYE sip:b SIP/2.0\r\n\r\nbody": b"body",
    b"BYE sip:b SIP/2.0\n\nbody": b"body",
    b"BYE sip:b SIP/2.0\r\nContent-Length: 2\r\n\r\nbody": b"bo",
    b"BYE sip:b SIP/2.0\r\nContent-Length: -2\r\n\r\nbody": b"body",
    b"BYE sip:b SIP/2.0\r\nl: 99\r\n\r\n\r\nbody": b"\r\nbody",
    b"BYE sip:b SIP/2.0\r\n": b"",
}


@pytest.mark.parametrize(("data", "body"), BODY.items())
def test_body_follows_the_blank_line(data, body):
    assert parse(data).body == body


ATTRIBUTES = ("branch", "from_", "to", "contacts", "record_route", "route", "body", "summary", "request_uri", "reason", "cseq_text")


@given(st.binary(max_size=400))
def test_random_bytes_never_raise(data):
    for prefix in (b"", b"INVITE sip:b SIP/2.0\r\n", b"SIP/2.0 200 OK\r\nFrom: "):
        message = parse(prefix + data)
        if message is not None:
            assert [getattr(message, name) is not None for name in ATTRIBUTES] == [True] * len(ATTRIBUTES)


@given(st.integers(0, len(INVITE) - 1), st.binary(min_size=1, max_size=4))
def test_mutated_message_never_raises(place, noise):
    message = parse(INVITE[:place] + noise + INVITE[place + len(noise) :])
    if message is not None:
        assert [getattr(message, name) is not None for name in ATTRIBUTES] == [True] * len(ATTRIBUTES)


def test_messages_are_equal_by_their_bytes():
    assert parse(INVITE) == parse(INVITE)
    assert len({parse(INVITE), parse(INVITE)}) == 1
    assert parse(INVITE) != parse(INVITE + b"x")
    assert parse(INVITE) != "text"


@given(st.sampled_from((b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact")), st.text("aZ ;=<>\t,", max_size=12), st.booleans())
def test_headers_are_read_alike_however_they_are_spelled(name, noise, first):
    value = noise.encode().strip()
    lines = [line for line in INVITE.split(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(name + b":")]
    lines.insert(1 if first else len(lines), name + b": " + value)
    plain = parse(b"\r\n".join(lines) + b"\r\n\r\n")
    for spelled in (name.lower() + b":" + value, name.upper() + b" \t: " + value, name + b":\r\n " + value):
        odd = parse(b"\r\n".join(line if line != name + b": " + value else spelled for line in lines) + b"\r\n\r\n")
        seen = [(m.call_id, m.from_tag, m.to_tag, m.branch, m.cseq, m.method, m.contacts, m.header(name.decode())) for m in (plain, odd)]
        assert seen[0] == seen[1]
