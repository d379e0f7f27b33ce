"""Cases for the tests of explanations and ladders, made of drawn ladders and of recordings."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from dialogs.config import Config, Peer
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from dialogs.insight.case import Case
from dialogs.insight.heard import Heard
from dialogs.packet import Packet
from dialogs.sip import parse
from dialogs.taps import CaptureFile
from tests.dialogs import ladder

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
PROXY = Peer("edge-1", ("127.0.0.1:5060",), "proxy")


def heard_of(packets: list[Packet], call_id: str = "") -> list[Heard]:
    """Return packets as messages, those of one Call-ID when one is given."""
    read = [(packet, parse(packet.data)) for packet in packets]
    mine = [(packet, message) for packet, message in read if not call_id or (message and message.call_id == call_id.encode())]
    return [
        Heard(number, packet.at_ns, str(packet.source), str(packet.destination), packet.transport, message, packet.data)
        for number, (packet, message) in enumerate(mine, 1)
    ]  # fmt: skip


def with_body(packet: Packet, body: str) -> Packet:
    """Return the packet with a body."""
    head = packet.data.replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: %d\r\n\r\n" % len(body))
    return msgspec.structs.replace(packet, data=head + body.encode())


def drawn(text: str, bodies: Mapping[int, str] | None = None, peers: tuple[Peer, ...] = (), limits: tuple[str, ...] = ()) -> Case:
    """Return the only call of a drawn ladder; `bodies` by the number of the message, from 1."""
    packets = [with_body(packet, bodies[number]) if bodies and number in bodies else packet for number, packet in enumerate(ladder.packets(text), 1)]
    engine = Engine(Config(), "n1")
    ladder.feed(engine, packets)
    (call,) = engine.all_calls()
    snapshot = engine.snapshot(call.uid)
    names = {snapshot.callee.address: "bob", snapshot.caller.address: "alice"}
    return Case(snapshot, heard_of(packets), PeerNames(peers), {address: name for address, name in names.items() if address}, limits)


def recorded(folder: Path) -> Case:
    """Return the first call of a recording, as its proxy's neighbours see it."""
    engine = Engine(Config(), "n1")
    packets = list(CaptureFile(folder / "capture.pcap"))
    ladder.feed(engine, packets)
    snapshot = engine.snapshot(next(iter(engine.all_calls())).uid)
    names = {snapshot.callee.address: "bob", snapshot.caller.address: "alice"}
    return Case(snapshot, heard_of(packets, snapshot.call_id), PeerNames([PROXY]), {address: name for address, name in names.items() if address})
