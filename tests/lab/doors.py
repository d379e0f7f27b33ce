"""The same question to Kamailio and to Dialtap, by kamcmd and over HTTP, and their answers in a form that can be compared. Knows no call."""

import http.client
import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

TIMES = {"start_ts", "init_ts", "end_ts", "duration", "timeout"}
APART_SECONDS = 2
OWN = {"ref", "dflags", "iflags"}
"What two nodes that watch one call number each for itself."

LINE = re.compile(r"(\s*)([\w.-]+): (.*)")
NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Said:
    """An answer: what must be equal, and its times, which may be a little apart."""

    lines: tuple[object, ...]
    times: tuple[int, ...]

    def agrees(self, other: "Said") -> bool:
        """Return whether both say the same."""
        apart = [abs(one - two) for one, two in zip(self.times, other.times, strict=False)]
        return self.lines == other.lines and max(apart, default=0) <= APART_SECONDS


class Side:
    """Kamailio or Dialtap: a socket for kamcmd and an address for JSON-RPC."""

    def __init__(self, socket: str, address: tuple[str, int], strangers: str, **headers: str) -> None:
        """`strangers`: how Call-IDs begin whose h_id was not seen on the wire, as the proxy sent nothing on."""
        self._socket = socket
        self._address = address
        self._strangers = strangers
        self._headers = headers

    def kamcmd(self, words: tuple[str | int, ...]) -> Said:
        """Run the real kamcmd; the first line is its exit code."""
        done = subprocess.run(["kamcmd", "-s", self._socket, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
        lines: list[object] = [done.returncode]
        times, h_id = [], 0
        for line in (done.stdout + done.stderr).splitlines():
            indent, name, value = found.groups() if (found := LINE.fullmatch(line)) else ("", "", "")
            h_id = len(lines) if name == "h_id" else h_id
            times += [int(value)] if name in TIMES else []
            if name == "call-id" and value.startswith(self._strangers):
                lines[h_id] = "h_id"
            lines.append(f"{indent}{name}" if name in TIMES | OWN else line)
        return Said(tuple(lines), tuple(times))

    def http(self, words: tuple[str | int, ...]) -> Said:
        """Ask over HTTP, JSON-RPC; the first line is the status."""
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        try:
            body = {"jsonrpc": "2.0", "method": words[0], "params": words[1:], "id": "x"}
            connection.request("POST", "/RPC", json.dumps(body), self._headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        times: list[int] = []
        return Said((answer.status, self._plain(json.loads(text, object_pairs_hook=list), times)), tuple(times))

    def _plain(self, value: Any, times: list[int]) -> object:
        """Return a value whose objects are lists of pairs, in their order, without what may differ."""
        if not isinstance(value, list):
            return value
        stranger = any(pair[0] == "call-id" and str(pair[1]).startswith(self._strangers) for pair in value if isinstance(pair, tuple))
        plain: list[object] = []
        for part in value:
            name, held = part if isinstance(part, tuple) else ("", part)
            times += [held] if name in TIMES else []
            hidden = name in TIMES | OWN or (stranger and name == "h_id")
            plain.append((name, "" if hidden else self._plain(held, times)))
        return tuple(plain)


def words(question: str, **names: object) -> tuple[str | int, ...]:
    """Return a command and its parameters: digits are numbers, as for kamcmd."""
    return tuple(int(word) if NUMBER.fullmatch(word) else word for word in question.format(**names).split())
