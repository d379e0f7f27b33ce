"""What is written is read back as it was, by Dialtap and by tshark."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.packet import Endpoint, Packet
from dialogs.taps import CaptureFile, pcapng
from dialogs.taps.writer import MAX_PAYLOAD

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
AT = 1_700_000_000_123_456_789
ALICE, BOB = Endpoint("192.0.2.1", 5060), Endpoint("198.51.100.2", 5070)
ALICE_6, BOB_6 = Endpoint("2001:db8::1", 5060), Endpoint("2001:db8::2", 5070)
NAME = "file:x"


def message(number: int, size: int = 0) -> bytes:
    body = b"x" * size
    return (
        b"INVITE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\r\nFrom: <sip:alice@example.net>;tag=1\r\n"
        b"To: <sip:bob@example.net>\r\nCall-ID: c%d\r\nCSeq: 1 INVITE\r\nContent-Length: %d\r\n\r\n%b" % (number, number, len(body), body)
    )


PACKETS = [
    Packet(AT, ALICE, BOB, "udp", message(1), NAME),
    Packet(AT + 1, BOB_6, ALICE_6, "udp", message(2, 3), NAME),
    Packet(AT + 2, ALICE, BOB, "tcp", message(3, 4000), NAME),
    Packet(AT + 3, Endpoint("fe80::1", 5061), Endpoint("192.0.2.9", 40_000), "wss", message(4), NAME),
]


def read_back(written: bytes) -> list[Packet]:
    return [packet.changed(tap=NAME) for packet in CaptureFile("x", io.BytesIO(written))]


def tshark(path: Path, *fields: str, display: str = "") -> list[list[str]]:
    """Return what tshark reads in each packet that it shows, checksums judged."""
    if not shutil.which("tshark"):
        pytest.skip("no tshark here")
    command = ["tshark", "-r", str(path), "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields", "-Y", display]
    for field in fields:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def test_packets_come_back_as_they_were() -> None:
    back = read_back(b"".join(pcapng((packet, ()) for packet in PACKETS)))
    mixed = (Endpoint("fe80::1", 5061), Endpoint("::ffff:192.0.2.9", 40_000))
    expected = [packet.changed(transport="udp") for packet in PACKETS]
    assert back[:3] == expected[:3]
    assert (back[3].data, back[3].source, back[3].destination.port, back[3].at_ns) == (PACKETS[3].data, mixed[0], 40_000, AT + 3)


def test_it_is_made_piece_by_piece() -> None:
    pieces = pcapng(iter([(PACKETS[0], ()), (PACKETS[1], ())]))
    assert b"written by Dialtap" in next(pieces)
    assert [PACKETS[n].data in next(pieces) for n in range(2)] == [True, True]
    assert next(pieces, None) is None


def test_tshark_reads_every_message_its_comments_and_its_checksums(tmp_path: Path) -> None:
    path = tmp_path / "call.pcapng"
    path.write_bytes(b"".join(pcapng(zip(PACKETS, [["retransmission"], [], [], ["one", "zwei \u00fc"]], strict=True), ["Call-ID c1"])))
    seen = tshark(path, "frame.time_epoch", "sip.Call-ID", "udp.checksum.status", "ip.checksum.status", "frame.comment")
    assert [line[0][-9:] for line in seen] == ["123456789", "123456790", "123456791", "123456792"]
    assert [line[1] for line in seen] == ["c1", "c2", "c3", "c4"]
    assert [line[2:4] for line in seen] == [["1", "1"], ["1", ""], ["1", "1"], ["1", ""]]
    comments = ["retransmission", "", "seen over TCP; written as UDP", "one,zwei \u00fc,seen over WSS; written as UDP"]
    assert [line[4] for line in seen] == comments
    assert tshark(path, "frame.number", display="_ws.malformed || _ws.expert.severity == error") == []


@pytest.mark.parametrize("name", ["basic", "fork", "reinvite", "auth407-endpoint"])
def test_recorded_call_is_read_by_tshark_message_by_message(tmp_path: Path, name: str) -> None:
    packets = list(CaptureFile(RECORDINGS / name / "capture.pcap"))
    path = tmp_path / "call.pcapng"
    path.write_bytes(b"".join(pcapng((packet, ()) for packet in packets)))
    assert (len(tshark(path, "sip.Call-ID", display="sip")), len(read_back(path.read_bytes()))) == (len(packets), len(packets))
    assert tshark(path, "frame.number", display="_ws.malformed") == []


def test_message_longer_than_a_datagram_is_cut_and_says_so() -> None:
    written = b"".join(pcapng([(PACKETS[2].changed(data=message(1, 70_000)), ())]))
    assert b"bytes do not fit into a datagram" in written
    assert [len(packet.data) for packet in read_back(written)] == [MAX_PAYLOAD]


def test_long_comment_is_cut_at_a_character() -> None:
    (packet,) = read_back(b"".join(pcapng([(PACKETS[0], ["\u00fc" * 5000])], ["\u20ac" * 50_000])))
    assert packet == PACKETS[0]


@given(
    st.integers(-5, 2**63),
    st.text(max_size=20),
    st.integers(0, 70_000),
    st.sampled_from(["192.0.2.1", "2001:db8::1", "fe80::1%eth0", "", "host.example"]),
    st.binary(max_size=100),
    st.text(max_size=50),
)
def test_whatever_a_packet_holds_is_written(at_ns: int, transport: str, port: int, host: str, data: bytes, words: str) -> None:
    packet = Packet(at_ns, Endpoint(host, port), ALICE, transport, b"INVITE " + data)
    (back,) = read_back(b"".join(pcapng([(packet, [words])])))
    assert (back.data, back.source.port) == (packet.data, port & 0xFFFF)
