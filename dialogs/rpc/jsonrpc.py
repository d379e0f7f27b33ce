"""JSON-RPC 2.0 over the registry, as Kamailio's jsonrpcs speaks it or as the specification says. Knows bytes; knows no transport.

With `[dialog] kamailio_exact` the original's deviations are kept for single requests (reference 15.1, and what version 5.6.3 was seen to do): a
request without id is answered all the same, an unknown method is error 500, a wrong request or parameters that a command says nothing about
have an empty result. A batch, which the original does not know, always follows the specification.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from dialogs.rpc.errors import Fault, ScanFault, UnknownCommand
from dialogs.rpc.host import Host
from dialogs.rpc.registry import PAUSE, Command, Gradual, Value, find, steps

BATCH_MAX = 100
PARSE_ERROR = Fault(-32700, "Parse Error")
INVALID_REQUEST = Fault(-32600, "Invalid Request")
METHOD_NOT_FOUND = "Method Not Found"
FAILED = b'{"jsonrpc":"2.0","error":'
FAULT = re.compile(re.escape(FAILED) + rb'\{"code":(-?\d+)')
BREATH = b""

encode = msgspec.json.encode


class Tally:
    """What a door counts."""

    def __init__(self) -> None:
        self.requests = self.faults = self.malformed = self.connections = 0


class Caller(NamedTuple):
    """Who asks, and of whom."""

    host: Host
    tally: Tally
    control: bool
    "Whether the caller may do more than look."


def answer(caller: Caller, body: bytes) -> Iterator[bytes]:
    """Yield the answer to a request or a batch in pieces; BREATH in between is where the caller may do something else. Nothing for nobody to answer."""
    try:
        asked = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        caller.tally.malformed += 1
        yield _error(PARSE_ERROR, b',"id":null')
        return
    if not isinstance(asked, list):
        yield from _single(caller, asked)
    elif 0 < len(asked) <= BATCH_MAX:
        yield from _batch(caller, asked)
    else:
        yield from _refused(caller, INVALID_REQUEST, b',"id":null')


def status(piece: bytes) -> int:
    """Return the HTTP status of an answer that begins so: that of a fault is its code, as in the original, 500 where that is none of HTTP's."""
    found = FAULT.match(piece)
    code = int(found[1]) if found else 200
    return code if found is None or 400 <= code < 600 else 500


def _batch(caller: Caller, asked: list[Any]) -> Iterator[bytes]:
    between = b"["
    for request in asked:
        for piece in _specified(caller, request):
            yield between + piece if piece and between else piece
            between = b"" if piece else between
        between = between or b","
    if between != b"[":
        yield b"]"


def _single(caller: Caller, request: Any) -> Iterator[bytes]:
    if not caller.host.config.dialog.kamailio_exact:
        yield from _specified(caller, request)
        return
    request = request if isinstance(request, dict) else {}
    tail = _exact_tail(request)
    if request.get("jsonrpc") != "2.0" or not isinstance(request.get("method"), str):
        caller.tally.faults += 1
        yield b'{"jsonrpc":"2.0","result":{}' + tail + b"}"
        return
    params = request.get("params")
    yield from _called(caller, request["method"], params if isinstance(params, list | dict) else [], tail, exact=True)


def _exact_tail(request: Mapping[str, Any]) -> bytes:
    """Return the id as the original echoes it: what is neither number nor text becomes 0, a fraction is printed with six digits."""
    if "id" not in request:
        return b""
    given = request["id"]
    if isinstance(given, float):
        return f',"id":{given:.6f}'.encode()
    return b',"id":' + encode(given if isinstance(given, str | int) and not isinstance(given, bool) else 0)


def _specified(caller: Caller, request: Any) -> Iterator[bytes]:
    """Yield the answer that the specification wants; none for a notification."""
    valid = isinstance(request, dict) and request.get("jsonrpc") == "2.0" and isinstance(request.get("method"), str)
    given = request.get("id") if isinstance(request, dict) else None
    known = given is None or (isinstance(given, str | int | float) and not isinstance(given, bool))
    tail = b',"id":' + encode(given if known else None)
    if not valid or not known or not isinstance(request.get("params", []), list | dict):
        yield from _refused(caller, INVALID_REQUEST, tail)
        return
    pieces = _called(caller, request["method"], request.get("params", []), tail, exact=False)
    if "id" in request:
        yield from pieces
        return
    for _piece in pieces:
        yield BREATH


def _refused(caller: Caller, fault: Fault, tail: bytes) -> Iterator[bytes]:
    caller.tally.faults += 1
    yield _error(fault.forgetful(), tail)


def _error(fault: Fault, tail: bytes) -> bytes:
    return FAILED + encode({"code": fault.code, "message": fault.text}) + tail + b"}"


def _called(caller: Caller, method: str, params: Any, tail: bytes, *, exact: bool) -> Iterator[bytes]:
    """Yield the answer to a good request: the first piece with something in it tells whether it is an error."""
    caller.tally.requests += 1
    try:
        held = find(caller.host, method)
        yield from _result(held, steps(caller.host, held, params, control=caller.control), tail, lenient=exact)
    except UnknownCommand:
        yield from _refused(caller, Fault(500 if exact else -32601, METHOD_NOT_FOUND), tail)
    except Fault as fault:
        yield from _refused(caller, fault, tail)


def _result(held: Command, values: Iterator[Value], tail: bytes, *, lenient: bool) -> Iterator[bytes]:
    array = held.array
    last: Value = {}
    opened = False
    try:
        for value in values:
            if value is PAUSE:
                yield BREATH
            elif isinstance(value, Gradual):
                yield from _gradual(value)
                yield tail + b"}"
                return
            elif array:
                yield (b"," if opened else b'{"jsonrpc":"2.0","result":[') + encode(value)
                opened = True
            else:
                last = value
    except ScanFault:
        if not lenient:
            raise
    if array:
        yield (b"" if opened else b'{"jsonrpc":"2.0","result":[') + b"]" + tail + b"}"
    else:
        yield b'{"jsonrpc":"2.0","result":' + encode(last) + tail + b"}"


def _gradual(struct: Gradual) -> Iterator[bytes]:
    yield b'{"jsonrpc":"2.0","result":' + encode(struct.head)[:-1] + b"," + encode(struct.name) + b":["
    between = b""
    for value in struct.values:
        if value is PAUSE:
            yield BREATH
        else:
            yield between + encode(value)
            between = b","
    yield b"]}"
