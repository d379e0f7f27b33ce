"""Real phones for the user agent: sipp scenarios and baresip, on loopback in a network of their own. Knows their messages; knows nothing of ours."""

import hashlib
import re
import shutil
import socket
import subprocess
import threading
import time
import wave
from pathlib import Path

from dialogs.control.sip import Dialog
from dialogs.sip import URI, parse
from tests.lab.phone import UDP, Phone, Way, host_port
from tests.lab.sippxml import SDP, header, label, pause, request, response, scenario, send
from tests.lab.waiting import wait_until

MODULES = next((folder for folder in (Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")) if folder.is_dir()), Path("/nowhere"))
CALLER_TAG, CALLEE_TAG = "a1", "b2"
OWN = "[local_ip]:[local_port]"
NONCE = 'Digest realm="lab", nonce="4f3a9c11d2", algorithm=MD5, qop="auth"'


def reply(status: str, *more: str, tag: str = "", body: str = "") -> str:
    """Answer the request that came last."""
    to = f"[last_To:];tag={tag}" if tag else "[last_To:]"
    return send(f"SIP/2.0 {status}", "[last_Via:]", "[last_From:]", to, "[last_Call-ID:]", "[last_CSeq:]", *more, body=body)


def calls(*ending: str) -> str:
    """A caller: INVITE, ACK, then what is given."""
    same = ("Call-ID: [call_id]", "Max-Forwards: 70", f"Contact: <sip:alice@{OWN}>", f"From: <sip:alice@{OWN}>;tag={CALLER_TAG}")
    uri = "sip:bob@[remote_ip]:[remote_port]"
    via = f"Via: SIP/2.0/[transport] {OWN};branch=[branch]"
    invite = send(f"INVITE {uri} SIP/2.0", via, f"To: <{uri}>", "CSeq: 41 INVITE", *same, body=SDP, retransmit=True)
    ack = send(f"ACK {uri} SIP/2.0", via, "To:[$to]", "CSeq: 41 ACK", *same)
    ok = f'<recv response="200"><action>{header("To", "to")}</action></recv>\n'
    return scenario("calls", invite, response(100, optional=True), response(180, optional=True), ok, ack, *ending)


def is_called(*ending: str) -> str:
    """A callee: rings, answers, then what is given."""
    contact = f"Contact: <sip:bob@{OWN}>"
    answered = (reply("180 Ringing", contact, tag=CALLEE_TAG), reply("200 OK", contact, tag=CALLEE_TAG, body=SDP))
    return scenario("is called", request("INVITE"), *answered, request("ACK"), *ending)


def hung_up(status: str = "200 OK") -> tuple[str, ...]:
    """Take one BYE."""
    return request("BYE"), reply(status)


def swallows() -> tuple[str, ...]:
    """Take a BYE and say nothing for longer than anybody repeats it here."""
    return request("BYE"), pause(6000)


def challenges(status: str, name: str) -> tuple[str, ...]:
    """Challenge a BYE and take the next; sipp itself says 403 to a 401's wrong credentials (alice, secret), of a 407 see `proof`."""
    if name == "Proxy-Authenticate":  # verifyauth does not look at its answer
        return request("BYE"), reply(status, f"{name}: {NONCE}"), *hung_up()
    check = '<recv request="BYE"><action><verifyauth assign_to="right" username="alice" password="secret"/></action></recv>'
    verdict = '<nop next="1" test="right"/>' + reply("403 Forbidden") + '<nop next="2"/>'
    return request("BYE"), reply(status, f"{name}: {NONCE}"), check, verdict, label(1), reply("200 OK"), label(2)


def proof(messages: str) -> str:
    """Return the name of the header whose credentials, for alice, are right in a log; they are computed here from RFC 2617's formula alone."""
    name, _, value = re.findall(r"^((?:Proxy-)?Authorization)(: )Digest (.*)$", messages, re.MULTILINE)[-1]
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', value))
    first, second = (hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in ("alice:lab:secret", f"BYE:{given['uri']}"))
    expected = hashlib.md5(f"{first}:4f3a9c11d2:{given['nc']}:{given['cnonce']}:auth:{second}".encode(), usedforsecurity=False).hexdigest()
    assert (given["response"], given["qop"], given["nc"]) == (expected, "auth", "00000001")
    return str(name)


def notify(fragment: str, cseq: int, state: str = "active") -> tuple[str, ...]:
    """Tell what became of a REFER, and wait for the answer."""
    lines = (
        "NOTIFY [next_url] SIP/2.0",
        f"Via: SIP/2.0/[transport] {OWN};branch=[branch]",
        f"From: <sip:bob@{OWN}>;tag={CALLEE_TAG}",
        "To:[$from]",
        "Call-ID: [call_id]",
        f"CSeq: {cseq} NOTIFY",
        "Max-Forwards: 70",
        "Event: refer",
        f"Subscription-State: {state}",
    )
    told = send(*lines, body=fragment, retransmit=True).replace("application/sdp", "message/sipfrag;version=2.0")
    return told, response(200)


def referred(*then: str, status: str = "202 Accepted") -> tuple[str, ...]:
    """Take a REFER, answer it, then what is given."""
    return request("REFER", remember=header("From", "from")), reply(status, f"Contact: <sip:bob@{OWN}>"), *then


class Switch:
    """Carries what sipp sends to where SIP says it belongs: sipp itself answers to whom it talks with, whoever asked (RFC 3261, 18.2.2)."""

    def __init__(self, host: str) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 5199))
        self.address = host_port(host, 5199)
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        while data := self._socket.recv(65535):
            message = parse(data)
            if message is not None:
                at = message.request_uri if not message.status else "sip:" + message.values(b"via")[0].decode().split()[1]
                place = URI.parse(at)
                self._socket.sendto(data, (place.host, place.port))

    def close(self) -> None:
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._socket.getsockname()[:2])
        self._thread.join()
        self._socket.close()


