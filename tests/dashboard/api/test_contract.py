"""One read model, three skins: every page has its twin in the API and at the command line, and all give the same of the same calls."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern

from dashboard.api.table import BY_NAME, ELSEWHERE, ENTRIES
from dashboard.live.columns import COLUMNS as SCREEN
from dashboard.urls import urlpatterns
from dashboard.watch.sources import PATHS
from tests.dashboard.api.conftest import API
from tests.dashboard.live.people import call, person

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "api.md").read_text()
ROW = re.compile(r"^\| `([A-Z]+) (/[^`]*)` \| `ask ([a-z-]+)[^`]*` \| (.+) \|$", re.MULTILINE)
UNNAMED = {"", "admin/", "api/", "favicon.ico"}
"Addresses without a name: Django's admin, the API itself, the icon."


def test_every_page_has_a_twin_or_a_reason():
    """A new page needs a line in `dashboard.api.table`: an entry that shows or does the same, or a reason in ELSEWHERE."""
    named = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern) and pattern.name}
    twins = {page for entry in ENTRIES for page in entry.pages}
    assert (named - twins - set(ELSEWHERE), (twins | set(ELSEWHERE)) - named, twins & set(ELSEWHERE)) == (set(), set(), set())
    assert {str(pattern.pattern) for pattern in urlpatterns if not getattr(pattern, "name", None)} <= UNNAMED


def test_every_entry_is_described():
    assert [entry.name for entry in ENTRIES if not entry.words] == []
    assert len(BY_NAME) == len(ENTRIES)


def test_documentation_has_every_twin_and_no_other():
    found = {(method, path, name): pages for method, path, name, pages in ROW.findall(DOCS)}
    wanted = {(entry.method, entry.path, entry.name): ", ".join(f"`{page}`" for page in entry.pages) for entry in ENTRIES}
    assert found == wanted


def test_documentation_has_the_reasons():
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", DOCS, re.MULTILINE)) == ELSEWHERE


def test_openapi_has_every_entry(token):
    paths = token("read").get(f"{API}/openapi.json").json()["paths"]
    found = {(method.upper(), path.removeprefix(API), one["operationId"]) for path, ways in paths.items() for method, one in ways.items()}
    assert found == {(entry.method, entry.path, entry.name.replace("-", "_")) for entry in ENTRIES}


def test_openapi_describes_a_call_as_it_is(rows, token):
    client = token("read")
    schema = client.get(f"{API}/openapi.json").json()
    call = client.get(f"{API}/calls").json()["calls"][0]
    kinds = {str: "string", int: "integer"}
    described = schema["components"]["schemas"]["Call"]["properties"]
    assert {name for name, value in call.items() if kinds[type(value)] not in described[name]["type"]} == set()
    assert list(described) == list(call)
    assert {way["responses"]["200"]["description"] for ways in schema["paths"].values() for way in ways.values()} == {"the answer"}


def test_terminal_screen_asks_entries_of_the_table():
    assert {name: (BY_NAME[name].method, BY_NAME[name].path) for name in PATHS} == PATHS


def asked(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> bytes:
    """Return what the command line prints."""
    capfdbinary.readouterr()
    call_command("ask", *arguments)
    return capfdbinary.readouterr().out


QUERIES = {
    "all": {},
    "live": {"q": "state = live"},
    "failed": {"q": "code = 486"},
    "words": {"q": "4417"},
    "nothing": {"q": "nobody"},
    "zone": {"q": "duration > 3", "zone": "Europe/Berlin"},
}


@pytest.mark.django_db
@pytest.mark.parametrize("query", QUERIES)
def test_search_gives_the_same_in_all_skins(rows, token, capfdbinary, query):
    given = QUERIES[query]
    client, viewer = token("read"), Client()
    viewer.force_login(person("viewer"))
    export = json.loads(b"".join(viewer.get("/history/calls.json", given).streaming_content))
    screen = viewer.get("/history/", given).content.decode()
    answer = client.get(f"{API}/calls", given).json()
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    typed = json.loads(asked(capfdbinary, "calls", "--json", *words))
    assert answer["calls"] == export
    assert typed == answer
    assert [one["call"] for one in export] == re.findall(r'id="call-([0-9a-f]{16})"', screen)
    assert answer["total"] == len(export)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "json", "pcapng"])
def test_files_are_the_same_bytes_in_all_skins(rows, token, capfdbinary, kind):
    viewer = Client()
    viewer.force_login(person("viewer"))
    page = b"".join(viewer.get(f"/history/calls.{kind}").streaming_content)
    assert b"".join(token("read").get(f"{API}/calls.{kind}").streaming_content) == page
    assert asked(capfdbinary, "calls-file", kind) == page


ONE = {
    "pcap": ("/call/{uid}/pcap/", "messages.pcapng", ("pcap",)),
    "ladder.txt": ("/call/{uid}/ladder.txt", "ladder.txt", ("ladder",)),
    "ladder.svg": ("/call/{uid}/ladder.svg", "ladder.svg", ("ladder", "--kind", "svg")),
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", ONE)
def test_files_of_a_call_are_the_same_in_all_skins(rows, token, capfdbinary, what):
    page, path, words = ONE[what]
    uid = rows[0].uid
    viewer = Client()
    viewer.force_login(person("viewer"))
    shown = viewer.get(page.format(uid=uid))
    shown = b"".join(shown.streaming_content) if shown.streaming else shown.content
    assert b"".join(token("read").get(f"{API}/calls/{uid}/{path}").streaming_content) == shown
    assert asked(capfdbinary, words[0], uid, *words[1:]) == shown


PLACES = SimpleNamespace(uid=call(1).uid, number="1", one="1", other="2", order="1", bulk="1", ident="0" * 16, kind="json")
ARGUMENTS = {"calls-file": ("json",), "audit-file": ("json",), "profile": ("caller=sip:4417@example.net",), "kpi-calls": ("ser", "1000")}
QUESTIONS = {"profile": {"profile": "caller=sip:4417@example.net"}, "kpi-calls": {"name": "ser", "at": "1000"}}
OWNERS = {"tokens", "files", "file", "audit", "audit-file", "live-stream", "calls-file", "pcap", "messages-text", "ladder"}
"Asked with other rights, no JSON, or compared above."


@pytest.mark.django_db
@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES if entry.method == "GET" and entry.name not in OWNERS])
def test_answers_are_the_same_over_http_and_at_the_command_line(rows, token, capfdbinary, monkeypatch, name):
    monkeypatch.setattr("time.time_ns", lambda: call(9).init_ns)  # one moment for both
    entry = BY_NAME[name]
    made_order_and_bulk(rows[0])
    places = {word: getattr(PLACES, word) for word in re.findall(r"{(\w+)}", entry.path)}
    answer = token("control").get(API + entry.path.format(**places), QUESTIONS.get(name, {}))
    assert answer.status_code == 200, answer.content
    typed = json.loads(asked(capfdbinary, name, "--json", *(places.values() or ARGUMENTS.get(name, ()))))
    assert without_rights(typed) == without_rights(answer.json())


def without_rights(answer):
    """Return an answer without what differs by who asks."""
    return {key: value for key, value in answer.items() if key != "may"}


def made_order_and_bulk(row):
    from dashboard.models import Bulk, Order  # noqa: PLC0415 -- app ready

    Order.objects.create(pk=1, dialog=row, dialog_uid=row.uid, call_text="4417 -> 5000", node="n1", username="eve", reason="test", requested_ns=row.init_ns)
    Bulk.objects.create(pk=1, key="b", username="eve", reason="test", asked=1, requested_ns=row.init_ns, moved_ns=row.init_ns)


def test_screen_columns_are_in_the_answer(rows):
    """What stands in a column of the tables is in a call's object, under these names."""
    shown = {
        "state": "state", "age": "total_seconds", "caller": "caller", "callee": "callee", "path": "path", "event": "last_event", "why": "evidence",
        "size": "profiles", "when": "begun", "rang": "rang", "messages": "messages", "by": "ended_by", "callid": "call_id", "node": "node", "tap": "tap",
    }  # fmt: skip
    from dashboard.api.answers import live_of  # noqa: PLC0415 -- app ready

    assert {column.name for column in SCREEN} == set(shown)
    assert set(shown.values()) - set(live_of(rows[0])) == set()
