from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.packet import Endpoint, Packet
from dialogs.taps import CaptureError, CaptureFile, Player
from dialogs.taps.player import SECOND_NS, renamed

from .frames import ethernet, ipv4, pcap, udp

A, B = Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5061)
PAST = 1_600_000_000 * SECOND_NS
NOW = 1_800_000_000 * SECOND_NS


class Tape:
    """A recording held in a list."""

    name = "file:tape"
    undecodable = 3

    def __init__(self, *packets: Packet) -> None:
        self.packets = packets

    def __iter__(self) -> Iterator[Packet]:
        return iter(self.packets)


def packet(offset_ns: int, data: bytes = b"INVITE sip:b SIP/2.0\r\nCall-ID: a@b\r\n\r\n") -> Packet:
    return Packet(PAST + offset_ns, A, B, "udp", data, "file:tape")


TAPE = Tape(packet(0), packet(1_500_000_001), packet(4 * SECOND_NS))


def played(player: Player, until_ns: int, limit: int = 256) -> list[int]:
    """Play by jumping from due time to due time; return the packets' times."""
    at: list[int] = []
    while (due := player.next_due_ns()) is not None and due <= until_ns:
        ready = player.due(due, limit)
        assert all(p.at_ns == due for p in ready)
        at += [p.at_ns for p in ready]
    return at


@pytest.mark.parametrize(
    ("speed", "offsets"),
    [(1, [0, 1_500_000_001, 4_000_000_000]), (10, [0, 150_000_000, 400_000_000]), (0.5, [0, 3_000_000_002, 8_000_000_000])],
)
def test_packets_get_present_times_with_exact_spacing(speed: float, offsets: list[int]) -> None:
    player = Player(TAPE, start_ns=NOW, speed=speed)
    assert played(player, NOW * 2) == [NOW + offset for offset in offsets]
    assert (player.next_due_ns(), player.due(NOW * 2), player.packets, player.rounds) == (None, [], 3, 1)
    assert (player.name, player.recorded, player.dropped, player.undecodable, player.error) == ("file:tape", True, 0, 3, "")
    assert player.newest_ns == NOW + offsets[-1]


def test_packet_is_due_neither_early_nor_after_its_limit() -> None:
    player = Player(TAPE, start_ns=NOW)
    assert player.due(NOW - 1) == []
    assert [len(player.due(NOW + 10 * SECOND_NS, 2)) for _ in range(3)] == [2, 1, 0]


def test_maximum_speed_keeps_the_times_of_the_recording() -> None:
    player = Player(TAPE, start_ns=NOW, speed=None)
    assert player.next_due_ns() == NOW
    assert player.due(NOW) == list(TAPE.packets)


def test_maximum_speed_in_a_loop_takes_the_time_of_asking() -> None:
    player = Player(TAPE, start_ns=NOW, speed=None, loop=True)
    assert [p.at_ns for p in player.due(NOW + 7, 7)] == [NOW + 7] * 7
    assert player.rounds == 3


