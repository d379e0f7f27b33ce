"""Who calls the API, and what is there to be asked."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from dashboard.api import acts
from dashboard.models import DialogRow
from dashboard.rpc import access
from dashboard.rpc.limit import Limiter
from dashboard.rpc.tokens import make
from tests.dashboard.history.calls import change
from tests.dashboard.live.people import call, record
from tests.dashboard.pages.test_masked import world  # noqa: F401 -- a fixture

API = "/api/v1"
INVITE = (
    'INVITE sip:5000@example.net SIP/2.0\r\nFrom: "Ann" <sip:4417@example.net>;tag=a\r\nTo: <sip:5000@example.net>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n'
)
BUSY = "SIP/2.0 486 Busy\x07 Here\r\nFrom: <sip:4417@example.net>;tag=a\r\nTo: <sip:5000@example.net>;tag=b\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A folder for messages, and a rate that no other test has used."""
    monkeypatch.setattr(settings, "VAR", tmp_path)
    monkeypatch.setattr(access, "limiter", Limiter())
    monkeypatch.setattr(acts, "refusals", Limiter())


@pytest.fixture
def token(db: None) -> Callable[..., Client]:
    """Give a client with a token: `token("read")`, `token("control", "audit")`."""

    def give(scope: str = "read", *rights: str) -> Client:
        text = make(f"{scope} {' '.join(rights)}".strip(), scope, by="ben", rights=rights)[1]
        return Client(REMOTE_ADDR="192.0.2.9", headers={"Authorization": f"Bearer {text}"})

    return give


@pytest.fixture
def rows(db: None) -> list[DialogRow]:
    """Five calls: one is up, one rings, three are over; the first has messages."""
    first = record(call(1), messages=change(call(1), INVITE, BUSY).messages)
    others = record(
        call(2, state=2, start_ns=0, callee="+15551234567"),
        call(3, state=5, start_ns=0, end_ns=call(3).init_ns + 10**9, end_code=486, end_reason="Busy Here", ended_by="callee"),
        call(4, state=5, end_ns=call(4).init_ns + 61 * 10**9, ended_by="caller", call_id="=1+1@\x1b[2J"),
        call(5, state=5, end_ns=call(5).init_ns + 5 * 10**9, ended_by="callee"),
    )
    return [*first, *others]
