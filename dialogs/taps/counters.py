"""What a tap counts: frames seen, packets handed on, what was skipped and what could not be read. Knows no protocol."""


class Counters:
    """Counts of one tap; causes are short English words that a page may show as they are."""

    __slots__ = ("frames", "packets", "skipped", "undecodable")

    def __init__(self) -> None:
        self.frames = 0
        "Frames or datagrams looked at."

        self.packets = 0
        "Packets handed on as possible SIP."

        self.skipped: dict[str, int] = {}
        "Readable but of no interest, by cause: ARP, RTP, keep-alives, TCP segments ..."

        self.undecodable: dict[str, int] = {}
        "Not readable, by cause: cut short, unknown version ..."

    def skip(self, cause: str) -> None:
        """Count something readable that is not for us."""
        self.skipped[cause] = self.skipped.get(cause, 0) + 1

    def fail(self, cause: str) -> None:
        """Count something that could not be read."""
        self.undecodable[cause] = self.undecodable.get(cause, 0) + 1


class Counted:
    """The part that all taps share: the two sums every screen shows."""

    counters: Counters

    @property
    def packets(self) -> int:
        """Packets handed on so far."""
        return self.counters.packets

    @property
    def undecodable(self) -> int:
        """Frames or datagrams that could not be read; the causes are in `counters`."""
        return sum(self.counters.undecodable.values())
