"""What `/RPC` answers over a recording is what Kamailio's own `/RPC` answered at that moment: from this process's door, and over its socket."""

import json

import msgspec
import pytest
import pytest_asyncio

from dashboard.ingest.door import Door
from dashboard.rpc import access, local
from dashboard.rpc.limit import Limiter
from dialogs.config import Rpc
from tests.dashboard.rpc.asking import ask
from tests.dialogs.rpc.hosts import OURS, Recording

pytestmark = pytest.mark.asyncio

QUESTIONS = {
    "dlg.list": [],
    "dlg.stats_active": [],
    "stats.get_statistics": ["dialog:"],
    "dlg.profile_get_size": ["total"],
    "dlg.profile_list": ["total"],
}
TIMES = {"start_ts", "init_ts", "end_ts", "duration", "timeout"}
NODES_OWN = {"ref", "dflags", "iflags", "h_id"}
"What two nodes that watch one call number each for itself; h_id is the proxy's own where its cookie was seen."

USUAL = b'{"jsonrpc":"2.0","method":"dlg.list","id":1}'
"As everybody's script has it, with curl -d."


@pytest_asyncio.fixture
async def door(tmp_path, settings, monkeypatch, request):
    """Returns a recording, its folder, and the way to it: "here" is this process's door, "apart" its socket. "" is a recording of our own."""
    monkeypatch.setattr(access, "limiter", Limiter())
    settings.VAR = tmp_path
    name, way = request.param
    folder = request.getfixturevalue("captures") / name if name else OURS / "basic"
    recording = Recording(folder, tmp_path)
    opened = Door(recording.host, Rpc(), tmp_path)
    await opened.start()
    local.set_door(opened if way == "here" else None)
    yield recording, folder / "truth"
    await opened.stop()


def compared(value):
    """Return a value without what is a node's own, and its times apart."""
    times = []

    def without(part):
        if isinstance(part, list):
            return [without(each) for each in part]
        if not isinstance(part, dict):
            return part
        times.extend(part[key] for key in part if key in TIMES)
        return {key: None if key in TIMES else without(each) for key, each in part.items() if key not in NODES_OWN}

    return without(value), times


def order(value):
    """Return the keys of the first dialog of a list as they stand."""
    return list(value[0]) if isinstance(value, list) and value and isinstance(value[0], dict) else []


RECORDINGS = ("basic", "fork", "busy", "callee-hangup", "profiles", "spiral", "route-set", "ipv6", "tcp-tcp", "session-timer", "cancel", "basic-international")
CASES = [(name, way) for name in RECORDINGS for way in ("here", "apart")]


@pytest.mark.parametrize("door", CASES, ids=["-".join(case) for case in CASES], indirect=True)
async def test_answers_equal_kamailios(door):
    recording, truth = door
    moments = sorted((json.loads(path.read_text()) for path in truth.glob("jsonrpc-*.json")), key=lambda moment: moment["t0"])
    for moment in moments:
        recording.play(round(moment["t0"] * 1e9))
        for method, params in QUESTIONS.items():
            answer = await ask(msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params, "id": method}))
            (said, times), (wanted, their_times) = compared(answer.json["result"]), compared(moment[method])
            assert (answer.status, list(answer.json), answer.json["id"], said) == (200, ["jsonrpc", "result", "id"], method, wanted)
            assert order(answer.json["result"]) == order(moment[method])
            assert [pair for pair in zip(times, their_times, strict=True) if abs(pair[0] - pair[1]) > 2] == []
    assert len(moments) >= 2


BOTH_WAYS = pytest.mark.parametrize("door", [("", "here"), ("", "apart")], ids=["here", "apart"], indirect=True)


def fault(code, message):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": 7}


UNKNOWN = b'{"jsonrpc":"2.0","method":"dlg.nothing","id":7}'
UNHEARD = b'{"jsonrpc":"2.0","method":"dlg.stats_active"}'
MISTAKES = {
    UNKNOWN: (500, fault(500, "Method Not Found")),
    b'{"jsonrpc":"2.0","method":"dlg.profile_get_size","params":["nobody"],"id":7}': (404, fault(404, "Profile not found: nobody")),
    b"[%b,%b]" % (UNKNOWN, UNHEARD): (200, [fault(-32601, "Method Not Found")]),
    b"[%b]" % UNHEARD: (204, None),
    b"[]": (500, fault(-32600, "Invalid Request") | {"id": None}),
    b"7": (200, {"jsonrpc": "2.0", "result": {}}),
}


@BOTH_WAYS
@pytest.mark.parametrize(("body", "wanted"), MISTAKES.items(), ids=range(len(MISTAKES)))
async def test_mistakes_are_told_alike(door, body, wanted):
    answer = await ask(body)
    assert (answer.status, answer.json if any(answer.pieces) else None) == wanted


@BOTH_WAYS
async def test_fault_with_a_very_long_text_keeps_its_status(door):
    answer = await ask(msgspec.json.encode({"jsonrpc": "2.0", "method": "dlg.profile_get_size", "params": ["x" * 200_000], "id": 7}))
    assert (answer.status, len(answer.json["error"]["message"])) == (404, 200_019)


@BOTH_WAYS
async def test_usual_script_works_as_written(door):
    recording, _ = door
    recording.play_until(4)
    answer = await ask(USUAL, content_type="application/x-www-form-urlencoded", User_Agent="curl/8.5.0", Accept="*/*")
    (dialog,) = answer.json["result"]
    assert (answer.status, answer.headers["content-type"], dialog["state"], dialog["from_uri"]) == (200, "application/json", 4, "sip:alice@lab.example")
