"""The corpus that fuzzing starts from, made of our own recordings: `python -m tests.fuzz.seeds` writes it anew. Knows each target's input form.

What a fuzzer found stays: files whose names begin with "found-" are never removed here.
"""

import gzip
import itertools
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from dialogs.rpc import binrpc
from dialogs.sip import parse
from dialogs.taps import CaptureFile
from tests.dialogs.taps import frames as build
from tests.dialogs.taps.oracle import layers
from tests.dialogs.taps.oracle.files import FORMS, Frames, write
from tests.dialogs.taps.oracle.streams import ACK, FIN, SYN, UPGRADED, Segment, StreamRecipe, Wire, upgrade, web_frames
from tests.dialogs.taps.oracle.traffic import Host, Sent
from tests.fuzz import web
from tests.fuzz.feed import sized

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
RECORDINGS = HERE.parent / "recordings"
_HEP_CHUNKS = ((1, b"\x02"), (2, b"\x11"), (3, b"\xc0\x00\x02\x01"), (4, b"\xc0\x00\x02\x02"), (7, b"\x13\xc4"), (8, b"\x13\xc5"))
SHORT = 700
"Bytes of a message in a seed: enough for its headers."


def payloads(name: str) -> list[bytes]:
    """Return the datagrams of a recording."""
    return [packet.data for packet in CaptureFile(RECORDINGS / name / "capture.pcap")]


def short_frames(name: str, count: int) -> Frames:
    """Return the first frames of a recording as Ethernet, bodies cut off."""
    packets = list(CaptureFile(RECORDINGS / name / "capture.pcap"))[:count]
    return [(packet.at_ns, build.ethernet(build.ipv4(build.udp(packet.data[:SHORT])))) for packet in packets]


