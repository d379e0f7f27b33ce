"""RFC 4475 and RFC 5118 torture messages: what a passive parser should read, and whether a dialog may come of it."""

import json

import pytest

from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.packet import Endpoint, Packet
from dialogs.sip import parse, text

EXCEPT = {
    "scalar02.dat": {"cseq"},  # beyond any number a CSeq may have (2**31): -1, which makes no dialog
    "scalarlg.dat": {"cseq"},
    "mismatch01.dat": {"cseq_method"},  # of a request the start line is believed
    "mismatch02.dat": {"cseq_method"},
    "bigcode.dat": {"call_id", "from_tag", "to_tag", "cseq", "cseq_method", "branch"},  # a status of ten digits: no message
    "badvers.dat": {"method", "call_id", "from_tag", "cseq", "cseq_method", "branch"},  # no SIP/2.0, no message
}
FIELDS = ("method", "status", "call_id", "from_tag", "to_tag", "cseq", "cseq_method", "branch", "new_dialog")


def read(data):
    """Return what is read of a message, in the words of the expectation."""
    engine = Engine(Config())
    engine.receive(Packet(10**18, Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5060), "udp", data))
    found = {"new_dialog": bool(list(engine.all_calls()))}
    message = parse(data)
    if message is None:
        return found
    method = {"status": message.status} if message.status else {"method": message.method}
    tags = {"from_tag": text(message.from_tag), "to_tag": text(message.to_tag), "branch": text(message.branch)}
    return found | method | tags | {"call_id": text(message.call_id), "cseq": None if message.cseq < 0 else message.cseq, "cseq_method": message.method}


def test_torture_messages_are_read_as_a_lenient_monitor_should(captures):
    wanted = json.loads((captures / "torture" / "expected.json").read_text())
    assert len(wanted) == 61
    wrong = {}
    for row in wanted:
        got = read((captures / "torture" / row["file"]).read_bytes())
        differs = {field for field in FIELDS if (got.get(field) or None) != (row[field] or None)}
        if differs != EXCEPT.get(row["file"], set()):
            wrong[row["file"]] = differs
    assert wrong == {}


@pytest.mark.parametrize("number", [b"36893488147419103232", b"99999999999999999999999"])
def test_cseq_beyond_all_numbers_makes_no_dialog(number):
    data = b"INVITE sip:b SIP/2.0\r\nFrom: <sip:a>;tag=x\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: " + number + b" INVITE\r\nContact: <sip:a>\r\n\r\n"
    engine = Engine(Config())
    engine.receive(Packet(10**18, Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5060), "udp", data))
    assert engine.all_records() == []
    (call,) = engine.all_calls()
    assert engine.restore(engine.dump(call.uid)) is None
