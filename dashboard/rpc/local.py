"""The door of this very process, where the ingest and the pages share one. Knows the shape of a door; knows no engine."""

from collections.abc import AsyncGenerator
from typing import Protocol


class Door(Protocol):
    """What answers JSON-RPC from the engine's memory: `dashboard.ingest.door`."""

    def answer(self, body: bytes, *, control: bool, name: str) -> AsyncGenerator[bytes]:
        """Give the JSON answer in pieces; `control`: whether the caller may change anything; `name`: who it is, for the audit log."""


_doors: list[Door] = []


def door() -> Door | None:
    """Return the door that runs in this process; None where the ingest is another one's."""
    return _doors[-1] if _doors else None


def set_door(running: Door | None) -> None:
    """Say which door runs in this process, None when it has closed."""
    _doors[:] = [running] if running else []
