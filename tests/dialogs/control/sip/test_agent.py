"""The whole user agent on loopback against parties that do what a test says: transactions, forks, what comes in, what may not leave."""

import asyncio

import msgspec
import pytest

from dialogs.control.sip import Dialog, Hangup, Progress, UserAgent, Waits
from dialogs.control.sip import agent as agent_module
from dialogs.control.sip.operations import Operation
from dialogs.control.sip.operations import Progress as Shown
from dialogs.control.sip.requests import Identity
from dialogs.sip import Request, parse

from .peers import QUICK, Peer, Says, answer, ok, udp_peer
from .samples import TO_CALLEE, notify

pytestmark = pytest.mark.asyncio


def toward(peer: Peer, **changes: object) -> Dialog:
    return msgspec.structs.replace(TO_CALLEE, target=f"sip:bob@{peer.address}", **changes)


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(60):
        await condition.wait()


def calls(second: str = "200 OK", *, ring: bool = True) -> Says:
    """Return a party that rings, answers, and accepts everything else."""

    def says(asked: Request) -> list[bytes]:
        if asked.method != "INVITE":
            return ok(asked)
        ringing = [answer(asked, "180 Ringing")] if ring else []
        return [*ringing, answer(asked, second, f"Contact: <sip:bob@{asked.request_uri.rpartition('@')[2]}>")]

    return says


async def test_nothing_leaves_for_a_network_that_is_not_allowed():
    async with udp_peer() as peer, UserAgent(msgspec.structs.replace(QUICK, allow=())) as agent:
        result = await agent.end(Hangup({"callee": toward(peer)}))
        leg = result.callee
        assert leg is not None
        assert (result.outcome, leg.outcome) == ("not confirmed", "not sent")
        assert leg.words == "nothing is sent to 127.0.0.1: it is not in [control] allow (empty)"
        assert peer.heard == []


async def test_stored_bytes_do_not_leave_for_a_network_that_is_not_allowed_any_more():
    kept = {}

    async def keep(side: str, prepared: object) -> None:
        kept[side] = prepared

    async with udp_peer() as peer:
        async with UserAgent(QUICK) as agent:
            assert (await agent.end(Hangup({"callee": toward(peer)}), keep)).outcome == "leg released: callee"
        async with UserAgent(msgspec.structs.replace(QUICK, allow=("192.0.2.0/24",))) as agent:
            result = await agent.end(Hangup({"callee": toward(peer)}, stored=kept))
            assert (result.callee and result.callee.outcome, len(peer.heard)) == ("not sent", 1)


@pytest.mark.parametrize("transports", [("tcp",), ()])
async def test_transport_that_is_switched_off_is_not_used(transports: tuple[str, ...]):
    async with udp_peer() as peer, UserAgent(msgspec.structs.replace(QUICK, transports=transports)) as agent:
        result = await agent.end(Hangup({"callee": toward(peer)}))
        assert result.callee is not None
        assert result.callee.words.endswith("is reached by udp, which is switched off")


async def test_progress_is_told_by_side():
    shown: list[tuple[str, str]] = []
    async with udp_peer(lambda asked: [answer(asked, "100 Trying"), *ok(asked)]) as peer, UserAgent(QUICK) as agent:
        await agent.end(Hangup({"callee": toward(peer)}), show=lambda side, progress: shown.append((side, progress.words)))
    assert shown == [("callee", "BYE to sip:bob@example.org"), ("callee", "100 Trying"), ("callee", "200 OK")]


async def test_repeated_answer_of_an_invite_is_acknowledged_again():
    acked = asyncio.Event()

    def says(asked: Request) -> list[bytes]:
        if asked.method == "ACK" and len([one for one in peer.heard if one.method == "ACK"]) == 2:
            acked.set()
        if asked.method == "INVITE" or (asked.method == "ACK" and not acked.is_set()):
            return calls(ring=False)(peer.heard[0])
        return [answer(asked, "603 Decline")] if asked.method == "REFER" else ok(asked)

    async with udp_peer(says) as peer, UserAgent(QUICK) as agent:
        result = await agent.bridge(f"sip:bob@{peer.address}", "sip:carol@127.0.0.1")
        await until(acked)
        acks = [one for one in peer.heard if one.method == "ACK"]
        assert (result.outcome, acks[0], acks[0].branch != peer.heard[0].branch) == ("refused", acks[1], True)


