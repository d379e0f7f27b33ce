"""The audit table is written once."""

import time

import pytest

from dashboard.models import AppendOnly, AuditEvent
from dashboard.orders import audit

pytestmark = pytest.mark.django_db


def test_record_adds_an_event() -> None:
    before = time.time_ns()
    event = audit.record("anna", "login", address="192.0.2.1", dialog_uid="0" * 16, text="x")
    assert AuditEvent.objects.get() == event
    assert (event.username, event.action, event.address, event.dialog_uid, event.text) == ("anna", "login", "192.0.2.1", "0" * 16, "x")
    assert before <= event.at_ns <= time.time_ns()


def test_record_cuts_what_a_stranger_may_make_long() -> None:
    event = audit.record("u" * 200, "login failed", address="a" * 100, text="t" * 5000, at_ns=7)
    assert (len(event.username), len(event.address), len(event.text), event.at_ns) == (150, 64, 2000, 7)


def test_event_cannot_be_changed_or_deleted() -> None:
    event = audit.record("anna", "login")
    event.text = "never happened"
    for attempt in (event.save, event.delete, AuditEvent.objects.all().delete, lambda: AuditEvent.objects.update(text="x")):
        with pytest.raises(AppendOnly, match="written once"):
            attempt()
    assert AuditEvent.objects.get().text == ""
