"""The ingest as the RPC commands see it. Knows the engine, the clock and the folder; knows no command and no socket."""

import copy
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import structlog

from dialogs.engine import Engine
from dialogs.rpc import Fault

Order = Callable[["EngineHost", str, tuple[Any, ...], str], None]
"Takes the host, the command, its arguments and the caller's name."

logger = structlog.get_logger(__name__)


class EngineHost:
    """One engine, for `dialogs.rpc.Host`."""

    def __init__(self, engine: Engine, clock: Callable[[], int], folder: Path, touched: Callable[[str], None]) -> None:
        """`clock`: epoch nanoseconds. `folder`: where dumps lie. `touched` hears the uid of a call that a command changed."""
        self.engine = engine
        self.config = engine.config
        self.node = engine.node
        self.started_ns = clock()
        self.controller: Order | None = None
        "Who carries out commands that act on calls."

        self.caller = "socket"
        "Who asks, as the audit log has it."

        self.now_ns = clock
        self.touched = touched
        self._folder = folder

    def order(self, command: str, arguments: tuple[Any, ...]) -> None:
        """Hand a command to the controller. Raises Fault when there is none."""
        if self.controller is None:
            raise Fault(500, "no controller")
        self.controller(self, command, arguments, self.caller)

    def by(self, name: str) -> "EngineHost":
        """Return the same host for this caller."""
        host = copy.copy(self)
        host.caller = name
        return host

    def dump(self, name: str, lines: Iterable[bytes]) -> None:
        """Append to a file of our own folder; what is there under a link is left alone."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab") as file:
                file.writelines(lines)
        except OSError as error:
            logger.warning("dump", file=name, error=str(error))
