"""What the commands need of the process that owns the engine. Knows no command and no transport."""

from collections.abc import Iterable
from typing import Any, Protocol

from dialogs.config import Config
from dialogs.engine import Engine


class Host(Protocol):
    """The ingest, as commands see it."""

    engine: Engine
    config: Config
    node: str
    version: str
    started_ns: int
    "Epoch nanoseconds."

    def now_ns(self) -> int:
        """Return the engine's present, epoch nanoseconds."""
        ...

    def order(self, command: str, arguments: tuple[Any, ...]) -> None:
        """Have the controller carry out a command that acts on calls. Raises Fault: 500 "no controller" without one."""
        ...

    def touched(self, uid: str) -> None:
        """Hear that a command changed a call, which is to be written."""
        ...

    def dump(self, name: str, lines: Iterable[bytes]) -> None:
        """Append lines to a file of this plain name in the host's own folder; an error is logged only, as in the original."""
        ...
