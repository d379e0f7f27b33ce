"""Draws calls for tests: a ladder in text becomes the packets of a tap.

    alice -> bob    INVITE
    bob   -> alice  180
    +2s
    alice -> bob    ACK

Each line is one packet, 10 ms after the one before. Names are hosts; every host's packets come from an address of its own.
What a line leaves out comes from the call: alice calls bob with CSeq 1 and tags `a` and `b`. Words after the message change it:
`to=x` `from=x` (tags, "-" for none), `cseq=7`, `branch=q`, `callid=z`, `of=BYE` (the method a status answers), `contact=sip:...`,
`route=...` (Record-Route), `reverse` (the callee's own request: tags the other way round). `Name:value` is one more header, `_` a blank in it.
"""

import itertools
import re
from collections.abc import Sequence

from dialogs.config import Config
from dialogs.engine import Engine, Event
from dialogs.packet import Endpoint, Packet

START_NS = 1_700_000_000_000_000_000
STEP_NS = 10_000_000 + 1_000_000
LINE = re.compile(r"(\S+)\s*->\s*(\S+)\s+(\S+)\s*(.*)")
ADDRESSES: dict[str, Endpoint] = {}


def address(name: str) -> Endpoint:
    """Return the address of a host by its name."""
    if name not in ADDRESSES:
        ADDRESSES[name] = Endpoint(f"192.0.2.{len(ADDRESSES) + 1}", 5060)
    return ADDRESSES[name]


def message(words: str, **given: str) -> bytes:
    """Return the SIP bytes that a line's words mean."""
    head, *rest = words.split()
    options = {"from": "a", "to": "", "cseq": "1", "branch": "", "callid": "c1", "of": "", "contact": "", "route": "", "fromuri": "sip:alice@example.org"}
    options |= given
    reverse = "reverse" in rest
    options |= dict(word.split("=", 1) for word in rest if "=" in word)
    status = head if head.isdigit() else ""
    method = options["of"] or ("INVITE" if status else head)
    initial = not status and method == "INVITE" and "to" not in dict(word.split("=", 1) for word in rest if "=" in word)
    if not options["to"]:
        options["to"] = "-" if initial or method == "CANCEL" or status == "100" else "b"
    sides = [f"<{options['fromuri']}>" + tag(options["from"]), "<sip:bob@example.org>" + tag(options["to"])]
    if reverse:
        sides = ["<sip:bob@example.org>" + tag(options["to"]), f"<{options['fromuri']}>" + tag(options["from"])]
    branch = options["branch"] or f"{method}{options['cseq']}{'r' if reverse else ''}"
    contact = options["contact"] or ("" if method in ("BYE", "CANCEL", "ACK") else f"sip:{'bob' if status or reverse else 'alice'}@198.51.100.1")
    lines = [
        f"SIP/2.0 {status} Word" if status else f"{method} sip:bob@example.org SIP/2.0",
        f"Via: SIP/2.0/UDP h;branch=z9hG4bK{branch}",
        *(word.replace(":", ": ", 1).replace("_", " ") for word in rest if word[:1].isupper() and ":" in word),
        *([f"Record-Route: {options['route']}"] if options["route"] else []),
        f"From: {sides[0]}",
        f"To: {sides[1]}",
        f"Call-ID: {options['callid']}",
        f"CSeq: {options['cseq']} {method}",
        *([f"Contact: <{contact}>"] if contact and contact != "none" else []),
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def tag(value: str) -> str:
    """Return a tag parameter; "-" is none."""
    return "" if value == "-" else f";tag={value}"


def packets(ladder: str, start_ns: int = START_NS, **given: str) -> list[Packet]:
    """Return the packets of a ladder."""
    now_ns, made = start_ns, []
    for line in filter(None, (line.strip() for line in ladder.splitlines())):
        if line.startswith("+"):
            now_ns += round(float(line[1:].rstrip("s")) * 1e9)
            continue
        drawn = LINE.match(line)
        assert drawn, f"no ladder line: {line}"
        source, destination, head, rest = drawn.groups()
        made.append(Packet(now_ns, address(source), address(destination), "udp", message(f"{head} {rest}", **given), "file:test"))
        now_ns += STEP_NS
    return made


def run(ladder: str, config: Config | None = None, engine: Engine | None = None) -> tuple[Engine, list[Event]]:
    """Feed a ladder to an engine, timers included; returns the engine and all events."""
    engine = engine or Engine(config or Config(), "node")
    return engine, feed(engine, packets(ladder))


def feed(engine: Engine, arriving: Sequence[Packet]) -> list[Event]:
    """Feed packets, running the timers that fall due between them."""
    return list(itertools.chain.from_iterable(engine.expire(packet.at_ns) + engine.receive(packet) for packet in arriving))


def states(events: Sequence[Event]) -> list[int]:
    """Return the states that the events went through."""
    return [event.state for event in events if type(event).__name__ == "Changed"]
