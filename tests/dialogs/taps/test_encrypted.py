import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.taps.encrypted import looks_encrypted
from dialogs.taps.ip import Decoder
from dialogs.taps.link import LINK_TYPES

from .frames import INVITE, V4, V6, ipv4, ipv6, udp

DTLS_HELLO = b"\x16\xfe\xff" + bytes(8) + b"\x00\x05hello"
PAYLOADS = {
    "tls 1.0 handshake": (b"\x16\x03\x01\x00\xc0\x01", True),
    "tls 1.2 application": (b"\x17\x03\x03\x04\x00" + bytes(20), True),
    "tls alert": (b"\x15\x03\x03\x00\x02", True),
    "tls change of cipher": (b"\x14\x03\x03\x00\x01\x01", True),
    "dtls 1.0": (DTLS_HELLO, True),
    "dtls 1.2": (b"\x17\xfe\xfd" + bytes(8) + b"\x00\x02ab", True),
    "dtls cut short": (DTLS_HELLO[:12], False),
    "empty record": (b"\x17\x03\x03\x00\x00", False),
    "record too long": (b"\x17\x03\x03\x50\x00", False),
    "other version": (b"\x16\x02\x01\x00\xc0", False),
    "other content": (b"\x18\x03\x03\x00\x02", False),
    "head cut short": (b"\x16\x03\x01\x00", False),
    "nothing": (b"", False),
    "sip": (INVITE, False),
    "rtp": (b"\x80\x00" + bytes(20), False),
    "keep-alive": (b"\r\n\r\n\r\n", False),
}


@pytest.mark.parametrize(("payload", "expected"), PAYLOADS.values(), ids=PAYLOADS)
def test_looks_encrypted_knows_records(payload: bytes, expected: bool) -> None:
    assert looks_encrypted(payload) is expected


@given(st.binary(max_size=40))
def test_looks_encrypted_never_raises(payload: bytes) -> None:
    assert looks_encrypted(payload) in (True, False)


def test_looks_encrypted_knows_a_real_client_hello() -> None:
    sent = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="example.net")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    assert looks_encrypted(sent.read())


def counted(*frames: bytes, ports: tuple[int, ...] = ()) -> tuple[dict[str, int], dict[str, int]]:
    decoder = Decoder("file:x", ports=ports)
    for frame in frames:
        decoder.decode(1, LINK_TYPES[101], frame, [])
    return decoder.counters.encrypted, decoder.counters.skipped


def test_encrypted_is_counted_for_its_sender() -> None:
    esp = [ipv4(bytes(40), protocol=50), ipv6(bytes(40), following=50), ipv4(bytes(40), protocol=50)]
    assert counted(*esp, ipv4(udp(DTLS_HELLO))) == ({V4[0]: 3, V6[0]: 1}, {"IPsec": 3, "DTLS": 1})


def test_dtls_of_media_is_not_sip() -> None:
    assert counted(ipv4(udp(DTLS_HELLO, ports=(20_000, 30_000)))) == ({}, {"DTLS": 1})


def test_dtls_is_sip_on_the_ports_that_were_named_and_on_that_of_tls() -> None:
    frames = [ipv4(udp(DTLS_HELLO, ports=(20_000, port))) for port in (5060, 5061, 7000)]
    assert counted(*frames, ports=(7000,)) == ({V4[0]: 2}, {"DTLS": 3})
