"""Parties written for a test, on loopback sockets: they answer every request as they are told, over UDP, TCP or TLS."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from dialogs.control.sip import Settings, Timers
from dialogs.packet import SECOND
from dialogs.sip import Request

from .samples import request

HOST = "127.0.0.1"
QUICK = Settings(allow=("127.0.0.0/8", "::1"), hosts=(HOST,), timers=Timers(t1=SECOND // 50, t2=SECOND // 10, t4=SECOND // 50, d=SECOND // 10))
CONTACT = "Contact: <sip:peer@{}>"

type Says = Callable[[Request], list[bytes]]


def answer(asked: Request, status: str, *headers: str, tag: str = "r", body: str = "") -> bytes:
    """Return an answer to a request."""
    to = asked.values(b"to")[0] + (b"" if asked.to_tag else f";tag={tag}".encode())
    same = [b"From: " + asked.values(b"from")[0], b"To: " + to, b"Call-ID: " + asked.call_id, b"CSeq: " + asked.values(b"cseq")[0]]
    lines = [f"SIP/2.0 {status}".encode(), *(b"Via: " + via for via in asked.values(b"via")), *same, *(header.encode() for header in headers)]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body.encode()])


def ok(asked: Request) -> list[bytes]:
    return [] if asked.method == "ACK" else [answer(asked, "200 OK")]


class Peer(asyncio.DatagramProtocol):
    """A UDP party."""

    def __init__(self, says: Says) -> None:
        self.says = says
        self.heard: list[Request] = []
        self.came = asyncio.Event()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport
        self.address = "{}:{}".format(*transport.get_extra_info("sockname")[:2])

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        asked = request(data) if not data.startswith(b"SIP") else None
        if asked is None:
            self.heard_answer = data
            self.came.set()
            return
        self.heard.append(asked)
        for said in self.says(asked):
            self.transport.sendto(said, source)
        self.came.set()

    def methods(self) -> list[str]:
        """Return what was asked, in order: what a busy machine has the other side repeat is there once."""
        return [method for method, _ in dict.fromkeys((one.method, one.branch) for one in self.heard)]


@asynccontextmanager
async def udp_peer(says: Says = ok, host: str = HOST, port: int = 0) -> AsyncIterator[Peer]:
    transport, peer = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Peer(says), (host, port))
    try:
        yield peer
    finally:
        transport.close()


@asynccontextmanager
async def stream_peer(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object], *, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, HOST, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()  # without waiting for its connections: the other end may outlive it


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return how a server for "localhost" proves itself, and a client that trusts it."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *names)
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))
