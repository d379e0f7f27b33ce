"""The product's ingest in the lab, beside the proxy whose table it compares with its own. Knows Dialtap's loop; knows no phone's script."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from dashboard.ingest.loop import Ingest
from dashboard.ingest.sources import Request, open_sources
from dialogs.config import Config, Control, Dialog, Limit, Tap
from dialogs.control import build
from dialogs.engine import CallSnapshot

from .lab import CALLER_HOST, Lab

NOWHERE = ("127.0.0.99", 5060)
"The tap sees what is sent here; the proxy does not."


def configured(lab: Lab, *limits: Limit, seconds: float = 10) -> Config:
    """Return a configuration that compares with the lab's proxy every so many seconds, and ends calls through it."""
    control = Control(controller="kamailio", kamailio_url=lab.proxy.rpc_url, reconcile_seconds=seconds)
    return Config(dialog=Dialog(sockets=tuple(lab.proxy.sockets)), tap=Tap(hep="", interfaces=("lo",)), control=control, limit=limits)


def watched[Result](folder: Path, config: Config, scenario: Callable[[Ingest], Awaitable[Result]], *recordings: Path) -> Result:
    """Run a scenario beside an ingest that captures on the loopback, and plays recordings too; returns what it returns."""

    async def run() -> Result:
        sources = open_sources(Request(), config)
        sources.players.extend(open_sources(Request(captures=recordings), config).players if recordings else ())
        ingest = Ingest(config, "node", sources, build(config.control), folder / "messages")
        task = asyncio.create_task(ingest.run())
        try:
            return await scenario(ingest)
        finally:
            ingest.stop()
            await task

    return asyncio.run(run())


async def until[Result](condition: Callable[[], Result], what: str, seconds: float) -> Result:
    """Wait for a condition while the ingest goes on, and return its answer."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(0.05)
    return found


def hang_up_unheard(call: CallSnapshot) -> None:
    """Have the tap see the caller's BYE, and nobody else."""
    bye_unheard(call.call_id, (call.caller.uri, call.caller.tag), (call.callee.uri, call.callee.tag), call.callee.contact, call.caller.cseq + 1)


def bye_unheard(call_id: str, caller: tuple[str, str], callee: tuple[str, str], target: str, cseq: int) -> None:
    """Send a BYE that only a tap sees; `caller` and `callee` are (URI, tag)."""
    lines = (
        f"BYE {target} SIP/2.0",
        f"Via: SIP/2.0/UDP {CALLER_HOST}:5099;branch=z9hG4bK{cseq}-{caller[1]}",
        f"From: <{caller[0]}>;tag={caller[1]}",
        f"To: <{callee[0]}>;tag={callee[1]}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} BYE",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((CALLER_HOST, 0))
        sender.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), NOWHERE)
