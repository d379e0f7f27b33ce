"""Wrong and right parameters: every answer that Kamailio 5.6.3 gave to the same request with an empty table, through both codecs."""

import json
from pathlib import Path

import pytest

from dashboard.ingest.rpchost import EngineHost
from dialogs.config import Config, Dialog
from dialogs.engine import Engine
from dialogs.rpc import COMMANDS, binrpc, jsonrpc, kamcmd
from dialogs.rpc.commands.acting import NOT_FOUND
from dialogs.rpc.commands.listings import INVALID

TRUTH = json.loads((Path(__file__).parent / "kamailio-5.6.3.json").read_text())
CONFIG = Config(dialog=Dialog(profiles_with_value=("caller",), profiles_no_value=("total",)))
OURS = {
    "dlg.bridge_dlg": "there is no controller yet",
    "system.methodSignature": "it answers the parameters here",
}
"What answers something else on purpose, where the original's answer is no fault about parameters."

SHARED_BUFFER = ("Profile not found: 6", "Profile not found: 5")
"The original's jsonrpcs makes texts of two numbers in one buffer."


def caller(config=CONFIG, *, control=True):
    return jsonrpc.Caller(EngineHost(Engine(config), lambda: 1_700_000_000_000_000_000, Path("/nowhere"), lambda _uid: None), jsonrpc.Tally(), control)


def binary(asking, method, params):
    """Return what kamcmd would print."""
    body = b"".join(map(binrpc.encode, [method, *params]))
    packet = b"".join(kamcmd.answer(asking, binrpc.Packet(b"\x01\x02", body)))
    head = 2 + (packet[1] >> 2 & 3) + 1 + (packet[1] & 3) + 1
    found = binrpc.values(packet[head:])
    return f"error: {found[0]} - {found[1]}\n" if packet[1] >> 4 == binrpc.FAULT else "".join(printed(value, "") for value in found)


def printed(value, indent):
    if isinstance(value, dict):
        return f"{indent}{{\n" + "".join(printed(v, f"\t{k}: ").replace("\t", indent + "\t", 1) for k, v in value.items()) + f"{indent}}}\n"
    if isinstance(value, list):
        return f"{indent}{{\n{indent}}}\n"
    return f"{indent}{value}\n"


CALLS = [call for call in TRUTH["calls"] if call[0] not in OURS]


@pytest.mark.parametrize(("method", "params", "said"), [call[:3] for call in CALLS])
def test_binrpc_answers_as_kamailio(method, params, said):
    assert binary(caller(), method, params) == said


@pytest.mark.parametrize(("method", "params", "status", "answer"), [(call[0], *call[3:]) for call in CALLS])
def test_jsonrpc_answers_as_kamailio(method, params, status, answer):
    request = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode()
    pieces = [piece for piece in jsonrpc.answer(caller(), request) if piece]
    assert b"".join(pieces).decode() == json.dumps(answer, separators=(",", ":")).replace(*SHARED_BUFFER)
    assert jsonrpc.status(pieces[0]) == status


@pytest.mark.parametrize("row", [row for row in TRUTH["raw"] if not row["request"].startswith("[")], ids=lambda row: row["request"][:60])
def test_odd_requests_are_answered_as_by_kamailio(row):
    pieces = list(jsonrpc.answer(caller(), row["request"].encode()))
    assert b"".join(pieces).decode() == row["answer"]
    assert jsonrpc.status(pieces[0]) == row["status"]


def text(asking, method, params):
    """Return what JSON-RPC answers."""
    return b"".join(jsonrpc.answer(asking, json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode()))


@pytest.mark.parametrize("ask", [binary, text])
def test_faults_keep_nothing_of_those_who_got_them(ask):
    for held in COMMANDS.values():
        ask(caller(), held.name, [])
        ask(caller(), held.name, [1, 99])
    shared = [each for held in COMMANDS.values() if (each := held.need) is not None]
    assert {(each.__traceback__, each.__context__) for each in (*shared, NOT_FOUND, INVALID)} == {(None, None)}
