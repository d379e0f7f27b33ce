import gzip
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.packet import Endpoint, Packet
from dialogs.taps import HepMessage, decode_hep
from dialogs.taps.hep import MAX_INFLATED, NO_KEY, WRONG_KEY, frame_size

from .frames import INVITE, V6, chunk, hep3, hep_of

NOW = 1_800_000_000_000_000_000
SAMPLE = bytes.fromhex(
    "48455033 0071 00000001000702 00000002000711 00000003000a d4ca0001 00000004000a 527400d3 000000070008 2eea 000000080008 13c4"
    "00000009000a 4e4982cb 0000000a000a 0001d4c0 0000000b0007 01 0000000c000a 000000e4 0000000f0014 494e56495445207369703a626f62"
)
FOUR = chunk(3, b"\xc0\x00\x02\x01") + chunk(4, b"\xc0\x00\x02\x02")
SIX = chunk(5, bytes.fromhex("20010db8000000000000000000000001")) + chunk(6, bytes.fromhex("20010db8000000000000000000000002"))
BODY = chunk(15, INVITE)


def packet(datagram: bytes) -> Packet:
    message = decode_hep(datagram, NOW, "hep:x")
    assert message is not None
    return message.packet


def test_specification_sample() -> None:
    message = decode_hep(SAMPLE, NOW, "hep:x")
    expected = Packet(1_313_440_459_120_000_000, Endpoint("212.202.0.1", 12010), Endpoint("82.116.0.211", 5060), "udp", b"INVITE sip:bob", "hep:x")
    assert message == HepMessage(expected, 1, 228)


def test_eep3_vendor_chunks_and_any_order() -> None:
    datagram = hep3(BODY, chunk(15, b"not this", vendor=4), chunk(200, b"?"), chunk(8, b"\x00\x07"), SIX, chunk(2, b"\x06"), magic=b"EEP3")
    assert packet(datagram) == Packet(NOW, Endpoint(V6[0], 0), Endpoint(V6[1], 7), "tcp", INVITE, "hep:x")


def test_optional_chunks_are_kept() -> None:
    message = decode_hep(hep3(FOUR, chunk(11, b"\x05"), chunk(14, b"secret"), chunk(17, b"a@b"), chunk(19, b"proxy-1"), chunk(12, b"\0\0\0\x07"), BODY), NOW)
    assert message is not None
    assert message[1:] == (5, 7, b"proxy-1", b"secret", b"a@b")


@pytest.mark.parametrize(("number", "transport"), [(6, "tcp"), (17, "udp"), (22, "tls"), (132, "sctp"), (99, "udp")])
def test_transport_follows_the_protocol(number: int, transport: str) -> None:
    assert packet(hep3(FOUR, BODY, chunk(2, bytes([number])))).transport == transport


def test_both_families_are_settled_by_the_family_chunk() -> None:
    assert packet(hep3(FOUR, SIX, BODY, chunk(1, b"\x0a"))).source.host == V6[0]
    assert packet(hep3(FOUR, SIX, BODY, chunk(1, b"\x02"))).source.host == "192.0.2.1"


def test_seconds_of_eight_bytes_are_cut_to_four() -> None:
    assert packet(hep3(FOUR, BODY, chunk(9, b"\xff" * 4 + b"\0\0\0\x01"))).at_ns == 1_000_000_000


def test_too_many_microseconds_are_cut() -> None:
    assert packet(hep3(FOUR, BODY, chunk(9, b"\0\0\0\x01"), chunk(10, b"\xff\xff\xff\xff"))).at_ns == 1_999_999_000


@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress])
def test_compressed_payload_is_inflated(compress: "type[bytes]") -> None:
    assert packet(hep3(FOUR, chunk(16, compress(INVITE)))).data == INVITE


@pytest.mark.parametrize(("sent", "answer"), [(b"wrong", WRONG_KEY), (b"", WRONG_KEY), (b"secret, and more", WRONG_KEY), (None, NO_KEY)])
def test_wrong_key_opens_nothing(sent: bytes | None, answer: HepMessage) -> None:
    key = () if sent is None else (chunk(14, sent),)
    bomb = chunk(16, zlib.compress(bytes(MAX_INFLATED + 1)))
    assert decode_hep(hep3(FOUR, *key, bomb), NOW, key=b"secret") is answer


def test_right_key_opens() -> None:
    message = decode_hep(hep3(FOUR, BODY, chunk(14, b"secret")), NOW, key=b"secret")
    assert message is not None
    assert (message.packet.data, message.key) == (INVITE, b"secret")


@pytest.mark.parametrize("version", [1, 2])
def test_versions_without_keys_do_not_pass_when_one_is_asked_for(version: int) -> None:
    assert decode_hep(old(version, bytes(12) + INVITE), NOW, key=b"secret") is NO_KEY


