"""What a report costs where packets are read, and a scrape beside it, with everything at its cap."""

import time

import pytest

from dashboard.ingest.loop import Ingest
from dashboard.ingest.sources import Sources
from dashboard.metrics.collector import exposition
from dashboard.metrics.gathered import METRICS
from dashboard.metrics.metric import measure, packed, unpacked
from dashboard.metrics.node import NODE, PEERS_MAX
from dialogs.config import Config, Peer
from dialogs.engine.profiles import VALUES_MAX
from tests import figures

pytestmark = [pytest.mark.django_db, pytest.mark.figures]
PEERS = PEERS_MAX + 50
REPORT, SCRAPE = 0.1, 1.0
"Seconds that neither may take, on any machine at any time; docs/figures has what they take."


def best(work, rounds: int = 5) -> float:
    """Return the seconds of the quickest round."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def test_report_and_scrape_are_cheap_at_every_cap(tmp_path):
    peers = tuple(Peer(f"gw-{number}", (f"192.0.2.{number % 250 + 1}:{5060 + number}",), "trunk") for number in range(PEERS))
    ingest = Ingest(Config(peer=peers), "node", Sources([], [], [], []), None, tmp_path)
    ingest.engine.calls.profiles.sizes["caller"] = {f"sip:{number}@example.net": number % 9 + 1 for number in range(VALUES_MAX)}
    ingest.sampling.tally.totals.codes.counts.update(dict.fromkeys(range(300, 700), 3))
    first = best(ingest._beside, 1)
    report = best(ingest._beside)
    stored = packed(measure(NODE, ingest, ("node",)))
    read = unpacked(NODE, stored)
    scrape = best(lambda: exposition(unpacked(NODE, stored), "", numbers=True))
    figures.report(
        "metrics",
        {
            "what": f"{VALUES_MAX} values of a profile, {PEERS} peers, 400 codes",
            "report in which values are chosen, ms": round(first * 1000, 2),
            "any other report, ms": round(report * 1000, 2),
            "report, bytes": len(bytes(stored)),
            "scrape without the database, ms": round(scrape * 1000, 2),
            "series": sum(map(len, read.values())),
        },
    )
    values = [labels for labels, _ in read["dialtap_profile_value_calls"]]
    others = [numbers for labels, numbers in read["dialtap_peer_begun_total"] if labels[1] == "(others)"]
    assert (len(values), len(read["dialtap_peer_begun_total"]), others) == (21, PEERS_MAX + 1, [(0.0,)])
    assert (sum(map(len, read.values())) < 3000, len(METRICS) < 200) == (True, True)
    assert report < REPORT
    assert scrape < SCRAPE
