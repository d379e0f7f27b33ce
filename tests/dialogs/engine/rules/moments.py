"""A moment for the tests of rules: an INVITE of a call that is known, with everything a rule may ask."""

import msgspec

from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.engine.call import Call
from dialogs.engine.rules import Moment
from dialogs.packet import Endpoint, Packet
from dialogs.sip import parse

SECOND = 10**9
INVITE = (
    b"INVITE sip:00491@gw.example SIP/2.0\r\nFrom: Al <sip:alice@example.org>;tag=x\r\nTo: Bo <sip:0049@example.org>;tag=y\r\n"
    b"Call-ID: c\r\nCSeq: 3 INVITE\r\nUser-Agent: phone\r\nContact: <sip:alice@h>\r\nX-Customer: 7\r\n"
    b"P-Asserted-Identity: <sip:+4930@example.org>\r\n\r\n"
)


def call_of(config: Config) -> tuple[Engine, Call]:
    """Return an engine with one call in it."""
    engine = Engine(config)
    engine.receive(Packet(SECOND, Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5070), "udp", INVITE.replace(b";tag=y", b"")))
    (call,) = engine.all_calls()
    return engine, call


def moment(data: bytes = INVITE, **changes: object) -> Moment:
    """Return the moment of a message inside a call that was answered three seconds ago."""
    engine, call = call_of(Config())
    call.start_ns = 7 * SECOND
    call.variables = {"queue": "sales"}
    call.sflags = 8
    message = parse(data)
    assert message is not None
    packet = Packet(10 * SECOND, Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5070), "udp", data)
    return msgspec.structs.replace(Moment(message, packet, call, engine.calls.profiles, 1, 4, downstream=True), **changes)
