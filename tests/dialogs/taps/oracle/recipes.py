"""Captures made of real messages: what one is like, and how it is built. Knows layers, streams and files; judges nothing.

A recipe is drawn from a number, so the same number is the same capture. What the two judges would rightly see differently is not drawn:
the reasons stand beside the draws.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dialogs.sip import parse
from tests.dialogs.taps.oracle import layers
from tests.dialogs.taps.oracle.files import FORMS, Frames, swapped_within, write
from tests.dialogs.taps.oracle.layers import IN_IP, LINKS, ON_ETHERNET, TCP, UDP, Network, Tunnel
from tests.dialogs.taps.oracle.streams import StreamRecipe, Wire
from tests.dialogs.taps.oracle.traffic import Sent, messages

CARRIERS = ("udp", "fragments", "tcp", "udp", "websocket", "tcp")
WHOLE = StreamRecipe()
FAR = 4_000
"Numbers of the networks that tunnels run through begin here."


@dataclass(frozen=True)
class Recipe:
    """What is done to the messages of one recording."""

    number: int
    source: Path
    carrier: str
    version: int
    tunnels: tuple[Tunnel, ...]
    link: str
    form: str
    stream: StreamRecipe = WHOLE
    mirrored: bool = False
    fragmented_outside: bool = False
    window: int = 0
    snaplen: int = 0
    lost_tail: bool = False

    @property
    def is_whole(self) -> bool:
        """Nothing is lost and no message overtakes another."""
        return not (self.window or self.snaplen or self.lost_tail)

    @property
    def is_for_tshark(self) -> bool:
        """Whether tshark 4.0 can be asked. It loses messages where segments come late and also overlap or repeat what is known, or carry WebSocket."""
        stream = self.stream
        return not (stream.shuffled and (stream.overlapping or stream.repeated or stream.web))

    def __str__(self) -> str:
        tunnels = "".join(f"{tunnel.__name__}." for tunnel in reversed(self.tunnels))
        marks = [name for name in ("mirrored", "fragmented_outside", "window", "snaplen", "lost_tail") if getattr(self, name)]
        marks += [name for name in ("joined", "shuffled", "repeated", "overlapping", "keep_alives") if getattr(self.stream, name)]
        return f"{self.number}: {self.source.parent.name} {self.form} {self.link}.{tunnels}ipv{self.version}.{self.carrier} {' '.join(marks)}"


def draw(number: int, sources: list[Path]) -> Recipe:
    """Return the recipe of this number."""
    chance = random.Random(number)  # noqa: S311 -- the same captures each time
    carrier = CARRIERS[number % len(CARRIERS)]
    fit = [path for path in sources if carrier in {"udp", "fragments"} or is_framed(messages(path))]
    link = chance.choice(("ethernet", "ethernet", *LINKS))
    tunnels = _draw_tunnels(chance, link)
    recipe = Recipe(number, fit[number % len(fit)], carrier, chance.choice((4, 4, 6)), tunnels, link, FORMS[number % len(FORMS)])
    if carrier in {"tcp", "websocket"}:
        return replace(recipe, stream=_draw_stream(chance, carrier), lost_tail=chance.random() < 0.25)
    if carrier == "fragments":
        # a fragment that is cut short is never put together by either; which one lacks what would be a matter of taste
        return replace(recipe, lost_tail=chance.random() < 0.3, fragmented_outside=bool(tunnels) and tunnels[-1] in IN_IP and chance.random() < 0.4)
    return replace(
        recipe,
        mirrored=chance.random() < 0.3,
        window=chance.choice((0, 0, 3, 8)),
        snaplen=chance.choice((0, 0, 400, 600)),
        lost_tail=chance.random() < 0.3,
    )


def _draw_tunnels(chance: random.Random, link: str) -> tuple[Tunnel, ...]:
    inside = chance.choices(IN_IP, k=chance.choice((0, 0, 1, 1, 2)))
    outside = [chance.choice(ON_ETHERNET)] if link == "ethernet" and chance.random() < 0.5 else []
    return (*inside, *outside)


def _draw_stream(chance: random.Random, carrier: str) -> StreamRecipe:
    web = carrier == "websocket"

    def perhaps(share: float) -> bool:
        return chance.random() < share

    shuffled = perhaps(0.4)
    return StreamRecipe(
        web=web,
        handshake=shuffled or perhaps(0.7),  # a connection that is joined in the middle has no beginning that a late segment could belong to
        pieces=chance.choice((1, 2, 4, 9)),
        joined=perhaps(0.5),
        shuffled=shuffled,
        repeated=perhaps(0.3),
        overlapping=perhaps(0.3),
        keep_alives=not web and perhaps(0.4),
    )


def is_framed(sent: tuple[Sent, ...]) -> bool:
    """Tell whether each message says how long it is, as a stream needs."""
    found = [parse(one.data) for one in sent]
    return all(message is not None and message.header("Content-Length") == str(len(message.body)) for message in found)


def build(recipe: Recipe, path: Path) -> int:
    """Write the capture and return how many frames can be read from it."""
    chance = random.Random(recipe.number)  # noqa: S311 -- the same captures each time
    frames = [(at_ns, frame) for at_ns, frame in _frames(recipe, chance) for _ in range(1 + recipe.mirrored)]
    if recipe.window:
        frames = swapped_within(frames, recipe.window, chance)
    if recipe.lost_tail:
        frames = frames[: max(2, len(frames) - chance.randint(0, 6))]
    link_type, _ = LINKS[recipe.link]
    lost = chance.randint(1, 20) if recipe.lost_tail else 0
    write(path, recipe.form, link_type, frames, snaplen=recipe.snaplen, lost_tail=lost)
    return len(frames) - bool(lost)


def _frames(recipe: Recipe, chance: random.Random) -> Frames:
    return [(at_ns, frame) for at_ns, packet in _packets(recipe, chance) for frame in _carried(recipe, packet, chance)]


def _packets(recipe: Recipe, chance: random.Random) -> Iterator[tuple[int, bytes]]:
    """Yield the packets that hold the messages."""
    network, sent = Network(recipe.number, recipe.version), messages(recipe.source)
    if recipe.carrier in {"tcp", "websocket"}:
        for segment in itertools.chain.from_iterable(Wire(recipe.stream, chance).groups(sent)):
            yield segment.at_ns, layers.ip(network, segment.source.number, segment.destination.number, TCP, segment.bytes)
        return
    for number, one in enumerate(sent, 1):
        datagram = layers.udp(one.source.port, one.destination.port, one.data)
        packet = layers.ip(network, one.source.number, one.destination.number, UDP, datagram)
        if recipe.carrier == "fragments" and not recipe.fragmented_outside:
            yield from ((one.at_ns, piece) for piece in _mixed(layers.fragments(packet, number, chance), chance))
        else:
            yield one.at_ns, packet


def _carried(recipe: Recipe, packet: bytes, chance: random.Random) -> list[bytes]:
    """Put a packet into its tunnels and its link layer; in pieces when the outermost IP packet is cut."""
    kind = Network(0, recipe.version).ethertype
    for depth, tunnel in enumerate(recipe.tunnels):
        packet, kind = tunnel(packet, kind, Network(FAR + recipe.number * 2 + depth, chance.choice((4, 6)) if recipe.carrier == "udp" else 4))
    pieces = _mixed(layers.fragments(packet, chance.randrange(1 << 16), chance), chance) if recipe.fragmented_outside else [packet]
    _, frame = LINKS[recipe.link]
    return [frame(piece, kind) for piece in pieces]


def _mixed(pieces: list[bytes], chance: random.Random) -> list[bytes]:
    """Return the pieces of one packet in any order, some twice.

    Not all of them: to tshark a second whole set is a second datagram, to us it is the same one mirrored.
    """
    made = [again for place, piece in enumerate(pieces) for again in (piece,) * (chance.choice((1, 1, 1, 2)) if place else 1)]
    chance.shuffle(made)
    return made
