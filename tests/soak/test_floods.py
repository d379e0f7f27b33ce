"""Memory under floods stays below the caps, and the millionth thing costs as little as the ten thousandth."""

import gc
import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from dialogs.config import Config, Dialog
from dialogs.engine import Engine
from dialogs.packet import Packet
from dialogs.taps import Decoder, flows
from dialogs.taps.link import raw_ip
from tests import figures
from tests.soak import floods

START_NS = 1_700_000_000_000_000_000
STEP_NS, SLOW_STEP_NS = 50_000, 500_000
"20,000 a second. Few things come slower, so that time-outs are part of their cost as well."

FEW, WARM, SLICE = 20_000, 10_000, 1000
MAX_DIALOGS = 10_000
BEYOND = 50_000
"Calls above the default cap, each of which must cost an older one its place."

DEFAULT_CAP_MB = 1500
MEMORY_MB = {"half_open": 60, "unfinished": 200, "gaps": 200, "first_fragments": 80, "invites": 250}
"What a flood may take of memory, at most; the caps of the stores add up to less."

Take = Callable[[int, list[bytes]], None]


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def decoding() -> tuple[Take, Decoder]:
    """Return what takes frames into a tap."""
    decoder = Decoder("interface:flood")
    out: list[Packet] = []

    def take(at_ns: int, frames: list[bytes]) -> None:
        for frame in frames:
            decoder.decode(at_ns, raw_ip, frame, out)
        out.clear()

    return take, decoder


def calling(max_dialogs: int = MAX_DIALOGS) -> tuple[Take, Engine]:
    """Return what takes frames into an engine with so many places."""
    decoder, engine = Decoder("interface:flood"), Engine(Config(dialog=Dialog(max_dialogs=max_dialogs)))
    out: list[Packet] = []

    def take(at_ns: int, frames: list[bytes]) -> None:
        for frame in frames:
            decoder.decode(at_ns, raw_ip, frame, out)
        for packet in out:
            engine.expire(packet.at_ns)
            engine.receive(packet)
        out.clear()

    return take, engine


def costs(take: Take, flood: Iterator[list[bytes]], count: int, step_ns: int = STEP_NS, begin_ns: int = START_NS) -> list[float]:
    """Return CPU microseconds a thing, for each slice of the flood; making the frames does not count."""
    found, at_ns = [], begin_ns
    while things := list(islice(flood, min(SLICE, count))):
        begin = time.process_time()
        for thing in things:
            take(at_ns, thing)
            at_ns += step_ns
        found.append((time.process_time() - begin) / len(things) * 1e6)
        count -= len(things)
    return found


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


FLOODS = {
    "half_open": (floods.half_open, decoding, 1_000_000),
    "unfinished": (floods.unfinished, decoding, 1_000_000),
    "gaps": (floods.gaps, decoding, 1_000_000),
    "first_fragments": (floods.first_fragments, decoding, 1_000_000),
    "invites": (floods.invites, calling, 200_000),
}


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from Linux's /proc")
@pytest.mark.parametrize("name", FLOODS)
def test_flood_stays_within_its_caps_and_every_thing_costs_the_same(name: str) -> None:
    flood, start, count = FLOODS[name]
    early = median(costs(start()[0], flood(), FEW, SLOW_STEP_NS)[WARM // SLICE :])
    gc.collect()
    before = resident_mb()
    take, holder = start()
    spent = costs(take, flood(), count)
    grown, late = resident_mb() - before, median(spent[-len(spent) // 10 :])
    figures.report(
        f"flood-{name.replace('_', '-')}",
        {"things": count, "grown_mb": round(grown), "second_10000_us": round(early, 2), "last_tenth_us": round(late, 2), "held": held(holder)},
    )
    assert grown < MEMORY_MB[name]
    assert late < 2 * early


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from Linux's /proc")
def test_flood_of_invites_stays_within_the_default_cap() -> None:
    cap = Dialog().max_dialogs
    gc.collect()
    before = resident_mb()
    take, engine = calling(cap)
    flood, most, full_mb, spent = floods.invites(), 0, 0.0, []
    for begun in range(0, cap + BEYOND, SLICE):
        spent += costs(take, flood, SLICE, begin_ns=START_NS + begun * STEP_NS)
        kept = sum(1 for _ in engine.all_calls())
        most = max(most, kept)
        full_mb = full_mb or (resident_mb() - before if kept == cap else 0.0)
    grown = resident_mb() - before
    figures.report(
        "flood-invites-default-cap",
        {
            "things": cap + BEYOND,
            "cap": cap,
            "most_live": most,
            "given_up": engine.evicted,
            "grown_mb_at_the_cap": round(full_mb),
            "grown_mb_at_the_end": round(grown),
            "kb_a_call": round(full_mb * 1000 / cap, 1),
            "second_10000_us": round(median(spent[WARM // SLICE : FEW // SLICE]), 2),
            "last_tenth_us": round(median(spent[-len(spent) // 10 :]), 2),
        },
    )
    assert (most, engine.evicted) == (cap, BEYOND)
    assert grown < full_mb * 1.1
    assert full_mb < DEFAULT_CAP_MB


LARGE = {"unfinished", "gaps", "invites"}
"Floods that take a minute until a cap is reached."


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.soak if name in LARGE else ()) for name in FLOODS])
def test_flood_is_evicted_and_counted(name: str) -> None:
    flood, start, _ = FLOODS[name]
    take, holder = start()
    things = 150_000 if name in {"unfinished", "gaps"} else 40_000
    costs(take, flood(), things)
    assert 0 < held(holder)["kept"] < things
    assert held(holder)["bytes"] <= flows.MAX_BYTES


def held(holder: Decoder | Engine) -> dict[str, int]:
    """Return how many things are kept, the bytes they keep, and how many were given up."""
    if isinstance(holder, Engine):
        return {"kept": sum(1 for _ in holder.all_calls()), "bytes": 0, "given_up": holder.evicted}
    table = holder.streams.flows
    return {"kept": len(holder.fragments) + len(table), "bytes": table.held, "given_up": holder.fragments.incomplete + table.evicted}
