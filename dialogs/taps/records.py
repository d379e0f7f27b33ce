"""The records of pcap and pcapng as plain functions over bytes. Knows file formats; opens no file and decodes no frame.

A format object gets the file's bytes piece by piece (`records`), keeps what belongs to the next piece, and yields
(time, link reader or None, frame). It never raises on content: a damaged record ends the reading (`damaged`).
pcap: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-06.html, pcapng: draft-ietf-opsawg-pcapng-04.
"""

import struct
from collections.abc import Iterator

from dialogs.taps.errors import CaptureError
from dialogs.taps.link import LINK_TYPES, LinkReader, unreadable

MAX_RECORD = 16 * 1024 * 1024
"A record that claims more is damage: no capture tool writes packets of that size."

LATEST_NS = 2**62
"The year 2116. Units and offsets are the file's to choose: without a limit a time may not fit 64 bits, which databases have."

Record = tuple[int, LinkReader | None, bytes]
"Capture time in ns, how to read the frame (None: a link type that is not ours), the frame."

_PCAP_MAGICS = {  # magic as stored: byte order, length of a record's head, factor from the fraction of a second to ns
    b"\xa1\xb2\xc3\xd4": (">", 16, 1000),
    b"\xd4\xc3\xb2\xa1": ("<", 16, 1000),
    b"\xa1\xb2\x3c\x4d": (">", 16, 1),
    b"\x4d\x3c\xb2\xa1": ("<", 16, 1),
    b"\xa1\xb2\xcd\x34": (">", 24, 1000),  # "modified" pcap, of an old patched libpcap
    b"\x34\xcd\xb2\xa1": ("<", 24, 1000),
}
_PCAP_HEADER = 24

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_IF_TSRESOL, _IF_TSOFFSET = 9, 14


class Pcap:
    """The classic format: one header, then records."""

    def __init__(self, header: bytes) -> None:
        """Take the file's first 24 bytes; raises CaptureError on a link type that is not ours."""
        order, self._head, self._factor = _PCAP_MAGICS[header[:4]]
        self.damaged = False
        (link_type,) = struct.unpack(order + "I", header[20:24])
        link = LINK_TYPES.get(link_type & 0xFFFF)  # above it: length of the frame check sequence
        if link is None:
            raise CaptureError(unreadable(link_type & 0xFFFF))
        self._link = link
        self._unpack = struct.Struct(order + "III").unpack_from

    start = _PCAP_HEADER
    "Where the records begin."

    def records(self, data: bytes, out: list[Record]) -> int:
        """Append the whole records in `data`; return how many bytes they took."""
        at, size = 0, len(data)
        head, factor, link, unpack = self._head, self._factor, self._link, self._unpack
        while at + head <= size:
            seconds, fraction, length = unpack(data, at)
            if length > MAX_RECORD:
                self.damaged = True
                break
            end = at + head + length
            if end > size:
                break
            out.append((seconds * 1_000_000_000 + fraction * factor, link, data[at + head : end]))
            at = end
        return at


class _Interface:
    """What an interface description block says: how to read frames and times."""

    __slots__ = ("_divisor", "_factor", "_offset_ns", "link", "link_type", "snaplen")

    def __init__(self, order: str, body: bytes) -> None:
        self.link_type, self.snaplen = struct.unpack_from(order + "HxxI", body)
        self.link = LINK_TYPES.get(self.link_type)
        options = dict(_options(order, body, 8))
        resolution = options.get(_IF_TSRESOL, b"\x06")[:1] or b"\x06"
        exponent = resolution[0] & 0x7F
        self._factor: int = 1_000_000_000
        self._divisor: int = (2 if resolution[0] & 0x80 else 10) ** exponent
        if self._factor % self._divisor == 0:
            self._factor, self._divisor = self._factor // self._divisor, 1
        offset = options.get(_IF_TSOFFSET, b"")
        self._offset_ns: int = struct.unpack(order + "q", offset)[0] * 1_000_000_000 if len(offset) == 8 else 0

    def time(self, ticks: int) -> int:
        """Turn the file's units into nanoseconds since the epoch."""
        return max(0, min(LATEST_NS, ticks * self._factor // self._divisor + self._offset_ns))


class Pcapng:
    """The newer format: blocks; several sections, several interfaces with a link type and a clock each."""

    start = 0

    def __init__(self) -> None:
        self.damaged = False
        self._order = "<"
        self._head = struct.Struct("<II").unpack_from
        self._packet = struct.Struct("<IIIII").unpack_from
        self._interfaces: list[_Interface] = []
        self._latest_ns = 0

    def records(self, data: bytes, out: list[Record]) -> int:
        """Append the packets of the whole blocks in `data`; return how many bytes the blocks took."""
        at, size = 0, len(data)
        while at + 12 <= size:
            if data[at : at + 4] == PCAPNG_MAGIC and not self._begin_section(data[at + 8 : at + 12]):
                break
            kind, length = self._head(data, at)
            if length < 12 or length & 3 or length > MAX_RECORD:
                self.damaged = True
                break
            if at + length > size:
                break
            try:
                self._block(kind, data[at + 8 : at + length - 4], out)
            except (struct.error, IndexError):
                self.damaged = True
                break
            at += length
        return at

    def _begin_section(self, order_magic: bytes) -> bool:
        order = _BYTE_ORDERS.get(order_magic)
        if order is None:
            self.damaged = True
            return False
        self._order = order
        self._head = struct.Struct(order + "II").unpack_from
        self._packet = struct.Struct(order + "IIIII").unpack_from
        return True

    def _block(self, kind: int, body: bytes, out: list[Record]) -> None:
        if kind == _PACKET:
            number, high, low, length, _ = self._packet(body)
            self._append(number, high << 32 | low, body[20 : 20 + length], out)
        elif kind == _INTERFACE:
            self._interfaces.append(_Interface(self._order, body))
        elif kind == _SECTION:
            self._interfaces.clear()
        elif kind == _SIMPLE_PACKET:
            interface = self._interfaces[0]
            (length,) = struct.unpack_from(self._order + "I", body)
            length = min(length, interface.snaplen or length)
            out.append((self._latest_ns, self._reader(interface), body[4 : 4 + length]))  # a block without a time of its own
        elif kind == _OLD_PACKET:
            number, _, high, low, length = struct.unpack_from(self._order + "HHIII", body)
            self._append(number, high << 32 | low, body[20 : 20 + length], out)

    def _append(self, number: int, ticks: int, frame: bytes, out: list[Record]) -> None:
        interface = self._interfaces[number]
        self._latest_ns = interface.time(ticks)
        out.append((self._latest_ns, self._reader(interface), frame))

    def _reader(self, interface: _Interface) -> LinkReader | None:
        """Return how to read its frames; raises CaptureError when no interface so far is of a link type of ours."""
        if interface.link is None and all(other.link is None for other in self._interfaces):
            raise CaptureError(unreadable(interface.link_type))
        return interface.link


def recognise(head: bytes) -> Pcap | Pcapng | None:
    """Tell the format from the first 24 bytes of a file; raises CaptureError on a link type that is not ours."""
    if head[:4] == PCAPNG_MAGIC and head[8:12] in _BYTE_ORDERS:
        return Pcapng()
    return Pcap(head) if head[:4] in _PCAP_MAGICS and len(head) >= _PCAP_HEADER else None


def _options(order: str, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield (code, value) of a block's options, as far as they are whole."""
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 0 or at + 4 + length > len(body):
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + (length + 3 & ~3)
