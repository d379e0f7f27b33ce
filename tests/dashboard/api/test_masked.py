"""Who may not see numbers does not see them by the API either."""

import re

import msgspec
import pytest

from dashboard.api.table import ENTRIES
from dashboard.models import AuditEvent
from dialogs.config import Privacy
from tests.dashboard.api.conftest import API
from tests.dashboard.pages.test_masked import CALLER, UID, leaks, said

pytestmark = pytest.mark.django_db
PLACES = {"uid": UID, "number": "1", "one": "1", "other": "1", "order": "1", "bulk": "1", "kind": "json", "ident": "0" * 16}
MORE = {"profile": "?profile=caller", "kpi-calls": "?name=ser&at=1000", "offers": "?q=sta"}
BARE = {"offers", "kpis", "kpi-calls", "peers", "taps", "profile"}
"Answers in which no number stands, whoever asks."

ASKED = [entry for entry in ENTRIES if entry.method == "GET" and entry.name not in ("live-stream", "tokens", "files", "file")]


def address(entry):
    return API + re.sub(r"{(\w+)}", lambda place: PLACES[place[1]], entry.path) + MORE.get(entry.name, "")


def test_no_answer_shows_a_number(world, token):
    client = token("control", "audit")
    found = {entry.name: leaks(said(client.get(address(entry)))) for entry in ASKED}
    assert found == {entry.name: [] for entry in ASKED}


def test_token_with_the_right_sees_them(world, token):
    """Otherwise the test above proves nothing."""
    client = token("control", "audit", "numbers")
    assert {entry.name for entry in ASKED if CALLER not in said(client.get(address(entry)))} == BARE


def test_without_a_mask_everybody_sees_them(world, token, settings):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy())
    assert CALLER in said(token("read").get(f"{API}/calls"))


@pytest.mark.parametrize(("query", "found"), [(CALLER, 1), (CALLER[:4], 0)])
def test_number_is_found_by_the_whole_of_it_and_that_is_written_down(world, token, query, found):
    client = token("read")
    assert [client.get(f"{API}/{what}", {"q": query}).json()["total"] for what in ("calls", "live")] == [found, found]
    assert AuditEvent.objects.filter(action="number searched", username="token read", request=f"q={query}").count() == 1


def test_part_of_a_number_cannot_be_asked_for(world, token):
    answer = token("read").get(f"{API}/calls", {"q": f'from ~ "{CALLER[:4]}"'})
    assert (answer.status_code, "numbers are masked for you" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("path", ["end", "transfer", "join", "release", "change"])
def test_refusals_show_none(world, token, path):
    said_to = {"reason": ".", "side": "caller", "to": ".", "other": UID, "other_side": "caller", "what": "set_var"}
    answer = token("control").post(f"{API}/calls/{UID}/{path}", said_to, content_type="application/json")
    assert (answer.status_code in (400, 409), leaks(said(answer))) == (True, [])
