"""`/metrics` and the probes as Prometheus and an orchestrator have them: real processes, ingest and pages in one and apart."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dashboard.management.test_live import Process
from tests.dashboard.metrics.scraping import Series, series, value
from tests.dashboard.rpc.test_served import WAYS, lasting, served
from tests.lab.waiting import wait_until

__all__ = ["lasting", "served"]
AWAY = (503, '{"ready":false,"checks":{"database":"the database does not answer"}}')


def get(url: str, **headers: str) -> tuple[int, str]:
    """Return status and text."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:  # noqa: S310 -- our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def scraped(url: str, wanted: Callable[[Series], bool], seconds: float = 60.0, **headers: str) -> Series:
    """Return the first scrape that says what is wanted."""
    end = time.monotonic() + seconds
    while True:
        status, text = get(f"{url}metrics", **headers)
        assert status == 200, text
        if wanted(found := series(text)):
            return found
        assert time.monotonic() < end, text
        time.sleep(0.1)


def ups(found: Series) -> list[float]:
    return [number for (name, _), number in found.items() if name == "dialtap_ingest_up"]


def in_call(found: Series) -> float:
    return sum(number for (name, labels), number in found.items() if name == "dialtap_calls" and ("state", "in_call") in labels)


def without_database(url: str, var: Path) -> Series:
    """Destroy the database's file; return the first scrape that says so."""
    for file in var.glob("dialtap.sqlite3*"):
        file.write_bytes(b"no database" * 1000)
    return scraped(url, lambda found: value(found, "dialtap_database_up") == 0)


@pytest.mark.parametrize("served", WAYS, indirect=True)
def test_figures_are_right_in_one_process_and_in_two(served, tmp_path):
    url, started = served
    found = scraped(url, lambda found: in_call(found) == 1)
    assert (ups(found), value(found, "dialtap_database_up"), [name for name, _ in found if "value" in name and "calls" in name]) == ([1], 1, [])
    assert get(f"{url}readyz") == (200, '{"ready":true,"checks":{"database":"ok","migrations":"ok","ingest":"ok","taps":"ok"}}')
    token, _ = Process(tmp_path / "var", "token", "add", "prometheus").process.communicate()
    found = scraped(url, lambda found: in_call(found) == 1, Authorization=f"Bearer {token.strip()}")
    assert {dict(labels)["value"]: number for (name, labels), number in found.items() if name == "dialtap_profile_value_calls"} == {
        "sip:alice@lab.example": 1,
        "(others)": 0,
    }
    assert [process.end()[0] for process in started[1:]] == [0] * len(started[1:])
    if started[1:]:
        found = scraped(url, lambda found: ups(found) == [0])
        assert (in_call(found), value(found, "dialtap_database_up")) == (0, 1)
        status, text = get(f"{url}readyz")
        assert (status, json.loads(text)["checks"]["ingest"]) == (503, "none has reported for 10 s")
        assert get(f"{url}healthz") == (200, '{"alive":true}')
        found = without_database(url, tmp_path / "var")
        assert (value(found, "dialtap_hub_clients"), ups(found)) == (0, [])
        wait_until(lambda: get(f"{url}readyz") == AWAY, "the end of an answer that is good for a second")
    assert started[0].end()[0] == 0
