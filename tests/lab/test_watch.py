"""`./dialtap watch` at 80x24 over a real Kamailio and real phones: list, filter, open, ladder, message, end; and a server that is started again."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import CONFIGURATION
from tests.browser.server import Dialtap
from tests.dashboard.watch.tmux import Screen

from .kinds import ENDLESS
from .lab import Call, Lab
from .proxy import SIP_PORT

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("may_tap"), pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")]
ORDERS = "SELECT username, reason, outcome FROM dashboard_order ORDER BY id"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter: the process gives root up."""
    with tempfile.TemporaryDirectory(prefix="dialtap-watch-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def dialtap(lab: Lab, folder: Path) -> Iterator[Dialtap]:
    """The product beside the lab's Kamailio, which ends calls for it."""
    configuration = CONFIGURATION.format(address=lab.proxy.address, port=SIP_PORT, rpc=lab.proxy.rpc_url, controller="kamailio")
    running = Dialtap(folder, configuration, "--interface", "lo")
    try:
        running.start()
        yield running
    finally:
        running.stop()
        print(running.output())


def up(screen: Screen, lab: Lab, count: int) -> list[Call]:
    """Place calls that stay up until somebody ends them, and wait until the screen has them."""
    placed = [ENDLESS.place(lab) for _ in range(count)]
    screen.until(f"{count} calls" if count > 1 else "1 call", f"In call {count}")
    return placed


def number_of(dialtap: Dialtap, call: Call) -> str:
    return str(dialtap.rows("SELECT to_user FROM dashboard_dialogrow WHERE call_id = ?", call.call_id)[0][0])


def test_a_call_is_found_read_and_ended_over_http(lab: Lab, dialtap: Dialtap, folder: Path) -> None:
    screen = Screen(folder, {"DIALTAP_TOKEN": dialtap.token("noc", "control")}, "--url", dialtap.url)
    try:
        first, second = up(screen, lab, 2)
        is_found(screen, number_of(dialtap, first), number_of(dialtap, second))
        is_read(screen, second)
        comes_back(screen, dialtap)
        screen.resize(100, 30)
        assert max(map(len, screen.until("F1 "))) <= 100
        screen.resize(80, 24)
        is_ended(screen, "billing test", "Ended by token noc: both legs released")
        assert [phone.exit_code() for phone in second.phones] == [0, 0]
        screen.until("match")
        screen.type("Escape")
        screen.until("1 call ", "In call 1", without="match")  # Escape and a letter at once would be Alt with it
        screen.type("q")
        assert [line for line in screen.until("ended 0") if "In call" in line] == []  # the terminal is as it was
    finally:
        screen.close()
    assert dialtap.rows(ORDERS) == [("token noc", "billing test", "both legs released")]
    end(lab, first)


def is_found(screen: Screen, other: str, number: str) -> None:
    """Narrow the list to one call."""
    assert sorted(line.split()[5] for line in screen.lines()[2:4]) == sorted([other, number])
    screen.type("/")
    screen.until("Filter:")
    screen.write(f'to = "{number}"')
    screen.type("Enter")
    assert [line.split()[5] for line in screen.until("1 match")[2:4] if line] == [number]


def is_read(screen: Screen, call: Call) -> None:
    """Open the call, a message of its ladder, and go back to the list."""
    screen.type("Enter")
    drawn = screen.until("INVITE", "200 OK", "ACK")
    assert ("edge-1" in drawn[2], max(map(len, drawn)) <= 80) == (True, True)
    screen.type("Enter")
    assert any(line == f"Call-ID: {call.call_id}" for line in screen.until("INVITE sip:", "Via:"))
    screen.type("Escape")
    screen.until("200 OK", without="Via:")
    screen.type("Escape")
    screen.until("1 match")


def comes_back(screen: Screen, dialtap: Dialtap) -> None:
    """Start the server again; the screen says that nobody answers, and goes on by itself."""
    dialtap.stop()
    screen.until("No answer since", "asking on")
    dialtap.start()
    screen.until("1 match", without="asking on")


def is_ended(screen: Screen, reason: str, words: str, key: str = "y") -> None:
    """Ask for the end of the call under the cursor."""
    screen.type("e")
    screen.until("In call", "Why?")
    screen.write(reason)
    screen.type("Enter")
    screen.until("End it? y/N")
    screen.type(key)
    screen.until(words)


def end(lab: Lab, call: Call) -> None:
    """Have the proxy end a call that is left."""
    for dialog in lab.proxy.dialogs():
        if dialog["call-id"] == call.call_id:
            lab.proxy.rpc("dlg.end_dlg", dialog["h_entry"], dialog["h_id"])
    assert [phone.exit_code() for phone in call.phones] == [0, 0]


def test_who_owns_the_database_needs_no_token(lab: Lab, dialtap: Dialtap, folder: Path) -> None:
    screen = Screen(folder, {"DIALTAP_VAR": str(folder / "var")}, "--config", str(folder / "dialtap.toml"))
    try:
        (call,) = up(screen, lab, 1)
        is_ended(screen, "no more", "nothing was done", key="n")
        assert dialtap.rows(ORDERS) == []
        is_ended(screen, "no more", "both legs released")
        assert [phone.exit_code() for phone in call.phones] == [0, 0]
        screen.type("C-c")
        screen.until("ended 0")
    finally:
        screen.close()
    ((username, reason, outcome),) = dialtap.rows(ORDERS)
    assert (str(username).endswith("(command line)"), reason, outcome) == (True, "no more", "both legs released")
