"""Commands of the RPC that act on calls, made into orders like anybody's. Knows commands, calls and requests; whether an order may be is `orders.safety`'s.

A caller hears at once whether its order exists; what came of it stands with the order. The row is written on a thread of its own while the loop waits:
some milliseconds, bounded, and no more often than `[control] rate` lets.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db import DatabaseError, connections

from dashboard.models import DialogRow
from dashboard.orders.request import BULK, OrderRefused, request_bridge, request_end, request_transfer
from dialogs.engine.states import State
from dialogs.rpc import Fault, Host
from dialogs.rpc.registry import PAUSE
from dialogs.rpc.walk import by_number, by_tags, wire_call

WAIT_SECONDS = 2.0
REASON = "asked by RPC: {}"
GONE = Fault(404, "Dialog not found")
ADDRESS = "rpc"
"Where such orders come from, in the audit log."

logger = structlog.get_logger(__name__)


class Remote:
    """A caller of the RPC as the one who gives an order: may end calls, never protected ones."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get_username(self) -> str:
        """Return "token NAME", or "socket"."""
        return self._name

    def has_perm(self, perm: str) -> bool:
        """Return whether it may: who is not to act is refused before."""
        return perm == "dashboard.end_call"


class Commands:
    """Makes orders of commands."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rpc-orders")

    def __call__(self, host: Host, command: str, arguments: tuple[Any, ...], name: str) -> None:
        """Write the order of a command. Raises Fault: 404, 403 with the refusal's words, 503 when it cannot be written now."""
        if host.config.control.controller == "none":
            raise Fault(500, "no controller")
        user = Remote(name)
        match command:
            case "end_dlg":
                uid, reason = _numbered(host, *arguments[:2]), REASON.format("dlg.end_dlg")
                self._wait(lambda: request_end(_row(uid), user, reason, ADDRESS))
            case "terminate_dlg":
                callid, ftag, ttag = arguments
                uid, reason = _uid(host, by_tags(host, callid, ftag, ttag, GONE)), REASON.format("dlg.terminate_dlg")
                self._wait(lambda: request_end(_row(uid), user, reason, ADDRESS))
            case "refer":
                uid, side, to = _numbered(host, *arguments[:2]), arguments[2], arguments[3]
                self._wait(lambda: request_transfer(_row(uid), user, side, to, REASON.format("dlg.refer"), ADDRESS))
            case "bridge_dlg":
                first, second, *more = arguments
                if any(one not in ("", ".") for one in more):
                    raise Fault(501, "Not supported: op and body")
                self._wait(lambda: request_bridge(user, first, second, REASON.format("dlg.bridge_dlg"), ADDRESS, node=host.node))
            case _:
                self._thread.submit(self._all, host.node, user)

    def close(self) -> None:
        """End the thread when what it has is written."""
        self._thread.submit(connections.close_all)
        self._thread.shutdown()

    def _wait(self, work: Callable[[], object]) -> None:
        try:
            self._thread.submit(work).result(WAIT_SECONDS)
        except OrderRefused as refused:
            raise Fault(403, str(refused)) from refused
        except (DatabaseError, TimeoutError) as error:
            logger.warning("rpc", error=str(error) or "time-out")
            raise Fault(503, "the order cannot be written now") from error

    @staticmethod
    def _all(node: str, user: Remote) -> None:
        """Order the end of every call that was answered; what is refused is in the audit log."""
        for row in DialogRow.objects.live().filter(node=node, recorded=False, state__gte=State.CONFIRMED_NA):
            try:
                request_end(row, user, REASON.format("dlg2.end_all_active_dlg"), ADDRESS, how=BULK)
            except (OrderRefused, DatabaseError) as refused:
                logger.info("rpc", call=row.pk, refused=str(refused))


def _numbered(host: Host, h_entry: int, h_id: int) -> str:
    record = next((found for found in by_number(host, h_entry, h_id) if found is not PAUSE), None)
    return _uid(host, record)


def _uid(host: Host, record: Any) -> str:
    call = wire_call(host, record) if record is not None else None
    if call is None:
        raise GONE
    return call.uid


def _row(uid: str) -> DialogRow:
    row = DialogRow.objects.filter(pk=uid).first()
    if row is None:
        raise OrderRefused("this call is not written yet: try again")
    return row
