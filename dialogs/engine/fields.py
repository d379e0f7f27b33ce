"""`$dlg(key)` as far as wire calls and records answer it alike (reference 6). Knows the names of fields; knows no leg."""

from typing import Any

from dialogs.packet import SECOND
from dialogs.sip import text

ALIASES = {"callid": "call_id", "req_uri": "request_uri"}
"Kamailio's keys -> our names, where they differ."

Scalar = str | int | None


def scalar(value: Any) -> str | int:
    """Return a field's value as rules see it: bytes as text, enumerations as numbers."""
    if isinstance(value, bytes):
        return text(value)
    return value if isinstance(value, str) else int(value)


def common_field(dialog: Any, key: str) -> str | int:
    """Return a field that is no leg's."""
    if key in ("start_ts", "init_ts"):
        return int(dialog.start_ns if key == "start_ts" else dialog.init_ns) // SECOND
    if key == "ref":
        return 2 if dialog.answered else 1
    return scalar(getattr(dialog, ALIASES.get(key, key)))
