"""Sockets: reuse, sizes, names, certificates, what is cut off."""

import asyncio
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from dialogs.control.sip import Dialog, Hangup, Hop, NotAllowed, UserAgent
from dialogs.control.sip import links as links_module
from dialogs.control.sip import streams as streams_module
from dialogs.control.sip.hops import Allow
from dialogs.control.sip.links import Link, Links
from dialogs.sip import Request, parse

from .peers import HOST, QUICK, answer, certificate, ok, stream_peer, udp_peer
from .samples import TO_CALLEE, request

pytestmark = pytest.mark.asyncio
LOCAL = Allow(("127.0.0.0/8", "::1"))


class Server:
    """A TCP party: answers every request 200, and keeps them."""

    def __init__(self) -> None:
        self.heard: list[Request] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                asked = request(await reader.readuntil(b"\r\n\r\n"))
                self.heard.append(asked)
                writer.write(b"\r\n\r\n" + b"".join(ok(asked)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def toward(port: int, transport: str = "tcp", host: str = HOST, **changes: object) -> Dialog:
    return msgspec.structs.replace(TO_CALLEE, target=f"sip:bob@{host}:{port};transport={transport}", **changes)


async def test_connection_is_reused():
    server = Server()
    async with stream_peer(server) as port, UserAgent(QUICK) as agent:
        for number in range(3):
            result = await agent.end(Hangup({"callee": toward(port, cseq=number)}))
            assert result.outcome == "leg released: callee"
        both = await agent.end(Hangup({"caller": toward(port, cseq=8), "callee": toward(port, cseq=9)}))
        assert (both.outcome, server.connections) == ("both legs released", 1)
        assert server.heard[0].values(b"via")[0].startswith(b"SIP/2.0/TCP 127.0.0.1:")


async def test_two_that_need_the_same_connection_make_one():
    server = Server()
    async with stream_peer(server) as port, UserAgent(QUICK) as agent:
        both = await agent.end(Hangup({"caller": toward(port, cseq=8), "callee": toward(port, cseq=9)}))
        assert (both.outcome, server.connections) == ("both legs released", 1)


async def test_connection_that_breaks_fails_its_requests_at_once():
    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with stream_peer(slam) as port, UserAgent(QUICK) as agent:
        result = await agent.end(Hangup({"callee": toward(port)}))
        assert result.callee is not None
        assert (result.callee.outcome, result.callee.words) == ("no answer", "the connection failed: closed by its peer")


async def test_refused_connection_sends_nothing():
    async with udp_peer() as peer, UserAgent(QUICK) as agent:
        result = await agent.end(Hangup({"callee": toward(int(peer.address.rpartition(":")[2]))}))
        assert (result.callee and result.callee.outcome) == "not sent"


@pytest.mark.parametrize("tcp", [True, False])
async def test_large_request_goes_by_tcp_where_there_is_tcp(tcp: bool):
    server = Server()
    async with udp_peer() as peer:
        port = int(peer.address.rpartition(":")[2])
        dialog = toward(port, "udp", local_uri="sip:" + "a" * 1400)
        async with UserAgent(QUICK) as agent:
            if not tcp:
                assert (await agent.end(Hangup({"callee": dialog}))).outcome == "leg released: callee"
                assert (len(peer.heard), peer.heard[0].values(b"via")[0][:11]) == (1, b"SIP/2.0/UDP")
                return
            async with stream_peer(server, port=port):
                assert (await agent.end(Hangup({"callee": dialog}))).outcome == "leg released: callee"
                assert (len(peer.heard), server.heard[0].values(b"via")[0][:11]) == (0, b"SIP/2.0/TCP")


async def test_tls_checks_the_name(tmp_path: Path):
    ours, trusting = certificate(tmp_path)
    server = Server()
    async with stream_peer(server, tls=ours) as port:
        async with UserAgent(QUICK, trusting) as agent:
            assert (await agent.end(Hangup({"callee": toward(port, "tls", "localhost")}))).outcome == "leg released: callee"
            by_address = await agent.end(Hangup({"callee": toward(port, "tls")}))
            assert by_address.callee is not None
            assert by_address.callee.outcome == "not sent"
            assert "certificate" in by_address.callee.words
        async with UserAgent(QUICK) as agent:
            unknown = await agent.end(Hangup({"callee": toward(port, "tls", "localhost")}))
            assert (unknown.callee and unknown.callee.outcome) == "not sent"
    assert len(server.heard) == 1


async def test_names_are_resolved_and_checked_afterwards():
    async with Links(print, LOCAL, hosts=(HOST,)) as links:
        assert await links.resolve(Hop("udp", "localhost", 5060)) == [Hop("udp", "127.0.0.1", 5060)]
        with pytest.raises(OSError, match="cannot be resolved"):
            await links.resolve(Hop("udp", "a..b", 5060))
    async with Links(print, Allow(("192.0.2.0/24",)), hosts=(HOST,)) as links:
        with pytest.raises(NotAllowed, match=r"localhost \(127\.0\.0\.1\)"):
            await links.resolve(Hop("udp", "localhost", 5060))
        with pytest.raises(NotAllowed):
            await links.link(Hop("udp", "127.0.0.1", 5060))


async def test_family_without_a_socket_is_not_reached():
    async with Links(print, LOCAL, hosts=("::1",)) as links:
        with pytest.raises(OSError, match=r"127\.1 has no address of a family that we have"):
            await links.resolve(Hop("udp", "127.1", 5060))  # not an address as written, and no name server is asked
        with pytest.raises(OSError, match=r"no socket for 127\.0\.0\.1"):
            await links.link(Hop("udp", "127.0.0.1", 5060))
        assert (await links.link(Hop("udp", "::1", 5060))).local[0] == "::1"


async def test_wildcard_socket_names_the_address_that_it_sends_from():
    async with Links(print, LOCAL, hosts=("0.0.0.0",)) as links:
        assert (await links.link(Hop("udp", "127.0.0.1", 5060))).local[0] == "127.0.0.1"


async def test_port_that_is_taken_is_said():
    async with Links(print, LOCAL, hosts=(HOST,)) as links:
        port = next(iter(links._udp.values())).port
        with pytest.raises(OSError, match="in use"):
            async with Links(print, LOCAL, hosts=(HOST,), port=port):
                pass


async def connected(links: Links) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, next(iter(links._udp.values())).port)


BYE = b"BYE sip:us SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: x;tag=1\r\nTo: y;tag=2\r\nCall-ID: s\r\nCSeq: 5 BYE\r\nContent-Length: 3\r\n\r\nabc"


async def test_connection_to_us_is_read_message_by_message_and_answered():
    async with UserAgent(QUICK) as agent:
        reader, writer = await connected(agent.links)
        writer.write(b"\r\n\r\n" + BYE + BYE.replace(b"CSeq: 5", b"CSeq: 6"))
        for number in (5, 6):
            answered = parse(await reader.readuntil(b"\r\n\r\n"))
            assert answered is not None
            assert (answered.status, answered.cseq) == (481, number)
        writer.close()


@pytest.mark.parametrize(
    "data", [BYE.replace(b"Content-Length: 3\r\n", b""), BYE.replace(b": 3", b": 99999"), b"x" * 140_000], ids=["no-length", "large", "endless"]
)
async def test_stream_that_cannot_be_cut_is_closed(data: bytes):
    async with UserAgent(QUICK) as agent:
        reader, writer = await connected(agent.links)
        writer.write(data)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert agent.links.counts == {"connections with messages that cannot be cut": 1}
        writer.close()


async def test_stranger_that_connects_is_cut_off():
    async with Links(print, Allow(("192.0.2.0/24",)), hosts=(HOST,)) as links:
        reader, writer = await connected(links)
        assert await reader.read() == b""
        assert links.counts == {"connections of strangers": 1}
        writer.close()


async def test_connections_are_bounded_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(links_module, "CONNECTIONS_MAX", 1)
    async with UserAgent(QUICK) as agent:
        first, old = await connected(agent.links)
        old.write(BYE)
        await first.readuntil(b"\r\n\r\n")
        second, new = await connected(agent.links)
        new.write(BYE.replace(b"CSeq: 5", b"CSeq: 6"))
        await second.readuntil(b"\r\n\r\n")
        assert await first.read() == b""
        assert agent.links.counts["connections closed for newer ones"] == 1
        for writer in (old, new):
            writer.close()


async def test_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams_module, "IDLE_SECONDS", 0.05)
    async with UserAgent(QUICK) as agent:
        reader, writer = await connected(agent.links)
        assert await reader.read() == b""
        assert agent.links.counts == {"connections idle": 1}
        writer.close()


