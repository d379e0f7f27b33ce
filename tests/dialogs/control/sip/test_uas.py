"""Answers to what comes to our sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.control.sip.hops import Hop
from dialogs.control.sip.uas import KEPT_MAX, KEPT_NS, Answers
from dialogs.sip import Request, parse

from .samples import request, response

SOURCE = Hop("udp", "192.0.2.1", 40000)


def asked(method: str, via: str = "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx", to: str = ";tag=t", cseq: int = 1) -> Request:
    lines = (
        f"{method} sip:us SIP/2.0",
        f"Via: {via}, SIP/2.0/UDP far;branch=z9hG4bKy",
        "From: <sip:a>;tag=a",
        f"To: <sip:us>{to}",
        "Call-ID: c",
        f"CSeq: {cseq} {method}",
    )
    return request("\r\n".join((*lines, "", "")).encode())


@pytest.mark.parametrize(
    ("method", "known", "to", "status"),
    [
        ("NOTIFY", True, ";tag=t", 200),
        ("BYE", True, ";tag=t", 200),
        ("OPTIONS", True, ";tag=t", 200),
        ("INVITE", True, ";tag=t", 488),
        ("UPDATE", True, ";tag=t", 488),
        ("CANCEL", True, ";tag=t", 481),
        ("INFO", True, ";tag=t", 405),
        ("BYE", False, ";tag=t", 481),
        ("NOTIFY", False, "", 481),
        ("INFO", False, ";tag=t", 481),
        ("OPTIONS", False, "", 200),
        ("INVITE", False, "", 405),
    ],
)
def test_request_is_answered_as_what_it_is(method: str, known: bool, to: str, status: int):
    handled = Answers("Dialtap", "ours").handle(asked(method, to=to), known, SOURCE, 0)
    answer = response(handled.response or b"")
    assert (answer.status, handled.new, answer.to_tag) == (status, known, b"t" if to else b"ours")
    assert (answer.call_id, answer.method, answer.cseq, answer.from_tag) == (b"c", method, 1, b"a")
    assert answer.items(b"via")[1] == b"SIP/2.0/UDP far;branch=z9hG4bKy"


def test_ack_is_not_answered():
    assert Answers("D", "t").handle(asked("ACK"), True, SOURCE, 0)[::2] == (None, True)


def test_broken_request_is_refused():
    handled = Answers("D", "t").handle(request(b"BYE sip:us SIP/2.0\r\n\r\n"), True, SOURCE, 0)
    assert response(handled.response or b"").status == 400


@pytest.mark.parametrize(
    ("via", "port", "written"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=b", 5070, b"SIP/2.0/UDP 192.0.2.1:5070;branch=b"),
        ("SIP/2.0/UDP 192.0.2.1;branch=b", 5060, b"SIP/2.0/UDP 192.0.2.1;branch=b"),
        ("SIP/2.0/UDP phone:5070;branch=b", 5070, b"SIP/2.0/UDP phone:5070;branch=b;received=192.0.2.1"),
        ("SIP/2.0/UDP phone:5070;rport;branch=b", 40000, b"SIP/2.0/UDP phone:5070;rport=40000;branch=b;received=192.0.2.1"),
        ("SIP/2.0/UDP phone;branch=b;rport", 40000, b"SIP/2.0/UDP phone;branch=b;rport=40000;received=192.0.2.1"),
        ("SIP/2.0/UDP phone:99999;branch=b", 40000, b"SIP/2.0/UDP phone:99999;branch=b;received=192.0.2.1"),
    ],
)
def test_answer_goes_back_to_where_the_request_came_from(via: str, port: int, written: bytes):
    handled = Answers("D", "t").handle(asked("BYE", via), True, SOURCE, 0)
    assert (handled.port, response(handled.response or b"").items(b"via")[0]) == (port, written)


def test_repeated_request_gets_the_same_answer_and_counts_once():
    answers = Answers("D", "t")
    first = answers.handle(asked("NOTIFY"), True, SOURCE, 0)
    again = answers.handle(asked("NOTIFY"), False, SOURCE, KEPT_NS - 1)
    late = answers.handle(asked("NOTIFY"), True, SOURCE, KEPT_NS)
    assert (again.response, first.new, again.new, late.new) == (first.response, True, False, True)


def test_kept_answers_are_bounded():
    answers = Answers("D", "t")
    for number in range(KEPT_MAX + 5):
        answers.handle(asked("BYE", cseq=number), False, SOURCE, 0)
    assert answers.evicted == 5


@given(st.binary(max_size=300), st.sampled_from([b"BYE", b"NOTIFY", b"OPTIONS"]))
def test_any_request_is_answered_by_one_message(raw: bytes, method: bytes):
    message = parse(method + b" sip:us SIP/2.0\r\nVia: " + raw + b"\r\nFrom: " + raw + b"\r\n\r\n")
    assert isinstance(message, Request)
    handled = Answers("D", "t").handle(message, False, SOURCE, 0)
    assert handled.response is not None
    assert handled.response.count(b"\r\n\r\n") == 1
    assert handled.response.endswith(b"\r\n\r\n")
    assert 0 < handled.port < 65536
