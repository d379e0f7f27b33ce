"""How much SIP the ingest takes from an interface, engine and recorder on: what is sent is captured or counted as dropped."""

import asyncio
import sys
import time

import pytest

from dashboard.models import DialogRow
from dialogs.config import Config, Tap
from tests.dashboard.ingest.test_interfaces import capturing, network, told
from tests.dashboard.ingest.test_loop import until
from tests.dialogs.taps.sniffing import need_namespace
from tests.figures import report

pytestmark = [need_namespace, pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
RATES = (1000, 2000, 3000, 4000, 6000, 8000, 10_000, 12_000, 15_000, 20_000, 30_000, 60_000)
SECONDS = 8
BUFFERS = (16, 32, 64, 128)
BURST_RATE = 60_000
BURSTS = (5000, 10_000, 20_000, 40_000, 80_000)
PROMPT = 1.0
"What is still to be read this long after the last packet was sent had only been kept in the buffer."

__all__ = ["network"]


class Step:
    """One rate: what was sent, and what became of it."""

    def __init__(self, sent: int, seconds: float) -> None:
        self.sent, self.seconds = sent, seconds
        self.captured = self.dropped = 0
        self.late = 0.0

    @property
    def sustained(self) -> bool:
        return self.dropped == 0 and self.late <= PROMPT


async def sent(rate: int, seconds: float, first_call: int) -> Step:
    """Have another process send at a rate."""
    arguments = ("-m", "tests.dashboard.ingest.sending", "v0", str(rate), str(seconds), str(first_call))
    sender = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert await sender.stdout.readline() == b"ready\n"
    out, _ = await sender.communicate(b"go\n")
    count, took = out.split()
    return Step(int(count), float(took))


async def stepped(ingest, rate: int, seconds: float, first_call: int) -> Step:
    """Send at a rate and wait until all of it has been captured or dropped."""
    (tap,) = ingest.sources.live
    captured, dropped = tap.packets, tap.dropped
    step = await sent(rate, seconds, first_call)
    ended = time.monotonic()
    while tap.packets + tap.dropped < captured + dropped + step.sent:
        assert time.monotonic() - ended < 60, "packets were neither captured nor dropped"
        await asyncio.sleep(0.01)
    step.late = time.monotonic() - ended
    step.captured, step.dropped = tap.packets - captured, tap.dropped - dropped
    return step


async def test_what_is_sent_is_captured_and_recorded(network, tmp_path):
    async with capturing(tmp_path, "v1") as ingest:
        step = await stepped(ingest, 500, 2, 0)
        status = await until(told("v1", packets=1000))
        assert (step.captured, step.dropped, status.messages, status.undecodable) == (1000, 0, 1000, 0)
    assert await DialogRow.objects.acount() == ingest.engine.families > 50


@pytest.mark.soak
async def test_highest_rate_without_loss(network, tmp_path):
    sustained, lossy, first_call = 0, None, 0
    async with capturing(tmp_path, "v1") as ingest:
        for rate in RATES:
            step = await stepped(ingest, rate, SECONDS, first_call)
            first_call += step.sent
            assert step.captured + step.dropped == step.sent
            if not step.sustained:
                lossy = step
            if step.dropped:
                break
            if lossy is None:
                sustained = round(step.sent / step.seconds)
        assert lossy is not None
        if lossy.dropped:
            status = await until(told("v1", dropped=ingest.sources.live[0].dropped))
            assert status.dropped > 0
    figures = {
        "what": f"SIP messages a second through a veth pair for {SECONDS} s, engine and recorder on, one process",
        "highest without loss": sustained,
        "first with loss": {"sent": lossy.sent, "captured": lossy.captured, "dropped": lossy.dropped, "seconds of backlog": round(lossy.late, 1)},
        "calls recorded": await DialogRow.objects.acount(),
    }
    report("live-rate", figures)
    assert sustained >= RATES[0] * 0.9


@pytest.mark.soak
async def test_burst_that_each_buffer_survives(network, tmp_path):
    survived, first_call = {}, 0
    for buffer_mb in BUFFERS:
        config = Config(tap=Tap(hep="", filter="udp", buffer_mb=buffer_mb))
        async with capturing(tmp_path / str(buffer_mb), "v1", config=config) as ingest:
            survived[buffer_mb] = 0
            for burst in BURSTS:
                step = await stepped(ingest, BURST_RATE, burst / BURST_RATE, first_call)
                first_call += step.sent
                assert step.captured + step.dropped == step.sent
                if step.dropped:
                    break
                survived[buffer_mb] = step.sent
    figures = {
        "what": f"SIP messages that came at {BURST_RATE:,} a second and were all captured, by [tap] buffer_mb; engine and recorder on, one process",
        "largest burst without loss": {f"{buffer_mb} MiB": count for buffer_mb, count in survived.items()},
    }
    report("live-burst", figures)
    assert survived[BUFFERS[-1]] >= survived[BUFFERS[0]] > 0
