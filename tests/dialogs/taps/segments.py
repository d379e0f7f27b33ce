"""TCP for the tap tests: a stream cut into segments, and what a tap makes of them. Plain functions over bytes."""

from dataclasses import dataclass, field

from dialogs.packet import Packet
from dialogs.taps.addresses import AddressBook
from dialogs.taps.counters import Counters
from dialogs.taps.encrypted import looks_encrypted
from dialogs.taps.tcp import SYN, Streams

AT = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
KEY = bytes([192, 0, 2, 1, 192, 0, 2, 2]) + b"\x13\xc4\x13\xc5"
BACK = bytes([192, 0, 2, 2, 192, 0, 2, 1]) + b"\x13\xc5\x13\xc4"


def message(number: int, body: bytes = b"", start: bytes = b"OPTIONS sip:bob@example.net SIP/2.0") -> bytes:
    return start + b"\r\nVia: SIP/2.0/TCP h\r\nCall-ID: %d@h\r\nContent-Length: %d\r\n\r\n" % (number, len(body)) + body


@dataclass
class Tap:
    """Streams with what they gave."""

    counters: Counters = field(default_factory=Counters)
    packets: list[Packet] = field(default_factory=list)
    now_ns: int = AT
    encrypted: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.streams = Streams("file:x", self.counters, AddressBook(), self.is_encrypted)

    def is_encrypted(self, key: bytes, payload: bytes) -> bool:
        if looks_encrypted(payload):
            self.encrypted.append(key)
        return looks_encrypted(payload)

    def send(self, sequence: int, payload: bytes = b"", flags: int = 0, *, key: bytes = KEY, missing: int = 0) -> "Tap":
        self.streams.segment(self.now_ns, key, sequence & 0xFFFFFFFF, flags, payload, self.packets, missing)
        return self

    def open(self, first: int = 1, *, key: bytes = KEY) -> "Tap":
        """Send the SYN before a first byte."""
        return self.send(first - 1, flags=SYN, key=key)

    def wait(self, seconds: float) -> "Tap":
        self.now_ns += int(seconds * SECOND)
        return self

    @property
    def messages(self) -> list[bytes]:
        return [packet.data for packet in self.packets]
