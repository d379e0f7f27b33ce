"""The lab: a private network with a real Kamailio and real phones in it. Joins namespace, proxy and phones; knows no Dialtap.

While a `Lab` is entered, the calling thread is inside its network: what it opens, starts and asks is there. Needs root, kamailio and sipp;
`missing()` says what is not there.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .namespace import Namespace
from .phone import UDP, Phone, Way
from .proxy import SIP_PORT, WEB_PORT, Proxy
from .web_phone import WebPhone

CALLER_HOST, CALLEE_HOST = "127.0.0.10", "127.0.0.20"


def missing(*more: str) -> str:
    """Return why the lab cannot run here, or nothing. `more`: other programs that are needed."""
    if not hasattr(os, "setns") or os.geteuid() != 0:
        return "the lab needs root (a network namespace of its own)"
    absent = [program for program in ("kamailio", "sipp", *more) if shutil.which(program) is None]
    return f"the lab needs {', '.join(absent)}" if absent else ""


@dataclass(frozen=True)
class Call:
    """One call that was placed."""

    call_id: str
    number: str
    "The called number; no other call has it."

    caller: Phone
    callees: tuple[Phone, ...]

    @property
    def phones(self) -> tuple[Phone, ...]:
        """Both sides, the caller first."""
        return (self.caller, *self.callees)


class Lab:
    """Kamailio and sipp phones in a network of their own, as a context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        hep: str = "",
        networks: tuple[str, ...] = (),
        address: str = "127.0.0.1",
        ring_limit_ms: int = 120_000,
        everywhere: bool = False,
        web_targets: bool = False,
        limit: bool = False,
        mtu: int = 0,
    ) -> None:
        """`folder`: for logs and scripts. The other values are `Proxy`'s and `Namespace`'s."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.network = Namespace(networks, mtu=mtu)
        self.proxy = Proxy(folder, address=address, hep=hep, ring_limit_ms=ring_limit_ms, everywhere=everywhere, web_targets=web_targets, limit=limit)
        self.phones: list[Phone] = []
        self._count = itertools.count(1)

    def __enter__(self) -> "Lab":
        self.network.__enter__()
        try:
            self.proxy.start()
        except BaseException:
            self.network.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for phone in self.phones:
            phone.stop()
        self.proxy.stop()
        self.network.__exit__(kind, error, trace)
        self.network.close()

    def new_number(self, prefix: str = "555") -> str:
        """Return a number that nobody has."""
        return f"{prefix}{next(self._count):04d}"

    def callee(self, script: str, *, address: tuple[str, int] | None = None, calls: int = 1, way: Way = UDP) -> Phone:
        """Put up a phone that waits for calls, by default at a port of its own; 0 `calls`: for any number of them."""
        phone = self._phone("callee", script, address, CALLEE_HOST, way)
        phone.wait_for_calls(calls)
        return phone

    def caller(self, script: str, call_id: str, *, address: tuple[str, int] | None = None, way: Way = UDP) -> Phone:
        """Place a call."""
        phone = self._phone("caller", script, address, CALLER_HOST, way)
        phone.call((way.host or self.proxy.address, SIP_PORT), call_id)
        return phone

    def callers(self, script: str, calls: int, rate: int) -> Phone:
        """Place many calls from one phone, `rate` a second."""
        phone = self._phone("callers", script, None, CALLER_HOST, UDP)
        phone.call_often((self.proxy.address, SIP_PORT), calls, rate)
        return phone

    def web_caller(self, number: str, call_id: str, hold_ms: int) -> WebPhone:
        """Place a call from a browser: over WebSocket. 0 `hold_ms`: the other side, or the network, hangs up."""
        phone = WebPhone(self.folder, f"caller-{len(self.phones) + 1}", number, hold_ms)
        self.phones.append(phone)
        phone.call((self.proxy.address, WEB_PORT), call_id)
        return phone

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all phones meanwhile, so that nothing but the proxy's own timers moves."""
        running = [phone for phone in self.phones if phone.is_running()]
        for phone in running:
            phone.freeze(True)
        try:
            yield
        finally:
            for phone in running:
                phone.freeze(False)

    def _phone(self, side: str, script: str, address: tuple[str, int] | None, host: str, way: Way) -> Phone:
        number = len(self.phones) + 1
        phone = Phone(self.folder, f"{side}-{number}", script, address or (way.host or host, 5100 + number), way)
        self.phones.append(phone)
        return phone
