"""Asks the ingest's door: one JSON object a line on its unix socket, JSON-RPC 2.0. Knows the socket; knows no command and no shape of an answer."""

import json
import socket
from pathlib import Path
from typing import Any

from dashboard.terminal.errors import NoIngest, Refused

SILENCE_SECONDS = 30.0
CHUNK = 1 << 18

Parameter = str | int


class Reply:
    """One answer: the line as it came, and what is in it."""

    def __init__(self, line: bytes) -> None:
        self.line = line
        try:
            self._answer = json.loads(line)
        except ValueError as error:
            raise NoIngest("what answers there is no ingest: its answer is not JSON") from error
        if not isinstance(self._answer, dict) or not {"result", "error"} & self._answer.keys():
            raise NoIngest("what answers there is no ingest: its answer is not JSON-RPC")

    @property
    def fault(self) -> Refused | None:
        """What the ingest refused with, its number and words; None for a result."""
        if "error" not in self._answer:
            return None
        error = self._answer["error"]
        return Refused(f"{error.get('code', '')} {error.get('message', '')}".strip() if isinstance(error, dict) else str(error))

    @property
    def result(self) -> Any:
        """The result; raises Refused for a fault."""
        if self.fault is not None:
            raise self.fault
        return self._answer["result"]


class Door:
    """The door at a socket; each question has a connection of its own, so that a restart between two is not felt."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, method: str, *params: Parameter) -> Reply:
        """Return the answer to one command. Raises NoIngest."""
        question = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1})
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(SILENCE_SECONDS)
                connection.connect(str(self.path))
                connection.sendall(question.encode() + b"\n")
                return Reply(_line(connection))
        except TimeoutError as error:
            raise NoIngest(f"the ingest at {self.path} has not answered for {SILENCE_SECONDS:.0f} seconds") from error
        except PermissionError as error:
            raise NoIngest(f"{self.path} is not yours: the ingest's socket is for the user that runs it") from error
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise NoIngest(f"no ingest at {self.path} ({why}): start one with ./dialtap run, or name its socket with --socket") from error


def _line(connection: socket.socket) -> bytes:
    """Return what comes up to the end of the line."""
    chunks: list[bytes] = []
    while chunk := connection.recv(CHUNK):
        chunks.append(chunk)
        if chunk.endswith(b"\n"):
            return b"".join(chunks)
    raise NoIngest("the ingest went away before its answer was whole")
