"""What is fuzzed: one function for each reader and reassembler, from bytes to nothing. Knows their public names; knows no fuzzer.

A target fails by raising: wire data must never make us raise, whatever it is, and what is promised about the result is asserted here.
"""

import contextlib
import io
import struct
from collections.abc import Callable, Iterable

import msgspec

from dialogs.config import Config, Dialog
from dialogs.engine import Engine
from dialogs.engine.snapshot import decode, encode
from dialogs.engine.states import DELETED
from dialogs.packet import Endpoint, Packet
from dialogs.replay import kamailio_view
from dialogs.rpc import Fault, Host, Malformed, binrpc, jsonrpc, kamcmd
from dialogs.sip import Message, Request, parse
from dialogs.taps import CaptureError, CaptureFile, Counters, Decoder, decode_hep
from dialogs.taps import fragments as fragments_module
from dialogs.taps.content import Content
from dialogs.taps.fragments import Reassembler
from dialogs.taps.link import LINK_TYPES
from tests.dialogs import ladder
from tests.dialogs.taps import frames as build
from tests.fuzz import web
from tests.fuzz.feed import Feed

SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND
_links = [LINK_TYPES[number] for number in sorted(LINK_TYPES)]


def capture(data: bytes) -> None:
    """Read a capture file of either format, plain or compressed; a wrong one is refused with its own exception only."""
    with contextlib.suppress(CaptureError):
        check(CaptureFile("-", stream=io.BytesIO(data)))


def frames(data: bytes) -> None:
    """Decode frames of one link type: links, tunnels, IP, UDP, TCP, ICMP."""
    feed, decoder, out = Feed(data), Decoder("file:fuzz", unpack_hep=True), []  # type: ignore[var-annotated]
    number = feed.short()
    link = LINK_TYPES.get(number) or _links[number % len(_links)]
    at_ns = START_NS
    while feed:
        at_ns += feed.byte() * 100_000_000
        decoder.decode(at_ns, link, feed.sized(), out)
    check(out)


def fragments(data: bytes) -> None:
    """Put fragments together: a datagram is never longer than its last piece says, the stores never above their caps."""
    feed, reassembler, at_ns = Feed(data), Reassembler(), START_NS
    while feed:
        control = feed.byte()
        at_ns += (control >> 4) * SECOND
        offset, piece = feed.short() & 0xFFF8, feed.piece(feed.byte() * 8)
        whole = reassembler.add(at_ns, b"key%d" % (control & 3), offset, bool(control & 4), piece)
        assert whole is None or 0 < len(whole) <= fragments_module.MAX_DATAGRAM_BYTES
        assert len(reassembler) <= 4


def fragments_of_packets(data: bytes) -> None:
    """Decode fragments of IPv4 and IPv6 as they stand on the wire."""
    feed, decoder, out = Feed(data), Decoder("file:fuzz"), []  # type: ignore[var-annotated]
    while feed:
        control, place, piece = feed.byte(), feed.short() & 0x1FFF, feed.piece(feed.byte() * 8)
        more = bool(control & 1)
        if control & 2:
            packet = build.v6_fragment(piece, offset=(place << 3) & 0xFFF8, more=more, number=control >> 6, following=(17, 6, 44, 60)[control >> 4 & 3])
        else:
            packet = build.ipv4(piece, fragment=(0x2000 if more else 0) | place, number=control >> 6, protocol=(17, 6, 4, 47)[control >> 4 & 3])
        decoder.decode(START_NS + (control & 12) * SECOND, LINK_TYPES[101], packet, out)
    check(out)


def tcp(data: bytes) -> None:
    """Decode segments of one connection: order, overlaps, losses, keep-alives, framing, WebSocket; no message is longer than what was sent."""
    feed, decoder, out, sent = Feed(data), Decoder("file:fuzz"), [], 0  # type: ignore[var-annotated]
    port, at_ns, raw_ip = feed.short(), START_NS, LINK_TYPES[101]
    while feed:
        control, place, piece = feed.byte(), feed.short(), feed.sized()
        at_ns += (control >> 6) ** 3 * SECOND
        ports = (port, 5060) if control & 1 else (5060, port)
        flags = (0x18, 0x02, 0x12, 0x11, 0x14, 0x10, 0x00, 0x29)[control >> 1 & 7]
        head = struct.pack("!HHIIBBHHH", *ports, (0xFFFFFF00 + place) & 0xFFFFFFFF, 1, 0x50, flags, 1000, 0, 0)
        decoder.decode(at_ns, raw_ip, build.ipv4(head + piece, protocol=6), out)
        sent += len(piece)
    check(out)
    assert max((len(packet.data) for packet in out), default=0) <= sent


def framing(data: bytes) -> None:
    """Cut messages out of a stream; a stream of whole messages gives the same ones, however it is cut."""
    feed = Feed(data)
    sizes = [1 + feed.byte() for _ in range(4)]
    stream, whole, pieces = feed.rest(), [], []  # type: ignore[var-annotated]
    counters = Counters(), Counters()
    Content(counters[0], from_start=True).feed(stream, whole)
    content, at, turn = Content(counters[1], from_start=True), 0, 0
    while at < len(stream) and not content.other:
        size = sizes[turn % 4]
        content.feed(stream[at : at + size], pieces)
        at, turn = at + size, turn + 1
        assert content.held <= len(stream)
    if not counters[0].undecodable and not counters[1].undecodable:
        assert whole == pieces
    for message in pieces:
        sip(message)


