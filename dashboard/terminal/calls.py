"""The shapes in which the door answers with dialogs, read into one. Knows Kamailio's field names, also the older flat ones; knows no socket, no output.

Whatever is missing or of another type becomes "" or 0: a newer ingest may say more, an older one less.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

ENDED = 5
NUMBER = re.compile(r"(\d+):(\d+)")
"H_ENTRY:H_ID."


class Call(NamedTuple):
    """One dialog as the door shows it; times are epoch seconds, 0 for not yet."""

    h_entry: int
    h_id: int
    call_id: str
    from_uri: str
    to_uri: str
    state: int
    init_ts: int
    start_ts: int
    duration: int
    caller_tag: str
    callee_tag: str
    profiles: tuple[str, ...]
    "`name`, or `name=value`."

    variables: tuple[tuple[str, str], ...]
    fields: Mapping[str, Any]
    "Everything, as it came."

    @property
    def number(self) -> str:
        """H_ENTRY:H_ID, Kamailio's name for a dialog."""
        return f"{self.h_entry}:{self.h_id}"

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return 0 < self.state < ENDED


def calls(result: Any) -> list[Call]:
    """Return the dialogs of a result: an array, the older `{"dialog": [...]}`, one alone, or none."""
    if isinstance(result, dict):
        result = result.get("dialog", [result] if result else [])
    return [call(one) for one in result if isinstance(one, dict)] if isinstance(result, list) else []


def call(fields: Mapping[str, Any]) -> Call:
    """Return one dialog of an answer."""
    caller, callee = _object(fields.get("caller")), _object(fields.get("callee"))
    return Call(
        h_entry=number(fields.get("h_entry")),
        h_id=number(fields.get("h_id")),
        call_id=word(fields.get("call-id", fields.get("callid"))),
        from_uri=word(fields.get("from_uri")),
        to_uri=word(fields.get("to_uri")),
        state=number(fields.get("state")),
        init_ts=number(fields.get("init_ts")),
        start_ts=number(fields.get("start_ts", fields.get("start_time"))),
        duration=number(fields.get("duration")),
        caller_tag=word(caller.get("tag", fields.get("from_tag"))),
        callee_tag=word(callee.get("tag", fields.get("to_tag"))),
        profiles=profiles(fields.get("profiles")),
        variables=variables(fields.get("variables")),
        fields=fields,
    )


def profiles(value: Any) -> tuple[str, ...]:
    """Return memberships as `name` or `name=value`, of Kamailio's array or of the older text."""
    if isinstance(value, str):
        return (value,) if value else ()
    pairs = variables([{entry: ""} if isinstance(entry, str) else entry for entry in _list(value)])
    return tuple(f"{name}={of}" if of else name for name, of in pairs)


def variables(value: Any) -> tuple[tuple[str, str], ...]:
    """Return variables as (name, value), of an array of one-member objects."""
    return tuple((name, word(of)) for entry in _list(value) for name, of in _object(entry).items())


def number(value: Any) -> int:
    """Return a whole number, also one written as a text."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def word(value: Any) -> str:
    """Return a text; null is none."""
    return "" if value is None else str(value)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
