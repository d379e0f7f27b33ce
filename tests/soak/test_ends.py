"""100 calls of every sort ended through Kamailio, and 100 by our own SIP without it, proven leg by leg on the wire. `DIALTAP_LAB_ENDS`: fewer."""

import os
from collections import Counter
from math import ceil
from statistics import median

import pytest
from django.conf import settings

from dashboard.ingest.loop import Ingest
from tests import figures
from tests.lab.acting import AGENT_HOST, configured
from tests.lab.beside import watched
from tests.lab.callees import Callee
from tests.lab.callers import never_answers_bye
from tests.lab.ending import Ended, end_all, end_mix
from tests.lab.kinds import Kind
from tests.lab.lab import Lab, missing
from tests.lab.mix import MIX
from tests.lab.sippxml import pause, request
from tests.lab.wire import Byes, Wire, byes

pytestmark = [pytest.mark.soak, pytest.mark.django_db(transaction=True)]
ROUNDS = ceil(int(os.environ.get("DIALTAP_LAB_ENDS", "100")) / len(MIX))
WAYS = {"through Kamailio": "kamailio", "by our own SIP": "sip"}


def ended(lab, folder, monkeypatch, controller) -> tuple[dict[str, Ended], Byes]:
    """End the calls; returns them by sort, and what the wire showed."""
    folder.mkdir()
    config = configured(lab, controller)
    monkeypatch.setattr(settings, "DIALTAP", config)

    async def scenario(_ingest: Ingest):
        return await end_mix(lab, ROUNDS)

    with Wire(lab) as wire:
        done = watched(folder, config, scenario)
        return done, byes(wire)


def told(done: dict[str, Ended], found: Byes) -> dict[str, object]:
    """Return the figures of one way."""
    orders = [order for each in done.values() for order in each.orders]
    seconds = [took for each in done.values() for took in each.seconds()]
    return {
        "orders": len(orders),
        "BYEs answered 200": found.answered,
        "outcomes": dict(Counter(order.outcome for order in orders)),
        "legs whose BYE had a CSeq that they had seen": found.repeated,
        "legs with BYEs of several CSeqs": found.several,
        "seconds from the wish to the proof, median": round(median(seconds), 2),
        "longest": round(max(seconds), 2),
    }


DEAF = Kind("deaf", never_answers_bye, (Callee().answers_then(50, 50, request("BYE"), pause(90_000)),), (), step_ms=50)
REPEATED_S = (0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5)
"When a BYE that nobody answers leaves over UDP (RFC 3261, 17.1.2.2: T1, doubled, at most T2), until the proxy says 408 after 30 s."


def test_bye_that_nobody_answers_is_repeated_and_not_confirmed(tmp_path, monkeypatch):
    if reason := missing():
        pytest.skip(reason)
    (tmp_path / "sip").mkdir()
    with Lab(tmp_path / "lab") as lab, Wire(lab) as wire:
        config = configured(lab, "sip", verify_seconds=35.0)
        monkeypatch.setattr(settings, "DIALTAP", config)

        async def scenario(_ingest: Ingest) -> Ended:
            return await end_all(lab, [DEAF.place])

        (order,) = watched(tmp_path / "sip", config, scenario).orders
        sent = byes_of_ours(wire)
    assert (order.outcome, order.detail, set(sent)) == ("not confirmed", "not confirmed after 35 s", {1, 2})
    assert {leg["words"] for leg in order.legs.values()} == {"408 Request Timeout"}
    for times in sent.values():
        late = [at_s - times[0] - due_s for at_s, due_s in zip(times, REPEATED_S, strict=True)]
        assert (min(late) > -0.05, max(late) < 0.5) == (True, True)


def byes_of_ours(wire: Wire) -> dict[int, list[float]]:
    """Return when our own user agent sent each BYE, by its number."""
    found: dict[int, list[float]] = {}
    for seen in wire.read():
        if seen.packet.source.host == AGENT_HOST and seen.packet.data.startswith(b"BYE "):
            found.setdefault(seen.message.cseq, []).append(seen.packet.at_ns / 1e9)
    return found


def test_hundred_calls_are_ended_each_way(tmp_path, monkeypatch):
    if reason := missing():
        pytest.skip(reason)
    figured: dict[str, object] = {"what": f"{ROUNDS} calls of each sort, ended by orders beside a real Kamailio", "sorts": list(MIX)}
    count = ROUNDS * len(MIX)
    with Lab(tmp_path / "lab", everywhere=True, web_targets=True) as lab:
        results = {}
        for way, controller in WAYS.items():
            results[way] = done, found = ended(lab, tmp_path / controller, monkeypatch, controller)
            figured[way] = told(done, found)
    figures.report("control-ends", figured)
    for way, (done, found) in results.items():
        assert {name: Counter(order.outcome for order in each.orders) for name, each in done.items()} == {
            name: Counter({"both legs released": ROUNDS}) for name in MIX
        }, way
        assert {name: each.exit_codes() for name, each in done.items()} == {name: {0} for name in MIX}, way
        assert (found.legs, found.answered, found.several) == (2 * count, 2 * count, 0), way
    assert results["by our own SIP"][1].repeated == 0  # Kamailio itself repeats what a trunk has seen to which it authenticated
