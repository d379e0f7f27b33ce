"""The engine over capture files, without any web: answers for `./dialtap replay`. Knows taps and the engine; knows no arguments, no terminal."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.engine.listing import attempt_listings, ims_listing, ims_statistics, statistics, stats_active
from dialogs.engine.states import STATE_NAMES
from dialogs.packet import NEVER, SECOND, Packet


class ReplayError(ValueError):
    """What was asked of a replay cannot be done; the text says why."""


def parse_times(text: str) -> list[int]:
    """Return the moments of an `--at` file, epoch seconds one a line, as nanoseconds. Raises ReplayError."""
    times: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            times.append(int(Decimal(line.strip()) * SECOND))
        except (InvalidOperation, ValueError, OverflowError) as error:
            raise ReplayError(f"line {number} is no time in epoch seconds: {line.strip()[:40]!r}") from error
        if len(times) > 1 and times[-1] < times[-2]:
            raise ReplayError(f"line {number} goes back in time: the moments must ascend")
    if not times:
        raise ReplayError("there is no moment in it: one epoch second a line")
    return times


def snapshots(engine: Engine, packets: Iterable[Packet], times: list[int]) -> Iterator[dict[str, Any]]:
    """Yield Kamailio's answers at each moment: the packets before it are fed, the timers run to it."""
    stream = iter(packets)
    ahead = next(stream, None)
    for moment in times:
        while ahead is not None and ahead.at_ns < moment:
            engine.expire(ahead.at_ns)
            engine.receive(ahead)
            ahead = next(stream, None)
        engine.expire(moment)
        yield {"t": moment / SECOND} | kamailio_view(engine, moment)


def kamailio_view(engine: Engine, now_ns: int) -> dict[str, Any]:
    """Return what the proxy's own RPC would say now."""
    records, table = engine.all_records(), engine.records
    if engine.config.dialog.flavour == "ims_dialog":
        return {"dlg2.list": ims_listing(records, engine.config.dialog.hash_size), "stats": ims_statistics(table)}
    members: dict[str, list[str]] = {name: [] for name in table.profiles.sizes}
    for record in records:
        for name, _value in record.profiles:
            members[name].append(f"{record.h_entry}:{record.h_id}")
    return {
        "dlg.list": [table.listing(record, now_ns) for record in records],
        "dlg.stats_active": stats_active(records),
        "stats": statistics(table),
        "profile_size": {name: table.profiles.size(name) for name in table.profiles.sizes},
        "profile_list": members,
    }


class WireReport:
    """The wire view of whole captures, no timers run; with `counts_only`, timers run and memory is bounded by the live dialogs."""

    def __init__(self, config: Config, *, counts_only: bool = False) -> None:
        self.engine = Engine(config)
        self.counts_only = counts_only
        self.first_ns = self.last_ns = 0

    def feed(self, packets: Iterable[Packet], progress: Callable[[int], None] | None = None) -> None:
        """Take all packets; `progress` is called with the number of packets every 10,000."""
        receive, is_due = self.engine.receive, self.engine.is_due
        take_time = self.engine.expire if self.counts_only else self.engine.join_late
        for number, packet in enumerate(packets, 1):
            at_ns = packet.at_ns
            if is_due(at_ns):
                take_time(at_ns)
            receive(packet)
            if at_ns > self.last_ns:
                self.first_ns = self.first_ns or at_ns
                self.last_ns = at_ns
            if progress is not None and not number % 10_000:
                progress(number)

    def answer(self) -> dict[str, Any]:
        """Return the report; `messages` counts every SIP message, `calls` the Call-IDs with an initial INVITE.

        Calls that were joined in their middle are in `late_joins` alone.
        """
        engine, calls = self.engine, self.engine.calls
        engine.join_late(NEVER)
        late = Counter(call.state for call in engine.all_calls() if call.late)
        seconds = (self.last_ns - self.first_ns) / SECOND
        counts = {
            "packets": engine.packets,
            "messages": engine.messages,
            "calls": engine.families,
            "stats": {
                "processed": calls.processed + sum(len(call.attempts) for call in engine.all_calls()),
                "failed": calls.failed,
                "expired": calls.expired,
                "states": {name: calls.by_state[state] - late[state] for state, name in STATE_NAMES.items()},
            },
            "anomalies": calls.anomalies,
            "late_joins": calls.late_joins,
            "seconds": round(seconds, 6),
        }
        if self.counts_only:
            return counts
        lifetime = engine.config.dialog.default_timeout
        dialogs = [listing for call in engine.all_calls() if not call.late for listing in attempt_listings(call, self.last_ns, lifetime)]
        return {"packets": counts["packets"], "messages": counts["messages"], "calls": counts["calls"], "dialogs": dialogs} | counts
