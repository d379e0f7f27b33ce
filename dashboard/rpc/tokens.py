"""API tokens: made, recognized, revoked. Knows the table and the audit log; knows no request.

A token is 256 bits of chance, so its plain SHA-256 is kept: it cannot be guessed from that, and no slow hash is needed. It is found by its digest's
index; how long that takes says nothing of any token, for nobody can choose a digest.
"""

import hashlib
import secrets
import time
from collections.abc import Iterable
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, transaction

from dashboard.models import ApiToken
from dashboard.orders import audit

BEGINNING = "dialtap_"
"So that people, and programs that look for secrets in files, recognize one."

RIGHTS = {"numbers": "dashboard.see_numbers", "audit": "dashboard.read_audit"}
"What a token may have beside its scope, for the API: whole numbers whatever `[privacy]` masks; the audit log."

SHOWN = len(BEGINNING) + 4
NAME_MAX = 64
DAYS_MAX = 3650
DAY = 86_400 * 10**9
MINUTE = 60 * 10**9

logger = structlog.get_logger(__name__)


class TokenRefused(Exception):
    """A token may not be made; the text says why, for the person who asked."""


def make(name: str, scope: str, *, by: str, days: int = 0, address: str = "", rights: Iterable[str] = ()) -> tuple[ApiToken, str]:
    """Return a new token's row and the token itself, which is known to nobody afterwards. `days` 0: it does not expire. Raises TokenRefused."""
    given = sorted(set(rights))
    name = name.strip()
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise TokenRefused(f"give it a name of 1 to {NAME_MAX} characters")
    if scope not in ApiToken.Scope.values:
        raise TokenRefused("the scope is read or control")
    if not 0 <= days <= DAYS_MAX:
        raise TokenRefused(f"days are 0 (for ever) to {DAYS_MAX}")
    if unknown := set(given) - RIGHTS.keys():
        raise TokenRefused(f"there is no right {min(unknown)!r}; there are {', '.join(RIGHTS)}")
    text = BEGINNING + secrets.token_urlsafe(32)
    now_ns = time.time_ns()
    fields: dict[str, Any] = {"name": name, "scope": scope, "rights": " ".join(given), "created_by": by[:150], "created_ns": now_ns}
    fields["expires_ns"] = now_ns + days * DAY if days else 0
    try:
        with transaction.atomic():
            row = ApiToken.objects.create(digest=digest(text), prefix=text[:SHOWN], **fields)
            audit.record(by, "token made", address=address, text=f"{row}{f', {days} days' if days else ''}")
    except IntegrityError as error:
        raise TokenRefused(f'there is a token "{name}" already: revoke it first, or choose another name') from error
    return row, text


def named(name: str) -> ApiToken | None:
    """Return the token of this name that was not revoked."""
    return ApiToken.objects.filter(name=name, revoked_ns=0).first()


def revoke(row: ApiToken, *, by: str, address: str = "") -> bool:
    """Make a token worthless from now on; returns whether it was not so already."""
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=row.pk, revoked_ns=0).update(revoked_ns=time.time_ns()):
            return False
        audit.record(by, "token revoked", address=address, text=str(row))
    return True


def recognize(text: str) -> ApiToken | None:
    """Return the row of a token that is good now, and note its use; None for any other text."""
    now_ns = time.time_ns()
    row = ApiToken.objects.filter(digest=digest(text)).first()
    if row is None or not row.holds(now_ns):
        return None
    if now_ns - row.used_ns > MINUTE:  # not a write a call
        _note_use(row, now_ns)
    return row


def digest(text: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _note_use(row: ApiToken, now_ns: int) -> None:
    try:
        ApiToken.objects.filter(pk=row.pk).update(used_ns=now_ns)
    except DatabaseError as error:  # a database that is busy or full is no reason to refuse who only reads memory
        logger.warning("database", error=str(error))
