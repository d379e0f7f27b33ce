"""What the live tests run inside a network namespace of their own, where nothing else sends. Needs root."""

import os
import select
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest

from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.packet import Packet
from dialogs.taps import LiveTap, TapError, may_sniff

from .frames import INVITE, PORTS, ethernet, ipv4, ipv6, udp, v6_fragment
from .segments import message
from .tunnelled import fragments_in_a_tunnel, over, tunnels


def namespace_refused() -> str:
    """Say why live tests cannot run here; empty when they can."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None or shutil.which("ip") is None:
        return "needs Linux with unshare and ip"
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    return "" if subprocess.run(["unshare", "-n", "true"], check=False).returncode == 0 else "no network namespaces here"


REFUSED = namespace_refused()
need_namespace = pytest.mark.skipif(bool(REFUSED), reason=REFUSED)


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


def tunnelled() -> dict[str, object]:
    """Send a call in every tunnel that Ethernet carries, beside what is no call of ours and evidence; return what did not come."""
    sender = veth()
    names = [name for name, (link_type, _) in tunnels(b"").items() if link_type == 1]
    frames = [tunnels(ipv4(udp(f"M{place} sip:x SIP/2.0".encode())))[name][1] for place, name in enumerate(names)]
    frames += fragments_in_a_tunnel(ipv4(udp(say("BIG") + b"\r\n" + bytes(2000))))
    frames += [frame for link_type, frame in tunnels(ipv4(udp(say("ELSEWHERE"), (7, 9)))).values() if link_type == 1]
    frames += [over(1, b"\3\3" + bytes(6) + ipv4(udp())), *(over(50, bytes(7) + bytes([n]) + bytes(32)) for n in range(256)), ethernet(ipv4(udp(say("END"))))]
    answer: dict[str, object] = {}
    for interface in ("v1", "any"):
        tap = LiveTap(interface)
        for frame in frames:
            sender.send(frame)
        seen: set[str] = set()
        while "END" not in seen and (texts := heard(tap, 1)):
            seen |= {text.split()[1] for text in texts}
        lost = [name for place, name in enumerate(names) if f"M{place}" not in seen]
        answer[interface] = [lost, "BIG" in seen, "ELSEWHERE" in seen, tap.counters.unreachable, tap.counters.encrypted]
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
        "gone": [gone.error.partition(", since 20")[0], gone.fileno(), gone.drain()],
    }


def away() -> dict[str, object]:
    """An interface goes down and comes up, is deleted and made again: what is sent before and after is captured."""
    answer: dict[str, object] = {}
    sender = veth()
    tap = LiveTap("v1", (5060,), "udp")  # "udp": IPv6 says things of its own on a new link
    for way, off, on in (
        ("down", ["link set v1 down"], ["link set v1 up"]),
        ("deleted", ["link delete v0"], ["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up"]),
    ):
        sender.send(ethernet(ipv4(udp(say("BEFORE")))))
        before = heard(tap, 1)
        links(*off)
        while not tap.error and select.select([tap], [], [], 3)[0]:
            tap.drain()
        now_ns = tap.down_ns
        missing = [tap.reopen(now_ns), tap.error.partition(", since 20")[0], tap.fileno(), tap.health().down_ns == now_ns]
        links(*on)
        early, again = tap.reopen(now_ns + 1_999_999_999), tap.reopen(now_ns + 2_000_000_000)
        sender.close()
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("v0", 0))
        sender.send(ethernet(ipv4(udp(say("AFTER")))))
        answer[way] = [before, missing, [early, again, tap.error, tap.down_ns, tap.fileno() >= 0], heard(tap, 1), tap.packets, tap.dropped]
    tap.close()
    sender.close()
    answer["closed"] = [tap.reopen(1 << 62), tap.fileno()]
    return answer


def rights() -> dict[str, object]:
    """Who has given up root but kept the right to capture opens an interface again; who has not is told what to do. The rights are this thread's alone."""
    from dashboard.ingest.privileges import CAP_NET_RAW, limit_capabilities  # noqa: PLC0415 -- the only case that needs it

    veth().close()
    kept, lost = LiveTap("v1"), LiveTap("v1")
    links("link delete v0", "link add v0 type veth peer name v1", "link set v0 up", "link set v1 up")
    for tap in (kept, lost):
        while not tap.error and select.select([tap], [], [], 3)[0]:
            tap.drain()
    limit_capabilities(1 << CAP_NET_RAW)
    again = [kept.reopen(1 << 62), kept.error]
    kept.close()
    limit_capabilities(0)
    return {"kept": again, "lost": [lost.reopen(1 << 62), lost.error.partition(", since 20")[0], lost.fileno()]}


def promiscuity() -> dict[str, object]:
    """Frames for another machine's address come only when asked for; the snap length cuts."""
    sender = veth()
    other = b"\x02\x00\x00\x00\x00\x99"
    answer: dict[str, object] = {}
    for wanted in (True, False):
        tap = LiveTap("v1", (5060,), "udp", snaplen=100, buffer_mb=2, promiscuous=wanted)
        sender.send(other + ethernet(ipv4(udp(say("OTHER") + bytes(500))))[6:])
        answer[str(wanted)] = [promiscuous("v1"), [len(p.data) for p in drained(tap, 1)]]
        tap.close()
    sender.close()
    return answer


def promiscuous(name: str) -> bool:
    """Tell whether some tap has an interface take everything."""
    shown = subprocess.run(["ip", "-d", "-o", "link", "show", name], check=True, capture_output=True, text=True).stdout
    return "promiscuity 0" not in shown


def hole() -> dict[str, object]:
    """A segment that never comes: what stands behind it is handed over when it has been waited for long enough, also on a silent link."""
    sender = veth()
    tap = LiveTap("v1", (5060,), "tcp")
    for sequence, payload in ((100, message(1)), (9000, message(2))):
        header = struct.pack("!HHIIHHHH", *PORTS, sequence, 0, 5 << 12, 8192, 0, 0)
        sender.send(ethernet(ipv4(header + payload, protocol=6)))
    first: list[Packet] = []
    while tap.counters.frames < 2 and select.select([tap], [], [], 3)[0]:  # the second gives no packet yet
        first += tap.drain()
    now_ns = first[-1].at_ns
    late = [[b"Call-ID: 2@h" in p.data for p in tap.expire(now_ns + wait_ns)] for wait_ns in (0, 4 * 10**9)]
    answer = [[b"Call-ID: 1@h" in p.data for p in first], late, tap.health().tcp_gaps, tap.packets]
    tap.close()
    sender.close()
    return {"hole": answer}


def crossing() -> dict[str, object]:
    """On "any" a packet that crosses two interfaces comes twice, and the engine takes it once."""
    sender = veth()
    tap = LiveTap("any", (5060,), "udp")
    engine = Engine(Config())
    sender.send(ethernet(ipv4(udp(INVITE))))
    packets = drained(tap, 2)
    for packet in packets:
        engine.receive(packet)
    tap.close()
    sender.close()
    return {"packets": len(packets), "messages": engine.messages, "mirrored": engine.mirrored, "seen": [call.messages for call in engine.all_calls()]}


def drained(tap: LiveTap, count: int) -> list[Packet]:
    packets: list[Packet] = []
    while len(packets) < count and select.select([tap], [], [], 3)[0]:
        packets += tap.drain()
    return packets


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


CASES: dict[str, Callable[[], dict[str, object]]] = {
    case.__name__: case for case in (loopback, tags, tunnelled, errors, away, rights, promiscuity, hole, crossing, permission, rate)
}
