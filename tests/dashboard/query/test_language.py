"""The query language: every field, every operator, every place where it can be wrong."""

import re
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.history.recorder import Recorder
from dashboard.live.filter import CallFilter
from dashboard.models import DialogRow
from dashboard.query.asked import asked
from dashboard.query.errors import QueryError
from dashboard.query.fields import FIELDS
from dashboard.query.tree import LONGEST, MOST_COMPARISONS, MOST_VALUES, parse, quoted
from tests.dashboard.history.calls import NOW, SECOND, call, change

pytestmark = pytest.mark.django_db

CALLS = [
    call(1, caller="4417", callee="+49301234", state=5, end_ns=NOW + 101 * SECOND + 2, ended_by="callee", user_agent="Phone/1.0", messages=9),
    call(2, caller="4417", callee="5000", state=5, start_ns=0, end_ns=NOW + 12 * SECOND, end_code=486, end_reason="Busy Here", ended_by="callee", tap="hep:x"),
    call(3, caller="4418", callee="5000", state=2, start_ns=0, incomplete=("200 OK not seen",), h_entry=7, h_id=8),
    call(4, caller="anna", callee="4417", state=5, end_ns=NOW + 64 * SECOND + 2, ended_by="timeout", end_reason="nothing seen", last_event="BYE"),
    call(5, caller="44", callee="5000", state=1, ring_ns=0, start_ns=0, profiles=(("total", ""), ("trunk", "gw-2")), node="n1"),
    call(6, caller="sip-x", callee="5001", state=3, profiles=(("caller", "sip-x"),)),
]
PATHS = {3: "alice -> 192.0.2.99", 4: "edge-1", 6: "alice -> edge-1 -> gw-2"}
LATER = NOW + 200 * SECOND
ALL = [1, 2, 3, 4, 5, 6]


@pytest.fixture
def calls(tmp_path: Path, db: None) -> None:
    recorder = Recorder("n1", lambda tap: tap == "hep:x", tmp_path)
    recorder.write(
        [
            change(
                snapshot,
                path=PATHS.get(int(snapshot.uid, 16), ""),
                peers=tuple(PATHS.get(int(snapshot.uid, 16), "").split(" -> ")),
                evidence=(("warn", f"note {int(snapshot.uid, 16)}"),),
            )
            for snapshot in CALLS
        ],
        NOW,
    )
    recorder.close()


def found(text: str, zone: str = "UTC", now_ns: int = LATER) -> list[int]:
    question = asked(text, zone)
    assert question.problem is None, question.problem
    return sorted(int(uid, 16) for uid in DialogRow.objects.filter(question.at(now_ns)).values_list("uid", flat=True))