async def test_second_fork_is_acknowledged_and_hung_up():
    gone = asyncio.Event()

    def says(asked: Request) -> list[bytes]:
        if asked.method == "BYE" and asked.to_tag == b"other":
            gone.set()
        if asked.method == "INVITE":
            contact = f"Contact: <sip:bob@{peer.address}>"
            return [answer(asked, "200 OK", contact), answer(asked, "200 OK", contact, tag="other")] * 2
        return [answer(asked, "603 Decline")] if asked.method == "REFER" else ok(asked)

    async with udp_peer(says) as peer, UserAgent(QUICK) as agent:
        await agent.bridge(f"sip:bob@{peer.address}", "sip:carol@127.0.0.1")
        await until(gone)
        assert sum(one.method == "BYE" and one.to_tag == b"other" for one in peer.heard) == 1
        assert {one.to_tag for one in peer.heard if one.method == "ACK"} == {b"r", b"other"}


async def test_invite_that_rings_too_long_is_cancelled():
    def says(asked: Request) -> list[bytes]:
        if asked.method == "CANCEL":
            return [*ok(asked), answer(peer.heard[0], "487 Request Terminated")]
        return [answer(asked, "180 Ringing")] if asked.method == "INVITE" else []

    async with udp_peer(says) as peer, UserAgent(msgspec.structs.replace(QUICK, waits=Waits(ring=0.05))) as agent:
        result = await agent.bridge(f"sip:bob@{peer.address}", "sip:carol@127.0.0.1")
        assert (result.outcome, result.words) == ("no answer", "not answered within 0.05 s")
        assert (peer.methods(), peer.heard[1].branch == peer.heard[0].branch) == (["INVITE", "CANCEL", "ACK"], True)


async def test_cancelled_invite_without_an_end_is_given_up():
    def says(asked: Request) -> list[bytes]:
        return [answer(asked, "180 Ringing")] if asked.method == "INVITE" else ok(asked)

    async with udp_peer(says) as peer, UserAgent(msgspec.structs.replace(QUICK, waits=Waits(ring=0.05))) as agent:
        result = await agent.bridge(f"sip:bob@{peer.address}", "sip:carol@127.0.0.1")
        assert result.words == "not answered within 0.05 s; cancelled, and no final answer came"


async def test_answer_that_crosses_the_cancel_is_hung_up():
    def says(asked: Request) -> list[bytes]:
        if asked.method == "CANCEL":
            return [*ok(asked), *calls(ring=False)(peer.heard[0])]
        return [answer(asked, "180 Ringing")] if asked.method == "INVITE" else ok(asked)

    stop = asyncio.Event()
    async with udp_peer(says) as peer, UserAgent(QUICK) as agent:
        result = await agent.bridge(
            f"sip:bob@{peer.address}", "sip:carol@127.0.0.1", stop=stop, show=lambda progress: stop.set() if progress.state == "provisional" else None
        )
        assert (result.outcome, peer.methods()) == ("stopped", ["INVITE", "CANCEL", "ACK", "BYE"])


async def test_stopped_invite_that_nobody_hears_ends_by_its_timer():
    stop = asyncio.Event()
    stop.set()
    async with udp_peer(lambda _: []) as peer, UserAgent(QUICK) as agent:
        result = await agent.bridge(f"sip:bob@{peer.address}", "sip:carol@127.0.0.1", stop=stop)
        assert (result.outcome, peer.methods()) == ("stopped", ["INVITE"])  # without a provisional answer there is no CANCEL


