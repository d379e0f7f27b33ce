"""Whether Dialtap's records and Kamailio's agree while calls run. Knows the lab and the watcher; knows no kind of call."""

from collections.abc import Sequence

from .lab import Call, Lab
from .waiting import wait_until
from .watcher import Watcher

BETWEEN_MS, SETTLE_MS = 120, 60
"How long the calls run between two looks; how long nothing may happen before one."

type Facts = tuple[object, ...]


def agree_until_over(lab: Lab, watcher: Watcher, calls: Sequence[Call], *, seconds: float = 60) -> set[object]:
    """Compare with dlg.list at every quiet moment until all phones are done, ten times at least; returns the states that were seen."""
    states: set[object] = set()
    ended: set[Facts] = set()
    looks = 0

    def look() -> bool:
        """Compare once if it is quiet; true when all phones are done."""
        nonlocal looks
        watcher.watch(BETWEEN_MS)
        with lab.frozen():
            wait_until(lambda: watcher.watch(SETTLE_MS) == 0, "a quiet moment")
            truth = lab.proxy.dialogs()
            if watcher.watch(SETTLE_MS) == 0:
                ours = watcher.dialogs()
                ended.update(_ended(ours))  # also earlier ones: the moment when Kamailio forgets depends on the ticks of its timers
                assert _live(ours) == _live(truth), (set(_live(ours)) - set(_live(truth)), set(_live(truth)) - set(_live(ours)))
                assert _ended(truth) <= ended, _ended(truth) - ended
                states.update(dialog["state"] for dialog in truth)
                looks += 1
        return not any(phone.is_running() for call in calls for phone in call.phones)

    wait_until(look, "the end of all calls", seconds=seconds)
    assert looks >= 10
    return states


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
