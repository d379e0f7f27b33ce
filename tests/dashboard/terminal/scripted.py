"""A door that says what a test writes down: for answers that no ingest gives, or no longer. The others come from a real one."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import Any

Answer = Any | Callable[[list[Any]], Any]

DIALOG: dict[str, Any] = {
    "h_entry": 1462,
    "h_id": 6269,
    "ref": 2,
    "call-id": "1-2367@127.0.0.10",
    "from_uri": "sip:alice@lab.example",
    "to_uri": "sip:5011@lab.example",
    "state": 4,
    "start_ts": 1795294353,
    "init_ts": 1795294351,
    "end_ts": 0,
    "duration": 3601,
    "timeout": 1795315954,
    "lifetime": 21600,
    "dflags": 1539,
    "sflags": 0,
    "iflags": 0,
    "caller": {"tag": "2367ft1", "contact": "sip:alice@127.0.0.10:6010;transport=UDP", "cseq": "1", "route_set": "", "socket": "udp:127.0.0.1:5060"},
    "callee": {"tag": "2353tt1", "contact": "sip:uas@127.0.0.20:5111;transport=UDP", "cseq": "0", "route_set": "", "socket": "udp:127.0.0.1:5060"},
    "profiles": ["total", {"caller": "sip:alice@lab.example"}],
    "variables": [{"customer": "7"}],
}
RINGING = DIALOG | {"h_id": 7, "state": 2, "start_ts": 0, "duration": 0, "callee": dict.fromkeys(DIALOG["callee"]), "profiles": [], "variables": []}
OLD = {
    "hash": "1462:6269",
    "h_entry": "1462",
    "h_id": "6269",
    "callid": "1-2367@127.0.0.10",
    "from_uri": "sip:alice@lab.example",
    "to_uri": "sip:5011@lab.example",
    "caller_contact": "sip:alice@127.0.0.10:6010",
    "callee_contact": "sip:uas@127.0.0.20:5111",
    "state": "4",
    "start_time": "1795294353",
    "duration": "3601",
    "timeout": "21600",
    "profiles": "total, caller=sip:alice@lab.example",
}
ACTIVE = {"starting": 0, "connecting": 1, "answering": 0, "ongoing": 1, "all": 2}


class Fault(Exception):
    """Answered as JSON-RPC's error."""


class Door(ThreadingUnixStreamServer):
    """Answers each method from its table: a result, what a function of the parameters returns, bytes as they are, or a Fault. `asked` has what came."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, path: Path, answers: dict[str, Answer]) -> None:
        self.path = path
        self.answers = answers
        self.asked: list[tuple[str, list[Any]]] = []
        super().__init__(str(path), Connection)

    def answer(self, line: bytes) -> bytes:
        question = json.loads(line)
        self.asked.append((question["method"], question["params"]))
        found = self.answers.get(question["method"], Fault(-32601, "Method Not Found"))
        found = found(question["params"]) if callable(found) else found
        if isinstance(found, bytes):
            return found
        body = {"error": dict(zip(("code", "message"), found.args, strict=True))} if isinstance(found, Fault) else {"result": found}
        return json.dumps({"jsonrpc": "2.0", **body, "id": question["id"]}).encode() + b"\n"


class Connection(StreamRequestHandler):
    """One client; the door may be shut while it is served."""

    server: Door

    def handle(self) -> None:
        for line in self.rfile:
            answer = self.server.answer(line)
            self.wfile.write(answer)
            if not answer.endswith(b"\n"):  # cut: the rest never comes
                return


@contextmanager
def opened(path: Path, answers: dict[str, Answer]) -> Iterator[Door]:
    """Serve until the block ends; the socket goes away with it."""
    with Door(path, answers) as door:
        serving = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield door
        finally:
            door.shutdown()
            serving.join()
            path.unlink()
