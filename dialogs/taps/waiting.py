"""Segments of one direction that came before their turn. Knows positions and bytes; knows no connection and no time."""

import heapq


class Waiting:
    """Pieces by position, lowest first; of two that begin alike the longer is kept, where pieces overlap the one that begins first wins."""

    __slots__ = ("_pieces", "_places", "size")

    def __init__(self) -> None:
        self._pieces: dict[int, bytes] = {}
        self._places: list[int] = []
        self.size = 0
        "Bytes kept."

    def __len__(self) -> int:
        return len(self._places)

    @property
    def first(self) -> int:
        """Where the lowest piece begins; there must be one."""
        return self._places[0]

    def add(self, place: int, piece: bytes) -> bool:
        """Keep a piece; returns whether it brought anything."""
        held = self._pieces.get(place)
        if held is None:
            heapq.heappush(self._places, place)
        elif len(held) >= len(piece):
            return False
        self._pieces[place] = piece
        self.size += len(piece) - len(held or b"")
        return True

    def take(self, position: int) -> bytes | None:
        """Return what follows at a position and forget it, b"" for a piece that is wholly behind it; None while the next one begins later."""
        if not self._places or self._places[0] > position:
            return None
        place = heapq.heappop(self._places)
        piece = self._pieces.pop(place)
        self.size -= len(piece)
        return piece[position - place :]
