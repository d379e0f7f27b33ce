"""API tokens: what is stored, who is recognized, what the audit log says."""

import hashlib
import time

import pytest
from django.db import DatabaseError, connection

from dashboard.models import ApiToken, AuditEvent
from dashboard.rpc import tokens
from dashboard.rpc.tokens import DAY, TokenRefused, make, recognize, revoke

pytestmark = pytest.mark.django_db


def audited() -> list[tuple[str, str, str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("username", "action", "address", "text"))


def test_token_is_stored_as_its_digest_only():
    row, text = make(" monitoring ", "read", by="anna", address="192.0.2.1")
    stored = [str(value) for value in ApiToken.objects.values_list()[0]]
    assert (row.name, row.scope, row.created_by, row.prefix, len(text)) == ("monitoring", "read", "anna", text[:12], 51)
    assert (row.digest, text in stored) == (hashlib.sha256(text.encode()).hexdigest(), False)
    assert audited() == [("anna", "token made", "192.0.2.1", f"monitoring ({text[:12]}..., read)")]


def test_tokens_differ():
    assert len({make(f"n{number}", "read", by="anna")[1] for number in range(20)}) == 20


@pytest.mark.parametrize(
    ("name", "scope", "days", "words"),
    [
        ("", "read", 0, "a name of 1 to 64"),
        ("  ", "read", 0, "a name of 1 to 64"),
        ("n" * 65, "read", 0, "a name of 1 to 64"),
        ("a\nb", "read", 0, "a name of 1 to 64"),
        ("a", "all", 0, "read or control"),
        ("a", "read", -1, "days are 0"),
        ("a", "read", 3651, "days are 0"),
        ("taken", "control", 0, 'a token "taken" already'),
    ],
)
def test_token_that_makes_no_sense_is_refused(name, scope, days, words):
    make("taken", "read", by="anna")
    with pytest.raises(TokenRefused, match=words):
        make(name, scope, by="anna", days=days)
    assert (ApiToken.objects.count(), len(audited())) == (1, 1)


def test_token_is_recognized_until_it_is_revoked():
    row, text = make("a", "control", by="anna")
    assert (recognize(text), recognize(text[:-1]), recognize(row.digest), recognize("")) == (row, None, None, None)
    assert [revoke(row, by="ben", address="::1"), revoke(row, by="ben")] == [True, False]
    assert (recognize(text), audited()[1:]) == (None, [("ben", "token revoked", "::1", f"a ({row.prefix}..., control)")])


def test_name_of_a_revoked_token_is_free_again():
    first, old = make("a", "read", by="anna")
    revoke(first, by="anna")
    row, new = make("a", "read", by="anna")
    assert (recognize(old), recognize(new)) == (None, row)


def test_token_expires():
    row, text = make("a", "read", by="anna", days=2)
    assert (row.expires_ns - row.created_ns, recognize(text)) == (2 * DAY, row)
    ApiToken.objects.update(expires_ns=time.time_ns() - 1)
    assert recognize(text) is None


def test_use_is_noted_once_a_minute():
    _, text = make("a", "read", by="anna")
    before = time.time_ns()
    recognize(text)
    first = ApiToken.objects.get().used_ns
    recognize(text)
    assert (before <= first <= time.time_ns(), ApiToken.objects.get().used_ns) == (True, first)
    ApiToken.objects.update(used_ns=first - tokens.MINUTE)
    recognize(text)
    assert ApiToken.objects.get().used_ns > first


def test_database_that_takes_no_note_keeps_nobody_out():
    row, text = make("a", "read", by="anna")

    def no_writes(execute, sql, *rest):
        if sql.startswith("UPDATE"):
            raise DatabaseError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(no_writes):
        assert recognize(text) == row