CASES: dict[str, list[tuple[str, list[int]]]] = {
    "any": [
        ('any = "44 17"', [1, 2, 4]),
        ("any startswith 44", [1, 2, 3, 4, 5]),
        ("any ~ 192.0.2.99", [3]),
        ('any endswith "/7"', []),
        ("any in (anna, 5001)", [4, 6]),
    ],
    "state": [
        ('state = "early"', [3]),
        ("state = ringing", [3]),
        ("STATE = Live", [3, 5, 6]),
        ('state in ("setting up", "No ACK")', [5, 6]),
        ('state != "live"', [1, 2, 4]),
        ("state not in (ended, failed)", [3, 4, 5, 6]),
        ("state = expired", [4]),
        ("state = over", [1, 2, 4]),
        ('state = "in call"', []),
    ],
    "from": [("from = sip", []), ('from = "sip:4417@example.net"', [1, 2]), ("from ~ NNA", [4]), ("from !~ 44", [4, 6]), ('from = "4417@anywhere"', [1, 2])],
    "to": [("to = 4417", [4]), ('to = "+49 (30) 12-34"', [1]), ("to ~ +49", [1]), ('to startswith "+49"', [1]), ('to not startswith "5"', [1, 4])],
    "caller": [('caller = "44 18"', [3]), ("caller in (anna, 44)", [4, 5]), ("caller not in (anna, 44, 4417)", [3, 6]), ("caller endswith 8", [3])],
    "callee": [("callee = 5000", [2, 3, 5]), ("callee not endswith 00", [1, 4, 6]), ("callee ~ 50", [2, 3, 5, 6])],
    "from_tag": [("from_tag = tag-caller", ALL), ("from_tag != tag-caller", [])],
    "to_tag": [("to_tag startswith tag-callee", ALL), ("to_tag ~ caller", [])],
    "call_id": [('call_id = "call-3@192.0.2.7"', [3]), ('call_id startswith "call-"', ALL), ('call_id startswith "CALL-"', [])],
    "duration": [
        ("duration > 190", [3, 5, 6]),
        ("duration = 100", [1]),
        ("duration <= 10", [2]),
        ("duration = 60", [4]),
        ("duration = 60.0", [4]),
        ("duration in (10, 100)", [1, 2]),
    ],
    "talk": [("talk > 0", [1, 4, 6]), ("talk >= 190", [6]), ("talk != 60", [1, 2, 3, 5, 6])],
    "setup_time": [("setup_time < 1", [1, 4, 6]), ("setup_time = 0.000000002", [1, 4, 6])],
    "ring_delay": [("ring_delay < 1", [1, 2, 3, 4, 6]), ("not ring_delay < 1", [5])],
    "code": [
        ("code = 486", [2]),
        ("code > 0", [2]),
        ("code in (0, 486)", ALL),
        ("code != 0", [2]),
        ("code < 999999999999999999", ALL),
        ("code = 99999999999", []),
    ],
    "reason": [('reason = "Busy Here"', [2]), ("reason ~ busy", [2]), ('reason = ""', [1, 3, 5, 6])],
    "ended_by": [("ended_by = callee", [1, 2]), ("ended_by in (timeout)", [4])],
    "begun": [
        ('begun = "2026-11-21 20:58:39"', [2]),
        ('begun > "2026-11-21 20:58:40"', [4, 5, 6]),
        ('begun >= "2026-11-21 20:58:40"', [3, 4, 5, 6]),
        ('begun < "2026-11-21 20:58:39"', [1]),
        ('begun <= "2026-11-21 20:58:39"', [1, 2]),
        ('begun in ("2026-11-21 20:58:39..2026-11-21 20:58:40", "2026-11-21 20:58:43")', [2, 3, 6]),
        ('begun = "last 198s"', [2, 3, 4, 5, 6]),
        ("begun = today", ALL),
        ("begun = yesterday", []),
        ('begun != "2026-11-21"', []),
    ],
    "started": [("started = today", ALL)],
    "rang": [("rang = today", [1, 2, 3, 4, 6]), ('rang < "2026-11-21 20:58:39"', [1]), ("rang != today", [5])],
    "answered": [("answered = today", [1, 4, 6]), ("answered < today", []), ("answered <= today", [1, 4, 6])],
    "ended": [('ended = "21:00"', [1]), ('ended = "20:58..21:00"', [1, 2, 4]), ('ended >= "20:59"', [1, 4])],
    "heard": [('heard = "last 5m"', ALL)],
    "peer": [
        ("peer = edge-1", [4, 6]),
        ("peer = alice", [3, 6]),
        ("peer = gw-2", [6]),
        ("peer = edge", []),
        ("peer startswith 192", [3]),
        ("peer endswith 1", [4, 6]),
        ("peer ~ EDGE", [4, 6]),
    ],
    "path": [('path = "edge-1"', [4]), ('path startswith "alice"', [3, 6])],
    "profile": [
        ("profile = total", [5]),
        ('profile = "trunk=gw-2"', [5]),
        ('profile = "trunk=gw"', []),
        ('profile startswith "trunk=gw"', [5]),
        ('profile ~ "caller=sip:4417"', [1, 2, 3, 4]),
        ("profile != caller", [5]),
        ("profile in (total, nothing)", [5]),
    ],
    "user_agent": [("user_agent ~ phone", [1]), ('user_agent = "Phone/1.0"', [1])],
    "last_event": [("last_event = BYE", [4])],
    "notes": [('notes ~ "note 3"', [3])],
    "incomplete": [("incomplete = true", [3]), ("incomplete = No", [1, 2, 4, 5, 6]), ("incomplete != false", [3])],
    "messages": [("messages > 4", [1]), ("messages <= 4", [2, 3, 4, 5, 6])],
    "node": [("node = n1", ALL), ("node = n2", [])],
    "tap": [('tap startswith "hep:"', [2])],
    "recorded": [("recorded = true", [2])],
    "id": [('id = "0000000000000004"', [4])],
    "h_entry": [("h_entry = 7", [3])],
    "h_id": [("h_id = 8", [3]), ("h_id in (8, 9601)", ALL)],
    "": [
        ("", ALL),
        ("code = 486 or state = early and code = 1", [2]),
        ("(code = 486 or state = early) and caller = 4418", [3]),
        ("not (code = 486 or state = early)", [1, 4, 5, 6]),
        ("not not code = 486", [2]),
        ("NOT code = 486 AND to = 5000", [3, 5]),
        (r'reason = "a\"b\\c" or code = 486', [2]),
        ("reason = 'Busy Here'", [2]),
        ("code=486", [2]),
        ("4417", [1, 2, 4]),
        ("44 17 5000", []),
        ("anna 4417", [4]),
        ("*nna", [4]),
        ("call-2@", [2]),
        ("192.0.2.99", [3]),
        ("anna 20:58..20:59", [4]),
        ("5000 last 198s", [2, 3, 5]),
        ("%", []),
        ("' or 1=1 --", []),
        ("*", ALL),
    ],
}


