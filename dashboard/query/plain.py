"""The search box: what people type without thinking of a language -> a query. Knows words and times; knows no field but `any` and `begun`.

Text that begins like a query is one. Else each word is looked up (a number, a name, a Call-ID, an address), and words that are a time say when the
call began. `*1234` looks inside, which on a large history takes longer than beginnings.
"""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from dashboard.query.times import ONLY_CLOCK, span_of
from dashboard.query.tree import quoted

QUERY = re.compile(r"\s*(?:not\s+|\(\s*)*[a-z_]\w*\s*(?:!?=|!?~|[<>]|(?:not\s+)?(?:in\s*\(|startswith\b|endswith\b))", re.IGNORECASE)
DIGITS = re.compile(r"[+\d()./-][\d()./-]*", re.ASCII)
TIMELIKE = re.compile(r"today|yesterday|last\b|\d{4}-\d\d-\d\d|\d\d?:\d\d", re.ASCII | re.IGNORECASE)
MOST_WORDS = 5
'Of one time: "2026-03-29 14:00 .. 2026-03-29 14:10".'

UTC = ZoneInfo("UTC")


def is_query(text: str) -> bool:
    """Return whether a text is meant as a query rather than as words to look for."""
    return QUERY.match(text) is not None


def as_query(text: str, *, operator: str = "startswith") -> str:
    """Return the query that a text means, "" for none. `operator`: how plain words are looked up, unless a star says it (not where it is "=")."""
    text = " ".join(text.split())
    if is_query(text):
        return text
    tokens = text.split(" ") if text else []
    parts: list[str] = []
    while tokens:
        taken, part = _time(tokens) or _word(tokens, operator)
        parts += [part] if part else []
        del tokens[:taken]
    return " and ".join(parts)


def _time(tokens: Sequence[str]) -> tuple[int, str] | None:
    """Return how many tokens are a time, and what asks for it."""
    if not TIMELIKE.match(tokens[0]):
        return None
    for taken in range(min(MOST_WORDS, len(tokens)), 0, -1):
        said = " ".join(tokens[:taken])
        try:
            span_of(said, UTC, 0)
        except ValueError:
            continue
        return taken, f"begun = {quoted(said)}"
    return None


def _word(tokens: Sequence[str], operator: str) -> tuple[int, str]:
    """Return how many tokens are one word (a number may be written with blanks), and what asks for it."""
    taken = 1
    if DIGITS.fullmatch(tokens[0]) and not ONLY_CLOCK.fullmatch(tokens[0]):
        while taken < len(tokens) and DIGITS.fullmatch(tokens[taken]) and tokens[taken][0] != "+" and not TIMELIKE.match(tokens[taken]):
            taken += 1
    word = " ".join(tokens[:taken])
    stripped = word.strip("*")
    if operator != "=" and stripped != word:
        operator = "~" if word.startswith("*") else "startswith"
    return taken, f"any {operator} {quoted(stripped)}" if stripped else ""
