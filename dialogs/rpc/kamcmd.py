"""What kamcmd is answered: one BINRPC request through the registry. Knows the codec and the commands; knows no socket."""

from collections.abc import Iterator

from dialogs.rpc import binrpc
from dialogs.rpc.errors import Fault, Malformed
from dialogs.rpc.jsonrpc import BREATH, Caller
from dialogs.rpc.registry import PAUSE, Gradual, Value, find, steps

TOO_BIG = Fault(500, "reply too big for kamcmd (128 KiB): use dlg.list_match with a limit, or JSON-RPC")


def answer(caller: Caller, packet: binrpc.Packet) -> Iterator[bytes]:
    """Yield BREATH while the reply is made, then the reply or the fault, whole."""
    caller.tally.requests += 1
    body = bytearray()
    try:
        method, parameters = _request(caller, packet.body)
        held = find(caller.host, method)
        for value in steps(caller.host, held, parameters, strict=True, control=caller.control):
            if value is PAUSE:
                yield BREATH
                continue
            for piece in binrpc.gradually(value) if isinstance(value, Gradual) else (binrpc.encode(value),):
                body += piece
                if len(body) > binrpc.REPLY_MAX:
                    raise TOO_BIG
                if not piece:
                    yield BREATH
    except Fault as fault:
        caller.tally.faults += 1
        yield binrpc.fault(packet.cookie, fault.forgetful())
    else:
        yield binrpc.packet(binrpc.REPLY, packet.cookie, bytes(body))


def _request(caller: Caller, body: bytes) -> tuple[str, list[Value]]:
    """Return method and parameters; records that are none are a fault, and counted."""
    try:
        return binrpc.request(body)
    except Malformed as malformed:
        caller.tally.malformed += 1
        raise Fault(400, str(malformed)) from malformed
