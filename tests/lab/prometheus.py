"""Debian's Prometheus, in the calling thread's network namespace. Knows its command line and its HTTP interface; knows no Dialtap."""

import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from .waiting import wait_until

ADDRESS = "127.0.0.1:9090"


class Prometheus:
    """One process that scrapes and judges each second, as a context manager."""

    def __init__(self, folder: Path, target: str, token: str, rules: Path) -> None:
        """`target`: host:port that is scraped with this token, as job "dialtap"."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "token").write_text(token)
        job = {"job_name": "dialtap", "authorization": {"credentials_file": str(folder / "token")}, "static_configs": [{"targets": [target]}]}
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (folder / "prometheus.yml").write_text(json.dumps({"global": every, "scrape_configs": [job], "rule_files": [str(rules)]}))

    def __enter__(self) -> "Prometheus":
        command = ["prometheus", f"--config.file={self._folder}/prometheus.yml", f"--storage.tsdb.path={self._folder}/tsdb"]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--web.listen-address={ADDRESS}", "--log.level=warn"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._is_ready, "Prometheus", every=0.1)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)

    def ask(self, path: str, **query: str) -> Any:
        """Return what it answers at /api/v1/PATH. Raises HTTPError for an expression that it cannot read."""
        with urllib.request.urlopen(f"http://{ADDRESS}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> float | None:
        """Return what an expression is now, None while it is nothing."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire, each with its peer, or else its node."""
        alerts = [alert["labels"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]
        return {(labels["alertname"], labels.get("peer") or labels.get("node", "")) for labels in alerts}

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "prometheus.log").read_text()[-3000:])
        try:
            with urllib.request.urlopen(f"http://{ADDRESS}/-/ready", timeout=5):
                return True
        except OSError:
            return False
