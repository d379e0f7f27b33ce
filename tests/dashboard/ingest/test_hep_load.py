"""HEP at rates: the real ingest with engine and recorder, fed by another process. It loses nothing."""

import asyncio
import json
import resource
import socket
import sys
import time
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from dashboard.ingest.loop import Ingest
from dashboard.ingest.sources import Sources
from dashboard.models import DialogRow
from dialogs.config import Config
from dialogs.taps import HepTap, hep_tap
from tests.figures import report

ROOT = Path(__file__).resolve().parents[3]
LOADS = {"burst of one second": (40_000, 40_000), "sustained for ten seconds": (10_000, 100_000)}

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what it dropped"),
]


async def loaded(folder: Path, rate: int, count: int) -> dict[str, object]:
    """Send so many datagrams to an ingest and return what became of them; it ends when all are in the database."""
    tap = HepTap("127.0.0.1", 0)
    ingest = Ingest(Config(), "node", Sources([tap], [], [], []), None, folder / "messages")
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.hep_agent", *map(str, (*tap.address, rate, count)),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert agent.stdin is not None
    assert agent.stdout is not None
    await agent.stdout.readline()
    running = asyncio.create_task(ingest.run())
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    agent.stdin.write(b"\n")
    sent = json.loads(await agent.stdout.readline())
    sending = time.monotonic()
    while tap.counters.frames + tap.dropped < count:
        assert time.monotonic() < sending + 60, "the rest of the datagrams was not read"
        await asyncio.sleep(0.01)
    drained = time.monotonic()
    ingest.stop()
    await running
    await agent.wait()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "datagrams": sent["sent"],
        "bytes a datagram": sent["bytes"] // sent["sent"],
        "sent in, s": sent["seconds"],
        "read after the last was sent, s": round(drained - sending, 2),
        "in the database after, s": round(time.monotonic() - sending, 2),
        "CPU, us a message": round((used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime) * 1e6 / count),
        "wall, s": round(time.monotonic() - begun, 2),
        "calls": ingest.engine.calls.processed,
        "calls in the database": await sync_to_async(DialogRow.objects.count)(),
        "SIP messages": ingest.engine.messages,
        "dropped by the kernel": tap.dropped,
        "lost elsewhere": tap.undecodable + ingest.engine.evicted + ingest.recorder.dropped + ingest.recorder.messages_lost + ingest.pending.messages_lost,
    }


def full_buffer(count: int) -> bool:
    """Return whether this process may have a buffer that holds so many datagrams of the load."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        hep_tap._grow_buffer(probe)
        return probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= count * 2304


async def test_datagrams_that_come_at_once_are_all_recorded(tmp_path):
    if not full_buffer(5000):
        pytest.skip("the system limits the receive buffer (net.core.rmem_max) and this process may not pass the limit")
    figures = await loaded(tmp_path, 1_000_000, 5000)
    lost = {key: figures[key] for key in ("SIP messages", "dropped by the kernel", "lost elsewhere")}
    assert lost == {"SIP messages": 5000, "dropped by the kernel": 0, "lost elsewhere": 0}
    assert figures["calls in the database"] == figures["calls"] > 300


async def test_what_a_tiny_buffer_drops_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(hep_tap, "RECEIVE_BUFFER", 4096)
    figures = await loaded(tmp_path, 1_000_000, 5000)
    assert figures["dropped by the kernel"] > 0
    assert figures["SIP messages"] + figures["dropped by the kernel"] == 5000


@pytest.mark.soak
async def test_bursts_and_a_steady_stream_are_not_lost(tmp_path):
    if not full_buffer(40_000):
        pytest.skip("the system limits the receive buffer (net.core.rmem_max) and this process may not pass the limit")
    figures = {}
    for name, (rate, count) in LOADS.items():
        figures[name] = await loaded(tmp_path / name, rate, count)
        await sync_to_async(DialogRow.objects.all().delete)()
    report("hep", figures)
    assert [(load["SIP messages"], load["dropped by the kernel"], load["lost elsewhere"]) for load in figures.values()] == [(40_000, 0, 0), (100_000, 0, 0)]
    assert [load["calls"] for load in figures.values()] == [load["calls in the database"] for load in figures.values()]
    assert figures["sustained for ten seconds"]["CPU, us a message"] <= 100  # a core's worth; how long it takes depends on who else wants the cores
