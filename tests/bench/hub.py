"""What a tick of the live view costs: so many calls, so many of them changed, so many browsers. CPU of the hub's thread, in milliseconds a tick.

`./dialtap bench hub [LIVE] [CHANGED] [BROWSERS] [profile]`: default 20,000 live, of which 450 change a tick, 50 browsers: every fifth shows the newest
calls, the others each one caller's.
"""

import cProfile
import os
import pstats
import sys
import tempfile
import time
from statistics import median

import django

TICKS = 20
CALLERS = 997


def fill(live: int) -> None:
    """Write so many live calls, as the recorder does."""
    from django.db import connection  # noqa: PLC0415 -- needs Django to be set up

    from dashboard.history.rows import COLUMNS, upsert_sql, values_of  # noqa: PLC0415 -- as above
    from dashboard.models import ProfileEntry  # noqa: PLC0415 -- as above
    from tests.dashboard.history.calls import call, change  # noqa: PLC0415 -- as above

    pattern, now = values_of(change(call(1), "INVITE"), recorded=False, frames=b"", detail=b""), time.time_ns()
    rows, entries = [], []
    for number in range(live):
        user = f"+1202{number % CALLERS:07}"
        row = pattern | {"uid": f"{number:016x}", "call_id": f"call-{number}@bench", "init_ns": now - number * 3_000_000, "from_user": user, "state": 4}
        row |= {"profiles": f'[["caller","sip:{user}@example.net"]]', "start_ns": now - number * 2_000_000}
        rows.append(tuple(1 if column == "revision" else row[column] for column in COLUMNS))
        entries.append(ProfileEntry(dialog_id=f"{number:016x}", name="caller", value=f"sip:{user}@example.net"))
    with connection.cursor() as cursor:
        cursor.executemany(upsert_sql(connection.vendor), rows)
    ProfileEntry.objects.bulk_create(entries)


def change_some(tick: int, live: int, changed: int) -> None:
    """Give so many calls the next revision, others each tick."""
    from dashboard.models import DialogRow  # noqa: PLC0415 -- needs Django to be set up

    uids = [f"{(tick * changed + number) * 7 % live:016x}" for number in range(changed)]
    DialogRow.objects.filter(pk__in=uids).update(revision=2 + tick, last_event=f"200 OK {tick}")


def measure(live: int, changed: int, browsers: int) -> list[float]:
    """Return the milliseconds of each tick after the first."""
    from dashboard.live.filter import CallFilter  # noqa: PLC0415 -- needs Django to be set up
    from dashboard.live.hub import Client, Hub  # noqa: PLC0415 -- as above
    from dashboard.live.table import LiveTable  # noqa: PLC0415 -- as above

    hub, took = Hub(), []
    asked = ["" if number % 5 == 0 else f'caller = "+1202{number:07}"' for number in range(browsers)]
    clients = [(Client(LiveTable(CallFilter.parse({"q": text}), hub.renderer, hub.counters)), "") for text in asked]
    hub._look([(client, "connect") for client, _ in clients], time.time_ns())
    for tick in range(TICKS):
        change_some(tick, live, changed)
        begun = time.thread_time()
        hub._look(clients, time.time_ns())
        took.append((time.thread_time() - begun) * 1000)
    return took


def main(arguments: list[str]) -> None:
    """Measure and print."""
    profiled = "profile" in arguments
    live, changed, browsers = ([int(text) for text in arguments if text.isdigit()] + [20_000, 450, 50][len(arguments) - profiled :])[:3]
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {"DIALTAP_VAR": name, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415 -- needs Django to be set up

        call_command("migrate", verbosity=0)
        fill(live)
        profile = cProfile.Profile()
        took = profile.runcall(measure, live, changed, browsers) if profiled else measure(live, changed, browsers)
        if profiled:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    print(f"{live:,} live, {changed:,} change a tick, {browsers} browsers: {median(took):.1f} ms of CPU a tick (median of {TICKS}), longest {max(took):.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
