"""What may stand in a request, and what may not: nothing that somebody gives us can add a line to what we send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.control.sip.syntax import (
    Unsendable,
    escaped,
    extra_lines,
    header_text,
    header_uri,
    quoted,
    reason_value,
    route_uri,
    uri_parameters,
    uri_text,
    wire_bytes,
    without_headers,
    without_parameters,
    word,
)


@pytest.mark.parametrize("words", ["a\r\nVia: x", "a\nb", "a\rb", "\0", "a\x7f", "\ud800"])
def test_reason_with_control_characters_is_refused(words: str):
    with pytest.raises(Unsendable, match="control characters are not sent"):
        reason_value(words)


@given(st.text())
def test_reason_is_one_line_or_refused(words: str):
    try:
        value = reason_value(words).encode("utf-8", "surrogateescape")
    except Unsendable:
        return
    assert b"\r" not in value
    assert b"\n" not in value
    assert value.count(b'"') - value.count(b'\\"') in (1, 2)


def test_reason_escapes_quotes():
    assert reason_value(' say "no" \\ ', 16) == 'SIP;cause=16;text="say \\"no\\" \\\\"'
    assert quoted('a"b') == '"a\\"b"'


@pytest.mark.parametrize("uri", ["", "sip:a b@c", "sip:a@b\r\n", "sip:a@b>", 'sip:"a"@b', "http://x", "a@b", "\ud800"])
def test_request_uri_that_is_none_is_refused(uri: str):
    with pytest.raises(Unsendable, match="target: expected a SIP URI"):
        uri_text("target", uri)


def test_uris_pass_as_they_are():
    assert uri_text("target", "sip:a@[::1]:5;x=%20") == "sip:a@[::1]:5;x=%20"
    assert header_uri("From", "anonymous:x") == "anonymous:x"
    with pytest.raises(Unsendable, match="From: expected a URI"):
        header_uri("From", "sip:a@b>;tag=x")


@pytest.mark.parametrize(("name", "value"), [("Call-ID", b""), ("Call-ID", b"a b"), ("Call-ID", b"a\r\n"), ("tag", b"a;b"), ("tag", b"a,b"), ("tag", b"\0")])
def test_call_id_and_tags_that_end_their_line_are_refused(name: str, value: bytes):
    with pytest.raises(Unsendable, match=f"{name}: cannot be repeated"):
        word(name, value)


def test_call_id_passes_byte_for_byte():
    assert word("Call-ID", b'\xe9;<"{}>@x') == b'\xe9;<"{}>@x'
    assert word("tag", b"\xff=") == b"\xff="


@pytest.mark.parametrize("shown", ["caf\xe9", "a\\x00", "a\\n", "a\\u202eb"])
def test_text_that_hides_bytes_is_refused(shown: str):
    with pytest.raises(Unsendable, match="the bytes on the wire are not known"):
        wire_bytes("Call-ID", shown)


def test_plain_text_is_its_bytes():
    assert wire_bytes("Call-ID", "a\\b@c") == b"a\\b@c"


@pytest.mark.parametrize(
    "line",
    ["", "X", ": x", "X Y: z", "Via: x", "call-id: x", "L: 3", "X: a\r\nVia: b", "X: \0", "Route: <sip:x>", "X\r\nY: z"],
)
def test_extra_header_that_is_none_or_ours_is_refused(line: str):
    with pytest.raises(Unsendable):
        extra_lines((line,))


def test_extra_headers_pass():
    assert extra_lines(("X-One: 1\r\n", "P-Two:a:b")) == ("X-One: 1", "P-Two: a:b")


def test_uri_parameters_are_those_of_the_uri():
    assert uri_parameters("sip:a;b=c@h:5;LR;maddr=1.2.3.4;transport=TCP?X=;y") == {"lr": "", "maddr": "1.2.3.4", "transport": "TCP"}
    assert uri_parameters("sip:h") == {}


def test_parameters_are_taken_off():
    assert without_parameters("sip:a;alias=z@h;alias=1~2~3;x?q=;alias=4", ("alias",)) == "sip:a;alias=z@h;x?q=;alias=4"
    assert without_headers("sip:a@h;method=REFER;x?Subject=y") == "sip:a@h;x"


def test_route_uri_is_what_the_brackets_hold():
    assert route_uri('"a, b" <sip:p;lr>;x=y') == "sip:p;lr"
    with pytest.raises(Unsendable):
        route_uri("<>")


def test_escaped_leaves_only_unreserved():
    assert escaped(b"a@b;to-tag=1\xff~") == "a%40b%3Bto-tag%3D1%FF~"


def test_header_text_keeps_bytes_of_the_wire():
    assert header_text("X", " \udce9 ") == "\udce9"
