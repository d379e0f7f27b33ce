import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.taps.icmp import ICMP, ICMP_V6, quotes_sip
from dialogs.taps.ip import Decoder
from dialogs.taps.link import LINK_TYPES

from .frames import INVITE, V4, V6, ethernet, ipv4, ipv6, udp
from .tunnelled import gre, over

SIP_PORTS = frozenset((5060, 5061))
ELSEWHERE = (20_000, 20_001)


def error(kind: int, quoted: bytes) -> bytes:
    return bytes([kind, 3]) + bytes(6) + quoted


MESSAGES = {
    "port unreachable, quoting the text": (ICMP, error(3, ipv4(udp(ports=ELSEWHERE))), True),
    "port unreachable, quoting 8 bytes": (ICMP, error(3, ipv4(udp())[:28]), True),
    "quoting options": (ICMP, error(3, ipv4(udp(), options=bytes(8))[:36]), True),
    "time exceeded": (ICMP, error(11, ipv4(udp())), True),
    "parameter problem": (ICMP, error(12, ipv4(udp())), True),
    "quoting tcp": (ICMP, error(3, ipv4(udp()[:8], protocol=6)), True),
    "v6 unreachable": (ICMP_V6, error(1, ipv6(udp())[:48]), True),
    "v6 too big": (ICMP_V6, error(2, ipv6(udp(ports=ELSEWHERE))), True),
    "about something else": (ICMP, error(3, ipv4(udp(b"rtp", ports=ELSEWHERE))), False),
    "about a later fragment": (ICMP, error(3, ipv4(udp(b""), fragment=100)), False),
    "about an echo": (ICMP, error(3, ipv4(b"\x13\xc4\x13\xc4", protocol=1)), False),
    "an echo that holds a call": (ICMP, error(8, ipv4(udp())), False),
    "a neighbour solicitation": (ICMP_V6, error(135, ipv6(udp())), False),
    "quoting too little": (ICMP, error(3, ipv4(udp())[:22]), False),
    "quoting nothing": (ICMP, error(3, b""), False),
    "empty": (ICMP, b"", False),
}


@pytest.mark.parametrize(("protocol", "message", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_quotes_sip_reads_the_quotation(protocol: int, message: bytes, expected: bool) -> None:
    assert quotes_sip(protocol, message, SIP_PORTS) is expected


@given(st.sampled_from([ICMP, ICMP_V6]), st.binary(max_size=80))
def test_quotes_sip_never_raises(protocol: int, message: bytes) -> None:
    quotes_sip(protocol, b"\x03" + message, SIP_PORTS)


def test_error_about_sip_is_evidence_and_no_message() -> None:
    quotation = error(3, ipv4(udp(INVITE)))
    frames = [over(1, quotation), over(1, error(0, ipv4(udp()))), ethernet(ipv6(error(1, ipv6(udp())), following=58), kind=0x86DD)]
    frames.append(over(47, gre(0x0800, ipv4(quotation, protocol=1))))
    decoder = Decoder("file:x")
    out: list[object] = []
    for frame in frames:
        decoder.decode(1, LINK_TYPES[1], frame, out)  # type: ignore[arg-type]
    assert (out, decoder.counters.unreachable) == ([], {V4[0]: 2, V6[0]: 1})
    assert decoder.counters.skipped == {"ICMP": 3, "ICMPv6": 1}