def test_time_of_zero_is_no_time() -> None:
    assert packet(hep3(FOUR, BODY, chunk(9, bytes(4)), chunk(10, bytes(4)))).at_ns == NOW
    assert packet(old(2, bytes(12) + INVITE)).at_ns == NOW


@pytest.mark.parametrize("family", [10, 28, 30])
def test_ipv6_of_every_system_is_known(family: int) -> None:
    datagram = bytearray(old(1, INVITE, six=True))
    datagram[2] = family
    assert packet(bytes(datagram)).source == Endpoint("2001:db8::1", 5060)


@pytest.mark.parametrize(
    ("head", "size"), [(b"HEP3\0\x71", 113), (b"EEP3\xff\xff", 65535), (b"HEP3\0\x06", 6), (b"HEP3\0\x05", 0), (b"HEP2\0\x71", 0), (b"GET / ", 0)]
)
def test_frame_size_is_the_length_in_the_head(head: bytes, size: int) -> None:
    assert frame_size(head, 0) == size
    assert frame_size(bytearray(b"..." + head), 3) == size


def old(version: int, rest: bytes, *, six: bool = False) -> bytes:
    addresses = bytes.fromhex("20010db8000000000000000000000001" * 2) if six else b"\xc0\x00\x02\x01\xc0\x00\x02\x02"
    return struct.pack("!BBBBHH", version, 40 if six else 16, 10 if six else 2, 17, 5060, 5061) + addresses + rest


def test_version_1_gets_the_time_of_its_arrival() -> None:
    assert packet(old(1, INVITE)) == Packet(NOW, Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5061), "udp", INVITE, "hep:x")
    assert packet(old(1, INVITE, six=True)).source == Endpoint("2001:db8::1", 5060)


@pytest.mark.parametrize("padding", [b"\0\0", b"", b"\x9c\x7f", b"AB"])
def test_version_2_has_time_and_agent_with_or_without_padding(padding: bytes) -> None:
    message = decode_hep(old(2, struct.pack("<IIH", 1_700_000_000, 120_000, 228) + padding + INVITE), NOW)
    assert message is not None
    assert (message.packet.at_ns, message.packet.data, message.agent) == (1_700_000_000_120_000_000, INVITE, 228)


BAD = {
    "empty": b"",
    "text": INVITE,
    "magic only": b"HEP3",
    "truncated": SAMPLE[:-1],
    "cut in a chunk head": SAMPLE[:30],
    "chunk shorter than its head": hep3(FOUR, b"\0\0\0\x0f\0\x05"),
    "chunk longer than the rest": hep3(FOUR, b"\0\0\0\x0f\0\x50abc"),
    "no payload": hep3(FOUR),
    "no addresses": hep3(BODY),
    "one address": hep3(chunk(3, bytes(4)), BODY),
    "address of 3 bytes": hep3(chunk(3, bytes(3)), chunk(4, bytes(4)), BODY),
    "no zlib": hep3(FOUR, chunk(16, b"not compressed")),
    "unfinished zlib": hep3(FOUR, chunk(16, zlib.compress(INVITE)[:-6])),
    "zlib bomb": hep3(FOUR, chunk(16, zlib.compress(bytes(MAX_INFLATED + 1)))),
    "version 1 without message": old(1, b""),
    "version 2 without message": old(2, bytes(12)),
    "version 2 cut in the time": old(2, bytes(5)),
}


@pytest.mark.parametrize("datagram", BAD.values(), ids=BAD)
def test_damaged_datagram_is_none(datagram: bytes) -> None:
    assert decode_hep(datagram, NOW) is None


def test_every_cut_and_every_flipped_byte_is_survived() -> None:
    whole = hep_of(INVITE)
    for at in range(len(whole)):
        assert decode_hep(whole[:at], NOW) is None
        decode_hep(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :], NOW)


@given(st.sampled_from([b"", b"HEP3", b"EEP3", b"\x01\x10\x02", b"\x01\x28\x0a", b"\x02\x10\x02", b"\x02\x28\x0a"]), st.binary(max_size=120))
def test_decode_never_raises(start: bytes, rest: bytes) -> None:
    decode_hep(start + rest, NOW)


@given(st.sampled_from([b"HEP3", b"EEP3"]), st.integers(0, 65535), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 65535), st.binary(max_size=9))))
def test_lying_lengths_never_raise(magic: bytes, total: int, chunks: list[tuple[int, int, bytes]]) -> None:
    body = b"".join(struct.pack("!HHH", 0, kind, length) + value for kind, length, value in chunks)
    decode_hep(magic + struct.pack("!H", total) + body, NOW)
    decode_hep(magic + struct.pack("!H", 6 + len(body)) + body, NOW, key=b"k")


@given(st.lists(st.tuples(st.integers(0, 20), st.binary(max_size=20)), max_size=12))
def test_decode_never_raises_on_any_chunks(chunks: list[tuple[int, bytes]]) -> None:
    decode_hep(hep3(*(chunk(kind, value) for kind, value in chunks)), NOW)
