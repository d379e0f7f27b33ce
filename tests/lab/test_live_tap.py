"""Dialtap beside a real Kamailio: taps the loopback live while every kind of call runs, and its records equal dlg.list at each quiet moment."""

from collections.abc import Iterator

import pytest

from dialogs.taps import TapError

from .kinds import kinds
from .lab import Lab
from .waiting import wait_until
from .watcher import Watcher

pytestmark = pytest.mark.lab

BETWEEN_MS, SETTLE_MS = 120, 60
"How long the calls run between two looks; how long nothing may happen before one."

type Facts = tuple[object, ...]


@pytest.fixture
def watcher(lab: Lab) -> Iterator[Watcher]:
    try:
        watching = Watcher(lab.proxy.address)
    except TapError as error:
        pytest.skip(str(error))
    yield watching
    watching.tap.close()


def test_records_equal_kamailio_at_every_quiet_moment(lab: Lab, watcher: Watcher) -> None:
    calls = [kind.place(lab) for kind in kinds()]
    states: set[object] = set()
    looks = 0

    def look() -> bool:
        """Compare once if it is quiet; true when all phones are done."""
        nonlocal looks
        watcher.watch(BETWEEN_MS)
        with lab.frozen():
            wait_until(lambda: watcher.watch(SETTLE_MS) == 0, "a quiet moment")
            truth = lab.proxy.dialogs()
            if watcher.watch(SETTLE_MS) == 0:
                assert _live(watcher.dialogs()) == _live(truth)
                assert _ended(truth) <= _ended(watcher.dialogs())
                states.update(dialog["state"] for dialog in truth)
                looks += 1
        return not any(phone.is_running() for call in calls for phone in call.phones)

    wait_until(look, "the end of all calls", seconds=60)
    assert looks >= 10
    assert states == {1, 2, 3, 4, 5}
    assert (watcher.tap.dropped, watcher.tap.undecodable) == (0, 0)


def _live(dialogs: list[dict]) -> list[Facts]:
    return sorted(_facts(dialog) for dialog in dialogs if dialog["state"] != 5)


def _ended(dialogs: list[dict]) -> set[Facts]:
    return {_facts(dialog) for dialog in dialogs if dialog["state"] == 5}


def _facts(dialog: dict) -> Facts:
    """Return what must be equal; not h_id, which is not on the wire when the proxy itself refuses."""
    caller, callee = dialog["caller"], dialog["callee"]
    return (
        dialog["call-id"], dialog["state"], dialog["h_entry"], dialog["from_uri"], dialog["to_uri"],
        caller["tag"], caller["contact"], str(callee["tag"]), str(callee["contact"]),
    )  # fmt: skip
