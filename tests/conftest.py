"""Fixtures that any test may want."""

import os
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the other processes take their share of the machine
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of recorded traffic with its truth; the test is skipped where there is none."""
    folder = Path(os.environ.get("DIALTAP_CAPTURES") or ROOT.parent / "shared" / "captures")
    if not folder.is_dir():
        pytest.skip("no recorded traffic here: set DIALTAP_CAPTURES to its folder")
    return folder


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Make the tests' database without what keeps the audit log from being emptied: each test that commits empties all tables after itself.

    tests/dashboard/orders/test_written_once.py has it on.
    """
    with django_db_blocker.unblock():
        written_once(on=False)


def written_once(*, on: bool) -> None:
    """Put the audit log's triggers on or off, as the migration does."""
    module = import_module("dashboard.migrations.0007_bulk")
    with connection.schema_editor() as editor:
        (module.lock if on else module.unlock)(apps, editor)
