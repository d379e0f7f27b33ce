"""How many messages of one call are stored, so that no stranger's call fills the disk. Knows calls by uid only; knows no files and no tables."""

from collections.abc import Sequence

from dashboard.history.messages import Frame, StoredMessage

MAX_CALL_MESSAGES = 2000
MAX_CALL_BYTES = 4 << 20
MAX_CALLS = 100_000
"Calls whose counts are remembered; the one idle longest is forgotten first, counted, and starts again at nothing."


class Spent:
    """What one call has used up."""

    __slots__ = ("bytes", "dropped", "messages", "noted")

    def __init__(self, messages: int = 0, size: int = 0) -> None:
        self.messages = messages
        self.bytes = size
        self.dropped = 0
        self.noted = 0


class Budget:
    """Decides what is stored of each call and counts what is not."""

    def __init__(self, max_calls: int = MAX_CALLS) -> None:
        self.max_calls = max_calls
        self.calls: dict[str, Spent] = {}
        self.forgotten = 0

    def resume(self, uid: str, frames: Sequence[Frame]) -> None:
        """Take up a call that was begun before a restart: its frames tell the least that it has used."""
        stored = [frame.length for frame in frames if frame.length]
        self.calls[uid] = spent = Spent(len(stored), sum(stored))
        spent.dropped = spent.noted = max((frame.offset for frame in frames if not frame.length), default=0)

    def take(self, uid: str, messages: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
        """Return the messages that may still be stored; the others are counted as dropped."""
        spent = self._spent(uid)
        for i, message in enumerate(messages):
            if spent.messages >= MAX_CALL_MESSAGES or spent.bytes + len(message.data) > MAX_CALL_BYTES:
                spent.dropped += len(messages) - i
                return messages[:i]
            spent.messages += 1
            spent.bytes += len(message.data)
        return messages

    def drop(self, uid: str, count: int) -> None:
        """Count messages that could not be stored after all."""
        self._spent(uid).dropped += count

    def note(self, uid: str, *, last: bool) -> Frame | None:
        """Return the record of how many were not stored, when it is due: at each doubling, and when the call is over."""
        spent = self.calls.get(uid)
        if spent is None or spent.dropped == spent.noted or not (last or spent.dropped >= 2 * spent.noted):
            return None
        spent.noted = spent.dropped
        return Frame(0, spent.dropped, 0)

    def _spent(self, uid: str) -> Spent:
        spent = self.calls.pop(uid, None) or Spent()
        self.calls[uid] = spent  # to the end: used last
        if len(self.calls) > self.max_calls:
            del self.calls[next(iter(self.calls))]
            self.forgotten += 1
        return spent
