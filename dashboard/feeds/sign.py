"""The signature of what a webhook is sent, and the secret behind it. Knows texts; sends nothing.

`Dialtap-Signature: t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.BODY`. A receiver refuses a time that is too old, so that nobody sends a body again later.
"""

import hashlib
import hmac
import os
from pathlib import Path

from dashboard.history.outbox import FeedError
from dialogs.configfeeds import Webhook

HEADER = "Dialtap-Signature"
LONGEST = 1024
SHORTEST = 16


def signature(secret: bytes, body: bytes, seconds: int) -> str:
    """Return the header's value for a body that is sent at this time (seconds since the epoch)."""
    return f"t={seconds},v1={hmac.new(secret, b'%d.' % seconds + body, hashlib.sha256).hexdigest()}"


def secret_of(hook: Webhook) -> bytes:
    """Return a webhook's secret. Raises FeedError, whose text never holds it."""
    where = hook.secret_variable or hook.secret_file
    if hook.secret_variable:
        text = os.environ.get(hook.secret_variable, "")
    else:
        try:
            text = Path(hook.secret_file).expanduser().read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise FeedError(f"[[webhook]] {hook.name}: {where}: {why}") from error
    if not SHORTEST <= len(text) <= LONGEST or "\n" in text:
        raise FeedError(f"[[webhook]] {hook.name}: {where}: expected one line of at least {SHORTEST} characters, the secret")
    return text.encode()