@pytest.mark.parametrize(("text", "expected"), [case for cases in CASES.values() for case in cases], ids=lambda value: value if isinstance(value, str) else "")
def test_query_finds(calls: None, text: str, expected: list[int]) -> None:
    assert found(text) == expected


def test_every_field_has_a_case() -> None:
    assert set(CASES) == {*FIELDS, ""}


def test_example_of_the_manual_finds_live_calls_by_their_age(calls: None) -> None:
    text = 'state = "early" and to ~ "500" and duration > 60'
    begun = NOW + 3 * SECOND
    assert [found(text, now_ns=begun + seconds * SECOND) for seconds in (59, 60, 61)] == [[], [], [3]]


def test_time_is_understood_in_its_zone(calls: None) -> None:
    assert [found('begun = "2026-11-21 21:58:39"', zone) for zone in ("UTC", "Europe/Berlin")] == [[], [2]]


MISTAKES = [
    ("too = 1", 1, 3, "no field is called too; did you mean to?"),
    ("xyzzy = 1", 1, 5, "no field is called xyzzy; there are any state from"),
    ('state = "early" and too ~ "x"', 21, 3, "no field is called too"),
    ("code ~ 4", 6, 1, "code takes = != < <= > >= in not in, got ~"),
    ("code  startswith 4", 6, 10, "code takes"),
    ("to > 4", 4, 1, "to takes = != ~ !~ startswith not startswith endswith not endswith in not in, got >"),
    ("recorded in (true)", 10, 2, "recorded takes = !=, got in"),
    ('state = "rining"', 9, 8, "there is no rining; did you mean ringing?"),
    ("duration > a", 12, 1, "expected a number"),
    ("duration > 1.0000000001", 12, 12, "expected a number"),
    ("code = 1.5", 8, 3, "expected a whole number"),
    (f"code = {'9' * 500}", 8, 500, "this number is too long"),
    ('begun = "soon"', 9, 6, "expected a time such as"),
    ('begun = "2026-02-30"', 9, 12, "2026-02-30 does not exist"),
    ('begun = "25:00"', 9, 7, "25:00 does not exist"),
    ('begun = "2026-01-02..2026-01-01"', 9, 24, "2026-01-01 is before 2026-01-02"),
    ("recorded = maybe", 12, 5, "expected true or false"),
    ('to ~ ""', 6, 2, "this text is empty"),
    ("code =", 7, 1, 'expected a "text", a number or a word, got the end'),
    ("code = ", 7, 1, 'expected a "text", a number or a word, got the end'),
    ("code = )", 8, 1, 'expected a "text", a number or a word, got )'),
    ("(code = 1", 10, 1, 'expected ")", and, or, got the end'),
    ("code = 1)", 9, 1, "the end, got )"),
    ("code = 1 caller = 2", 10, 6, "expected and, or, the end, got caller"),
    ("code = 1 and", 13, 1, 'expected "(", a field such as state, not, got the end'),
    ("code in (1,", 12, 1, 'expected a "text", a number or a word, got the end'),
    ("code in (1", 11, 1, 'expected ")", ",", got the end'),
    ('to ~ "abc', 6, 4, 'this text has no end: close it with "'),
    ("to ~ 'abc", 6, 4, "this text has no end: close it with '"),
    ("code = 1 and \0", 14, 1, "this character cannot be searched for"),
    ("to = \ud800", 6, 1, "this character cannot be searched for"),
    (f"to = {'x' * LONGEST}", LONGEST + 1, 5, "a query may have 1000 characters"),
    (" or ".join(["code = 1"] * (MOST_COMPARISONS + 1)), 1, 488, "at most 40 comparisons fit"),
    (f"code in ({','.join('1' * (MOST_VALUES + 1))})", 210, 1, "at most 100 values fit in one list"),
    ("not " * 30 + "code = 1", 1, 128, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "column", "length", "why"), MISTAKES, ids=[text[:30].encode("unicode_escape").decode() for text, *_ in MISTAKES])
def test_mistake_points_at_the_spot_and_keeps_the_text(text: str, column: int, length: int, why: str) -> None:
    question = asked(text, "UTC")
    problem = question.problem
    assert problem is not None
    marks = problem.caret.split("\n")[1]
    assert (problem.column, problem.length, marks[: column - 1].strip(), marks[column - 1], why in problem.why) == (column, length, "", "^", True), str(problem)
    assert (problem.text, question.text) == (question.written, text)
    assert list(DialogRow.objects.filter(question.at(NOW))) == []