class Switched(Phone):
    """A sipp phone that sends everything to the switch."""

    switch = ""

    def _start(self, *arguments: str) -> None:
        super()._start("-rsa", self.switch, *arguments)


class Talk:
    """A call between two sipp phones, and the dialogs toward each."""

    def __init__(self, folder: Path, caller: str, callee: str, way: Way = UDP, call_id: str = "call-1@lab") -> None:
        host = way.host or "127.0.0.20"
        self._switch = Switch(host)
        self.caller = Switched(folder, "caller", caller, (host, 5101), way)
        self.callee = Switched(folder, "callee", callee, (host, 5102), way)
        self.caller.switch = self.callee.switch = self._switch.address
        alice, bob = f"sip:alice@{self.caller.host_port}", f"sip:bob@{self.callee.host_port}"
        tags = (CALLER_TAG.encode(), CALLEE_TAG.encode())
        self.dialogs = {
            "caller": Dialog(call_id.encode(), bob, tags[1], alice, tags[0], alice),
            "callee": Dialog(call_id.encode(), alice, tags[0], bob, tags[1], bob, cseq=41),
        }
        self._call_id = call_id

    def __enter__(self) -> "Talk":
        self.callee.wait_for_calls(1)
        self.caller.call(self.callee.address, self._call_id)
        wait_until(lambda: "ACK sip:" in self.callee.messages(), "the call")
        return self

    def __exit__(self, *error: object) -> None:
        self.caller.stop()
        self.callee.stop()
        self._switch.close()


class Baresip:
    """A baresip that answers by itself and follows REFER."""

    def __init__(self, folder: Path, user: str, host: str, port: int, *, transport: str = "udp", dials: str = "") -> None:
        self.uri = f"sip:{user}@{host}:{port}" + (";transport=tcp" if transport == "tcp" else "")
        self.folder = folder / user
        self.folder.mkdir()
        tone = self.folder / "tone.wav"
        with wave.open(str(tone), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(16000))
        modules = ("module g711.so", "module aufile.so", "module uuid.so", "module_tmp account.so", "module_app auloop.so", "module_app menu.so")
        audio = (f"audio_source aufile,{tone}", "audio_player aufile,/dev/null", "audio_alert aufile,/dev/null")
        lines = ("poll_method epoll", f"sip_listen {host}:{port}", f"net_interface {host}", *audio, f"module_path {MODULES}", *modules)
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        (self.folder / "accounts").write_text(f"<{self.uri}>;regint=0;answermode=auto\n")
        (self.folder / "contacts").touch()
        self._log = (self.folder / "log").open("wb")
        dial = ("-e", f"/dial {dials}") if dials else ()
        self._process = subprocess.Popen(["baresip", "-f", str(self.folder), "-v", "-s", *dial], stdin=subprocess.PIPE, stdout=self._log, stderr=self._log)
        wait_until(lambda: f":{port:04X} " in Path("/proc/thread-self/net/udp").read_text(), f"baresip at {self.uri}")

    def log(self) -> str:
        """Return its trace: every message."""
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()


def dialogs_of(caller: Baresip) -> dict[str, Dialog]:
    """Wait until a call of baresip is up, and return the dialogs toward both sides from the caller's trace."""
    trace = wait_until(lambda: caller.log() if re.search(r"^ACK sip:", caller.log(), re.MULTILINE) else "", "the call")
    invite, answer, ack = (parse(found[0].encode()) for pattern in (r"INVITE sip:", r"SIP/2\.0 200", r"ACK sip:") if (found := _traced(pattern, trace)))
    assert invite is not None
    assert answer is not None
    assert ack is not None
    caller_uri, callee_uri = invite.from_.uri, invite.to.uri
    return {
        "caller": Dialog(invite.call_id, callee_uri, answer.to_tag, caller_uri, invite.from_tag, invite.contacts[0]),
        "callee": Dialog(invite.call_id, caller_uri, invite.from_tag, callee_uri, answer.to_tag, answer.contacts[0], cseq=invite.cseq),
    }


def _traced(start: str, trace: str) -> re.Match[str] | None:
    return re.search(rf"^{start}.*?\r?\n\r?\n", re.sub(r"\x1b\[[0-9;]*m", "", trace), re.MULTILINE | re.DOTALL)


def missing(*programs: str) -> str:
    """Return which of these are not here."""
    return ", ".join(program for program in programs if shutil.which(program) is None)


def seconds() -> float:
    return time.monotonic()
