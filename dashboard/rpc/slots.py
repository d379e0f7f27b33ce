"""How many long answers are under way at once. Knows a number; knows no request."""

from collections.abc import AsyncGenerator, AsyncIterator


class Slots:
    """Room for `most` answers that are being read; each web process has its own."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self.refused = 0
        "Answers for which there was no room."

    def take(self) -> bool:
        """Take a place, if there is one."""
        if self.taken >= self.most:
            self.refused += 1
            return False
        self.taken += 1
        return True


class Held:
    """A long answer that has a place; it is free again when the answer was read, closed, or forgotten before it began."""

    def __init__(self, slots: Slots, beginning: bytes, pieces: AsyncGenerator[bytes]) -> None:
        self._slots: Slots | None = slots
        self._beginning = beginning
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            yield self._beginning
            async for piece in self._pieces:
                yield piece
        finally:
            await self._pieces.aclose()
            self.close()

    def close(self) -> None:
        """Give the place back: Django calls this at the end of a response, however it ended."""
        if self._slots is not None:
            self._slots.taken -= 1
            self._slots = None

    __del__ = close
