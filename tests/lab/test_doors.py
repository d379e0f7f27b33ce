"""The real kamcmd and JSON-RPC over HTTP ask a real Kamailio and Dialtap, which captures beside it, about the same live calls: their answers are equal."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogs.taps import LiveTap, TapError
from tests.browser.server import PORT, Dialtap

from .callees import Callee
from .callers import gives_up, is_refused
from .doors import Said, Side, words
from .kinds import ENDLESS, STEP_MS, Kind
from .lab import Call, Lab, missing
from .proxy import RPC_PORT, SIP_PORT
from .waiting import wait_until

pytestmark = pytest.mark.lab

CONFIGURATION = f"""
[dialog]
sockets = ["udp:127.0.0.1:{SIP_PORT}"]
profiles_with_value = ["caller"]
profiles_no_value = ["total", "local", "domestic", "international"]
track_cseq_updates = true

[tap]
node = "lab"
hep = ""

[rpc]
rate = 0

[[rule]]
do = [
    {{set_var = ["customer", "$fU"]}}, {{set_var = ["dialled", "$tU"]}},
    {{set_profile = ["caller", "$fu"]}}, {{set_profile = ["total"]}}, {{set_profile = ["local"]}},
]
"""
LONG_MS = 110_000
"Longer than the test takes, shorter than the proxy lets a callee ring."

RINGS = Kind("rings", lambda line: gives_up(line, LONG_MS), (Callee().rings_for_ever(STEP_MS),), ())
NOT_FOUND = Kind("not-found", lambda line: is_refused(line, 404), (), ())
ALICE = "sip:alice.meier@lab.example"
"The lab's usual caller."

COMMANDS = (
    "dlg.list",
    "dlg.list_ctx",
    f"dlg.list_match furi sw {ALICE}",
    "dlg.list_match callid re ^endless.*example$ 1",
    "dlg.list_match turi eq sip:nobody@lab.example",
    "dlg.list_match_ctx ruri re lab[.]example",
    "dlg.dlg_list {callid}",
    "dlg.dlg_list {callid} {ftag}",
    "dlg.dlg_list {callid} nobody",
    "dlg.dlg_list_ctx {callid}",
    "dlg.briefing ftcFT",
    "dlg.briefing sESITFctf",
    "dlg.is_alive {callid} {ftag} {ttag}",
    "dlg.is_alive {callid} {ttag} {ftag}",
    "dlg.stats_active",
    "dlg.profile_get_size total",
    "dlg.profile_get_size caller",
    f"dlg.profile_get_size caller {ALICE}",
    "dlg.profile_get_size caller sip:nobody@lab.example",
    "dlg.profile_list total",
    "dlg.profile_list caller",
    f"dlg.profile_list caller {ALICE}",
    "stats.get_statistics dialog:",
    "stats.fetch dialog.active_dialogs",
)
FAULTS = (
    "dlg.nothing",
    "dlg.list_match",
    "dlg.list_match furi",
    "dlg.list_match size eq 1",
    "dlg.list_match furi xx sip:",
    "dlg.list_match furi gt sip:",
    "dlg.list_match start_ts sw 1",
    "dlg.list_match callid re (",
    "dlg.dlg_list",
    "dlg.is_alive",
    "dlg.is_alive {callid}",
    "dlg.is_alive {callid} {ftag} nobody",
    "dlg.profile_get_size",
    "dlg.profile_get_size nothing",
    "dlg.profile_list nothing",
    "stats.get_statistics",
    "dlg.end_dlg",
    "dlg.end_dlg 1",
    "dlg.end_dlg one two",
    "dlg.end_dlg 4095 999999",
    "dlg.terminate_dlg {callid}",
    "dlg.terminate_dlg nobody a b",
    "dlg.bridge_dlg",
    "dlg.bridge_dlg sip:a@lab.example",
)


class Both:
    """A proxy with phones, Dialtap on its loopback, and both doors of each."""

    def __init__(self, lab: Lab, dialtap: Dialtap, folder: Path) -> None:
        self.lab = lab
        token = dialtap.token("lab", "control")
        self.kamailio = Side(f"unixs:{folder}/lab/kamailio.ctl", (lab.proxy.address, RPC_PORT), NOT_FOUND.name)
        self.dialtap = Side(f"unixs:{folder}/var/dialtap.sock", ("127.0.0.1", PORT), NOT_FOUND.name, Authorization=f"Bearer {token}")

    def agree(self, question: str, **names: object) -> Said:
        """Wait until both say the same through each door, for Dialtap may be a packet behind, and return what kamcmd said."""
        asked = words(question, **names)
        self._agreed("http", asked)
        return self._agreed("kamcmd", asked)

    def _agreed(self, door: str, asked: tuple[str | int, ...]) -> Said:
        pair: list[Said] = []

        def same() -> bool:
            pair[:] = (getattr(side, door)(asked) for side in (self.kamailio, self.dialtap))
            return pair[0].agrees(pair[1])

        try:
            wait_until(same, "the same answer")
        except TimeoutError:
            differing = [one for one in zip(pair[0].lines, pair[1].lines, strict=False) if one[0] != one[1]]
            raise AssertionError(f"{door} {asked}: {differing}, {pair}") from None
        return pair[0]

    def agree_on(self, questions: tuple[str, ...], call: Call | None) -> None:
        """Ask all of these while no phone moves; `call` is the one that they name."""
        with self.lab.frozen():
            found = [dialog for dialog in self.lab.proxy.dialogs() if call and dialog["call-id"] == call.call_id]
            tags = (found[0]["caller"]["tag"], found[0]["callee"]["tag"] or "none") if found else ("a", "b")
            for question in questions:
                self.agree(question, callid=call.call_id if call else "nobody", ftag=tags[0], ttag=tags[1])


@pytest.fixture
def both() -> Iterator[Both]:
    """Kamailio and Dialtap, nothing up yet."""
    if reason := missing("kamcmd"):
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="dialtap-doors-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Lab(folder / "lab") as lab:
            try:
                LiveTap("lo", ports=(SIP_PORT,)).close()
            except TapError as error:
                pytest.skip(str(error))
            dialtap = Dialtap(folder, CONFIGURATION, "--interface", "lo")
            try:
                dialtap.start()
                yield Both(lab, dialtap, folder)
            finally:
                dialtap.stop()
                print(dialtap.output())  # shown by pytest when a test failed


def in_state(lab: Lab, state: int, *calls: Call) -> None:
    """Wait until Kamailio has these calls in a state."""
    wanted = {(call.call_id, state) for call in calls}
    wait_until(lambda: wanted <= {(dialog["call-id"], dialog["state"]) for dialog in lab.proxy.dialogs()}, f"state {state}", seconds=20)


def an_ended_call_is_listed_alike(both: Both) -> bool:
    """Have the proxy refuse a call; return whether it was still listed when both were asked: they forget it after some seconds."""
    call = NOT_FOUND.place(both.lab)
    assert call.caller.exit_code() == 0
    return any(call.call_id in str(line) for line in both.agree("dlg.list").lines)


def usual_curl() -> str:
    """Return what the line that stands in everybody's notes prints."""
    line = f"""curl -X POST http://127.0.0.1:{PORT}/RPC -d '{{"jsonrpc":"2.0","method":"dlg.list","id":1}}'"""
    return subprocess.run(["sh", "-c", f"{line} --silent --fail"], capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_kamcmd_and_jsonrpc_say_of_live_calls_what_kamailio_says(both: Both) -> None:
    lab = both.lab
    both.agree_on(COMMANDS + FAULTS, None)
    ringing = RINGS.place(lab)
    in_state(lab, 2, ringing)
    both.agree_on(COMMANDS + FAULTS[:8], ringing)
    first, second, other = ENDLESS.place(lab), ENDLESS.place(lab), ENDLESS.place(lab, user="o'hara%22")
    in_state(lab, 4, first, second, other)
    both.agree_on(COMMANDS + FAULTS, second)
    assert sum("dialled: " in str(line) for line in both.agree("dlg.list").lines) == 4
    assert usual_curl().count('"state":4') == 3
    for call in (first, second, other):
        (dialog,) = [each for each in lab.proxy.dialogs() if each["call-id"] == call.call_id]
        lab.proxy.rpc("dlg.end_dlg", dialog["h_entry"], dialog["h_id"])
        assert [phone.exit_code() for phone in call.phones] == [0, 0]
    both.agree_on(COMMANDS, second)
    wait_until(lambda: an_ended_call_is_listed_alike(both), "an ended call in both lists", seconds=20)
    wait_until(lambda: lab.proxy.rpc("dlg.stats_active")["all"] == 1, "the end of all but one", seconds=20)
    both.agree_on(COMMANDS, ringing)
