"""A receiver that is down for five minutes under load: nothing lost, the order of each call kept, memory bounded, state shown, no packet waits."""

import os
import time

import pytest

from tests.figures import report
from tests.lab.waiting import wait_until
from tests.soak.outage import TOLD, Calls, Outage

pytestmark = pytest.mark.soak
DOWN_SECONDS = float(os.environ.get("DIALTAP_OUTAGE", "300"))
RATE = 20.0
"Calls a second, two events each."

MEMORY_MB = 60
"What each process may grow by while the receiver is away."


def test_receiver_is_down_for_five_minutes(tmp_path):
    outage = Outage(tmp_path)
    try:
        figures = measured(outage)
    finally:
        outage.dialtap.stop()
        outage.receiver.stop()
        print(outage.dialtap.output()[-3000:])
    report("feeds-outage", figures)


def measured(outage: Outage) -> dict[str, object]:
    outage.receiver.start()
    outage.dialtap.start()
    with Calls(outage.hep, RATE) as calls:
        wait_until(lambda: len(outage.receiver.by_call()) > 200, "the first calls", seconds=120)
        outage.measure()
        before = dict(outage.peaks)
        outage.receiver.stop()
        down, lag, most = time.monotonic(), 0, 0
        while time.monotonic() - down < DOWN_SECONDS:
            time.sleep(1)  # a look each second
            outage.measure()
            most = max(most, outage.waiting())
            lag = max(lag, calls.sent - outage.ended())
        shown = outage.command("list")
        outage.receiver.start()
        back = time.monotonic()
        wait_until(lambda: outage.waiting() < 200, "the events that waited", seconds=1800, every=0.5)
        caught_up = time.monotonic() - back
        outage.measure()
    outage.settled(120)
    heard, now, sent = outage.receiver.by_call(), outage.figures(), calls.sent
    twice = len(outage.receiver.got) - len(set(outage.receiver.revisions()))
    assert "webhook:noc" in shown
    assert ({tuple(events) for events in heard.values()}, len(heard)) == ({tuple(TOLD)}, sent)
    assert (now["dead"], now["evicted"], now["failing_ns"], outage.dropped(), twice) == (0, 0, 0, 0, 0)
    assert most > RATE * 2 * DOWN_SECONDS * 0.9
    grown = {name: round(outage.peaks[name] - before[name], 1) for name in before}
    assert max(grown.values()) < MEMORY_MB
    return {
        "what": "one webhook, calls by HEP; the receiver stops listening, then comes back; both on this machine",
        "calls_a_second": RATE,
        "down_seconds": DOWN_SECONDS,
        "calls": sent,
        "events": len(outage.receiver.got),
        "most_waiting": most,
        "calls_behind_in_the_database_at_most": lag,
        "seconds_until_caught_up": round(caught_up, 1),
        "memory_mb": {name: round(held, 1) for name, held in outage.peaks.items()},
        "memory_grown_mb": grown,
        "lost": 0,
        "sent_twice": twice,
    }
