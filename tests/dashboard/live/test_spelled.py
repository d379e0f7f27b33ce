"""A message in coloured pieces, and how two messages differ."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.history.messages import StoredMessage
from dashboard.live.spelled import LONGEST, MOST_LINES, compare, pieces, spell

LINES = {
    'From: "Ann" <sip:ann@x>;tag=a1': [("i", "From"), ("", ":"), ("", " "), ("u", '"Ann"'), ("", " "), ("u", "<sip:ann@x>"), ("", ";"), ("u", "tag=a1")],
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport": [("i", "Via"), ("", ":"), ("", " SIP/2.0/UDP h;"), ("u", "branch=z9hG4bK1"), ("", ";rport")],
    "no header": [("", "no header")],
    " folded: on": [("", " folded: on")],
    "Empty:": [("i", "Empty"), ("", ":")],
    "": [("", "")],
}


@pytest.mark.parametrize(("line", "expected"), LINES.items())
def test_line_is_cut_into_pieces(line, expected):
    assert [tuple(piece) for piece in pieces(line)] == expected


@given(st.text(alphabet='<>";=tag branch:', max_size=200))
def test_pieces_lose_no_text(line):
    assert "".join(piece.text for piece in pieces(line)) == line


@pytest.mark.parametrize("text", ["<" * LONGEST, '"' * LONGEST, "<a" * (LONGEST // 2), ";tag=" * (LONGEST // 5), ";tag=" + "x" * LONGEST])
def test_hostile_line_takes_no_time(text):
    began = time.process_time()
    assert "".join(piece.text for piece in pieces(f"From: {text}")) == f"From: {text}"
    assert time.process_time() - began < 2


def stored(data: bytes, at_ns: int = 0) -> StoredMessage:
    return StoredMessage(at_ns, "192.0.2.7:5060", "192.0.2.1:5060", "udp", repeat=False, data=data)


def test_message_has_first_line_headers_body_and_media():
    found = spell(3, stored(b"INVITE sip:b@x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\nm=audio 0 RTP/AVP 0\r\n\xe2\x80\xaeevil"))
    assert [[tuple(piece) for piece in line] for line in found.lines] == [
        [("b", "INVITE sip:b@x SIP/2.0")],
        [("i", "CSeq"), ("", ":"), ("", " 1 INVITE")],
        [],
        [("body", "v=0")],
        [("body", "m=audio 0 RTP/AVP 0")],
        [("body", "\\u202eevil")],
    ]
    assert (found.number, found.summary, found.media, found.cut) == (3, "INVITE", ("audio: refused or switched off (port 0)",), 0)


def test_what_is_no_sip_and_what_is_too_long_is_shown_cut():
    found = spell(1, stored(b"x" * (LONGEST + 5)))
    assert (found.summary, len(found.lines), found.cut, found.media) == ("not SIP", 1, 5, ())


def test_two_messages_differ_by_lines():
    one, other = b"INVITE x SIP/2.0\r\nVia: a\r\nTo: b\r\n\r\n", b"INVITE x SIP/2.0\r\nVia: c\r\nVia: a\r\nTo: d\r\n\r\n"
    assert [f"{line.sign}{line.text}" for line in compare(stored(one), stored(other))] == [
        *(" INVITE x SIP/2.0", "+Via: c", " Via: a", "-To: b", "+To: d", " ", " "),
    ]


def test_huge_messages_are_compared_in_bounded_time():
    one, other = (b"\n".join(b"%d" % (n % base) for n in range(30000)) for base in (7, 11))
    began = time.process_time()
    assert len(compare(stored(one), stored(other))) <= 2 * MOST_LINES
    assert time.process_time() - began < 5