async def test_peer_that_reads_nothing_is_broken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams_module, "UNSENT_MAX", -1)
    server = Server()
    async with stream_peer(server) as port, UserAgent(QUICK) as agent:
        result = await agent.end(Hangup({"callee": toward(port)}))
        assert result.callee is not None
        assert (result.callee.outcome, result.callee.words) == ("not sent", f"tcp:127.0.0.1:{port} does not read")


async def test_closed_stream_takes_nothing():
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with stream_peer(serve) as port, Links(print, LOCAL, hosts=(HOST,)) as links:
        link: Link = await links.link(Hop("tcp", HOST, port))
        await links.aclose()
        with pytest.raises(ConnectionResetError, match="is closed"):
            link.send(b"x")


async def test_datagram_that_the_kernel_refuses_is_not_sent():
    async with udp_peer() as peer, UserAgent(msgspec.structs.replace(QUICK, transports=("udp",))) as agent:
        port = int(peer.address.rpartition(":")[2])
        result = await agent.end(Hangup({"callee": toward(port, "udp", local_uri="sip:" + "a" * 70_000)}))
        assert result.callee is not None
        assert (result.callee.outcome, result.callee.words) == ("not sent", "[Errno 90] Message too long")


async def test_answers_of_peers_are_those_of_samples():
    assert answer(request(BYE), "200 OK").startswith(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a")
