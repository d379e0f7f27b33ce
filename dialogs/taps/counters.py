"""What a tap counts: frames seen, packets handed on, what was skipped and what could not be read. Knows no protocol."""

from dialogs.taps.addresses import MAX_HOSTS, OTHERS, AddressBook


class Counters:
    """Counts of one tap; causes are short English words that a page may show as they are."""

    __slots__ = ("_book", "duplicates", "encrypted", "frames", "incomplete", "packets", "skipped", "undecodable", "unreachable")

    def __init__(self, book: AddressBook | None = None) -> None:
        """`book`: the address book of the tap, which counts the packets between each two endpoints."""
        self._book = book or AddressBook()

        self.frames = 0
        "Frames or datagrams looked at."

        self.packets = 0
        "Packets handed on as possible SIP."

        self.skipped: dict[str, int] = {}
        "Readable but of no interest, by cause: ARP, RTP, keep-alives, TCP segments ..."

        self.undecodable: dict[str, int] = {}
        "Not readable, by cause: cut short, unknown version ..."

        self.incomplete = 0
        "Fragmented datagrams given up: a piece never came, or a cap was reached."

        self.duplicates = 0
        "Fragments that came again after their datagram was whole."

        self.encrypted: dict[str, int] = {}
        "Hosts that sent TLS or DTLS from or to a SIP port, or IPsec, and how many packets or segments of it."

        self.unreachable: dict[str, int] = {}
        "Hosts that sent ICMP errors about SIP, and how many."

    def skip(self, cause: str) -> None:
        """Count something readable that is not for us."""
        self.skipped[cause] = self.skipped.get(cause, 0) + 1

    def fail(self, cause: str) -> None:
        """Count something that could not be read."""
        self.undecodable[cause] = self.undecodable.get(cause, 0) + 1

    def encrypt(self, host: str) -> None:
        """Count something encrypted that a host sent."""
        _count(self.encrypted, host)

    def refuse(self, host: str) -> None:
        """Count a host's ICMP error about SIP."""
        _count(self.unreachable, host)

    def peers(self) -> dict[str, tuple[int, int]]:
        """Return for each host the packets of possible SIP sent to it and by it, since the beginning.

        Walks over all pairs of endpoints that are remembered (milliseconds): for once a second, not for each packet.
        """
        return self._book.traffic()


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


def _count(counts: dict[str, int], host: str) -> None:
    """Count for a host, or for all others together once there are too many."""
    if host not in counts and len(counts) >= MAX_HOSTS:
        host = OTHERS
    counts[host] = counts.get(host, 0) + 1
