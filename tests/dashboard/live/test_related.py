"""Other calls that belong to one."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from dashboard.history.messages import StoredMessage
from dashboard.live.related import SHOWN, related
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
SECOND = 10**9


@pytest.fixture(autouse=True)
def store():
    yield
    shutil.rmtree(Path(settings.VAR) / "messages", ignore_errors=True)


def invite(*headers: str) -> tuple[StoredMessage, ...]:
    data = "\r\n".join(("INVITE sip:b@x SIP/2.0", *headers, "CSeq: 1 INVITE", "", "")).encode()
    return (StoredMessage(NOW, "192.0.2.7:5060", "192.0.2.1:5060", "udp", repeat=False, data=data),)


def found(row) -> list[tuple[int, str]]:
    return [(int(one.row.uid, 16), one.words) for one in related(row)]


def test_other_legs_come_first():
    (row,) = record(call(1, caller="4417", callee="5000"), messages=invite("X-CID: far@b2bua"))
    record(call(2, caller="4417", callee="9", init_ns=NOW + 2 * SECOND))
    record(call(3, caller="x", callee="y", call_id="far@b2bua", init_ns=NOW - 3600 * SECOND))
    record(call(4, caller="z", callee="5000", init_ns=NOW + 3 * SECOND), messages=invite("X-CID: call-1@192.0.2.7"))
    record(call(5, caller="4417", callee="5000", init_ns=NOW + 4 * SECOND))
    record(call(6, caller="a", callee="b", init_ns=NOW))
    record(call(7, caller="4417", callee="c", init_ns=NOW + 600 * SECOND))
    assert found(row) == [(4, "named in x-cid"), (5, "same parties, 3.0 s apart"), (3, "named in x-cid"), (2, "same caller")]


def test_derived_call_id_is_found_at_any_time():
    (row,) = record(call(1, call_id="8f1b2c3d4e5f6a@x"))
    record(call(2, call_id="8f1b2c3d4e5f6a_b2b-1@y", caller="q", callee="r", init_ns=NOW + 7200 * SECOND))
    assert found(row) == [(2, "Call-ID derived from the same")]


def test_busy_caller_has_a_short_list():
    rows = record(*(call(n, caller="4417", callee=str(n)) for n in range(1, 50)))
    assert len(found(rows[24])) == SHOWN


def test_nobody_is_related_to_unknown_parties():
    rows = record(*(call(n, caller="", callee="") for n in (1, 2)))
    assert found(rows[0]) == []
