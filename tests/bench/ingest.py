"""What a message costs the ingest, by part: reading it, the engine, noting its events, the changed calls' snapshots, writing them.

`./dialtap bench ingest [MESSAGES] [A_SECOND]`: default 50,000, at 10,000 a second, a tick after every quarter of a second's worth. One thread, so
that a part's time is its own: in the running ingest the writing has a thread beside the others. Microseconds of CPU a message.
"""

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

import django

from dialogs.collector import slow_down
from tests.bench.traffic import write

PARTS = ("read", "engine", "take", "changes", "write")


class Clock:
    """Sums up CPU seconds by part."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        begun = process_time()
        yield
        self.spent[part] += process_time() - begun


def measure(capture: Path, folder: Path, batch: int) -> tuple[int, int, dict[str, float]]:
    """Return how many messages there were, how many rows were written, and the seconds of each part."""
    from dashboard.history.recorder import Recorder  # noqa: PLC0415 -- needs Django to be set up
    from dashboard.ingest.pending import Pending  # noqa: PLC0415 -- as above
    from dialogs.config import Config  # noqa: PLC0415 -- as above
    from dialogs.engine import Engine  # noqa: PLC0415 -- as above
    from dialogs.insight import PeerNames  # noqa: PLC0415 -- as above
    from dialogs.taps import CaptureFile  # noqa: PLC0415 -- as above

    config, clock = Config(), Clock()
    engine = Engine(config, "bench")
    pending = Pending(engine, PeerNames(config.peer), lambda _: "")
    recorder = Recorder("bench", lambda _: False, folder / "messages")
    packets, rows = iter(CaptureFile(capture)), 0
    while True:
        with clock("read"):
            some = [packet for packet, _ in zip(packets, range(batch), strict=False)]
        if not some:
            break
        with clock("engine"):
            events = []
            for packet in some:
                if engine.is_due(packet.at_ns):
                    events += engine.expire(packet.at_ns)
                events += engine.receive(packet)
        with clock("take"):
            pending.take(events)
        with clock("changes"):
            changes = pending.changes()
        with clock("write"):
            rows += recorder.write(changes, some[-1].at_ns)
    return engine.packets, rows, clock.spent


def main(arguments: list[str]) -> None:
    """Measure and print."""
    wanted, rate = ([int(text) for text in arguments] + [50_000, 10_000])[:2] if len(arguments) != 1 else (int(arguments[0]), 10_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"DIALTAP_VAR": name, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415 -- needs Django to be set up

        call_command("migrate", verbosity=0)
        write(folder / "bench.pcap", wanted)
        slow_down()
        messages, rows, spent = measure(folder / "bench.pcap", folder, rate // 4)
    print(f"{messages:,} messages, {rows:,} rows, microseconds of CPU a message:")
    for part in PARTS:
        print(f"  {part:<8}{spent[part] / messages * 1e6:8.1f}")
    print(f"  {'all':<8}{sum(spent.values()) / messages * 1e6:8.1f}   one core: {messages / sum(spent.values()):,.0f} a second")


if __name__ == "__main__":
    main(sys.argv[1:])