def websocket(data: bytes) -> None:
    """Cut SIP out of WebSocket frames, with losses between."""
    feed, counters, out = Feed(data), Counters(), []  # type: ignore[var-annotated]
    content = Content(counters, from_start=bool(feed.byte() & 1))
    while feed:
        if feed.byte() > 250:
            content.lose(out)
        content.feed(feed.sized(), out)
    content.lose(out)
    assert content.held == 0
    for message in out:
        sip(message)


def hep(data: bytes) -> None:
    """Open a HEP datagram."""
    message = decode_hep(data, START_NS)
    if message is not None:
        check([message.packet])
        assert isinstance(message.payload_type, int)
        assert isinstance(message.agent_name, bytes)


def sip(data: bytes) -> None:
    """Parse a message and look at everything it offers."""
    message = parse(data)
    if message is not None:
        touch(message)


def touch(message: Message) -> None:
    """Use every lazy part of a message."""
    parts = (message.from_, message.to, message.contacts, message.record_route, message.route, message.body, message.summary, message.cseq_text)
    texts = (message.header("Content-Length"), message.headers("Via"), message.start_line, message.reason, message.request_uri)
    assert len(parts) + len(texts) == 13
    assert isinstance(message.call_id, bytes)
    assert isinstance(message, Request) == (message.status == 0)


def engine(data: bytes) -> None:
    """Let packets and time drive the engine; every view of it can be made, and a call survives its own dump."""
    feed = Feed(data)
    running = Engine(Config(dialog=Dialog(sockets=("udp:192.0.2.1:5060",), max_dialogs=50)))
    ends = [Endpoint(f"192.0.2.{number}", 5060) for number in range(4)]
    at_ns = START_NS
    while feed:
        control, pause = feed.byte(), feed.byte()
        at_ns += pause * pause * 2_000_000
        running.expire(at_ns)
        running.receive(Packet(at_ns, ends[control & 3], ends[control >> 2 & 3], ("udp", "tcp")[control >> 4 & 1], feed.sized()))
    kamailio_view(running, at_ns)
    for call in list(running.all_calls()):
        snapshot, blob = running.snapshot(call.uid), running.dump(call.uid)
        assert snapshot is not None
        assert decode(encode(snapshot)) == snapshot
        assert (blob is None) == (snapshot.state == DELETED)
        if blob is not None:
            assert Engine(Config()).restore(blob) == call.uid
    running.expire(at_ns + 30 * 24 * 3600 * SECOND)


class Asked:
    """A host whose engine holds one ringing call; nothing is written."""

    def __init__(self) -> None:
        self.config = Config(dialog=Dialog(profiles_with_value=("caller",), profiles_no_value=("total",)))
        self.engine = Engine(self.config)
        self.engine.receive(Packet(START_NS, Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5060), "udp", ladder.message("INVITE")))
        self.node, self.started_ns = "", START_NS

    def by(self, _name: str) -> "Asked":
        """Return the host as somebody of this name sees it."""
        return self

    def now_ns(self) -> int:
        return START_NS

    def order(self, command: str, arguments: tuple[object, ...]) -> None:
        raise Fault(500, "no controller")

    def touched(self, uid: str) -> None:
        assert uid

    def dump(self, name: str, lines: Iterable[bytes]) -> None:
        assert "/" not in name
        assert all(line.endswith(b"\n") for line in lines)


def asked() -> jsonrpc.Caller:
    """Return a caller who may do everything."""
    host: Host = Asked()
    return jsonrpc.Caller(host, jsonrpc.Tally(), control=True)


def json_rpc(data: bytes) -> None:
    """Answer JSON-RPC: JSON or nothing, and an error is told by its first piece."""
    pieces = [piece for piece in jsonrpc.answer(asked(), data) if piece]
    found = msgspec.json.decode(b"".join(pieces)) if pieces else {}
    if isinstance(found, dict):
        assert ("error" in found) == (bool(pieces) and jsonrpc.status(pieces[0]) != 200)


def bin_rpc(data: bytes) -> None:
    """Answer BINRPC packets of a stream: each with its own cookie, in a reply or a fault that can be read."""
    buffer, caller = bytearray(data), asked()
    with contextlib.suppress(Malformed):
        while (packet := binrpc.take(buffer)) is not None:
            said = b"".join(kamcmd.answer(caller, packet))
            lengths = (said[1] >> 2 & 3) + 1
            assert said[2 + lengths :].startswith(packet.cookie)
            body = said[2 + lengths + len(packet.cookie) :]
            assert int.from_bytes(said[2 : 2 + lengths]) == len(body)
            assert binrpc.values(body) is not None


def check(packets: Iterable[Packet]) -> None:
    """Every packet can be worked with."""
    for packet in packets:
        assert packet.data
        assert 0 <= packet.source.port <= 65_535
        sip(packet.data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "pcap": capture,
    "pcapng": capture,
    "frames": frames,
    "fragments": fragments,
    "fragments_of_packets": fragments_of_packets,
    "tcp": tcp,
    "framing": framing,
    "websocket": websocket,
    "hep": hep,
    "sip": sip,
    "engine": engine,
    "jsonrpc": json_rpc,
    "binrpc": bin_rpc,
    "http": web.ask,
}
"By name; the corpus of each is a folder of that name."
