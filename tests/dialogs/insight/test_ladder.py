"""The ladder: order, columns, what is folded, what is marked."""

import pytest

from dialogs.config import Peer
from dialogs.insight import PeerNames
from dialogs.insight.heard import Heard
from dialogs.insight.hosts import naming
from dialogs.insight.ladder import COLUMNS, STEPS, Host, chosen, draw, in_order
from dialogs.insight.ladder_text import draw_text
from dialogs.sip import parse
from tests.dialogs.insight.cases import RECORDINGS, recorded

A, P, G = "192.0.2.17:5060", "198.51.100.5:5060", "203.0.113.9:5060"
SDP = "v=0\r\nm=audio 30000 RTP/AVP 96 8 0 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
INVITE = "INVITE sip:b@x SIP/2.0"
MS = 10**6


def sip(first: str, cseq: str = "1 INVITE", branch: str = "z9hG4bKa", body: str = "", vias: int = 1, more: str = "") -> bytes:
    via = "".join(f"Via: SIP/2.0/UDP x{n};branch={branch}{n}\r\n" for n in range(vias))
    return f"{first}\r\n{via}From: <sip:a@x>;tag=a\r\n{more}Call-ID: c\r\nCSeq: {cseq}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def heard(number: int, ms: float, source: str, destination: str, data: bytes) -> Heard:
    return Heard(number, int(ms * MS), source, destination, "udp", parse(data), data)


def plain(address: str) -> Host:
    return Host(address, address)


def drawn(*messages: Heard) -> list[tuple]:
    return [(one.number, one.source, one.destination, one.kind, one.summary, one.note, one.repeats) for one in draw(messages, plain).steps]


def test_both_hops_are_drawn_in_the_order_of_capture():
    assert drawn(
        heard(1, 0, A, P, sip(INVITE, body=SDP)),
        heard(2, 1, P, A, sip("SIP/2.0 100 Trying")),
        heard(4, 9, G, P, sip("SIP/2.0 486 Busy Here", "2 INVITE")),
        heard(3, 3, P, G, sip(INVITE, "2 INVITE")),
        heard(5, 9.5, G, P, sip("SIP/2.0 200 OK", "3 BYE")),
    ) == [
        (1, 0, 1, "req", "INVITE", "SDP opus, PCMA, PCMU", ()),
        (2, 1, 0, "prov", "100 Trying", "", ()),
        (3, 1, 2, "req", "INVITE", "CSeq 2", ()),
        (4, 2, 1, "fail", "486 Busy Here", "", ()),
        (5, 2, 1, "ok", "200 OK (BYE)", "", ()),
    ]


def test_causes_come_before_effects_of_the_same_moment():
    ok, ack = sip("SIP/2.0 200 OK", vias=2), sip("ACK sip:b@x SIP/2.0", "1 ACK")
    messages = [
        heard(1, 5, A, P, ack),
        heard(2, 5, P, A, sip("SIP/2.0 200 OK", vias=1)),
        heard(3, 5, G, P, ok),
        heard(4, 5, P, G, sip(INVITE, vias=2)),
        heard(5, 5, A, P, sip(INVITE, vias=1)),
        heard(6, 5, G, P, sip("SIP/2.0 180 Ringing", vias=2)),
        heard(7, 5, A, P, sip("BYE sip:b@x SIP/2.0", "2 BYE")),
        heard(8, 4, A, P, b"garbage"),
    ]
    assert [one.number for one in in_order(messages)] == [8, 5, 4, 6, 3, 2, 1, 7]


def test_repeats_are_one_step_after_the_first():
    found = draw([heard(number, ms, G, P, sip("SIP/2.0 200 OK")) for number, ms in enumerate((0, 500, 1500, 3500), 1)], plain)
    assert [(one.number, one.repeated, one.repeats, one.until_ns) for one in found.steps] == [(1, False, (), 0), (2, True, (3, 4), 3500 * MS)]


def test_same_request_of_another_transaction_is_no_repeat():
    assert len(drawn(heard(1, 0, A, P, sip(INVITE)), heard(2, 1, A, P, sip(INVITE, branch="z9hG4bKb")))) == 2


