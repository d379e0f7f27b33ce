"""Where the original's own figures mislead, by name, each as it is there and mended. Knows numbers and words; knows no record and no table.

`[dialog] kamailio_exact` chooses one of the two tables once; who asks it never asks again which one it is.
"""

from collections.abc import Callable
from typing import NamedTuple


def unix_duration(start: int, end: int, now: int) -> int:
    """Return `duration` as the original counts it: of a call that failed, without a start, the time of its end since 1970."""
    if end:
        return end - start
    return now - start if start else 0


def spoken_duration(start: int, end: int, now: int) -> int:
    """Return the seconds since the answer, until the end or now; 0 of a call that was never answered."""
    return (end or now) - start if start else 0


class Exactness(NamedTuple):
    """The oddities that can be mended."""

    duration: Callable[[int, int, int], int]
    "(start_ts, end_ts, now) -> `duration` (reference 5.1, row 11; 17, no. 24)."

    dropped_ringing: int
    "What the cleaner adds to `early_dialogs` when it drops a ringing dialog (reference 10.4; 17, no. 26)."

    spiral: str
    "Moment of the rules that run again over the record of an INVITE that came back; they enter its profiles once more (reference 9.3)."


EXACT = Exactness(unix_duration, 0, "created")
MENDED = Exactness(spoken_duration, -1, "")
