"""A host for commands: an engine fed from a recording up to a moment. Knows recordings and the lab's configuration."""

import json
from pathlib import Path

from dashboard.ingest.rpchost import EngineHost
from dialogs.config import Config, Dialog, Rule
from dialogs.engine import Engine
from dialogs.taps import CaptureFile

SOCKETS = ("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060", "tcp:127.0.0.1:8080", "udp:[::1]:5060", "tcp:[::1]:5060")
RULES = (  # in the order of the lab's script: listings show the newest membership first
    Rule(do=({"set_profile": ["caller", "$fu"]}, {"set_profile": ["total"]})),
    Rule(when='$tU =~ "^00"', do=({"set_profile": ["international"]},)),
    Rule(when='$tU =~ "^0" and not ($tU =~ "^00")', do=({"set_profile": ["domestic"]},)),
    Rule(when='not ($tU =~ "^0")', do=({"set_profile": ["local"]},)),
)
PROFILES = {"profiles_with_value": ("caller",), "profiles_no_value": ("total", "local", "domestic", "international")}
OURS = Path(__file__).resolve().parents[2] / "recordings"


class Recording:
    """One recording, played up to any moment."""

    def __init__(self, folder: Path, var: Path, **dialog) -> None:
        self.now_ns = 0
        self.config = Config(dialog=Dialog(sockets=SOCKETS, track_cseq_updates=True, **PROFILES, **dialog), rule=RULES)
        self.engine = Engine(self.config)
        self.packets = CaptureFile(folder / "capture.pcap").__iter__()
        self._ahead = next(self.packets, None)
        self.touched = []
        self.host = EngineHost(self.engine, lambda: self.now_ns, var / "dumps", self.touched.append)

    def play(self, moment_ns: int) -> None:
        """Feed everything before a moment."""
        while self._ahead is not None and self._ahead.at_ns < moment_ns:
            self.engine.expire(self._ahead.at_ns)
            self.engine.receive(self._ahead)
            self._ahead = next(self.packets, None)
        self.engine.expire(moment_ns)
        self.now_ns = moment_ns

    def play_until(self, state: int) -> None:
        """Feed until some record is in a state."""
        while all(record.state != state for record in self.engine.all_records()):
            assert self._ahead is not None, f"no record comes to state {state}"
            self.play(self._ahead.at_ns + 1)


def moments(folder: Path) -> list[dict]:
    """Return what Kamailio said of a recording, in order."""
    found = folder / "snapshots.jsonl"
    return [json.loads(line) for line in (found if found.exists() else folder / "truth" / "snapshots.jsonl").read_text().splitlines()]
