"""Opens the taps that the command line and the configuration ask for. Knows taps; knows no engine and no loop."""

import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Protocol

from dialogs.config import Config
from dialogs.engine.sockets import split_address
from dialogs.taps import CaptureError, FollowTap, HepStreamTap, HepTap, LiveTap, Player, StreamTap, TapError, may_sniff, open_recording, read_key
from dialogs.taps.demo import DEMO, ROUND_NS
from dialogs.taps.live import PERMISSION_ADVICE
from dialogs.taps.player import exact
from dialogs.taps.stream import is_arriving

AT_ONCE = "max"
"The speed that is none: as fast as it can be read."

START_DELAY_NS = 500_000_000
"A recording begins this long after the start, so that the pages are there when its first call is."


Played = Player | StreamTap | FollowTap


class Request(NamedTuple):
    """What the user asked to listen to."""

    interfaces: Sequence[str] = ()
    captures: Sequence[Path] = ()
    "Files and folders, played together; a pipe, or - for standard input, is read as it comes."

    speed: str = "1"
    loop: bool = False
    hep: str | None = None
    "None: not said."

    hep_tcp: str | None = None

    follow: Sequence[Path] = ()
    "Folders that are being written to."


class Pacing(Protocol):
    """What says when it wants to be asked: None when it has nothing more."""

    def next_due_ns(self) -> int | None:
        """Return when, in ns."""


class Backlog:
    """What a tap that is read as it comes still has of long ago: while there is some, only its packets move the engine's time."""

    def __init__(self, tap: StreamTap | FollowTap) -> None:
        self.tap = tap

    def next_due_ns(self) -> int | None:
        """Return 0 while the tap is behind, None once it has caught up."""
        return 0 if self.tap.behind else None


class Sources(NamedTuple):
    """Opened taps."""

    live: list[LiveTap | HepTap | HepStreamTap]
    players: list[Played]
    "Those that are asked when they want to be."

    imports: list[Pacing]
    "Those of the players that bring packets of long ago with their original times."

    notes: list[str]
    "What the user should know, a sentence each."

    @property
    def captures(self) -> bool:
        """Whether an interface is captured on: it may go away and must be opened again then."""
        return any(isinstance(tap, LiveTap) for tap in self.live)

    def lines(self) -> list[str]:
        """Return what is listened to, for the terminal."""
        return [*(f"listens to {tap.name}" for tap in (*self.live, *self.players)), *self.notes]


def open_sources(asked: Request, config: Config) -> Sources:
    """Open what was asked for. Raises TapError or CaptureError for what cannot be had; nothing stays open then.

    Without any source: sniff "any" when the process may, and listen for HEP either way. With a recording nothing is sniffed.
    """
    sources = Sources([], [], [], [])
    try:
        _play(sources, asked)
        _listen(sources, asked, config)
        _sniff(sources, asked, config)
    except BaseException:
        for tap in (*sources.live, *sources.players):
            tap.close()
        raise
    return sources


def _play(sources: Sources, asked: Request) -> None:
    """Open the recordings: files and folders together, so that they have one common time; what arrives each for itself."""
    files = [path for path in asked.captures if not is_arriving(path)]
    arriving = [path for path in asked.captures if is_arriving(path)]
    if (arriving or asked.follow) and (asked.loop or asked.speed != "1"):
        raise CaptureError("a pipe and a followed folder are read as they come: leave out --loop and --speed")
    if files:
        recording, notes = open_recording(files)
        speed = speed_of(asked.speed)
        period_ns = ROUND_NS if list(asked.captures) == [DEMO] else None
        player = Player(recording, start_ns=time.time_ns() + START_DELAY_NS, speed=speed, loop=asked.loop, period_ns=period_ns)
        sources.players.append(player)
        sources.notes.extend(notes)
        if speed is None and not asked.loop:
            sources.imports.append(player)
    for path in dict.fromkeys(arriving):
        _arrive(sources, StreamTap(path))
    for path in dict.fromkeys(asked.follow):
        _arrive(sources, FollowTap(path))


def _arrive(sources: Sources, tap: StreamTap | FollowTap) -> None:
    sources.players.append(tap)
    sources.imports.append(Backlog(tap))


def speed_of(text: str) -> Fraction | None:
    """Return a speed as a number, None for "max". Raises ValueError."""
    return None if text == AT_ONCE else exact(text)


def _listen(sources: Sources, asked: Request, config: Config) -> None:
    tap = config.tap
    configured = ("", "") if asked.captures or asked.follow else (tap.hep, tap.hep_tcp)
    over_udp, over_tcp = (said if said is not None else default for said, default in zip((asked.hep, asked.hep_tcp), configured, strict=True))
    if not over_udp and not over_tcp:
        return
    key = read_key(tap.hep_key_file)
    if over_udp:
        sources.live.append(HepTap(*_place("--hep", over_udp), tap.hep_allow, key))
    if over_tcp:
        sources.live.append(HepStreamTap(*_place("--hep-tcp", over_tcp), tap.hep_allow, key))


def _place(option: str, address: str) -> tuple[str, int]:
    host, port = split_address(address)
    if not port:
        raise TapError(f"{option} {address}: expected HOST:PORT, such as 127.0.0.1:9060")
    return host, port


def _sniff(sources: Sources, asked: Request, config: Config) -> None:
    if asked.captures or asked.follow:
        if asked.interfaces:
            raise TapError("--interface cannot be used beside a recording: --pcap, --follow and --demo never sniff")
        return
    chosen = list(dict.fromkeys(asked.interfaces or config.tap.interfaces))
    if not chosen and not may_sniff():
        sources.notes.append(f"not sniffing, HEP only: to capture from an interface, {PERMISSION_ADVICE}")
        return
    tap = config.tap
    for interface in chosen or ["any"]:
        sources.live.append(LiveTap(interface, tap.ports, tap.filter, tap.snaplen, tap.buffer_mb, tap.promiscuous))
