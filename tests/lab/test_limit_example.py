"""docs/examples/limit-calls.cfg in a real Kamailio that asks a real Dialtap: who has two calls gets 486 for the third, from the proxy itself."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.server import Dialtap

from .callers import is_refused
from .kinds import ENDLESS, Kind
from .lab import Call, Lab, missing
from .proxy import SIP_PORT
from .waiting import wait_until

pytestmark = pytest.mark.lab

HEP = "127.0.0.1:9060"
CONFIGURATION = f"""
[dialog]
sockets = ["udp:127.0.0.1:{SIP_PORT}"]
profiles_with_value = ["caller"]

[tap]
node = "lab"
"""
REFUSED = Kind("refused", lambda line: is_refused(line, 486), (), ())
NOT_FOUND = Kind("not-found", lambda line: is_refused(line, 404), (), ())
"What the proxy says to a call that it does not refuse and that leads nowhere."


@pytest.fixture
def limited() -> Iterator[tuple[Lab, Dialtap]]:
    """A proxy with the example's script, and the Dialtap that it asks and that it mirrors its messages to."""
    if reason := missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="dialtap-limit-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Lab(folder / "lab", hep=HEP, limit=True) as lab:
            dialtap = Dialtap(folder, CONFIGURATION, "--hep", HEP)
            try:
                dialtap.start()
                yield lab, dialtap
            finally:
                dialtap.stop()
                print(dialtap.output(), lab.proxy.log.read_text(errors="replace"))  # shown by pytest when a test failed


def talking(lab: Lab, *calls: Call) -> None:
    """Wait until these calls are up, as Kamailio sees them."""
    wanted = {call.call_id for call in calls}
    wait_until(lambda: wanted <= {dialog["call-id"] for dialog in lab.proxy.dialogs() if dialog["state"] == 4}, "the calls to be answered")


def end(lab: Lab, call: Call) -> None:
    """Have Kamailio end a call, and wait until both sides have heard it."""
    (dialog,) = [each for each in lab.proxy.dialogs() if each["call-id"] == call.call_id]
    lab.proxy.rpc("dlg.end_dlg", dialog["h_entry"], dialog["h_id"])
    assert [phone.exit_code() for phone in call.phones] == [0, 0]


def verdict(call: Call) -> tuple[int, str]:
    """Return sipp's exit code, 0 when the caller got the answer that its script expects, and its complaint."""
    return call.caller.exit_code(), call.caller.complaint()


def test_third_call_of_a_caller_is_refused_by_the_proxy(limited: tuple[Lab, Dialtap]) -> None:
    lab, dialtap = limited
    first, second = ENDLESS.place(lab), ENDLESS.place(lab)
    talking(lab, first, second)
    assert [verdict(REFUSED.place(lab)) for _ in range(2)] == [(0, "")] * 2  # the first one that was refused does not count
    other = ENDLESS.place(lab, user="o'hara%22")
    talking(lab, other)
    end(lab, first)
    third = ENDLESS.place(lab)
    talking(lab, second, third)
    assert verdict(REFUSED.place(lab)) == (0, "")
    dialtap.stop()
    assert verdict(NOT_FOUND.place(lab)) == (0, "")  # better one too many than none
    assert lab.proxy.log.read_text(errors="replace").count("Dialtap does not answer") == 1
