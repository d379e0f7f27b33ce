"""Bridges and transfers without I/O: each step, and each way it can end."""

import pytest

from dialogs.control.sip.bridging import REQUESTS_MAX, Bridge, ReferResult, Waits, bridge, refer_leg, surplus
from dialogs.control.sip.digest import Credentials, Digest
from dialogs.control.sip.operations import Answer, Heard
from dialogs.control.sip.requests import Identity

from .samples import IDENTITY, TO_CALLEE, Play, notify, request, response

CONTACT = "Contact: <sip:first@192.0.2.1:5070>"
OK = ("200 OK", CONTACT)
PARTIES = Bridge("sip:first@192.0.2.1", "sip:second@192.0.2.2", b"c@us", b"t", waits=Waits(7, 8))
DONE = notify("SIP/2.0 200 OK\r\n", "terminated")
BYE = request(b"BYE sip:us SIP/2.0\r\n\r\n")
OTHER = request(b"OPTIONS sip:us SIP/2.0\r\n\r\n")


def digest() -> Digest:
    return Digest((Credentials("a", "b"),), lambda: "c")


def methods(play: Play) -> list[tuple[str, int]]:
    return [(one.method, one.cseq) for one in play.sent]


@pytest.mark.parametrize(
    ("script", "result", "sent"),
    [
        ([OK, "202 Accepted", DONE, "200 OK"], ReferResult("connected", "notify", 200, "200 OK", 12), ["INVITE", "REFER", "BYE"]),
        (
            [OK, "202 Accepted", notify("SIP/2.0 180 Ringing"), OTHER, notify("junk"), DONE, "200 OK"],
            ReferResult("connected", "notify", 200, "200 OK", 12),
            ["INVITE", "REFER", "BYE"],
        ),
        (["486 Busy"], ReferResult("refused", "invite", 486, "486 Busy"), ["INVITE"]),
        ([Answer(None, "no answer", "not answered within 7 s", 10)], ReferResult("no answer", "invite", 0, "not answered within 7 s"), ["INVITE"]),
        ([Answer(None, "not sent", "not in allow")], ReferResult("not sent", "invite", 0, "not in allow"), ["INVITE"]),
        ([Answer(None, "no answer", "stopped", 10, stopped=True)], ReferResult("not sent", "x"), ["INVITE"]),
        (["200 OK"], ReferResult("not sent", "ack", words="Contact: the answer has none"), ["INVITE"]),
        ([OK, "603 Decline", "200 OK"], ReferResult("refused", "refer", 603, "603 Decline", 12), ["INVITE", "REFER", "BYE"]),
        (
            [OK, Answer(None, "no answer", "no answer in time", 11), "481 Gone"],
            ReferResult("no answer", "refer", 0, "no answer in time", 12),
            ["INVITE", "REFER", "BYE"],
        ),
        (
            [OK, "202 Accepted", notify("SIP/2.0 486 Busy Here", "terminated"), "200 OK"],
            ReferResult("refused", "notify", 486, "486 Busy Here", 12),
            ["INVITE", "REFER", "BYE"],
        ),
        (
            [OK, "202 Accepted", notify("SIP/2.0 180 Ringing"), None, "200 OK"],
            ReferResult("no answer", "notify", 180, "no final NOTIFY; last: 180 Ringing", 12),
            ["INVITE", "REFER", "BYE"],
        ),
        (
            [OK, "202 Accepted", notify("", "terminated;reason=noresource"), "200 OK"],
            ReferResult("no answer", "notify", 0, "the party tells no more; last: nothing", 12),
            ["INVITE", "REFER", "BYE"],
        ),
        ([OK, "202 Accepted", BYE], ReferResult("hung up", "notify", 0, "the party hung up", 11), ["INVITE", "REFER"]),
        (
            [OK, "202 Accepted", Heard(None, stopped=True), "200 OK"],
            ReferResult("stopped", "notify", 0, "stopped; the party told last: nothing", 12),
            ["INVITE", "REFER", "BYE"],
        ),
        (
            [OK, "202 Accepted", DONE, "403 No"],
            ReferResult("connected", "bye", 200, "200 OK; our own call to the first party was not released: 403 No", 12),
            ["INVITE", "REFER", "BYE"],
        ),
        (
            [OK, "202 Accepted", *[OTHER] * REQUESTS_MAX, "200 OK"],
            ReferResult("no answer", "notify", 0, "no final NOTIFY; last: nothing", 12),
            ["INVITE", "REFER", "BYE"],
        ),
    ],
    ids=[
        *("connected", "ringing", "busy", "not-answered", "not-sent", "stopped", "no-contact", "refer-refused", "refer-lost", "second-busy"),
        *("no-notify", "terminated", "hung-up", "stopped-late", "bye-refused", "chatter"),
    ],
)
def test_bridge_ends_as_its_parties_say(script: list[object], result: ReferResult, sent: list[str]):
    play = Play(script)
    found = play.run(bridge(PARTIES, IDENTITY, digest()))
    assert found == (result if result.step != "x" else ReferResult("stopped", "invite", 0, "stopped"))
    assert [method for method, _ in methods(play)] == sent
    assert [one.method for one in play.told] == (["ACK"] if len(sent) > 1 else [])


