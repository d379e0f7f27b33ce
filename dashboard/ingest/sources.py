"""Opens the taps that the command line and the configuration ask for. Knows taps; knows no engine and no loop."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dialogs.config import Config
from dialogs.engine.sockets import split_address
from dialogs.taps import CaptureFile, HepTap, LiveTap, Player, TapError, may_sniff
from dialogs.taps.live import PERMISSION_ADVICE

SPEEDS = {"1": 1.0, "10": 10.0, "max": None}
START_DELAY_NS = 500_000_000
"A recording begins this long after the start, so that the pages are there when its first call is."


class Request(NamedTuple):
    """What the user asked to listen to."""

    interfaces: Sequence[str] = ()
    captures: Sequence[Path] = ()
    speed: str = "1"
    loop: bool = False
    hep: str | None = None
    "None: not said."


class Sources(NamedTuple):
    """Opened taps."""

    live: list[LiveTap | HepTap]
    players: list[Player]
    imports: list[Player]
    "Those of the players that keep the original times."

    notes: list[str]
    "What the user should know, a sentence each."

    def lines(self) -> list[str]:
        """Return what is listened to, for the terminal."""
        return [*(f"listens to {tap.name}" for tap in (*self.live, *self.players)), *self.notes]


def open_sources(asked: Request, config: Config) -> Sources:
    """Open what was asked for. Raises TapError or CaptureError for what cannot be had; nothing stays open then.

    Without any source: sniff "any" when the process may, and listen for HEP either way. With a recording nothing is sniffed.
    """
    sources = Sources([], [], [], [])
    try:
        for path in asked.captures:
            player = Player(CaptureFile(path), start_ns=time.time_ns() + START_DELAY_NS, speed=SPEEDS[asked.speed], loop=asked.loop)
            sources.players.append(player)
            if SPEEDS[asked.speed] is None and not asked.loop:
                sources.imports.append(player)
        _listen(sources, asked, config)
        _sniff(sources, asked, config)
    except BaseException:
        for tap in (*sources.live, *sources.players):
            tap.close()
        raise
    return sources


def _listen(sources: Sources, asked: Request, config: Config) -> None:
    address = asked.hep if asked.hep is not None else "" if asked.captures else config.tap.hep
    if not address:
        return
    host, port = split_address(address)
    if not port:
        raise TapError(f"--hep {address}: expected HOST:PORT, such as 127.0.0.1:9060")
    sources.live.append(HepTap(host, port, config.tap.hep_allow))


def _sniff(sources: Sources, asked: Request, config: Config) -> None:
    if asked.captures:
        if asked.interfaces:
            raise TapError("--interface cannot be used beside a recording: --pcap and --demo never sniff")
        return
    chosen = list(dict.fromkeys(asked.interfaces or config.tap.interfaces))
    if not chosen and not may_sniff():
        sources.notes.append(f"not sniffing, HEP only: to capture from an interface, {PERMISSION_ADVICE}")
        return
    tap = config.tap
    for interface in chosen or ["any"]:
        sources.live.append(LiveTap(interface, tap.ports, tap.filter, tap.snaplen, tap.buffer_mb))
