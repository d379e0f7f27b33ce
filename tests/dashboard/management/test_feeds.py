"""`./dialtap feeds` from a command line."""

import pytest
from django.core.management import CommandError, call_command

from dashboard.models import AuditEvent, DeadLetter, FeedReceiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def letters() -> list[DeadLetter]:
    FeedReceiver.objects.create(
        node="n1", name="webhook:noc", queued=12, sent=7, dead=3, evicted=0, failures=9, failing_ns=10**18, error="Connect\x1b[2J", at_ns=1
    )
    given = {
        "node": "n1",
        "receiver": "webhook:noc",
        "event": "dialog:end",
        "uid": "00000000000000aa",
        "body": "{}",
        "tries": 8,
        "first_ns": 1,
        "at_ns": 10**18,
    }
    return [DeadLetter.objects.create(revision=number, error=f"answered 50{number}", **given) for number in (1, 2, 3)]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    call_command("feeds", *arguments)
    return capsys.readouterr().out.splitlines()


def test_list_says_how_each_receiver_stands(letters, capsys):
    heading, line = said(capsys, "list")
    assert dict(zip(heading.split("\t"), line.split("\t"), strict=True)) == {
        "node": "n1",
        "name": "webhook:noc",
        "sent": "7",
        "waiting": "2",
        "dead": "3",
        "evicted": "0",
        "failures": "9",
        "failing_ns": "2001-09-09T01:46:40.000Z",
        "error": r"Connect\x1b[2J",
        "sent_ns": "-",
        "at_ns": "1970-01-01T00:00:00.000Z",
    }


def test_dead_letters_are_listed(letters, capsys):
    lines = said(capsys, "dead", "webhook:noc")
    assert [line.split("\t")[2:] for line in lines] == [
        [str(number), "dialog:end", "00000000000000aa", "8", "2001-09-09T01:46:40.000Z", f"answered 50{number}"] for number in (3, 2, 1)
    ]
    assert said(capsys, "dead", "webhook:other") == []


def test_retry_and_drop_act_and_are_written_down(letters, capsys):
    assert said(capsys, "retry", "webhook:noc", str(letters[0].pk)) == ["1 to be sent again"]
    assert said(capsys, "drop", "webhook:noc", str(letters[1].pk)) == ["1 dropped"]
    assert list(DeadLetter.objects.order_by("pk").values_list("revision", "again")) == [(1, True), (3, False)]
    assert said(capsys, "drop", "webhook:noc", "all") == ["2 dropped"]
    assert [(event.action, event.username.endswith("(command line)")) for event in AuditEvent.objects.order_by("pk")] == [
        ("event sent again", True),
        ("event dropped", True),
        ("event dropped", True),
    ]


@pytest.mark.parametrize("number", ["99999", "x", "all"])
def test_letter_that_is_not_there_is_one_line(number):
    with pytest.raises(CommandError, match="there is no dead letter") as caught:
        call_command("feeds", "retry", "webhook:none", number)
    assert caught.value.returncode == 1
