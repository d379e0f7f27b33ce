"""What a question may cost: a time after which the database stops. Knows connections; knows no question."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, OperationalError, connections

IN_ERROR = 3
"psycopg.pq.TransactionStatus.INERROR."

STEPS = 20_000
"Instructions of SQLite's machine between two looks at the clock."


class TooSlow(Exception):
    """The database was stopped: the answer would have taken too long."""


@contextmanager
def at_most(seconds: float, using: str = "default") -> Iterator[None]:
    """Stop each statement within that takes longer (SQLite: all of them together). Raises TooSlow then."""
    begin = _sqlite if connections[using].vendor == "sqlite" else _postgresql
    begun = time.monotonic()
    end = begin(seconds, using)
    try:
        yield
    except (OperationalError, DatabaseError) as error:
        if time.monotonic() - begun < seconds:
            raise
        raise TooSlow from error
    finally:
        end()


def _sqlite(seconds: float, using: str) -> Callable[[], None]:
    connections[using].ensure_connection()
    raw: Any = connections[using].connection
    deadline = time.monotonic() + seconds
    raw.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    return lambda: raw.set_progress_handler(None, 0)


def _postgresql(seconds: float, using: str) -> Callable[[], None]:
    connection = connections[using]
    _set_timeout(using, f"{max(1, int(seconds * 1000))}ms")

    def end() -> None:
        raw: Any = connection.connection
        if raw is not None and raw.info.transaction_status != IN_ERROR:  # what is rolled back takes the time-out with it
            _set_timeout(using, "0")

    return end


def _set_timeout(using: str, value: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [value])
