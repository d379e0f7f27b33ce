"""What a tap hands to the engine: one captured datagram (or one framed message of a stream). Knows addresses and time; knows no SIP."""

from typing import Any, NamedTuple

import msgspec

SECOND = 1_000_000_000
"Nanoseconds: times are integers of them everywhere inside."

NEVER = 1 << 80
"Later than any time a capture can carry."


class Endpoint(NamedTuple):
    """One transport address."""

    host: str
    "IPv4 or IPv6 address in text, without brackets."

    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Packet(msgspec.Struct, frozen=True, gc=False):
    """Captured bytes with their time and addresses; the time is the only "now" the engine ever sees."""

    at_ns: int
    "Capture time, integer nanoseconds UTC since the epoch."

    source: Endpoint
    destination: Endpoint

    transport: str
    'Lower case: "udp", "tcp", "tls", "sctp", "ws", "wss".'

    data: bytes
    "Payload of the datagram, or one message cut out of a stream."

    tap: str = ""
    'Name of the tap that saw it: "interface:any", "hep:127.0.0.1:9060", "file:NAME".'

    def changed(self, **fields: Any) -> "Packet":
        """Return it with other values in these fields."""
        return msgspec.structs.replace(self, **fields)