async def test_notify_to_our_socket_is_answered_and_followed():
    def says(asked: Request) -> list[bytes]:
        if asked.method != "REFER":
            return ok(asked)
        ours = asked.contacts[0].removeprefix("sip:dialtap@")
        told = f"NOTIFY {asked.contacts[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {peer.address};branch=z9hG4bKn\r\nFrom: <sip:bob@x>;tag=b2\r\n"
        told += "To: <sip:alice@x>;tag=a1\r\nCall-ID: one@lab\r\nCSeq: 1 NOTIFY\r\nContent-Length: 14\r\n\r\nSIP/2.0 200 OK"
        host, _, port = ours.partition(":")
        peer.transport.sendto(told.encode(), (host, int(port)))
        peer.transport.sendto(told.encode(), (host, int(port)))
        return [answer(asked, "202 Accepted")]

    async with udp_peer(says) as peer, UserAgent(QUICK) as agent:
        result = await agent.transfer(toward(peer), "sip:carol@127.0.0.1")
        assert (result.outcome, result.cseq) == ("connected", 42)
        assert parse(peer.heard_answer).status == 200


async def test_notify_that_the_tap_saw_counts():
    async with udp_peer(lambda asked: [answer(asked, "202 Accepted")]) as peer, UserAgent(QUICK) as agent:
        seen = notify("SIP/2.0 486 Busy")
        told = parse(seen.data.replace(b"CSeq", b"Call-ID: one@lab\r\nTo: x;tag=a1\r\nCSeq"))
        assert told is not None

        def show(progress: Progress) -> None:
            if (progress.step, progress.state) == ("notify", "begun"):
                agent.observed(seen)  # belongs to nobody
                agent.observed(told)

        result = await agent.transfer(toward(peer), "sip:carol@127.0.0.1", show=show)
        assert (result.outcome, result.status) == ("refused", 486)


async def test_bye_that_the_tap_saw_ends_the_waiting():
    async with udp_peer(lambda asked: [answer(asked, "202 Accepted")]) as peer, UserAgent(QUICK) as agent:
        lines = b"Call-ID: one@lab\r\nTo: x;tag=%s\r\nCSeq"
        rings = parse(notify("SIP/2.0 100 Trying").data.replace(b"CSeq", lines % b"a1"))
        byes = [parse(rings.data.replace(b"NOTIFY", b"BYE").replace(b"tag=a1", b"tag=" + tag)) for tag in (b"b2", b"a1")]

        def show(progress: Progress) -> None:
            if (progress.step, progress.state) == ("notify", "begun"):
                for message in (rings, *byes):  # the first BYE is of its peer: who was referred goes on
                    agent.observed(message)

        result = await agent.transfer(toward(peer), "sip:carol@127.0.0.1", show=show)
        assert (result.outcome, result.words) == ("hung up", "the party hung up, it told last: 100 Trying")


async def test_stray_requests_and_answers_are_counted_and_told():
    async with UserAgent(QUICK) as agent, udp_peer() as peer:
        port = next(iter(agent.links._udp.values())).port
        for data in (b"junk", b"SIP/2.0 200 OK\r\nVia: x;branch=z\r\nCSeq: 1 BYE\r\n\r\n"):
            peer.transport.sendto(data, ("127.0.0.1", port))
        bye = f"BYE sip:us SIP/2.0\r\nVia: SIP/2.0/UDP {peer.address};branch=z9hG4bKq\r\nFrom: x;tag=1\r\nTo: y;tag=2\r\nCall-ID: stray\r\nCSeq: 5 BYE\r\n\r\n"
        peer.transport.sendto(bye.encode(), ("127.0.0.1", port))
        await until(peer.came)
        assert parse(peer.heard_answer).status == 481
        assert agent.counts == {"no SIP": 1, "answers to nothing": 1, "requests of strangers, or repeated": 1}


