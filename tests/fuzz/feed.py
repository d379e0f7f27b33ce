"""Bytes of a fuzzer as numbers and pieces, and the other way round for the corpus. Knows nothing of what they become."""

import struct


class Feed:
    """Takes a fuzzer's input apart from the front; at the end everything is zero and empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        """Return a number of 8 bits."""
        return int.from_bytes(self.piece(1), "big")

    def short(self) -> int:
        """Return a number of 16 bits."""
        return int.from_bytes(self.piece(2), "big")

    def piece(self, size: int) -> bytes:
        """Return so many bytes, or as many as there are."""
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def sized(self) -> bytes:
        """Return a piece that has its length in front."""
        return self.piece(self.short())

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.piece(len(self._data))


def sized(piece: bytes) -> bytes:
    """Put a piece's length in front of it, for `Feed.sized`."""
    return struct.pack("!H", len(piece)) + piece
