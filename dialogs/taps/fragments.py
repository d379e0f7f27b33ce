"""IP fragments put together again, both versions alike. Knows keys, offsets and bytes; knows no header and no clock but the capture's.

Bounded on three sides: datagrams kept, bytes kept, pieces of one datagram. What goes incomplete is counted.
Where pieces overlap, the one that begins first wins; a piece that contradicts an earlier one of the same place starts the datagram anew,
because the sender's 16 bit identification has come round.
"""

MAX_DATAGRAMS = 4096
MAX_BYTES = 16 * 1024 * 1024
MAX_PIECES = 256
MAX_DATAGRAM_BYTES = 65_535
PATIENCE_NS = 30 * 1_000_000_000
"How long a datagram waits for its missing pieces; Linux waits as long."


class _Datagram:
    """The pieces of one datagram that have come so far."""

    __slots__ = ("first_ns", "pieces", "size", "total")

    def __init__(self, first_ns: int) -> None:
        self.first_ns = first_ns
        self.pieces: dict[int, bytes] = {}
        self.size = 0
        self.total = -1
        "Known once the last piece has come."

    def whole(self) -> bytes | None:
        """Return all bytes in order, or None while a piece is missing."""
        if self.total < 0 or self.size < self.total:
            return None
        out = bytearray()
        for offset in sorted(self.pieces):
            if offset > len(out):
                return None
            out += self.pieces[offset][len(out) - offset :]
        return bytes(out[: self.total]) if len(out) >= self.total else None


class Reassembler:
    """Collects fragments until a datagram is whole."""

    __slots__ = ("_bytes", "_datagrams", "incomplete")

    def __init__(self) -> None:
        self._datagrams: dict[bytes, _Datagram] = {}
        self._bytes = 0
        self.incomplete = 0
        "Datagrams given up: a piece never came, or a cap was reached."

    def add(self, at_ns: int, key: bytes, offset: int, more: bool, piece: bytes) -> bytes | None:
        """Take one fragment; return the datagram's bytes when this one completes it.

        `key` names the datagram (addresses, identification, protocol), `offset` is in bytes, `more` says that others follow behind it.
        """
        if not piece or offset + len(piece) > MAX_DATAGRAM_BYTES:
            self.incomplete += 1
            return None
        datagram = self._datagram(at_ns, key, offset, piece)
        if offset not in datagram.pieces:
            datagram.pieces[offset] = piece
            datagram.size += len(piece)
            self._bytes += len(piece)
        if not more:
            datagram.total = offset + len(piece)
        whole = datagram.whole()
        if whole is not None or len(datagram.pieces) > MAX_PIECES:
            self._drop(key)
            self.incomplete += whole is None
        return whole

    def __len__(self) -> int:
        return len(self._datagrams)

    def _datagram(self, at_ns: int, key: bytes, offset: int, piece: bytes) -> _Datagram:
        found = self._datagrams.get(key)
        if found is not None and found.pieces.get(offset, piece) != piece:
            self._drop(key)
            self.incomplete += 1
            found = None
        if found is None:
            self._make_room(at_ns)
            found = self._datagrams[key] = _Datagram(at_ns)
        return found

    def _make_room(self, at_ns: int) -> None:
        """Give up the oldest while they are too old or too many."""
        while self._datagrams:
            key, oldest = next(iter(self._datagrams.items()))
            full = len(self._datagrams) >= MAX_DATAGRAMS or self._bytes >= MAX_BYTES
            if not full and at_ns - oldest.first_ns < PATIENCE_NS:
                return
            self._drop(key)
            self.incomplete += 1

    def _drop(self, key: bytes) -> None:
        self._bytes -= self._datagrams.pop(key).size