def test_ringing_of_another_fork_is_no_repeat():
    forks = [sip("SIP/2.0 180 Ringing", more=f"To: <sip:b@x>;tag={tag}\r\n") for tag in ("desk", "mobile", "desk")]
    found = draw([heard(number, number, P, A, data) for number, data in enumerate(forks)], plain)
    assert [one.repeated for one in found.steps] == [False, False, True]


def test_long_silence_is_marked():
    found = draw([heard(n, ms, A, P, sip(INVITE, branch=f"z{n}")) for n, ms in enumerate((0, 4999, 10000, 10001))], plain)
    assert [one.gap_ns for one in found.steps] == [0, 0, 5001 * MS, 0]


def test_transaction_lights_on_both_hops_with_its_ack_and_cancel():
    found = draw(
        [
            heard(1, 0, A, P, sip(INVITE)),
            heard(2, 1, P, G, sip(INVITE, branch="z9hG4bKp")),
            heard(3, 2, G, P, sip("SIP/2.0 200 OK", branch="z9hG4bKp")),
            heard(4, 3, A, P, sip("CANCEL sip:b@x SIP/2.0", "1 CANCEL")),
            heard(5, 4, A, P, sip("ACK sip:b@x SIP/2.0", "1 ACK", branch="z9hG4bKq")),
            heard(6, 5, A, P, sip("BYE sip:b@x SIP/2.0", "2 BYE")),
            heard(7, 6, P, A, b"x"),
        ],
        plain,
    )
    assert [(one.transaction, one.hop) for one in found.steps] == [(0, 0), (0, 1), (0, 1), (0, 0), (0, 0), (1, 0), (-1, 0)]


NOTES = {
    "held": (sip(INVITE, body="v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\n"), "SDP PCMU, sendonly"),
    "tones only": (sip(INVITE, body="v=0\r\nm=audio 1 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"), "SDP no codec"),
    "why it was sent": (sip("BYE sip:b@x SIP/2.0", "2 BYE", more='Reason: Q.850;cause=16;text="Normal"\r\n'), 'Q.850;cause=16;text="Normal"'),
    "request": (sip("BYE sip:b@x SIP/2.0", "2 BYE"), "CSeq 2"),
    "no CSeq": (sip("BYE sip:b@x SIP/2.0", "x"), ""),
    "answer": (sip("SIP/2.0 200 OK"), ""),
}


@pytest.mark.parametrize(("data", "note"), NOTES.values(), ids=NOTES)
def test_note_says_what_matters(data, note):
    assert drawn(heard(1, 0, A, P, data))[0][5] == note


def test_many_hosts_end_in_the_last_column():
    found = draw([heard(n, n, A, f"10.0.0.{n}:5060", sip(INVITE, branch=f"z{n}")) for n in range(20)], plain)
    assert (len(found.columns), found.columns[-1].name, found.steps[-1].destination) == (COLUMNS, "other hosts", COLUMNS - 1)


def test_long_call_keeps_beginning_and_end():
    found = draw([heard(n, n, A, P, sip(INVITE, branch=f"z{n}")) for n in range(STEPS + 700)], plain)
    assert (len(found.steps), found.left_out, found.steps[0].number, found.steps[-1].number) == (STEPS, 700, 0, STEPS + 699)


def test_garbage_and_talking_to_oneself_are_drawn():
    messages = (heard(1, 0, A, A, b"\xff\x00garbage"), heard(2, 1, A, P, b""))
    assert drawn(*messages) == [(1, 0, 0, "odd", "not SIP", "", ()), (2, 0, 1, "odd", "not SIP", "", ())]


def test_no_messages_no_steps():
    assert (draw([], plain).columns, draw([], plain).steps) == ([], [])


CHOICES = {("", ""): [1, 2, 3], ("INVITE", ""): [1, 2], ("", "BUSY here"): [2], ("BYE", "busy"): [], ("", "\ud800"): []}


