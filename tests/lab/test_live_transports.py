"""Dialtap beside a real Kamailio on every transport: UDP, TCP, IPv6, WebSocket, messages over 1500 bytes at the MTU of Ethernet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogs.taps import LiveTap, TapError

from . import callers
from .agreement import agree_until_over
from .callees import Callee
from .kinds import FULL, Kind, kinds
from .lab import Call, Lab, missing
from .phone import TCP, TCP6, UDP, UDP6, Way
from .proxy import SIP_PORT, WEB_PORT
from .watcher import Watcher

pytestmark = pytest.mark.lab

MTU = 1500
LARGE = {"agent": "Lab Phone " + "with a very long name " * 120}
"Requests of more than 2,600 bytes: two IP fragments or TCP segments."

WAYS: dict[str, tuple[Way, Way]] = {
    "udp": (UDP, UDP),
    "tcp": (TCP, TCP),
    "udp to tcp": (UDP, TCP),
    "tcp to udp": (TCP, UDP),
    "udp6": (UDP6, UDP6),
    "tcp6": (TCP6, TCP6),
    "udp to udp6": (UDP, UDP6),
}
STEP_MS = 250
"""Shorter than in other tests: sipp takes a 200 that comes again over TCP (repeated by a UDP callee after 500 ms without ACK, and a quiet moment
stops the caller meanwhile) for the answer to its BYE."""

KINDS = (
    Kind("talks", lambda line: callers.hangs_up(line, 3000), (Callee().answers(STEP_MS, STEP_MS),), (FULL,), step_ms=STEP_MS),
    *(kind for kind in kinds(STEP_MS) if kind.name in {"busy", "cancelled", "media-changed"}),
)


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[tuple[Lab, Watcher]]:
    """A lab on all transports, and a watcher of its loopback."""
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path, everywhere=True, mtu=MTU) as lab:
        try:
            watcher = Watcher(lab.proxy.address, LiveTap("lo", ports=(SIP_PORT, WEB_PORT)), lab.proxy.sockets)
        except TapError as error:
            pytest.skip(str(error))
        yield lab, watcher
        watcher.tap.close()


def test_records_equal_kamailio_on_every_transport(beside: tuple[Lab, Watcher]) -> None:
    lab, watcher = beside
    calls = [kind.place(lab, *way) for way in WAYS.values() for kind in KINDS]
    calls += [_from_the_web(lab) for _ in range(2)]
    assert agree_until_over(lab, watcher, calls) == {1, 2, 3, 4, 5}
    _all_ended(watcher, calls)


def test_records_equal_kamailio_with_messages_in_fragments(beside: tuple[Lab, Watcher]) -> None:
    lab, watcher = beside
    fragments = watcher.tap.counters.skipped.get("fragments", 0)
    calls = [kind.place(lab, *WAYS[name], **LARGE) for name in ("udp", "udp6", "tcp") for kind in KINDS]
    assert agree_until_over(lab, watcher, calls) == {1, 2, 3, 4, 5}
    _all_ended(watcher, calls)
    assert watcher.tap.counters.skipped["fragments"] - fragments > 4 * len(calls)


def _all_ended(watcher: Watcher, calls: list[Call]) -> None:
    """All phones got what they expected, and Dialtap saw every call's end."""
    assert [(call.call_id, phone.complaint()) for call in calls for phone in call.phones if phone.exit_code() != 0] == []
    assert {(call.call_id, watcher.call(call.call_id).state) for call in calls} == {(call.call_id, 5) for call in calls}
    assert (watcher.tap.dropped, watcher.tap.undecodable) == (0, 0)


def _from_the_web(lab: Lab) -> Call:
    """Call a sipp phone from a browser."""
    number = lab.new_number()
    callee = lab.callee(Callee().answers(STEP_MS, STEP_MS))
    lab.proxy.lead(number, callee.target)
    call_id = f"web-{number}@lab.example"
    return Call(call_id, number, lab.web_caller(number, call_id, 2 * STEP_MS), (callee,))
