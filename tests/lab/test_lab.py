"""The lab itself: every kind of call goes as its script says, and Kamailio agrees."""

from dataclasses import dataclass

import pytest

from .kinds import ENDLESS, Kind, kinds
from .lab import Call, Lab
from .proxy import RpcError
from .waiting import wait_until

pytestmark = pytest.mark.lab

KINDS = kinds()


@dataclass(frozen=True)
class Run:
    """All kinds of call at once, and what Kamailio said meanwhile."""

    calls: dict[str, Call]
    exit_codes: dict[str, list[int]]
    states: dict[str, tuple[tuple[int, ...], ...]]
    statistics: dict[str, int]


@pytest.fixture(scope="module")
def run(lab: Lab) -> Run:
    calls = {kind.name: kind.place(lab) for kind in KINDS}
    seen: dict[str, dict[tuple[int, int], list[int]]] = {call.call_id: {} for call in calls.values()}

    def watch() -> bool:
        for dialog in lab.proxy.dialogs():
            states = seen[dialog["call-id"]].setdefault((dialog["h_entry"], dialog["h_id"]), [])
            if dialog["state"] not in states[-1:]:
                states.append(dialog["state"])
        return not any(phone.is_running() for call in calls.values() for phone in call.phones)

    wait_until(watch, "the end of all calls", seconds=40)
    return Run(
        calls,
        {name: [phone.exit_code() for phone in call.phones] for name, call in calls.items()},
        {name: tuple(tuple(states) for states in seen[call.call_id].values()) for name, call in calls.items()},
        lab.proxy.statistics(),
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_both_sides_get_what_their_script_expects(run: Run, kind: Kind) -> None:
    complaints = [phone.complaint() for phone in run.calls[kind.name].phones]
    assert run.exit_codes[kind.name] == [0] * (1 + len(kind.callees)), complaints


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_kamailio_goes_through_the_states(run: Run, kind: Kind) -> None:
    assert run.states[kind.name] == kind.states


def test_kamailio_counts_every_dialog(run: Run) -> None:
    assert run.statistics == {
        "active_dialogs": 0,
        "early_dialogs": 0,
        "expired_dialogs": 0,
        "failed_dialogs": sum(kind.failed for kind in KINDS),
        "processed_dialogs": sum(len(kind.states) for kind in KINDS),
    }


def test_rpc_ends_a_call_on_both_sides(lab: Lab) -> None:
    call = ENDLESS.place(lab)
    (dialog,) = wait_until(lambda: [one for one in lab.proxy.dialogs() if (one["call-id"], one["state"]) == (call.call_id, 4)], "the answer")
    lab.proxy.rpc("dlg.terminate_dlg", call.call_id, dialog["caller"]["tag"], dialog["callee"]["tag"])
    assert [phone.exit_code() for phone in call.phones] == [0, 0]
    assert ["BYE sip:" in phone.messages() for phone in call.phones] == [True, True]


def test_rpc_error_is_told(lab: Lab) -> None:
    with pytest.raises(RpcError, match=r"dlg\.no_such_thing"):
        lab.proxy.rpc("dlg.no_such_thing")