@pytest.mark.parametrize(("choice", "numbers"), CHOICES.items())
def test_messages_are_chosen_by_method_and_text(choice, numbers):
    messages = [heard(1, 0, A, P, sip(INVITE)), heard(2, 1, P, A, sip("SIP/2.0 486 Busy Here")), heard(3, 2, A, P, b"x")]
    assert [one.number for one in chosen(messages, *choice)] == numbers


PEERS = PeerNames([Peer("edge-1", ("127.0.0.1:5060", "127.0.0.1:8080", "192.0.2.1"), "proxy")])
PARTIES = {"127.0.0.10:6010": "alice"}
ADDRESSES = ("127.0.0.10:6010", "127.0.0.1:5060", "127.0.0.1:8080", "127.0.0.20:5130", "127.0.0.20:41454", "[::1]:5140")
HOSTS = {
    "alias": ["alice", "edge-1", "edge-1", "127.0.0.20:5130", "127.0.0.20:5130", "[::1]:5140"],
    "address": ["127.0.0.10", "127.0.0.1", "127.0.0.1", "127.0.0.20", "127.0.0.20", "::1"],
    "port": list(ADDRESSES),
}


@pytest.mark.parametrize(("mode", "names"), HOSTS.items())
def test_columns_are_named_and_joined_as_chosen(mode, names):
    host_of = naming(mode, PEERS, PARTIES, ADDRESSES)
    assert [host_of(address).name for address in ADDRESSES] == names


def test_port_of_a_client_is_its_own_column_beside_two_others():
    host_of = naming("alias", PEERS, {}, ("192.0.2.9:5060", "192.0.2.9:5080", "192.0.2.9:50000"))
    assert host_of("192.0.2.9:50000").key == "192.0.2.9:50000"


RECORDED = {
    "basic": (3, 13, 0),
    "fork": (4, 20, 0),
    "trunk-auth407": (3, 34, 0),
    "busy": (3, 7, 0),
    "cancel": (3, 13, 0),
    "auth407-endpoint": (3, 20, 0),
}


@pytest.mark.parametrize(("name", "shape"), RECORDED.items())
def test_recorded_call_is_laid_out(name, shape):
    case = recorded(RECORDINGS / name)
    found = draw(case.messages, naming("alias", case.peers, case.parties, ADDRESSES))
    assert (len(found.columns), len(found.steps), sum(len(one.repeats) for one in found.steps)) == shape


def test_repeats_of_a_lost_ack_fold(captures):
    case = recorded(captures / "noack")
    found = draw(case.messages, naming("alias", case.peers, case.parties, ADDRESSES))
    assert [(one.summary, one.repeated, len(one.repeats)) for one in found.steps[-4:]] == [
        ("200 OK", False, 0),
        ("200 OK", False, 0),
        ("200 OK", True, 8),
        ("200 OK", True, 8),
    ]


def test_every_ladder_of_the_lab_holds_each_message_once(captures):
    for folder in sorted(path.parent for path in captures.glob("*/capture.pcap")):
        case = recorded(folder)
        found = draw(case.messages, naming("alias", case.peers, case.parties, ADDRESSES))
        assert sorted(number for one in found.steps for number in (one.number, *one.repeats)) == [one.number for one in case.messages], folder.name
        assert draw_text(found).count("\n") >= len(found.steps) + 2, folder.name


TEXT = """\
      192.0.2.17:5060          198.51.100.5:5060          203.0.113.9:5060

      +0.000  |--- INVITE (CSeq 1) ---->|                         |
      +0.001  |                         |--- INVITE (CSeq 1) ---->|
              |                         |                         |  6.2 s later
      +6.204  |                         |<-------- 200 OK --------|
      +6.704  |                         |<-- 200 OK +2 repeats ---|
      +7.000  |                         |                         |  not SIP (to itself, column 1)
"""


def test_ladder_as_text():
    messages = [
        heard(1, 0, A, P, sip(INVITE)),
        heard(2, 1, P, G, sip(INVITE, branch="y")),
        *(heard(n, ms, G, P, sip("SIP/2.0 200 OK", branch="y")) for n, ms in ((3, 6204), (4, 6704), (5, 6900))),
        heard(6, 7000, A, A, b"x"),
    ]
    found = draw(messages, plain)
    assert draw_text(found) == TEXT
