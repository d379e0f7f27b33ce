"""IP fragments put together again, both versions alike. Knows keys, offsets and bytes; knows no header and no clock but the capture's.

Bounded on three sides: datagrams kept, bytes kept, pieces of one datagram. What goes incomplete is counted.
Where pieces overlap, the one that begins first wins; a piece that contradicts an earlier one of the same place starts the datagram anew,
because the sender's 16 bit identification has come round. A piece that comes again once its datagram is whole (a mirror that shows each frame
twice) is a duplicate, not the beginning of another datagram that then stays incomplete.
"""

from collections import OrderedDict

from dialogs.taps.counters import Counters

MAX_DATAGRAMS = 4096
MAX_BYTES = 16 * 1024 * 1024
MAX_PIECES = 256
MAX_DATAGRAM_BYTES = 65_535
PATIENCE_NS = 30 * 1_000_000_000
"How long a datagram waits for its missing pieces; Linux waits as long."

MAX_DONE = 1024
"Whole datagrams of which duplicates are still known."

DUPLICATE_NS = 100_000_000
"How long a piece that comes again is the same frame mirrored twice; a retransmission of SIP comes after 500 ms. RFC 3261, section 17.1.1.1"


class _Datagram:
    """The pieces of one datagram that have come so far."""

    __slots__ = ("first_ns", "pieces", "size", "total")

    def __init__(self, first_ns: int) -> None:
        self.first_ns = first_ns
        self.pieces: dict[int, bytes] = {}
        self.size = 0
        self.total = -1
        "Known once the last piece has come."

    def contradicts(self, offset: int, piece: bytes) -> bool:
        """Tell whether another piece with other bytes came for the same place; one may be longer than the other."""
        known = self.pieces.get(offset)
        return known is not None and not (known.startswith(piece) or piece.startswith(known))

    def keep(self, offset: int, piece: bytes) -> int:
        """Keep a piece, of two for the same place the longer; return by how many bytes the datagram has grown."""
        grown = len(piece) - len(self.pieces.get(offset, b""))
        if grown <= 0:
            return 0
        self.pieces[offset] = piece
        self.size += grown
        return grown

    def whole(self) -> bytes | None:
        """Return all bytes in order, or None while a piece is missing."""
        if self.total < 0 or self.size < self.total or not self._reaches_the_end():
            return None
        out = bytearray()
        for offset in sorted(self.pieces):
            out += self.pieces[offset][len(out) - offset :]
        return bytes(out[: self.total])

    def _reaches_the_end(self) -> bool:
        reach = 0
        for offset in sorted(self.pieces):
            if offset > reach:
                break
            reach = max(reach, offset + len(self.pieces[offset]))
        return reach >= self.total


class Reassembler:
    """Collects fragments until a datagram is whole."""

    __slots__ = ("_bytes", "_counters", "_datagrams", "_done")

    def __init__(self, counters: Counters | None = None) -> None:
        """`counters`: those of the tap."""
        # a plain dict finds its oldest entry by walking over all that were deleted: with a flood that is all of them
        self._datagrams: OrderedDict[bytes, _Datagram] = OrderedDict()
        self._done: OrderedDict[bytes, tuple[int, set[tuple[int, int]]]] = OrderedDict()
        self._bytes = 0
        self._counters = counters or Counters()

    @property
    def incomplete(self) -> int:
        """Datagrams given up: a piece never came, or a cap was reached."""
        return self._counters.incomplete

    def add(self, at_ns: int, key: bytes, offset: int, more: bool, piece: bytes) -> bytes | None:
        """Take one fragment; return the datagram's bytes when this one completes it.

        `key` names the datagram (addresses, identification, protocol), `offset` is in bytes, `more` says that others follow behind it.
        """
        if not piece or offset + len(piece) > MAX_DATAGRAM_BYTES:
            self._counters.incomplete += 1
            return None
        if key in self._done and self._is_duplicate(at_ns, key, offset, piece):
            self._counters.duplicates += 1
            return None
        datagram = self._datagram(at_ns, key, offset, piece)
        self._bytes += datagram.keep(offset, piece)
        if not more:
            datagram.total = offset + len(piece)
        whole = datagram.whole()
        if whole is not None:
            self._finished(at_ns, key, datagram)
        elif len(datagram.pieces) > MAX_PIECES:
            self._give_up(key)
        return whole

    def finish(self) -> None:
        """Give up all that still wait: nothing more will come."""
        while self._datagrams:
            self._give_up(next(iter(self._datagrams)))

    def __len__(self) -> int:
        return len(self._datagrams)

    def _datagram(self, at_ns: int, key: bytes, offset: int, piece: bytes) -> _Datagram:
        found = self._datagrams.get(key)
        if found is not None and (at_ns - found.first_ns >= PATIENCE_NS or found.contradicts(offset, piece)):
            self._give_up(key)
            found = None
        if found is None:
            self._make_room(at_ns)
            found = self._datagrams[key] = _Datagram(at_ns)
        return found

    def _make_room(self, at_ns: int) -> None:
        """Give up the oldest while they are too old or too many."""
        while self._datagrams:
            key = next(iter(self._datagrams))
            full = len(self._datagrams) >= MAX_DATAGRAMS or self._bytes >= MAX_BYTES
            if not full and at_ns - self._datagrams[key].first_ns < PATIENCE_NS:
                return
            self._give_up(key)

    def _give_up(self, key: bytes) -> None:
        self._bytes -= self._datagrams.pop(key).size
        self._counters.incomplete += 1

    def _finished(self, at_ns: int, key: bytes, datagram: _Datagram) -> None:
        """Forget the pieces, but for knowing them again."""
        self._bytes -= self._datagrams.pop(key).size
        self._done[key] = at_ns, {(offset, hash(piece)) for offset, piece in datagram.pieces.items()}
        self._done.move_to_end(key)
        if len(self._done) > MAX_DONE:
            self._done.popitem(last=False)

    def _is_duplicate(self, at_ns: int, key: bytes, offset: int, piece: bytes) -> bool:
        done_ns, pieces = self._done[key]
        if abs(at_ns - done_ns) < DUPLICATE_NS and (offset, hash(piece)) in pieces:
            return True
        del self._done[key]  # the identification has come round: what follows is another datagram
        return False
