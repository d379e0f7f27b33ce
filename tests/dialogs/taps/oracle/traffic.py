"""SIP messages of a recording, taken out of their packets, and who sent them to whom. Knows recordings; knows no header below SIP.

A capture is made anew from these with addresses of its own, so that many captures can be judged in one merged file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dialogs.sip import parse
from dialogs.taps import CaptureFile
from tests.dialogs.taps.captures import CAPTURES, REPOSITORY

LIMITS = (6, 60)
"Messages that a recording may have: enough to mean something, few enough for hundreds of captures."


class Host(NamedTuple):
    """One transport address of a made capture: `number` becomes the address, in whatever family."""

    number: int
    port: int


@dataclass(frozen=True)
class Sent:
    """One message on its way."""

    at_ns: int
    source: Host
    destination: Host
    data: bytes


@cache
def messages(path: Path) -> tuple[Sent, ...]:
    """Return the SIP messages of a recording that came in UDP, hosts numbered from 1."""
    numbers: dict[str, int] = {}

    def host(name: str, port: int) -> Host:
        return Host(numbers.setdefault(name, len(numbers) + 1), port)

    return tuple(
        Sent(packet.at_ns, host(*packet.source), host(*packet.destination), packet.data)
        for packet in CaptureFile(path)
        if packet.transport == "udp" and parse(packet.data) is not None
    )


def sources() -> list[Path]:
    """Return the recordings to start from: our own, and those elsewhere when they are there."""
    return [path for path in _candidates() if LIMITS[0] <= len(messages(path)) <= LIMITS[1] and _is_sip_to_all(messages(path))]


def _candidates() -> Iterator[Path]:
    yield from sorted((REPOSITORY / "tests" / "recordings").glob("*/capture.pcap"))
    yield from sorted(CAPTURES.glob("*/capture.pcap"))
    yield from sorted(path for path in CAPTURES.glob("public/*.pcap*") if path.suffix in {".pcap", ".pcapng"})


def _is_sip_to_all(sent: tuple[Sent, ...]) -> bool:
    """Tell whether every message has a port that tshark takes for SIP without guessing, and an end of its headers."""
    return all(5060 in {one.source.port, one.destination.port} and b"\r\n\r\n" in one.data for one in sent)
