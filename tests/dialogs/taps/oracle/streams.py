"""Messages as TCP connections: segments of any size, lost order, repeated and overlapping ones, WebSocket frames. Knows TCP; knows no IP."""

import base64
import itertools
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.dialogs.taps.oracle.traffic import Host, Sent

SYN, ACK, PUSH, FIN = 2, 16, 8, 1
WEB_PORT = 8080


@dataclass(frozen=True)
class Segment:
    """One TCP segment on its way."""

    at_ns: int
    source: Host
    destination: Host
    sequence: int
    acknowledged: int
    flags: int
    payload: bytes = b""

    @property
    def bytes(self) -> bytes:
        """The segment as it follows the IP header."""
        ports = self.source.port, self.destination.port
        return struct.pack("!HHIIBBHHH", *ports, self.sequence, self.acknowledged, 0x50, self.flags, 65_000, 0, 0) + self.payload


@dataclass
class Way:
    """One direction of a connection."""

    sequence: int
    closed: bool = False


@dataclass
class Connection:
    """Both directions between two hosts."""

    ends: tuple[Host, Host]
    ways: dict[Host, Way] = field(default_factory=dict)

    def segment(self, at_ns: int, source: Host, flags: int, payload: bytes = b"") -> Segment:
        """Send the next bytes of one direction."""
        destination = self.ends[1] if source == self.ends[0] else self.ends[0]
        way, back = self.ways[source], self.ways[destination]
        made = Segment(at_ns, source, destination, way.sequence, back.sequence if flags & ACK else 0, flags, payload)
        way.sequence = (way.sequence + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        return made


@dataclass(frozen=True)
class StreamRecipe:
    """What becomes of a stream."""

    web: bool = False
    "WebSocket frames instead of bare messages."

    handshake: bool = True
    pieces: int = 4
    "Segments of one message, at most."

    joined: bool = False
    "Messages that one host sends the other without another message between them share segments."

    shuffled: bool = False
    repeated: bool = False
    overlapping: bool = False
    keep_alives: bool = False


class Wire:
    """Turns messages into segments, a group for each message (or joined messages): within a group order may change, groups keep theirs."""

    def __init__(self, recipe: StreamRecipe, chance: random.Random) -> None:
        self.recipe = recipe
        self.chance = chance
        self.connections: dict[frozenset[Host], Connection] = {}

    def groups(self, sent: tuple[Sent, ...]) -> Iterator[list[Segment]]:
        """Yield the segments of all connections."""
        for batch in _batches(sent, joined=self.recipe.joined):
            first = batch[0]
            source, destination = self._web_ends(first) if self.recipe.web else (first.source, first.destination)
            key = frozenset((source, destination))
            connection = self.connections.get(key)
            if connection is None:
                connection = self.connections[key] = self._connect(source, destination)
                yield from self._opening(connection, first.at_ns)
            if self.recipe.keep_alives and self.chance.random() < 0.4:
                # in a segment of its own: tshark takes a segment that begins with an empty line, and what follows in it, for no SIP
                yield [connection.segment(first.at_ns, source, PUSH | ACK, self.chance.choice((b"\r\n\r\n", b"\r\n")))]
            yield self._data(connection, source, batch)
        for connection in self.connections.values():
            yield [connection.segment(sent[-1].at_ns, end, FIN | ACK) for end in connection.ends]

    def _web_ends(self, sent: Sent) -> tuple[Host, Host]:
        """A web server listens on a port of the web, the client is the other one."""
        return tuple(host._replace(port=WEB_PORT) if host.port == 5060 else host for host in (sent.source, sent.destination))  # type: ignore[return-value]

    def _connect(self, source: Host, destination: Host) -> Connection:
        # 2**32 - 500: the sequence numbers come round in the middle of the first message
        starts = [self.chance.choice((self.chance.randrange(1 << 32), (1 << 32) - self.chance.randrange(1, 500))) for _ in range(2)]
        client, server = (destination, source) if self.recipe.web and source.port == WEB_PORT else (source, destination)
        return Connection((client, server), {client: Way(starts[0]), server: Way(starts[1])})

    def _opening(self, connection: Connection, at_ns: int) -> Iterator[list[Segment]]:
        client, server = connection.ends
        if self.recipe.handshake or self.recipe.web:
            yield [connection.segment(at_ns, client, SYN)]
            yield [connection.segment(at_ns, server, SYN | ACK)]
            yield [connection.segment(at_ns, client, ACK)]
        if self.recipe.web:
            yield [connection.segment(at_ns, client, PUSH | ACK, upgrade(self.chance))]
            yield [connection.segment(at_ns, server, PUSH | ACK, UPGRADED)]

    def _data(self, connection: Connection, source: Host, batch: list[Sent]) -> list[Segment]:
        is_client = source == connection.ends[0]
        stream = b"".join(self._framed(sent.data, masked=is_client) for sent in batch)
        edges = sorted({0, len(stream), *(self.chance.randrange(1, len(stream)) for _ in range(self.chance.randint(0, self.recipe.pieces - 1)))})
        segments = [connection.segment(batch[-1].at_ns, source, PUSH | ACK, stream[start:end]) for start, end in itertools.pairwise(edges)]
        return self._disturbed(segments)

    def _framed(self, message: bytes, *, masked: bool) -> bytes:
        if self.recipe.web:
            # tshark 4.0 misses some fragmented messages of WebSocket that share a segment with another message
            return web_frames(message, masked=masked, chance=self.chance, most=1 if self.recipe.joined else 3)
        return message

    def _disturbed(self, segments: list[Segment]) -> list[Segment]:
        made = list(segments)
        if self.recipe.overlapping:
            made = [again for one, following in zip(made, [*made[1:], None], strict=True) for again in (one, *self._bridge(one, following))]
        if self.recipe.repeated:
            made = [again for one in made for again in (one,) * self.chance.choice((1, 1, 2, 3))]
        if self.recipe.shuffled:
            self.chance.shuffle(made)
        return made

    def _bridge(self, one: Segment, following: Segment | None) -> list[Segment]:
        """Send the end of one segment again together with the start of the next."""
        if following is None or self.chance.random() < 0.4:
            return []
        back, ahead = self.chance.randint(1, len(one.payload)), self.chance.randint(1, len(following.payload))
        start = (one.sequence + len(one.payload) - back) & 0xFFFFFFFF
        payload = one.payload[len(one.payload) - back :] + following.payload[:ahead]
        return [Segment(one.at_ns, one.source, one.destination, start, one.acknowledged, one.flags, payload)]


def web_frames(message: bytes, *, masked: bool, chance: random.Random, most: int = 3) -> bytes:
    """Return a message as WebSocket frames: one, or several that continue it, perhaps with a ping between. RFC 6455."""
    edges = sorted({0, len(message), *(chance.randrange(1, len(message)) for _ in range(min(most - 1, chance.choice((0, 0, 1, 2)))))})
    made = b""
    for start, end in itertools.pairwise(edges):
        opcode = (0x80 if end == len(message) else 0) | (1 if start == 0 else 0)
        made += _frame(opcode, message[start:end], masked=masked, chance=chance)
        if end < len(message) and chance.random() < 0.5:
            made += _frame(0x89, b"still there?", masked=masked, chance=chance)
    return made


def _frame(first: int, payload: bytes, *, masked: bool, chance: random.Random) -> bytes:
    size = len(payload)
    length = bytes((size,)) if size < 126 else struct.pack("!BH", 126, size)
    if not masked:
        return bytes((first,)) + length + payload
    mask = chance.randbytes(4)
    return bytes((first, length[0] | 0x80)) + length[1:] + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def _batches(sent: tuple[Sent, ...], *, joined: bool) -> Iterator[list[Sent]]:
    """Yield messages that follow each other between the same two hosts, or each alone."""
    batch: list[Sent] = []
    for one in sent:
        if batch and not (joined and (one.source, one.destination) == (batch[-1].source, batch[-1].destination)):
            yield batch
            batch = []
        batch.append(one)
    yield batch


def upgrade(chance: random.Random) -> bytes:
    """Return a client's request for a WebSocket with SIP. RFC 7118, 4.1"""
    key = base64.b64encode(chance.randbytes(16)).decode()
    return (
        "GET / HTTP/1.1\r\nHost: edge.example.net\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    ).encode()


UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
