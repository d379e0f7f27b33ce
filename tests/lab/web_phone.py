"""A caller in a browser: SIP over WebSocket (RFC 7118), in a process of its own as sipp is. Knows the caller's messages; knows no other phone.

`python -m tests.lab.web_phone NUMBER CALL-ID HOLD-MS HOST:PORT` calls, is answered, acknowledges, talks, hangs up; with 0 for HOLD-MS the other side,
or the network, does. The exit code is 0 when every message came as expected.
"""

import re
import sys
import time
from pathlib import Path

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from .phone import Phone, host_port

ACK_DELAY_S = 0.4
PATIENCE_S = 20
LONG_S = 120
"How long somebody may talk."

ECHOED = ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route")
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.10\r\ns=-\r\nc=IN IP4 127.0.0.10\r\nt=0 0\r\nm=audio 30000 RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
BROWSER = "df7jal23ls0d.invalid"
"A browser does not know its own address. RFC 7118, section 5"


class WebPhone(Phone):
    """The process, with the handles of any other phone."""

    def __init__(self, folder: Path, name: str, number: str, hold_ms: int) -> None:
        super().__init__(folder, name, "", ("127.0.0.1", 0))
        self._number = number
        self._hold_ms = hold_ms

    def call(self, proxy: tuple[str, int], call_id: str) -> None:
        """Place one call."""
        command = [sys.executable, "-m", "tests.lab.web_phone", self._number, call_id, str(self._hold_ms), host_port(*proxy)]
        self._run(command, Path(__file__).resolve().parents[2])


class Caller:
    """One call over one connection."""

    def __init__(self, connection: ClientConnection, number: str, call_id: str) -> None:
        self._connection = connection
        self._call_id = call_id
        self._number = number
        self._target = f"sip:{number}@lab.example"
        self._to = f"<{self._target}>"
        self._routes: list[str] = []

    def request(self, method: str, cseq: int, body: str = "") -> None:
        """Send a request of this call."""
        lines = (
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/WS {BROWSER};branch=z9hG4bK{self._number}{method}{cseq}",
            *(f"Route: {route}" for route in self._routes),
            f'From: "Web Phone" <sip:web.user@lab.example>;tag=web{self._number}',
            f"To: {self._to}",
            f"Call-ID: {self._call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:web.user@{BROWSER};transport=ws>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        )
        self._connection.send("\r\n".join(lines) + "\r\n\r\n" + body)

    def answer(self) -> str:
        """Wait for a final answer, and learn from it where to send what follows."""
        message = str(self._connection.recv(PATIENCE_S))
        while re.match(r"SIP/2\.0 1", message):
            message = str(self._connection.recv(PATIENCE_S))
        headers = [line.partition(":")[::2] for line in message.split("\r\n\r\n")[0].split("\r\n")[1:]]
        found = {name: value.strip() for name, value in headers}
        self._to = found["To"]
        if "Contact" in found:
            self._target = found["Contact"].partition("<")[2].partition(">")[0]
        self._routes = self._routes or [route.strip() for name, value in headers if name == "Record-Route" for route in value.split(",")][::-1]
        return message

    def takes(self, method: str) -> bool:
        """Wait for a request, answer it, and return whether it is this one."""
        message = str(self._connection.recv(LONG_S))
        kept = [line for line in message.split("\r\n\r\n", maxsplit=1)[0].split("\r\n")[1:] if line.partition(":")[0] in ECHOED]
        self._connection.send("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]))
        return message.startswith(f"{method} ")


def main() -> int:
    """Make the call."""
    number, call_id, hold_ms, proxy = sys.argv[1:]
    with connect(f"ws://{proxy}/", subprotocols=[Subprotocol("sip")], compression=None, origin=Origin("http://lab.example")) as connection:
        caller = Caller(connection, number, call_id)
        caller.request("INVITE", 1, SDP)
        if not caller.answer().startswith("SIP/2.0 200"):
            return 1
        time.sleep(ACK_DELAY_S)
        caller.request("ACK", 1)
        if hold_ms == "0":
            return 0 if caller.takes("BYE") else 1
        time.sleep(int(hold_ms) / 1000)
        caller.request("BYE", 2)
        return 0 if caller.answer().startswith("SIP/2.0 200") else 1


if __name__ == "__main__":
    sys.exit(main())
