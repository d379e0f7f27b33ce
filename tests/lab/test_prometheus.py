"""Prometheus beside Dialtap, on real calls: a trunk that answers 503 makes the shipped rule fire, and so does an ingest that is gone.

Ingest and pages are two processes here. tests/dashboard/metrics/test_alerts.py tries each rule with its own times.
"""

import json
import re
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.server import Dialtap

from . import callers
from .callees import Callee
from .callers import Line
from .ingesting import Ingesting
from .lab import Lab, missing
from .prometheus import Prometheus
from .proxy import SIP_PORT
from .waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("may_tap")]

DOCS = Path(__file__).resolve().parents[2] / "docs"
GOOD, BAD = "127.0.0.31", "127.0.0.32"
FOR = re.compile(r"^\s+for: \w+$")
CONFIGURATION = f"""
[tap]
hep = ""
node = "lab"

[dialog]
sockets = ["udp:{{proxy}}:{SIP_PORT}"]

[[peer]]
name = "gw-good"
kind = "trunk"
addresses = ["{GOOD}"]

[[peer]]
name = "gw-bad"
kind = "trunk"
addresses = ["{BAD}"]
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dialtap-prometheus-") as name:
        Path(name).chmod(0o755)  # everybody may enter: the processes give root up
        yield Path(name)


def impatient(folder: Path) -> Path:
    """Return a copy of the shipped rules that differs in nothing but how long they wait."""
    shipped = (DOCS / "prometheus" / "alerts.yml").read_text().splitlines()
    copy = [re.sub(r"for: \w+", "for: 0s", line) if FOR.match(line) else line for line in shipped]
    assert [old for old, new in zip(shipped, copy, strict=True) if old != new] == [line for line in shipped if line.strip().startswith("for:")]
    (folder / "alerts.yml").write_text("\n".join(copy) + "\n")
    return folder / "alerts.yml"


def expressions() -> list[str]:
    """Return what the shipped dashboard asks for, its variables filled in."""
    panels = json.loads((DOCS / "grafana" / "dialtap.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [text.replace("$__rate_interval", "1m").replace("$node", ".*").replace("$peer", ".*") for text in asked]


def promtools_words(url: str, token: str) -> tuple[int, str]:
    """Return what promtool has to say about a scrape."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}), timeout=30) as answer:  # noqa: S310 -- our own
        done = subprocess.run(["promtool", "check", "metrics"], input=answer.read(), capture_output=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def test_shipped_rules_fire_on_a_trunk_that_fails_and_on_an_ingest_that_is_gone(lab: Lab, folder: Path) -> None:
    if reason := missing("prometheus", "promtool"):
        pytest.skip(reason)
    good, bad = lab.new_number(), lab.new_number()
    lab.proxy.lead(good, lab.callee(Callee().answers(20, 20), address=(GOOD, 5070), calls=0).target)
    lab.proxy.lead(bad, lab.callee(Callee().refuses("503 Service Unavailable", 20), address=(BAD, 5070), calls=0).target)
    configuration = CONFIGURATION.format(proxy=lab.proxy.address)
    ingest, pages = Ingesting(folder, configuration), Dialtap(folder, configuration, "--web-only")
    ingest.start()
    pages.start()
    try:
        token = pages.token("prometheus", "read")
        with Prometheus(folder, f"127.0.0.1:{pages.port}", token, impatient(folder)) as prometheus:
            wait_until(lambda: prometheus.value("dialtap_ingest_up"), "the first scrape")
            lab.callers(callers.waits_for_bye(Line(good)), 10, 5)
            lab.callers(callers.is_refused(Line(bad), 503), 40, 5)
            wait_until(lambda: ("DialtapTrunkFailing", "gw-bad") in prometheus.firing(), "the alert", every=0.2)
            wait_until(lambda: prometheus.value('sum(dialtap_peer_failed_total{class="5xx",peer="gw-bad"})') == 40, "all refusals")
            found = {
                "up": prometheus.value('dialtap_calls{node="lab",state="in_call"}'),
                "begun": prometheus.value('dialtap_peer_begun_total{peer="gw-bad",kind="trunk"}'),
                "answered": prometheus.value('dialtap_peer_answered_total{peer="gw-good"}'),
                "failed": prometheus.value('sum(dialtap_peer_failed_total{peer="gw-good"})'),
                "503": prometheus.value('dialtap_final_responses_total{class="5xx",code="503"}'),
                "Kamailio's": prometheus.value("dialtap_dialogs_processed_total"),
            }
            kamailio = lab.proxy.statistics()["processed_dialogs"]
            assert found == {"up": 10, "begun": 40, "answered": 10, "failed": 0, "503": 40, "Kamailio's": kamailio}
            assert {alert for alert in prometheus.firing() if alert[0].startswith("DialtapTrunk")} == {("DialtapTrunkFailing", "gw-bad")}
            judged = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
            assert [(rule["name"], rule["lastError"]) for rule in judged if rule["health"] != "ok"] == []
            answers = {expression: prometheus.ask("query", query=expression)["result"] for expression in expressions()}
            assert answers['sum(dialtap_calls{node=~".*",state="in_call"})'][0]["value"][1] == "10"
            assert promtools_words(pages.url, token) == (0, "")
            ingest.stop()
            wait_until(lambda: ("DialtapIngestDown", "lab") in prometheus.firing(), "the alert of an ingest that is gone", every=0.2)
            assert prometheus.value("dialtap_calls") is None
            assert prometheus.value("dialtap_database_up") == 1
    finally:
        ingest.stop()
        pages.stop()