def captures() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, capture) in every form."""
    CORPUS.mkdir(exist_ok=True)
    path = CORPUS / "made"
    for form in FORMS:
        write(path, form, 1, short_frames("basic", 3))
        yield form, path.read_bytes()
    yield "pcap-gzip", gzip.compress(build.pcap(short_frames("busy", 2)), mtime=0)
    path.unlink()


def decoder_frames() -> Iterator[tuple[str, bytes]]:
    """Yield a frame of each link type and tunnel."""
    packet = layers.ip(layers.Network(1), 1, 2, layers.UDP, layers.udp(5060, 5060, payloads("basic")[0][:SHORT]))
    for name, (number, link) in layers.LINKS.items():
        yield f"link-{name}", _frames(number, link(packet, layers.IPV4))
    for tunnel in (*layers.IN_IP, *layers.ON_ETHERNET):
        yield f"tunnel-{tunnel.__name__}", _frames(1, layers.ethernet(*tunnel(packet, layers.IPV4, layers.Network(2))))


def _frames(link_type: int, *frames: bytes) -> bytes:
    return struct.pack("!H", link_type) + b"".join(b"\0" + sized(frame) for frame in frames)


def pieces() -> Iterator[tuple[str, bytes]]:
    """Yield fragments of one datagram: in order, mixed, overlapping."""
    for name, order in {"in-order": (0, 1, 2), "mixed": (2, 0, 1), "twice": (0, 0, 1, 2, 2), "lost": (0, 2)}.items():
        yield name, b"".join(struct.pack("!BHB", 4 * (number < 2), number * 32, 4) + bytes((65 + number,)) * 32 for number in order)


def pieces_of_packets() -> Iterator[tuple[str, bytes]]:
    """Yield fragments of a message over IPv4 and IPv6."""
    datagram = layers.udp(5060, 5060, payloads("basic")[0][:SHORT])
    datagram += bytes(-len(datagram) % 8)
    cuts = [(at, datagram[at : at + 256]) for at in range(0, len(datagram), 256)]
    for name, version in {"v4": 0, "v6": 2}.items():
        yield name, b"".join(struct.pack("!BHB", version | (at + len(piece) < len(datagram)), at >> 3, len(piece) >> 3) + piece for at, piece in cuts)


def segments() -> Iterator[tuple[str, bytes]]:
    """Yield connections: whole messages, segments of any size, lost and late ones, WebSocket."""
    recipes = {
        "whole": StreamRecipe(pieces=1),
        "cut": StreamRecipe(pieces=6, shuffled=True),
        "repeated": StreamRecipe(repeated=True, overlapping=True, keep_alives=True),
        "joined": StreamRecipe(handshake=False, joined=True),
        "web": StreamRecipe(web=True),
    }
    sent = tuple(Sent(0, Host(1, 40_000), Host(2, 5060), data[:SHORT].partition(b"\r\n\r\n")[0] + b"\r\n\r\n") for data in payloads("basic")[:3])
    for name, recipe in recipes.items():
        made = list(itertools.chain.from_iterable(Wire(recipe, random.Random(name)).groups(sent)))  # noqa: S311 -- the same corpus each time
        begin: dict[Host, int] = {}
        steps = [_segment(segment, segment.sequence - begin.setdefault(segment.source, segment.sequence)) for segment in made]
        yield name, struct.pack("!H", 40_000) + b"".join(steps)


def _segment(segment: Segment, place: int) -> bytes:
    flag = {SYN: 1, SYN | ACK: 2, FIN | ACK: 3, ACK: 5}.get(segment.flags, 0)
    return struct.pack("!BH", (segment.source.number == 1) | flag << 1, place & 0xFFFF) + sized(segment.payload)


def streams() -> Iterator[tuple[str, bytes]]:
    """Yield messages one behind the other, with a body, without a length, with keep-alives between."""
    whole = payloads("busy")[:2]
    bare = [data.partition(b"\r\n\r\n")[0].replace(b"Content-Length", b"X-Length") + b"\r\n\r\n" for data in whole]
    for name, messages in {"whole": whole, "bare": bare, "kept-alive": [b"\r\n\r\n", whole[0], b"\r\n", whole[1]]}.items():
        yield name, bytes((0, 6, 98, 200)) + b"".join(messages)


def web_streams() -> Iterator[tuple[str, bytes]]:
    """Yield WebSocket frames of both directions, with and without the upgrade."""
    messages = [data[:SHORT].partition(b"\r\n\r\n")[0] + b"\r\n\r\n" for data in payloads("busy")[:2]]
    for name, masked in {"client": True, "server": False}.items():
        framed = [web_frames(data, masked=masked, chance=random.Random(name)) for data in messages]  # noqa: S311 -- the same corpus each time
        yield name, b"\1" + b"".join(b"\0" + sized(piece) for piece in (upgrade(random.Random(name)) if masked else UPGRADED, *framed))  # noqa: S311 -- as above
        yield f"{name}-joined-late", b"\0" + b"".join(b"\0" + sized(piece) for piece in framed)


def datagrams() -> Iterator[tuple[str, bytes]]:
    """Yield HEP of each version."""
    message, ends = payloads("basic")[0][:SHORT], struct.pack("!HH", 5060, 5061) + bytes((192, 0, 2, 1, 192, 0, 2, 2))
    yield "v3", build.hep_of(message)
    yield "v3-compressed", build.hep3(*(build.chunk(kind, value) for kind, value in _HEP_CHUNKS), build.chunk(16, zlib.compress(message)))
    yield "v1", bytes((1, 16, 2, 17)) + ends + message
    yield "v2", bytes((2, 16, 2, 17)) + ends + struct.pack("<IIHH", 1_700_000_000, 5, 7, 0) + message


def sip_messages() -> Iterator[tuple[str, bytes]]:
    """Yield one message of each kind that our recordings hold."""
    found = {}
    for name in ("reinvite", "auth407-endpoint", "cancel", "busy"):
        for data in payloads(name):
            message = parse(data)
            if message is not None:
                found.setdefault(message.summary.split("(")[0].replace(" ", "-").strip("-") + message.method, data)
    yield from found.items()


def ladders() -> Iterator[tuple[str, bytes]]:
    """Yield recordings for the engine: who sends, how long after the last, the message."""
    for name in ("basic", "cancel", "fork"):
        hosts: dict[object, int] = {}
        steps = []
        for packet in list(CaptureFile(RECORDINGS / name / "capture.pcap"))[:14]:
            ends = [hosts.setdefault(end, len(hosts)) for end in (packet.source, packet.destination)]
            steps.append(struct.pack("!BB", ends[0] & 3 | (ends[1] & 3) << 2, 8) + sized(packet.data[:SHORT]))
        yield name, b"".join(steps)


ASKED = (
    ("dlg.list",),
    ("dlg.list_match", "callid", "re", "^c[0-9]+", 5),
    ("dlg.dlg_list", "c1", "a"),
    ("dlg.briefing", "ftcFTISEs"),
    ("dlg.set_var", "c1", "a", "b", "key", "value"),
    ("dlg.set_timeout", 60, 1, 1),
    ("dlg.profile_get_size", "caller", 7),
    ("dlg.dump_file", "calls.json"),
    ("stats.fetch", "dialog:", "all"),
    ("system.methodHelp", "dlg.list"),
)


WEB_HEADERS = {
    "dlg.list": {b"host": b"localhost:8000", b"content-type": b"application/x-www-form-urlencoded"},
    "dlg.list_match": {b"host": b"127.0.0.1", b"origin": b"http://127.0.0.1", b"accept": b"*/*"},
    "dlg.set_var": {b"host": b"[::1]", b"authorization": b"Basic YTpi", b"x-forwarded-for": b"192.0.2.1"},
    "batch": {b"host": b"localhost", b"origin": b"http://elsewhere.example"},
    "by-name": {b"content-length": b"7", b"transfer-encoding": b"chunked"},
}


def json_requests() -> Iterator[tuple[str, bytes]]:
    """Yield requests by position and by name, a batch, a notification."""
    requests = [{"jsonrpc": "2.0", "method": method, "params": params, "id": 1} for method, *params in ASKED]
    for request in requests:
        yield str(request["method"]), json.dumps(request).encode()
    yield "batch", json.dumps([requests[0], {"jsonrpc": "2.0", "method": "nope"}, 5]).encode()
    yield "by-name", b'{"jsonrpc":"2.0","method":"dlg.profile_get_size","params":{"profile":"total"},"id":null}'


def binary_requests() -> Iterator[tuple[str, bytes]]:
    """Yield packets, one and several."""
    packets = {str(words[0]): binrpc.packet(binrpc.REQUEST, b"\x1a\x2b", b"".join(map(binrpc.encode, words))) for words in ASKED}
    yield from packets.items()
    yield "several", b"".join(packets.values())
    yield "structs", binrpc.packet(binrpc.REQUEST, b"\x01", b"".join(map(binrpc.encode, ("dlg.list", {"a": ["b", 1.5]}, -1))))


def web_requests() -> Iterator[tuple[str, bytes]]:
    """Yield requests with their headers, in the order of `web.NAMES`."""
    bodies = dict(json_requests())
    for name, headers in WEB_HEADERS.items():
        numbers = bytes(web.NAMES.index(header) for header in headers)
        pieces = b"".join(bytes((len(value),)) + value for value in headers.values())
        yield name, bytes((len(numbers),)) + numbers + pieces + bodies[name]


SEEDS: dict[str, Callable[[], Iterator[tuple[str, bytes]]]] = {
    "pcap": lambda: ((name, data) for name, data in captures() if not name.startswith("pcapng")),
    "pcapng": lambda: ((name, data) for name, data in captures() if name.startswith("pcapng")),
    "frames": decoder_frames,
    "fragments": pieces,
    "fragments_of_packets": pieces_of_packets,
    "tcp": segments,
    "framing": streams,
    "websocket": web_streams,
    "hep": datagrams,
    "sip": sip_messages,
    "engine": ladders,
    "jsonrpc": json_requests,
    "binrpc": binary_requests,
    "http": web_requests,
}


def main() -> None:
    """Write the corpus."""
    for target, make in SEEDS.items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for name, data in make():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
