"""The audit log is written once for everybody: a migrated database refuses to change, replace, delete or empty it, whoever asks and however."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import DatabaseError, connection, models

from dashboard.models import AuditEvent
from dashboard.orders import audit
from tests.conftest import written_once

ROOT = Path(__file__).resolve().parents[3]
ATTEMPTS = [
    "UPDATE dashboard_auditevent SET text = 'never happened'",
    "DELETE FROM dashboard_auditevent",
    "INSERT OR REPLACE INTO dashboard_auditevent SELECT id, at_ns, 'ben', address, action, dialog_uid, text, '', '', '', '', '' FROM dashboard_auditevent",
    "INSERT INTO dashboard_auditevent SELECT * FROM dashboard_auditevent WHERE true ON CONFLICT (id) DO UPDATE SET text = 'never happened'",
]


def around_save(event: AuditEvent) -> None:
    event.text = "never happened"
    models.Model.save(event)


def in_bulk(event: AuditEvent) -> None:
    event.text = "never happened"
    models.QuerySet(AuditEvent).bulk_update([event], ["text"])


def upsert(event: AuditEvent) -> None:
    event.text = "never happened"
    AuditEvent.objects.bulk_create([event], update_conflicts=True, unique_fields=["id"], update_fields=["text"])


def statement(_: AuditEvent) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE dashboard_auditevent SET username = 'ben'")


WAYS = [
    around_save,
    in_bulk,
    upsert,
    statement,
    models.Model.delete,
    lambda _: models.QuerySet(AuditEvent).update(text="never happened"),
    lambda _: models.QuerySet(AuditEvent).delete(),
    lambda _: AuditEvent._base_manager.all()._raw_delete("default"),
]


@pytest.fixture
def locked(transactional_db: None) -> Iterator[AuditEvent]:
    """An event, in a database as it is in life."""
    event = audit.record("anna", "login", text="as it was")
    written_once(on=True)
    yield event
    written_once(on=False)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_the_orm_changes_an_event(locked: AuditEvent, way) -> None:
    with pytest.raises(DatabaseError, match="written once"):
        way(locked)
    assert list(AuditEvent.objects.values_list("username", "text")) == [("anna", "as it was")]


def test_events_are_still_added(locked: AuditEvent) -> None:
    audit.record("ben", "login")
    assert AuditEvent.objects.count() == 2


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / "manage.py", *arguments], env=os.environ | environment, check=True, capture_output=True, text=True)


ADD = "from dashboard.orders import audit; audit.record('anna', 'login', text='as it was')"


def test_database_of_an_installation_refuses_every_statement(tmp_path: Path) -> None:
    environment = {"DIALTAP_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "dashboard.settings", "DIALTAP_CONFIG": os.devnull}
    manage(environment, "migrate", "-v0")
    manage(environment, "shell", "--no-imports", "-c", ADD)
    with closing(sqlite3.connect(tmp_path / "dialtap.sqlite3", isolation_level=None)) as database:
        for attempt in ATTEMPTS:
            with pytest.raises(sqlite3.IntegrityError, match="written once"):
                database.execute(attempt)
        assert database.execute("SELECT username, text FROM dashboard_auditevent").fetchall() == [("anna", "as it was")]
    manage(environment, "migrate", "dashboard", "0005", "-v0")  # backwards, for who must


@pytest.fixture
def postgres(place: Path) -> Iterator[str]:
    """The address of a PostgreSQL of the test's own, on a unix socket; skipped where there is none."""
    found = [shutil.which("initdb"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    initdb = next((Path(path) for path in found if path), None)
    if initdb is None:
        pytest.skip("no PostgreSQL here")
    who = {"user": "nobody"} if os.geteuid() == 0 else {}  # it refuses root
    if who:
        shutil.chown(place, "nobody")
    folder = place
    control = [initdb.with_name("pg_ctl"), "-D", folder / "data", "-w", "-o", f"-c listen_addresses='' -k {folder}", "-l", folder / "log"]
    subprocess.run([initdb, "-D", folder / "data", "-U", "dialtap", "-A", "trust"], check=True, capture_output=True, cwd=folder, **who)
    subprocess.run([*control, "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
    yield str(folder)
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)


POSTGRES_ATTEMPTS = (*(attempt for attempt in ATTEMPTS if "OR REPLACE" not in attempt), "TRUNCATE dashboard_auditevent")


def test_postgresql_refuses_every_statement(postgres: str, tmp_path: Path) -> None:
    url = f"postgres://dialtap@/postgres?host={postgres}"
    environment = {"DIALTAP_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "dashboard.settings", "DIALTAP_CONFIG": os.devnull, "DIALTAP_DATABASE_URL": url}
    manage(environment, "migrate", "-v0")
    manage(environment, "shell", "--no-imports", "-c", ADD)
    for attempt in POSTGRES_ATTEMPTS:
        tried = subprocess.run(["psql", "-h", postgres, "-U", "dialtap", "postgres", "-c", attempt], check=False, capture_output=True, text=True)
        assert (tried.returncode, "written once" in tried.stderr) == (1, True)
    manage(environment, "migrate", "dashboard", "0005", "-v0")


@pytest.mark.django_db
def test_nobody_can_be_given_the_right_to_edit_and_no_screen_does() -> None:
    assert list(Permission.objects.filter(content_type__model="auditevent").values_list("codename", flat=True)) == ["read_audit"]
    assert not admin.site.is_registered(AuditEvent)
