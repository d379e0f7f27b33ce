"""JSON-RPC 2.0: batch, notifications, errors as the specification says; single requests as the original, or as the specification."""

import json

import pytest

from dialogs.rpc import jsonrpc
from tests.dialogs.rpc.hosts import OURS, Recording
from tests.dialogs.rpc.test_faults import caller

ACTIVE = {"starting": 0, "connecting": 0, "answering": 0, "ongoing": 1, "all": 1}
ASK = '{"jsonrpc":"2.0","method":"dlg.stats_active"'


@pytest.fixture(params=[True, False], ids=["exact", "specified"])
def asking(request, tmp_path):
    recording = Recording(OURS / "basic", tmp_path, kamailio_exact=request.param)
    recording.play_until(4)
    return jsonrpc.Caller(recording.host, jsonrpc.Tally(), control=False)


def told(asking, body):
    """Return the answer, None for none."""
    text = b"".join(jsonrpc.answer(asking, body.encode("utf-8", "surrogateescape")))
    return json.loads(text) if text else None


def answer(found, number):
    return {"jsonrpc": "2.0", "result": found, "id": number}


def error(code, words, number=None):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": words}, "id": number}


INVALID = error(-32600, "Invalid Request")
BOTH = [
    (ASK + ',"id":1}', answer(ACTIVE, 1)),
    (ASK + ',"id":"x","params":[]}', answer(ACTIVE, "x")),
    ("[" + ASK + ',"id":1},' + ASK + ',"id":2}]', [answer(ACTIVE, 1), answer(ACTIVE, 2)]),
    ("[" + ASK + '},{"jsonrpc":"2.0","method":"nope","id":2}]', [error(-32601, "Method Not Found", 2)]),
    ("[" + ASK + "}," + ASK + "}]", None),
    ("[1,2]", [INVALID, INVALID]),
    ("[]", INVALID),
    ("[" + ",".join(["1"] * 101) + "]", INVALID),
    ("{", error(-32700, "Parse Error")),
    ("\udcff", error(-32700, "Parse Error")),
    ("[" * 100_000, error(-32700, "Parse Error")),
    ('{"jsonrpc":"2.0","method":"dlg.end_dlg","params":[1,2],"id":1}', error(403, "dlg.end_dlg needs the permission to control calls", 1)),
    ('{"jsonrpc":"2.0","method":"dlg.profile_get_size","params":["nope"],"id":1}', error(404, "Profile not found: nope", 1)),
]
SPECIFIED = [
    (ASK + "}", None),
    ('{"jsonrpc":"2.0","method":"nope"}', None),
    (ASK + ',"id":null}', answer(ACTIVE, None)),
    (ASK + ',"id":1.5}', answer(ACTIVE, 1.5)),
    (ASK + ',"id":{}}', INVALID),
    (ASK + ',"id":true}', INVALID),
    (ASK + ',"id":1,"params":5}', error(-32600, "Invalid Request", 1)),
    ('{"method":"dlg.list","id":1}', error(-32600, "Invalid Request", 1)),
    ("5", INVALID),
    ('{"jsonrpc":"2.0","method":"nope","id":1}', error(-32601, "Method Not Found", 1)),
    ('{"jsonrpc":"2.0","method":"dlg.profile_get_size","id":1}', error(400, "error at parameter 0: expected any type but end of packet encountered", 1)),
    ('{"jsonrpc":"2.0","method":"dlg.profile_get_size","params":{"profile":"total"},"id":1}', answer(1, 1)),
    ('{"jsonrpc":"2.0","method":"dlg.profile_get_size","params":{"x":"total"},"id":1}', error(-32602, "Invalid Parameters", 1)),
]


@pytest.mark.parametrize(("body", "expected"), BOTH)
def test_both_ways(asking, body, expected):
    assert told(asking, body) == expected


@pytest.mark.parametrize("asking", [False], indirect=True)
@pytest.mark.parametrize(("body", "expected"), SPECIFIED)
def test_as_specified(asking, body, expected):
    assert told(asking, body) == expected


def test_what_is_counted():
    asking = caller()
    for body in (ASK + ',"id":1}', '{"jsonrpc":"2.0","method":"nope","id":1}', "{", "5"):
        told(asking, body)
    tally = asking.tally
    assert (tally.requests, tally.faults, tally.malformed) == (2, 2, 1)


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (b'{"jsonrpc":"2.0","result":[', (200, "OK")),
        (b'{"jsonrpc":"2.0","error":{"code":404,"message":"Not found"},"id":1}', (404, "Not found")),
        (b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse Error"},"id":null}', (500, "Parse Error")),
    ],
)
def test_status_of_http(piece, expected):
    assert jsonrpc.status(piece) == expected


def test_answer_comes_in_pieces(asking):
    pieces = [piece for piece in jsonrpc.answer(asking, b'{"jsonrpc":"2.0","method":"dlg.list","id":1}') if piece]
    assert len(pieces) == 2
    assert json.loads(b"".join(pieces))["id"] == 1
