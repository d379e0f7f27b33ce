"""A real HTTP receiver on loopback, in a thread: what it got, in its order; what it answers is the test's choice. It can go away and come back."""

import datetime as dt
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Got(NamedTuple):
    """One request that was answered 2xx."""

    event: dict[str, Any]
    headers: dict[str, str]
    body: bytes
    at: float


class Keys(NamedTuple):
    """Files of a server's certificate and of the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path


Answer = Callable[[dict[str, Any]], int | tuple[int, dict[str, str]]]


class Receiver:
    """Listens from `start` to `stop`; as a context manager too."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, tls: Keys | None = None) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.answer: Answer = lambda _event: 204
        self.seconds = 0.0
        "How long each answer takes."

        self.together = 0
        "Nobody is answered before so many have asked at once."

        self.got: list[Got] = []
        self.refused = 0
        self.connections = 0
        self.hosts: list[str] = []
        self.busy = self.most = 0
        self._met = threading.Event()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/calls"

    def start(self) -> None:
        self._server = _server(self)
        self.port = self._server.server_address[1]
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.certificate, self.tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            for connection in list(self._server.open_ones):
                with _quiet():
                    connection.shutdown(socket.SHUT_RDWR)
            self._server = None

    def __enter__(self) -> "Receiver":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def take(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Return status and headers of the answer to a request, and remember it."""
        event = json.loads(body)
        with self._lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
            self.hosts.append(headers.get("Host", ""))
            if self.busy >= self.together:
                self._met.set()
        self._met.wait(30)
        if self.seconds:
            time.sleep(self.seconds)  # a slow receiver is what is tested
        answer = self.answer(event)
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        with self._lock:
            self.busy -= 1
            if 200 <= status < 300:
                self.got.append(Got(event, headers, body, time.monotonic()))
            else:
                self.refused += 1
        return status, more

    def revisions(self) -> list[int]:
        return [got.event["Revision"] for got in self.got]

    def by_call(self) -> dict[str, list[str]]:
        """Return the events that each call's receiver heard, in order, each once."""
        calls: dict[str, list[str]] = {}
        seen = set()
        for got in self.got:
            if got.event["Revision"] not in seen:
                seen.add(got.event["Revision"])
                calls.setdefault(got.event["CallID"], []).append(got.event["Event"])
        return calls


@contextmanager
def _quiet() -> Iterator[None]:
    try:
        yield
    except OSError:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], receiver: Receiver) -> None:
        self.open_ones: set[socket.socket] = set()
        self.receiver = receiver
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that goes away is part of the tests


def _server(receiver: Receiver) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            receiver.connections += 1
            self.server.open_ones.add(self.connection)

        def finish(self) -> None:
            self.server.open_ones.discard(self.connection)
            super().finish()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, more = receiver.take(body, dict(self.headers.items()))
            self.send_response(status)
            for name, value in ({"Content-Length": "0"} | more).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    return _Server((receiver.host, receiver.port), Handler, receiver)


def certificates(folder: Path, name: str) -> Keys:
    """Make an authority and a server's certificate for a name."""
    folder.mkdir(parents=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)

    def made(subject: str, issuer: str, public: Any, signer: Any, extensions: list[tuple[Any, bool]]) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer)).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        builder = builder.not_valid_after(now + dt.timedelta(days=2))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identity = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    authority = made(
        "Test CA", "Test CA", ca_key.public_key(), ca_key, [(x509.BasicConstraints(ca=True, path_length=None), True), (usage, True), (identity, False)]
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identity)
    server = made(name, "Test CA", key.public_key(), ca_key, [(x509.SubjectAlternativeName([x509.DNSName(name)]), False), (issuer, False)])
    keys = Keys(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    keys.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    keys.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    keys.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return keys


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
