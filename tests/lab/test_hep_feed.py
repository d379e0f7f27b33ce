"""Dialtap fed by a real Kamailio's siptrace, nothing captured: every kind of call, and its records equal dlg.list at each quiet moment."""

from collections.abc import Iterator

import pytest

from dialogs.taps import HepStreamTap, HepTap

from .agreement import agree_until_over
from .kinds import kinds
from .lab import Lab, missing
from .watcher import Watcher

pytestmark = pytest.mark.lab

PORT = 9060
type Fed = tuple[Lab, Watcher, HepTap | HepStreamTap]


@pytest.fixture(params=["udp", "tcp"])
def fed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fed]:
    """A lab whose proxy reports to a watcher's tap."""
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path_factory.mktemp("lab"), hep=f"127.0.0.1:{PORT};transport={request.param}") as lab:
        tap = HepTap("127.0.0.1", PORT) if request.param == "udp" else HepStreamTap("127.0.0.1", PORT)
        yield lab, Watcher(lab.proxy.address, tap), tap
        tap.close()


def test_records_fed_by_siptrace_equal_kamailio_at_every_quiet_moment(fed: Fed) -> None:
    lab, watcher, tap = fed
    assert agree_until_over(lab, watcher, [kind.place(lab) for kind in kinds()]) == {1, 2, 3, 4, 5}
    assert (tap.dropped, tap.undecodable, tap.misdated, watcher.engine.calls.anomalies, tap.health().one_way) == (0, 0, 0, 0, {})
    assert [(agent.host, agent.number, agent.one_way, agent.packets) for agent in tap.agents()] == [("127.0.0.1", 101, False, tap.packets)]