def test_loop_begins_again_with_other_call_ids() -> None:
    player = Player(TAPE, start_ns=NOW, loop=True)
    ready = player.due(NOW + 60 * SECOND_NS, 6)
    assert [p.at_ns - NOW for p in ready] == [0, 1_500_000_001, 4 * SECOND_NS, 5 * SECOND_NS, 6_500_000_001, 9 * SECOND_NS]
    first, second = (b"a@b-r%d" % (NOW // SECOND_NS + n) for n in (0, 5))
    assert [p.data.split(b": ")[1].split(b"\r")[0] for p in ready] == [first] * 3 + [second] * 3


def test_rounds_of_a_period_shorter_than_the_recording_are_played_beside_each_other() -> None:
    player = Player(TAPE, start_ns=NOW, loop=True, period_ns=3 * SECOND_NS)
    ready = player.due(NOW + 7 * SECOND_NS)
    expected = [(0, 0), (1_500_000_001, 0), (3 * SECOND_NS, 3), (4 * SECOND_NS, 0), (4_500_000_001, 3), (6 * SECOND_NS, 6), (7 * SECOND_NS, 3)]
    assert [(p.at_ns - NOW, p.data.split(b"-r")[1].split(b"\r")[0]) for p in ready] == [(at, b"%d" % (NOW // SECOND_NS + n)) for at, n in expected]
    assert player.rounds == 3


def test_period_longer_than_the_recording_leaves_a_gap_and_follows_the_speed() -> None:
    player = Player(TAPE, start_ns=NOW, loop=True, speed=2, period_ns=10 * SECOND_NS)
    assert [p.at_ns - NOW for p in player.due(NOW + 5 * SECOND_NS)] == [0, 750_000_000, 2 * SECOND_NS, 5 * SECOND_NS]


def test_cut_recording_says_so_once_it_has_been_played(tmp_path: Path) -> None:
    path = tmp_path / "tape.pcap"
    path.write_bytes(pcap([(PAST, ethernet(ipv4(udp())))] * 2)[:-5])
    player = Player(CaptureFile(path), start_ns=NOW)
    assert (len(player.due(NOW)), player.error) == (1, "cut in the middle of a record")


def test_packets_carry_the_name_of_the_player() -> None:
    tape = Tape(packet(0).changed(tap="file:other"))
    assert [p.tap for p in Player(tape, start_ns=NOW, speed=None).due(NOW)] == ["file:tape"]


def test_original_call_ids_are_kept_without_a_loop() -> None:
    assert {p.data for p in Player(TAPE, start_ns=NOW).due(NOW * 2)} == {TAPE.packets[0].data}


@pytest.mark.parametrize("loop", [False, True])
def test_empty_recording_is_said_and_ends(loop: bool) -> None:
    player = Player(Tape(), start_ns=NOW, loop=loop)
    assert (player.next_due_ns(), player.due(NOW), player.error) == (None, [], "no packets in it")


def test_loop_over_a_file_that_becomes_unreadable_ends_with_its_error(tmp_path: Path) -> None:
    path = tmp_path / "tape.pcap"
    path.write_bytes(pcap([(PAST, ethernet(ipv4(udp())))]))
    player = Player(CaptureFile(path), start_ns=NOW, loop=True)
    path.unlink()
    assert len(player.due(NOW + 5 * SECOND_NS)) == 1
    assert (player.next_due_ns(), player.error) == (None, f"{path}: No such file or directory")
    path.write_bytes(b"something else")
    with pytest.raises(CaptureError):
        CaptureFile(path)


def test_closed_player_has_nothing_more() -> None:
    player = Player(TAPE, start_ns=NOW)
    player.close()
    assert (player.next_due_ns(), player.due(NOW * 2)) == (None, [])


@pytest.mark.parametrize("speed", [0, -1.0, float("nan")])
def test_speed_must_be_above_zero(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be above 0"):
        Player(TAPE, start_ns=NOW, speed=speed)


RENAMED = {
    "long": (b"INVITE sip:b SIP/2.0\r\nCall-ID: a@b\r\n\r\nCall-ID: a@b", b"INVITE sip:b SIP/2.0\r\nCall-ID: a@b-r1\r\n\r\nCall-ID: a@b"),
    "compact, no blank line": (b"BYE sip:b SIP/2.0\r\ni:a@b", b"BYE sip:b SIP/2.0\r\ni:a@b-r1"),
    "bare LF, odd case, spaces": (b"BYE sip:b SIP/2.0\nCALL-id \t:  a@b \n\nv=0", b"BYE sip:b SIP/2.0\nCALL-id \t:  a@b-r1 \n\nv=0"),
    "folded": (b"x\r\nCall-ID:\r\n  a@b\r\n\r\n", b"x\r\nCall-ID:\r\n  a@b-r1\r\n\r\n"),
    "replaces": (b"x\r\nReplaces: a@b;to-tag=7;from-tag=8\r\n\r\n", b"x\r\nReplaces: a@b-r1;to-tag=7;from-tag=8\r\n\r\n"),
    "join": (b"x\r\nJoin: a@b;to-tag=7\r\n\r\n", b"x\r\nJoin: a@b-r1;to-tag=7\r\n\r\n"),
    "refer-to": (b"x\r\nRefer-To: <sip:c@d?Replaces=a%40b%3Bto-tag%3D7>\r\n\r\n", b"x\r\nRefer-To: <sip:c@d?Replaces=a%40b-r1%3Bto-tag%3D7>\r\n\r\n"),
    "other leg": (b"x\r\nX-Call-ID: a@b\r\nP-CallID: c\r\n\r\n", b"x\r\nX-Call-ID: a@b-r1\r\nP-CallID: c-r1\r\n\r\n"),
    "elsewhere": (b"INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\nSubject: Call-ID: a\r\n\r\n",) * 2,
    "no message": (b"\r\n\r\n",) * 2,
}


@pytest.mark.parametrize(("data", "expected"), RENAMED.values(), ids=RENAMED)
def test_renamed_changes_call_ids_in_the_headers_only(data: bytes, expected: bytes) -> None:
    assert renamed(data, b"-r1") == expected


@given(st.binary(max_size=200))
def test_renamed_never_raises(data: bytes) -> None:
    assert len(renamed(data, b"-r1")) >= len(data)