async def test_strangers_get_no_answer():
    async with UserAgent(msgspec.structs.replace(QUICK, allow=("127.0.0.2",))) as agent, udp_peer() as stranger, udp_peer(host="127.0.0.2") as friend:
        port = next(iter(agent.links._udp.values())).port
        for peer in (stranger, friend):
            asked = (
                f"OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/UDP {peer.address};branch=z9hG4bKq\r\nFrom: x;tag=1\r\nTo: y\r\nCall-ID: s\r\nCSeq: 5 OPTIONS\r\n\r\n"
            )
            peer.transport.sendto(asked.encode(), ("127.0.0.1", port))
        await until(friend.came)
        assert (agent.links.counts, stranger.came.is_set()) == ({"datagrams of strangers": 1}, False)


async def test_same_stored_request_is_not_under_way_twice():
    kept = {}

    async def keep(side: str, prepared: object) -> None:
        kept[side] = prepared

    async with udp_peer() as peer, UserAgent(QUICK) as agent:
        hangup = Hangup({"callee": toward(peer)})
        await agent.end(hangup, keep)
        again = await agent.end(msgspec.structs.replace(hangup, stored=kept))
        assert again.callee is not None
        assert (again.callee.outcome, again.callee.words) == ("not sent", "this very request is under way already")


async def test_requests_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(agent_module, "EXCHANGES_MAX", 0)
    monkeypatch.setattr(agent_module, "INBOXES_MAX", 0)
    async with udp_peer() as peer, UserAgent(QUICK) as agent:
        result = await agent.transfer(toward(peer), "sip:carol@127.0.0.1")
        assert (result.outcome, result.words) == ("not sent", "0 requests are under way already")
        assert agent.counts == {"operations that hear nothing, too many": 1}


async def test_operation_that_is_flooded_loses_what_is_too_much(monkeypatch: pytest.MonkeyPatch):
    told = parse(notify("SIP/2.0 180 Ringing").data.replace(b"CSeq", b"Call-ID: one@lab\r\nTo: x;tag=a1\r\nCSeq"))
    assert told is not None

    def says(asked: Request) -> list[bytes]:
        for _ in range(70):
            agent.observed(told)
        return [answer(asked, "202 Accepted")]

    async with udp_peer(says) as peer, UserAgent(QUICK) as agent:
        await agent.transfer(toward(peer), "sip:carol@127.0.0.1")
        assert agent.counts == {"requests lost: too many for one operation": 6}


async def test_what_is_under_way_ends_with_the_agent():
    begun = asyncio.Event()

    def says(_: Request) -> list[bytes]:
        begun.set()
        return []

    async with udp_peer(says) as peer:
        async with UserAgent(QUICK) as agent:
            ending = asyncio.ensure_future(agent.end(Hangup({"callee": toward(peer)})))
            await until(begun)
        result = await ending
        assert result.callee is not None
        assert (result.callee.outcome, result.callee.words) == ("no answer", "our user agent was closed")


async def test_failing_commit_closes_the_operation_and_sends_nothing():
    class Full(Exception):
        pass

    async def full(_: object) -> None:
        raise Full

    closed: list[bool] = []

    def operation(dialog: Dialog) -> Operation[None]:
        try:
            yield from agent_module.refer_leg(dialog, "sip:c@h", Identity(), agent.digest())
        finally:
            closed.append(True)

    async with udp_peer() as peer, UserAgent(QUICK) as agent:
        with pytest.raises(Full):
            await agent.run(operation(toward(peer)), full)
        assert (closed, peer.heard, agent._exchanges, agent._inboxes) == ([True], [], {}, {})


async def test_acknowledgement_that_cannot_leave_is_shown():
    shown: list[Shown] = []

    def says(asked: Request) -> list[bytes]:
        return [answer(asked, "200 OK", "Contact: <sip:bob@192.0.2.1>")]

    async with udp_peer(says) as peer, UserAgent(QUICK) as agent:
        result = await agent.bridge(f"sip:bob@{peer.address}", "sip:carol@127.0.0.1", show=shown.append)
        assert result.outcome == "not sent"
        assert ("ack", "failed") in [(one.step, one.state) for one in shown]
