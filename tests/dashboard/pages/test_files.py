"""Capture files opened in the browser: read by the same engine, apart from all other calls, gone when they are closed."""

import json
import os
import shutil
import sys
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from dashboard.ingest import opening
from dashboard.models import AuditEvent, DialogRow, Order, ProfileEntry
from dashboard.pages import files
from dashboard.workspace import store
from dashboard.workspace.routing import folder, inside
from dashboard.workspace.store import KEPT_NS, Progress
from dialogs.replay import WireReport
from dialogs.taps import open_recording
from tests.conftest import ROOT
from tests.dashboard.live.people import NOW, call, record
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.django_db
START = files.start
RECORDING = ROOT / "tests" / "recordings" / "reinvite" / "capture.pcap"


@pytest.fixture(autouse=True)
def no_process(db, django_db_blocker, monkeypatch):
    """Read in this process, as the command does in one of its own, and leave nothing."""
    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", django_db_blocker._real_ensure_connection)  # databases come and go
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr(files, "start", lambda ident: call_command("open_capture", ident))
    yield
    for opened in store.of():
        store.close(opened.ident)
    shutil.rmtree(folder(""), ignore_errors=True)


def upload(client: Client, data: bytes | None = None, name: str = "trunk.pcap"):
    return client.post("/files/", {"capture": SimpleUploadedFile(name, RECORDING.read_bytes() if data is None else data)})


def ident_of(client: Client, **named) -> str:
    return upload(client, **named).url.split("/")[2]


def test_file_is_read_as_replay_reads_it(operator):
    opened = store.find(ident_of(operator))
    report = WireReport(settings.DIALTAP)
    report.feed(open_recording([RECORDING])[0], None)
    answer = report.answer()
    assert (opened.name, opened.owner, opened.progress.state, opened.progress.words) == ("trunk.pcap", "operator", "done", "")
    assert (opened.progress.packets, opened.progress.calls) == (answer["packets"], answer["calls"])
    with inside(opened.ident):
        rows = list(DialogRow.objects.order_by("init_ns"))
    assert [row.call_id for row in rows] == [found["call-id"] for found in answer["dialogs"]]
    assert {(row.recorded, row.state, row.node) for row in rows} == {(True, 5, f"file-{opened.ident}")}
    assert not (folder(opened.ident) / store.CAPTURE).exists()


def test_its_calls_are_in_no_list_and_no_figure(operator):
    record(call(1))
    ident = ident_of(operator)
    assert (DialogRow.objects.count(), ProfileEntry.objects.exclude(dialog="0000000000000001").count()) == (1, 0)
    text = operator.get("/history/").content.decode()
    below = operator.get(f"/files/{ident}/history/").content.decode()
    assert ("0000000000000001" in text, "0000000000000001" in below, "trunk.pcap" in below) == (True, False, True)


def test_its_calls_are_shown_by_the_same_pages(operator):
    ident = ident_of(operator)
    with inside(ident):
        row = DialogRow.objects.get()
    text = operator.get(f"/files/{ident}/history/", {"q": "state = ended"}).content.decode()
    assert f'href="/files/{ident}/call/{row.uid}/"' in text
    page = operator.get(f"/files/{ident}/call/{row.uid}/")
    assert (page.status_code, row.call_id in page.content.decode()) == (200, True)
    message = operator.get(f"/files/{ident}/call/{row.uid}/message/1/")
    assert b"INVITE" in message.content
    lines = b"".join(operator.get(f"/files/{ident}/history/calls.csv").streaming_content).decode().splitlines()
    capture = b"".join(operator.get(f"/files/{ident}/history/calls.pcapng").streaming_content)
    assert (len(lines), row.call_id.encode() in capture) == (2, True)
    assert operator.get(f"/call/{row.uid}/").status_code == 404


@pytest.mark.parametrize(("path", "to"), [("orders/", "/orders/"), ("", None), ("history/", None), ("/evil.example/", None), ("static/x", "/static/x")])
def test_everything_else_leads_back(operator, path, to):
    ident = ident_of(operator)
    answer = operator.get(f"/files/{ident}/{path}")
    assert (answer.status_code, getattr(answer, "url", None)) == ((302, to) if to else (404 if path.startswith("/") else 200, None))


def test_nothing_can_be_done_to_its_calls(operator):
    ident = ident_of(operator)
    with inside(ident):
        uid = DialogRow.objects.get().uid
    assert operator.post(f"/files/{ident}/call/{uid}/end/", {"reason": "x"}).status_code == 302
    assert operator.post(f"/files/{ident}/history/").status_code == 405
    assert Order.objects.count() == 0


def test_only_its_owner_and_administrators_see_it(operator, viewer):
    ident = ident_of(operator)
    other = Client()
    other.force_login(person_again("second", "operator"))
    administrator = Client()
    administrator.force_login(superuser())
    answers = {
        name: [who.get(f"/files/{ident}{path}").status_code for path in ("/", "/history/")]
        for name, who in {"owner": operator, "viewer": viewer, "other": other, "administrator": administrator}.items()
    }
    assert answers == {"owner": [200, 200], "viewer": [403, 302], "other": [404, 302], "administrator": [200, 200]}
    assert (ident in other.get("/files/").content.decode(), ident in administrator.get("/files/").content.decode()) == (False, True)


