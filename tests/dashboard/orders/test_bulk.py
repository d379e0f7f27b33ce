"""Ending many calls: what is shown first, what is written down, what is left out, by whom it is stopped."""

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth.models import User

from dashboard.models import AuditEvent, Bulk, BulkItem, DialogRow, Order
from dashboard.orders.bulk import BulkRefused, Wish, preview, progress, request_bulk, stop_bulk
from dialogs.config import Control
from tests.dashboard.live.people import NOW, call, person, record

pytestmark = pytest.mark.django_db
PROTECTED = "protected number: it is acted on singly only"
WISH = Wish("k" * 32, " toll fraud ", "", "192.0.2.50", "caller=4417")


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control(controller="dryrun", protect=("112",), bulk_max=10)
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=control))


@pytest.fixture
def operator() -> User:
    return person("operator")


def events() -> list[tuple[str, str, str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("username", "action", "address", "text"))


def mixed() -> list[DialogRow]:
    """Return a call that may be ended and three that may not."""
    return record(call(1), call(2, callee="112"), call(3, state=5, end_ns=NOW), call(4, profiles=(("emergency", ""),)))


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_preview_leaves_out_protected_and_ended_calls_whoever_asks(role: str) -> None:
    first, *rest = mixed()
    seen = preview([first, *rest], person(role))
    assert (seen.ending, seen.left, seen.refused) == ([first], [(rest[0], PROTECTED), (rest[1], "already ended"), (rest[2], PROTECTED)], "")


@pytest.mark.parametrize(
    ("calls", "refused", "typed"),
    [
        (0, "none of these calls can be ended", ""),
        (5, "", ""),
        (6, "", "6"),
        (11, "11 calls, at most 10 at once ([control] bulk_max): narrow the filter or pick fewer", "11"),
    ],
)
def test_preview_says_what_must_be_typed_and_what_is_too_much(operator: User, calls: int, refused: str, typed: str) -> None:
    seen = preview(record(*(call(number) for number in range(1, calls + 1))), operator)
    assert (seen.refused, seen.to_type) == (refused, typed)


def test_wish_is_written_down_with_its_calls(operator: User) -> None:
    bulk = request_bulk(mixed(), operator, WISH)
    assert (bulk.username, bulk.address, bulk.reason, bulk.query, bulk.asked, bulk.state) == (
        "operator",
        "192.0.2.50",
        "toll fraud",
        "caller=4417",
        4,
        "running",
    )
    assert list(bulk.items.order_by("pk").values_list("dialog_uid", "call_text", "node", "state", "words")) == [
        (call(1).uid, "4417 -> 5000", "n1", "waiting", ""),
        (call(2).uid, "4417 -> 112", "n1", "left out", PROTECTED),
        (call(3).uid, "4417 -> 5000", "n1", "left out", "already ended"),
        (call(4).uid, "4417 -> 5000", "n1", "left out", PROTECTED),
    ]
    assert events() == [("operator", "bulk requested", "192.0.2.50", f"bulk {bulk.pk}: 4 calls: toll fraud")]
    assert (AuditEvent.objects.get().reason, AuditEvent.objects.get().request) == ("toll fraud", "end 4 calls that match caller=4417")
    assert Order.objects.count() == 0


def test_same_answer_twice_is_one_bulk(operator: User) -> None:
    rows = record(call(1))
    assert [request_bulk(rows, operator, WISH).pk for _ in range(2)] == [Bulk.objects.get().pk] * 2
    assert (BulkItem.objects.count(), len(events())) == (1, 1)


@pytest.mark.parametrize(
    ("role", "calls", "wish", "words"),
    [
        ("viewer", 1, WISH, "you may not end calls"),
        ("operator", 1, msgspec.structs.replace(WISH, reason=" "), "give a reason of 3 to 200 characters"),
        ("operator", 1, msgspec.structs.replace(WISH, reason="two\nlines"), "give a reason of 3 to 200 characters"),
        ("operator", 6, WISH, "type 6 to confirm"),
        ("operator", 6, msgspec.structs.replace(WISH, typed="5"), "type 6 to confirm"),
        ("operator", 11, msgspec.structs.replace(WISH, typed="11"), "11 calls, at most 10 at once ([control] bulk_max): narrow the filter or pick fewer"),
        ("operator", 0, WISH, "none of these calls can be ended"),
    ],
)
def test_wish_is_refused_and_that_is_audited(role: str, calls: int, wish: Wish, words: str) -> None:
    rows = record(*(call(number) for number in range(1, calls + 1)))
    with pytest.raises(BulkRefused) as refused:
        request_bulk(rows, person(role), wish)
    assert (str(refused.value), Bulk.objects.count()) == (words, 0)
    assert events() == [(role, "bulk refused", "192.0.2.50", words)]


def test_count_typed_right_is_taken(operator: User) -> None:
    rows = record(*(call(number) for number in range(1, 7)))
    assert request_bulk(rows, operator, msgspec.structs.replace(WISH, typed=" 6 ")).asked == 6


def test_stop_leaves_out_what_waits_once(operator: User) -> None:
    bulk = request_bulk(record(call(1), call(2)), operator, WISH)
    bulk.items.filter(dialog_uid=call(1).uid).update(state="ordered")
    assert [stop_bulk(bulk, "ben", "192.0.2.51") for _ in range(2)] == [True, False]
    bulk.refresh_from_db()
    assert (bulk.state, bulk.closed_by, bulk.closed_ns > 0) == ("stopped", "ben", True)
    assert list(bulk.items.order_by("pk").values_list("state", "words")) == [("ordered", ""), ("left out", "stopped before its turn")]
    assert events()[1:] == [("ben", "bulk stopped", "192.0.2.51", f"bulk {bulk.pk}: 1 calls left")]


def test_progress_counts_what_the_wire_proved(operator: User) -> None:
    bulk = request_bulk(record(*(call(number) for number in range(1, 9))), operator, msgspec.structs.replace(WISH, typed="8"))
    ended = [("verified", "both legs released")] * 2 + [("verified", one) for one in (Order.Outcome.CALLER_ONLY, Order.Outcome.CALLEE_ONLY, "not confirmed")]
    for item, (phase, outcome) in zip(bulk.items.order_by("pk"), [*ended, ("sent", "")], strict=False):
        fields = {"dialog_uid": item.dialog_uid, "call_text": "x", "node": "n1", "username": "ann", "reason": "why", "requested_ns": NOW}
        item.order = Order.objects.create(phase=phase, outcome=outcome, **fields)
        item.state = "ordered"
        item.save()
    bulk.items.filter(dialog_uid=call(8).uid).update(state="left out", words="already ended")
    reached = progress(bulk)
    assert reached.words == "6 requested / 2 both legs released / 2 one leg only / 1 not confirmed / 1 left out / 1 under way / 1 waiting"
    assert (reached.done, reached.total, [item.dialog_uid for item in reached.left]) == (6, 8, [call(number).uid for number in (3, 4, 5, 8)])


def test_progress_of_a_fresh_bulk_has_nothing_to_tell(operator: User) -> None:
    assert progress(request_bulk(record(call(1)), operator, WISH)).words == "0 requested / 0 both legs released / 1 waiting"


def test_bulk_and_its_calls_read_as_sentences(operator: User) -> None:
    bulk = request_bulk(mixed()[:2], operator, WISH)
    assert (str(bulk), [str(item) for item in bulk.items.order_by("pk")]) == (
        "end 2 calls by operator: running",
        ["4417 -> 5000: waiting", f"4417 -> 112: {PROTECTED}"],
    )
