"""The ladder: columns, arrows, what is folded."""

from dashboard.history.messages import StoredMessage
from dashboard.live import ladder

A, P, G = "192.0.2.17:5060", "198.51.100.5:5060", "203.0.113.9:5060"
SDP = "v=0\r\nm=audio 30000 RTP/AVP 96 8 0 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"


def sip(first: str, cseq: str = "1 INVITE", branch: str = "z9hG4bKa", body: str = "") -> bytes:
    return f"{first}\r\nVia: SIP/2.0/UDP x;branch={branch}\r\nCall-ID: c\r\nCSeq: {cseq}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def stored(ms: int, source: str, destination: str, data: bytes, *, repeat: bool = False) -> StoredMessage:
    return StoredMessage(ms * 10**6, source, destination, "udp", repeat, data)


def drawn(*messages: StoredMessage) -> list[tuple]:
    found = ladder.draw(messages, lambda _: "")
    return [(arrow.number, arrow.source, arrow.destination, arrow.css, arrow.summary, arrow.note, arrow.repeats) for arrow in found.arrows]


INVITE = "INVITE sip:b@x SIP/2.0"


def test_both_hops_are_drawn_in_the_order_of_capture():
    assert drawn(
        stored(0, A, P, sip(INVITE, body=SDP)),
        stored(1, P, A, sip("SIP/2.0 100 Trying")),
        stored(3, P, G, sip(INVITE, "2 INVITE")),
        stored(9, G, P, sip("SIP/2.0 486 Busy Here", "2 INVITE")),
        stored(9, G, P, sip("SIP/2.0 200 OK", "3 BYE")),
    ) == [
        (0, 0, 1, "req", "INVITE", "SDP opus, PCMA, PCMU", 0),
        (1, 1, 0, "l1", "100 Trying", "", 0),
        (2, 1, 2, "req", "INVITE", "CSeq 2", 0),
        (3, 2, 1, "l4", "486 Busy Here", "", 0),
        (4, 2, 1, "l2", "200 OK (BYE)", "", 0),
    ]


def test_repeats_are_one_arrow_after_the_first():
    ok = sip("SIP/2.0 200 OK")
    found = ladder.draw([stored(ms, G, P, ok, repeat=ms > 0) for ms in (0, 500, 1500, 3500)], lambda _: "")
    assert [(arrow.at_ns, arrow.repeats, arrow.until_ns) for arrow in found.arrows] == [(0, 0, 0), (500_000_000, 3, 3_500_000_000)]


def test_same_request_of_another_transaction_is_no_repeat():
    assert len(drawn(stored(0, A, P, sip(INVITE)), stored(1, A, P, sip(INVITE, branch="z9hG4bKb")))) == 2


def test_ringing_of_another_fork_is_no_repeat():
    forks = [sip("SIP/2.0 180 Ringing\r\nTo: <sip:b@x>;tag=" + tag) for tag in ("desk", "mobile", "desk")]
    assert [arrow[-1] for arrow in drawn(*(stored(ms, P, A, data) for ms, data in enumerate(forks)))] == [0, 0, 1]


def test_columns_have_names_and_spread():
    found = ladder.draw([stored(0, A, P, sip(INVITE)), stored(1, P, G, sip(INVITE))], {P: "edge-1"}.get)
    assert [(column.address, column.name, column.x) for column in found.columns] == [(A, None, "17.00%"), (P, "edge-1", "53.50%"), (G, None, "90.00%")]
    assert [arrow.x for arrow in found.arrows] == [("17.00%", "53.50%", "35.25%"), ("53.50%", "90.00%", "71.75%")]


def test_many_hosts_end_in_the_last_column():
    found = ladder.draw([stored(n, A, f"10.0.0.{n}:5060", sip(INVITE, branch=f"z{n}")) for n in range(20)], lambda _: "")
    assert (len(found.columns), found.columns[-1].name, found.arrows[-1].destination) == (ladder.COLUMNS, "other hosts", ladder.COLUMNS - 1)


def test_long_call_keeps_beginning_and_end():
    found = ladder.draw([stored(n, A, P, sip(INVITE, branch=f"z{n}")) for n in range(1000)], lambda _: "")
    assert (len(found.arrows), found.left_out, found.arrows[0].number, found.arrows[-1].number) == (ladder.ARROWS, 700, 0, 999)


def test_garbage_and_talking_to_oneself_are_drawn():
    assert drawn(stored(0, A, A, b"\xff\x00garbage"), stored(1, A, P, b"")) == [(0, 0, 0, "odd", "not SIP", "", 0), (1, 0, 1, "odd", "not SIP", "", 0)]


def test_no_messages_no_arrows():
    found = ladder.draw([], lambda _: "")
    assert (found.columns, found.arrows) == ([], [])
