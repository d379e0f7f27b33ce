"""The product in a process that kills itself (SIGKILL) at a named point of an order: `python -m tests.lab.dies_at POINT COMMAND...`.

Nothing of the product is replaced: the function at that point is run, or not, and then the process is gone, as in a power cut. Knows where the
phases of an order begin; knows no lab.
"""

import functools
import importlib
import os
import signal
import sys
from typing import Any, NamedTuple


class Point(NamedTuple):
    """Where the process ends."""

    module: str
    name: str
    "Of the function in its module, with its class."

    after: bool = False
    "Whether the function is run before the end."

    turn: int = 1
    "At which call of it."


POINTS = {
    "requested": Point("dashboard.orders.execute", "Executor._first"),
    "claimed": Point("dashboard.orders.execute", "Executor.execute"),
    "nothing drafted": Point("dashboard.orders.underway", "UnderWay.run"),
    "first draft stored": Point("dashboard.orders.stored", "commit", after=True),
    "both drafts stored": Point("dashboard.orders.stored", "commit", after=True, turn=2),
    "first sent": Point("dialogs.control.sip.exchange", "Exchange.start", after=True),
    "both sent": Point("dialogs.control.sip.exchange", "Exchange.start", after=True, turn=2),
    "accepted": Point("dashboard.orders.execute", "Executor._kept", after=True),
    "before verification": Point("dashboard.orders.execute", "close"),
    "verified": Point("dashboard.orders.execute", "close", after=True),
    "proxy not asked": Point("dialogs.control.kamailio", "Kamailio.call"),
    "proxy's answer not stored": Point("dashboard.orders.execute", "Executor._answered"),
    "proxy's answer stored": Point("dashboard.orders.execute", "Executor._answered", after=True),
}


def install(point: Point) -> None:
    """Have the process end there."""
    *path, name = point.name.split(".")
    holder: Any = functools.reduce(getattr, path, importlib.import_module(point.module))
    original = getattr(holder, name)
    turns = 0

    @functools.wraps(original)
    def last(*arguments: Any, **named: Any) -> Any:
        nonlocal turns
        turns += 1
        if turns < point.turn:
            return original(*arguments, **named)
        if point.after:
            original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still here")

    setattr(holder, name, last)


def main(point: str, *command: str) -> None:
    """Run a management command that ends at a point."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    import django  # noqa: PLC0415 -- after the environment

    django.setup()
    install(POINTS[point])
    from manage import main as manage  # noqa: PLC0415 -- the repository's own, found from its folder

    manage(["manage.py", *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