def person_again(name: str, role: str):
    user = User.objects.create_user(name)
    user.groups.set(Group.objects.filter(name=role))
    return user


def superuser():
    return User.objects.create_superuser("root")


def test_closing_deletes_everything(operator):
    ident = ident_of(operator)
    operator.get(f"/files/{ident}/history/")
    place = folder(ident)
    assert (place / "calls.sqlite3").exists()
    assert operator.post(f"/files/{ident}/close/").url == "/files/"
    assert (place.exists(), f"file-{ident}" in connections.settings, operator.get(f"/files/{ident}/").status_code) == (False, False, 404)
    assert list(AuditEvent.objects.values_list("action", flat=True).order_by("pk")) == ["capture opened", "capture closed"]


def test_a_day_later_it_is_gone(operator):
    ident = ident_of(operator)
    opened = store.find(ident)
    assert [store.sweep(opened.at_ns + KEPT_NS), store.sweep(opened.at_ns + KEPT_NS + 1)] == [0, 1]
    assert store.find(ident) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "Choose a capture file"), (b"x" * (1 << 20) + b"x", "This file has 1 MB; 1 MB may be opened")],
    ids=["empty", "large"],
)
def test_what_is_not_opened_is_said(operator, monkeypatch, data, words):
    history = msgspec.structs.replace(settings.DIALTAP.history, open_mb=1)
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, history=history))
    answer = upload(operator, data=data)
    assert (answer.status_code, words in answer.content.decode(), store.of()) == (400, True, [])


def test_no_more_than_a_few_are_open(operator, monkeypatch):
    monkeypatch.setattr(store, "MOST", 1)
    ident_of(operator)
    assert b"You have 1 files open" in upload(operator).content


@pytest.mark.parametrize(("data", "words"), [(b"hello, world, this is no capture", ""), (RECORDING.read_bytes()[:-7], "cut")], ids=["text", "cut"])
def test_damaged_file_says_so(operator, data, words):
    progress = store.find(ident_of(operator, data=data)).progress
    assert (progress.over, progress.state, words in progress.words, str(folder("")) in progress.words) == (True, "done" if words else "failed", True, False)


def test_name_of_a_file_is_text(operator):
    ident = ident_of(operator, name="<b>x</b>.pcap")
    pages = [operator.get(path).content.decode() for path in ("/files/", f"/files/{ident}/", f"/files/{ident}/history/")]
    assert [("b>.pcap" in page, "<b>x</b>" in page) for page in pages] == [(False, False)] * 3


def test_call_that_is_up_when_the_file_ends_is_closed_and_says_so(operator, tmp_path):
    whole = RECORDING.read_bytes()
    progress_ident = ident_of(operator, data=whole[: len(whole) // 3])
    with inside(progress_ident):
        assert list(DialogRow.objects.values_list("state", "end_reason")) == [(5, "still up when the capture ended")]


def test_reading_stops_when_the_file_is_closed(operator, monkeypatch):
    monkeypatch.setattr(opening, "BATCH", 5)
    monkeypatch.setattr(files, "start", lambda _ident: None)
    ident = ident_of(operator)
    reader = opening.Reader(ident)
    packets = iter(open_recording([RECORDING])[0])

    def closing():
        for number, packet in enumerate(packets):
            if number == 7:
                store.close(ident)
            yield packet

    assert (reader.read(closing()), reader.packets) == (False, 10)
    reader.close()


def test_progress_is_asked_for_until_it_is_over(operator, monkeypatch):
    monkeypatch.setattr(files, "start", lambda _ident: None)
    ident = ident_of(operator)
    store.report(ident, Progress("reading", 5000, 12, NOW))
    text = operator.get(f"/files/{ident}/", headers={"HX-Request": "true"}).content.decode()
    assert ["hx-get" in text, "5,000 packets, 12 calls, up to 2026-11-21 20:58:37.000" in text, "Show its calls" in text] == [True, True, False]


def over(ident: str) -> str:
    """Wait until the reading is over; return how it ended."""
    wait_until(lambda: (found := store.find(ident)) is not None and found.progress.over, "the end of the reading", seconds=60)
    return store.find(ident).progress.state


def test_file_is_read_by_a_process_of_its_own(operator, monkeypatch):
    monkeypatch.setattr(files, "start", START)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    ident = ident_of(operator)
    assert (over(ident), json.loads((folder(ident) / "about.json").read_text())["owner"]) == ("done", "operator")
    assert Path(settings.VAR) in folder(ident).parents


def test_process_that_cannot_start_is_said(operator, monkeypatch):
    monkeypatch.setattr(files, "start", START)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    ident = ident_of(operator)
    assert (over(ident), store.find(ident).progress.words) == ("failed", "The process that reads it ended (1): the server's log has the reason.")