def test_bridge_that_is_stopped_as_it_is_answered_hangs_up():
    play = Play(["486 Busy"])
    play.run(bridge(PARTIES, IDENTITY, digest()))
    invite = play.sent[0]
    lines = f"SIP/2.0 200 OK\r\nFrom: x;tag=t\r\nTo: <sip:first@192.0.2.1>;tag=r\r\nCall-ID: c@us\r\nCSeq: {invite.cseq} INVITE\r\n{CONTACT}\r\n\r\n"
    play = Play([Answer(response(lines.encode()), words="200 OK", cseq=10, stopped=True), "200 OK"])
    assert play.run(bridge(PARTIES, IDENTITY, digest())) == ReferResult("stopped", "ack", words="stopped after the answer", cseq=11)
    assert methods(play) == [("INVITE", 10), ("BYE", 11)]


def test_challenged_bridge_goes_on_with_its_numbers():
    challenge = ("407 Proxy", 'Proxy-Authenticate: Digest realm="r", nonce="1"')
    play = Play([challenge, OK, challenge, "202 Accepted", DONE, "200 OK"])
    assert play.run(bridge(PARTIES, IDENTITY, digest())).cseq == 14
    assert methods(play) == [("INVITE", 10), ("INVITE", 11), ("REFER", 12), ("REFER", 13), ("BYE", 14)]
    assert play.told[0].cseq == 11
    assert play.waited == [8]


def test_bridge_that_cannot_be_written_sends_nothing():
    play = Play([])
    assert play.run(bridge(Bridge("sip:a b", "sip:c", b"c", b"t"), IDENTITY, digest())).outcome == "not sent"
    play = Play([OK, "200 OK"])
    assert play.run(bridge(Bridge("sip:a@h", "sip:c>\r\nX: y", b"c", b"t"), IDENTITY, digest())).step == "refer"
    assert methods(play) == [("INVITE", 10), ("BYE", 11)]


def test_transfer_leaves_the_call_as_it_is():
    play = Play(["202 Accepted", DONE])
    assert play.run(refer_leg(TO_CALLEE, "sip:c@h", IDENTITY, digest())) == ReferResult("connected", "notify", 200, "200 OK", 42)
    assert methods(play) == [("REFER", 42)]
    assert play.waited == [Waits().referred]


def test_surplus_party_is_acknowledged_and_hung_up():
    answer = response(f"SIP/2.0 200 OK\r\nTo: <sip:x@h>;tag=other\r\nCall-ID: c\r\nCSeq: 10 INVITE\r\n{CONTACT}\r\n\r\n".encode())
    play = Play(["200 OK"])
    play.run(surplus(answer, (b"t", 10), Identity(), digest()))
    assert ([one.cseq for one in play.told], methods(play)) == ([10], [("BYE", 11)])
    play = Play([])
    play.run(surplus(response(b"SIP/2.0 200 OK\r\n\r\n"), (b"t", 10), Identity(), digest()))
    assert (play.told, play.shown) == ([], [("ack", "failed")])
