"""A million calls for a database, made in a minute; the same each time."""

import os
from collections.abc import Iterator

from dashboard.history.rows import COLUMNS, values_of
from dialogs.engine.snapshot import encode
from tests.dashboard.history.calls import NOW, SECOND, call, change

ROWS = int(os.environ.get("DIALTAP_MILLION", "1000000"))
BATCH = 10_000


def million(live: int = 20_000) -> Iterator[list[tuple[object, ...]]]:
    """Yield rows as the recorder writes them: 10,000 callers, a call each 2 s, two in three answered, one in nine failed; the newest are `live`."""
    pattern = values_of(change(call(1), "INVITE"), recorded=False, frames=b"", detail=encode(call(1)))
    for start in range(0, ROWS, BATCH):
        batch = []
        for number in range(start, min(ROWS, start + BATCH)):
            begun = NOW - 2 * number * SECOND
            row = pattern | {"uid": f"{number:016x}", "call_id": f"call-{number}@192.0.2.7", "init_ns": begun, "ring_ns": begun + SECOND}
            row |= {"from_user": f"49300{number % 10_000:04d}", "to_user": f"+252{number % 7919:06d}", "to_uri": f"sip:+252{number % 7919:06d}@example.net"}
            failed = number % 9 == 0
            row |= {"start_ns": 0 if failed else begun + 3 * SECOND, "state": 5 if number >= live else 1 + number % 4, "end_code": 486 if failed else 0}
            row |= {"end_ns": begun + (number % 300) * SECOND if number >= live else 0, "last_ns": begun, "engine": None}
            batch.append(tuple(1 + number if column == "revision" else row[column] for column in COLUMNS))
        yield batch
