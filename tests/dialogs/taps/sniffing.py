"""What the live tests run inside a network namespace of their own, where nothing else sends. Needs root."""

import os
import select
import socket
import subprocess
from collections.abc import Callable

from dialogs.taps import LiveTap, TapError, may_sniff

from .frames import INVITE, ethernet, ipv4, ipv6, udp, v6_fragment


def links(*commands: str) -> None:
    for command in ("link set lo up", *commands):
        subprocess.run(["ip", *command.split()], check=True)


def veth() -> socket.socket:
    """Make a pair of connected interfaces; return a socket that sends raw frames into it."""
    links("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up")
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("v0", 0))
    return sender


def heard(tap: LiveTap, count: int) -> list[str]:
    """Drain until that many packets have come; return their texts."""
    texts: list[str] = []
    while len(texts) < count and select.select([tap], [], [], 3)[0]:
        texts += [f"{p.source.host} {p.data[:60].decode()}" for p in tap.drain()]
    return texts


def refused(*arguments: object) -> str:
    try:
        LiveTap(*arguments).close()  # type: ignore[arg-type]
    except TapError as error:
        return str(error)
    return ""


def say(name: str) -> bytes:
    return f"{name} sip:x SIP/2.0".encode()


def loopback() -> dict[str, object]:
    links()
    answer: dict[str, object] = {}
    for name in ("lo", "any"):
        tap = LiveTap(name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for n in range(3):
                sender.sendto(say(f"M{n}"), ("127.0.0.1", 5060))
            sender.sendto(say("ELSEWHERE"), ("127.0.0.1", 9))
            sender.sendto(say("END"), ("127.0.0.1", 5060))
        open_ = [heard(tap, 4), tap.drain(), tap.name, tap.packets, tap.dropped, tap.undecodable, tap.recorded, tap.newest_ns > 0]
        tap.close()
        tap.close()
        answer[name] = [*open_, tap.fileno(), tap.drain(), tap.packets]
    return answer


def tags() -> dict[str, object]:
    sender = veth()
    frames = [
        ethernet(ipv4(udp(say("PLAIN")))),
        ethernet(ipv4(udp(say("VLAN"))), 0x8100),
        ethernet(ipv4(udp(say("QINQ"))), 0x88A8, 0x8100),
        ethernet(ipv4(udp(say("OPTIONS4"), (7, 5060)), options=b"\x01" * 4)),
        ethernet(ipv4(udp(say("PORT"), (7, 9)))),
        ethernet(ipv4(udp(say("VLANPORT"), (7, 9))), 0x8100),
        ethernet(ipv6(udp(say("SIX"))), kind=0x86DD),
        ethernet(ipv6(b"\x11\x00" + bytes(6) + udp(say("EXTENSION")), following=60), kind=0x86DD),
    ]
    big = udp(say("BIG") + b"\r\n" + bytes(3000))
    frames += [ethernet(ipv4(big[at : at + 1480], fragment=at // 8 | (0x2000 if at + 1480 < len(big) else 0)), 0x8100) for at in (0, 1480, 2960)]
    frames += [ethernet(v6_fragment(big[at : at + 1448], offset=at, more=at + 1448 < len(big)), kind=0x86DD) for at in (0, 1448, 2896)]
    answer: dict[str, object] = {}
    for interface, extra in (("v1", ""), ("any", ""), ("v1", "ip"), ("v1", "vlan")):
        tap = LiveTap(interface, (5060,), extra)
        for frame in [*frames, ethernet(ipv4(udp(say("END"))), 0x8100)]:
            sender.send(frame)
        texts: list[str] = []
        while not any("END" in text for text in texts):
            more = heard(tap, 1)
            assert more, f"only {texts} came"
            texts += more
        answer[f"{interface} {extra}"] = sorted({text.split()[1] for text in texts})
        tap.close()
    sender.close()
    return answer


def errors() -> dict[str, object]:
    veth().close()
    gone = LiveTap("v1")
    links("link delete v0")
    while not gone.error and select.select([gone], [], [], 3)[0]:
        gone.drain()
    links("link add w0 type veth peer name w1")
    return {
        "unknown": refused("eth77"),
        "down": refused("w0"),
        "filter": refused("lo", (5060,), "udp prot 7"),
        "clever filter": refused("lo", (5060,), "udp) or (tcp"),
        "gone": [gone.error, gone.fileno(), gone.drain()],
    }


def permission() -> dict[str, object]:
    links()
    before = may_sniff()
    os.seteuid(65534)
    try:
        return {"before": before, "after": may_sniff(), "lo": refused("lo"), "unknown": refused("eth77")}
    finally:
        os.seteuid(0)


def rate() -> dict[str, object]:
    """Send more than a small buffer holds: what was captured and what was dropped is all that was sent."""
    sender = veth()
    tap = LiveTap("v1", (5060,), "udp", buffer_mb=1)  # "udp": IPv6 says things of its own on a new link
    frame = ethernet(ipv4(udp(INVITE + bytes(1200))))
    for _ in range(20_000):
        sender.send(frame)
    sender.close()
    while select.select([tap], [], [], 0.5)[0]:
        tap.drain()
    return {"sent": 20_000, "captured": tap.packets, "dropped": tap.dropped}


CASES: dict[str, Callable[[], dict[str, object]]] = {case.__name__: case for case in (loopback, tags, errors, permission, rate)}