def test_masked_numbers_are_found_whole_only(calls: None) -> None:
    def answer(text: str) -> object:
        question = asked(text, "UTC", whole=True)
        rows = DialogRow.objects.filter(question.at(LATER))
        return question.problem.column if question.problem else sorted(int(row.uid, 16) for row in rows)

    table = {
        "4417": [1, 2, 4],
        "441": [],
        "441*": [],
        "example.net": [],
        "192.0.2.99": [3],
        "caller = 4417": [1, 2],
        "caller startswith 44": 8,
        "to ~ 4": 4,
        'profile ~ "caller=4"': 9,
        "notes ~ x": 7,
        "code > 400": [2],
    }
    assert {text: answer(text) for text in table} == table


words = st.sampled_from(
    [
        *FIELDS,
        *["=", "!=", "~", "!~", "<", "<=", ">", ">=", "in", "not", "and", "or", "(", ")", ",", "startswith", "endswith"],
        '"early"',
        "'x'",
        "486",
        "-1",
        "1.5",
        "true",
        "today",
        '"last 2h"',
        '"14:00..14:10"',
        '"',
        "\\",
    ]
)


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.lists(words, max_size=14).map(" ".join)))
def test_no_text_raises_or_reaches_another_table(text: str) -> None:
    rows = DialogRow.objects.filter(asked(text, "Europe/Berlin").at(LATER))
    with CaptureQueriesContext(connection) as queries:
        assert list(rows) == []
    tables = {table for query in queries for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', query["sql"])}
    assert tables <= {"dashboard_dialogrow", "dashboard_profileentry"}


@given(text=st.text(max_size=50))
def test_any_text_can_be_quoted(text: str) -> None:
    try:
        tree = parse(f"reason = {quoted(text)}")
    except QueryError as error:
        assert "cannot be searched for" in error.why  # noqa: PT017
    else:
        assert tree.values[0].text == text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("4417", 'any startswith "4417"'),
        ("+49 30 12-34 today", 'any startswith "+49 30 12-34" and begun = "today"'),
        ("+49301 +25261", 'any startswith "+49301" and any startswith "+25261"'),
        ("4417 yesterday 14:00..14:10", 'any startswith "4417" and begun = "yesterday 14:00..14:10"'),
        ("last 2 h anna", 'begun = "last 2 h" and any startswith "anna"'),
        ("2026-03-29 14:00..2026-03-29 15:00 x", 'begun = "2026-03-29 14:00..2026-03-29 15:00" and any startswith "x"'),
        ("*12 34*", 'any ~ "12" and any startswith "34"'),
        ('say "x"', 'any startswith "say" and any startswith "\\"x\\""'),
        ("2001:db8::1", 'any startswith "2001:db8::1"'),
        ("  ", ""),
        ("code = 1", "code = 1"),
        ("(not code = 1)", "(not code = 1)"),
        ("not found", 'any startswith "not" and any startswith "found"'),
    ],
)
def test_plain_words_become_a_query(text: str, written: str) -> None:
    assert asked(text, "UTC").written == written


def test_live_words_are_looked_for_inside() -> None:
    assert [asked("4417", "UTC", inside=True).written, asked("4417*", "UTC", inside=True).written] == ['any ~ "4417"', 'any startswith "4417"']


@pytest.mark.parametrize(
    ("text", "timed"),
    [
        ("duration > 1", True),
        ("talk > 1", True),
        ("setup_time > 1", False),
        ("begun = today", True),
        ('begun = "2026-01-01"', False),
        ("not begun in (today)", True),
        ("a", False),
    ],
)
def test_query_knows_whether_time_changes_its_answer(text: str, timed: bool) -> None:
    assert asked(text, "UTC").timed is timed


def test_query_is_compiled_once() -> None:
    assert asked("code = 486 and to = 1", "UTC") is asked("code = 486 and to = 1", "UTC")


@pytest.mark.parametrize(
    ("typed", "scanned"),
    [
        ("4417", False),
        ("call-777@192.0.2.7", False),
        ("4417@example.net", False),
        ("sip:4417@example.net", False),
        ("192.0.2.7", True),
        ("[2001:db8::1]", True),
        ("@example.net", True),
    ],
)
def test_only_an_address_is_looked_for_inside_of_columns(typed: str, scanned: bool) -> None:
    assert ("LIKE" in str(CallFilter.parse({"q": f'any startswith "{typed}"'}).apply(DialogRow.objects.all()).query)) is scanned
