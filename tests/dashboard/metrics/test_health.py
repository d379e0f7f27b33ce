"""Alive, and ready: what an orchestrator asks."""

import threading
import time

import pytest
from django.db.migrations.recorder import MigrationRecorder

from dashboard.metrics import health
from dashboard.metrics.health import look
from dashboard.metrics.reading import Shared
from dashboard.models import TapStatus
from dialogs.config import Config, Metrics
from tests.dashboard.metrics.scraping import get

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = 10**9
GOOD = {"database": "ok", "migrations": "ok", "ingest": "ok", "taps": "ok"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(health, "_migrated", set())


def reported(age: float = 0, error: str = "", node: str = "n1") -> None:
    """Have an ingest report, so many seconds ago."""
    at_ns = time.time_ns() - int(age * SECOND)
    TapStatus.objects.create(name=f"engine:{node}", node=node, at_ns=at_ns)
    TapStatus.objects.create(name=f"interface:{node}", node=node, at_ns=at_ns, error=error)


def test_all_is_well():
    reported()
    assert look() == GOOD


def test_no_ingest_has_reported_lately():
    reported(age=30)
    assert look() == GOOD | {"ingest": "none has reported for 10 s", "taps": "there is none"}


def test_how_lately_is_a_setting(settings):
    settings.DIALTAP = Config(metrics=Metrics(ready_seconds=60))
    reported(age=30)
    assert look() == GOOD


def test_tap_that_does_not_work_is_counted_and_not_named():
    reported(error="interface eth-secret went away")
    reported(node="n2")
    assert look() == GOOD | {"taps": "1 of 2 do not work"}


def test_migration_that_is_not_applied():
    reported()
    recorder = MigrationRecorder.Migration.objects
    newest = recorder.filter(app="dashboard").latest("id")
    newest.delete()
    try:
        assert look() == GOOD | {"migrations": "1 are not applied"}
    finally:
        recorder.create(app=newest.app, name=newest.name)
    assert look() == GOOD


@pytest.fixture
def unkept(monkeypatch):
    from dashboard.metrics import view  # noqa: PLC0415 -- app ready

    monkeypatch.setattr(view, "looked", Shared(look))


@pytest.mark.asyncio
@pytest.mark.parametrize("who", [{"peer": "192.0.2.9"}, {"host": "10.1.2.3:8000"}, {"Authorization": "Bearer nonsense"}])
async def test_everybody_may_ask(unkept, who):
    """A probe knows neither our name nor a token."""
    alive, ready = await get("/healthz", **who), await get("/readyz", **who)
    assert (alive.status, alive.json) == (200, {"alive": True})
    none = GOOD | {"ingest": "none has reported for 10 s", "taps": "there is none"}
    assert (ready.status, ready.json, ready.headers["content-type"]) == (503, {"ready": False, "checks": none}, "application/json")


@pytest.mark.asyncio
async def test_database_that_hangs_is_none(monkeypatch):
    from dashboard.metrics import view  # noqa: PLC0415 -- app ready

    going = threading.Event()
    monkeypatch.setattr(view, "READY_SECONDS", 0.05)
    monkeypatch.setattr(view, "looked", Shared(lambda: {"database": str(going.wait(60))}))
    answer = await get("/readyz")
    going.set()
    assert (answer.status, answer.json) == (503, {"ready": False, "checks": {"database": "the database does not answer"}})
