"""`token` as a command: what it prints, and what it refuses."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from dashboard.models import ApiToken, AuditEvent
from dashboard.rpc.tokens import make, recognize

pytestmark = pytest.mark.django_db


def token(*arguments: str) -> list[str]:
    """Return the lines that the command prints."""
    out = StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_add_prints_the_token_alone():
    (line,) = token("add", "edge 1", "--scope", "control", "--days", "30")
    row = recognize(line)
    assert (row.name, row.scope, row.expires_ns > row.created_ns) == ("edge 1", "control", True)
    assert AuditEvent.objects.get().username.endswith("(command line)")


def test_scope_is_read_unless_said_otherwise():
    assert recognize(token("add", "a")[0]).scope == "read"


def test_list_shows_all_but_the_token():
    _, text = make("edge 1", "control", by="anna", days=1)
    _, old = make("old", "read", by="ben\x1b[2J", days=1)
    make("gone", "read", by="anna")
    recognize(text)
    ApiToken.objects.filter(name="old").update(created_ns=86_400 * 10**9, expires_ns=1)
    token("revoke", "gone")
    lines = token("list")
    assert [line.split("  ")[0] for line in lines] == ["Name", "edge 1", "old"]
    assert lines[2].split() == ["old", old[:12], "read", "-", "1970-01-02", "ben\\x1b[2J", "never", "expired"]
    assert ("never" in lines[1], any(text in line for line in lines)) == (False, False)


def test_revoke_makes_it_worthless():
    _, text = make("a", "read", by="anna")
    assert (token("revoke", "a"), recognize(text)) == ([], None)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("revoke", "nobody"), 1, "there is no token 'nobody'"),
        (("add", ""), 2, "give it a name"),
        (("add", "a", "--days", "-1"), 2, "days are"),
        (("add", "a", "--scope", "all"), 1, "invalid choice: 'all'"),
        (("add",), 1, "the following arguments are required: NAME"),
        ((), 1, "add|list|revoke"),
    ],
)
def test_wrong_wish_says_what_is_wrong(arguments, code, words):
    with pytest.raises(CommandError, match=words.replace("|", r"\|")) as refused:
        token(*arguments)
    assert refused.value.returncode == code  # 1: call_command's own way; typed, a usage mistake ends with 2
