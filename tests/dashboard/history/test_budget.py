"""What is stored of one call, and what is only counted."""

from dashboard.history.budget import MAX_CALL_BYTES, MAX_CALL_MESSAGES, Budget
from dashboard.history.messages import Frame, StoredMessage


def messages(count: int, size: int = 1) -> list[StoredMessage]:
    return [StoredMessage(i, "a:1", "b:2", "udp", repeat=False, data=bytes(size)) for i in range(count)]


def test_budget_of_an_ordinary_call_takes_everything() -> None:
    budget = Budget()
    assert budget.take("a", messages(12)) == messages(12)
    assert budget.note("a", last=True) is None
    assert budget.note("never seen", last=True) is None


def test_budget_stops_at_the_number_of_messages() -> None:
    budget = Budget()
    assert len(budget.take("a", messages(MAX_CALL_MESSAGES - 1))) == MAX_CALL_MESSAGES - 1
    assert budget.take("a", messages(3)) == messages(3)[:1]
    assert budget.note("a", last=False) == Frame(0, 2, 0)


def test_budget_stops_at_the_bytes() -> None:
    budget = Budget()
    assert budget.take("a", messages(5, MAX_CALL_BYTES // 2)) == messages(5, MAX_CALL_BYTES // 2)[:2]
    assert budget.take("b", messages(1)) == messages(1)


def test_budget_notes_at_each_doubling_and_at_the_end() -> None:
    budget = Budget()
    noted = []
    for _ in range(20):
        budget.drop("a", 1)
        noted.append(budget.note("a", last=False))
    assert [frame.offset for frame in noted if frame] == [1, 2, 4, 8, 16]
    assert budget.note("a", last=True) == Frame(0, 20, 0)
    assert budget.note("a", last=True) is None


def test_budget_resumes_from_frames() -> None:
    budget = Budget()
    budget.resume("a", [Frame(5, 0, MAX_CALL_BYTES - 10), Frame(0, 3, 0)])
    assert budget.take("a", messages(2, 10)) == messages(1, 10)
    assert budget.note("a", last=True) == Frame(0, 4, 0)


def test_budget_forgets_the_call_idle_longest() -> None:
    budget = Budget(max_calls=2)
    for uid in ("a", "b", "a", "c"):
        budget.take(uid, messages(1))
    assert (list(budget.calls), budget.forgotten) == (["a", "c"], 1)
