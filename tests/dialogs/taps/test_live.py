"""Live capture on real interfaces, in a network namespace that each test makes and that ends with it."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dialogs.taps import interfaces, may_sniff
from dialogs.taps.live import PERMISSION_ADVICE

from .sniffing import CASES


def namespace_refused() -> str:
    """Say why live tests cannot run here; empty when they can."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None or shutil.which("ip") is None:
        return "needs Linux with unshare and ip"
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    return "" if subprocess.run(["unshare", "-n", "true"], check=False).returncode == 0 else "no network namespaces here"


REFUSED = namespace_refused()
need_namespace = pytest.mark.skipif(bool(REFUSED), reason=REFUSED)


def sniffing(case: str) -> dict[str, Any]:
    """Run a case in a thread that has left this network namespace for one of its own: both end together."""

    def run() -> dict[str, Any]:
        os.unshare(os.CLONE_NEWNET)
        return CASES[case]()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result(60)


@need_namespace
def test_loopback_packets_come_once_on_lo_and_on_any() -> None:
    texts = [f"127.0.0.1 {name} sip:x SIP/2.0" for name in ("M0", "M1", "M2", "END")]
    assert sniffing("loopback") == {name: [texts, [], f"interface:{name}", 4, 0, 0, False, True, -1, [], 4] for name in ("lo", "any")}


@need_namespace
def test_tagged_frames_extensions_and_fragments_pass_the_filter() -> None:
    everything = ["BIG", "END", "EXTENSION", "OPTIONS4", "PLAIN", "QINQ", "SIX", "VLAN"]
    assert sniffing("tags") == {
        "v1 ": everything,
        "any ": everything,
        "v1 ip": ["BIG", "END", "OPTIONS4", "PLAIN", "QINQ", "VLAN"],
        "v1 vlan": ["BIG", "END", "QINQ", "VLAN"],
    }


@need_namespace
def test_what_cannot_be_opened_says_why() -> None:
    assert sniffing("errors") == {
        "unknown": "no interface eth77 here; there are: any, lo, w0, w1",
        "down": "interface w0 is down: ip link set w0 up",
        "filter": "filter 'udp prot 7': can't parse filter expression: syntax error",
        "clever filter": "filter 'udp) or (tcp': can't parse filter expression: syntax error",
        "gone": ["v1: The interface went down", -1, []],
    }


@need_namespace
def test_without_permission_the_way_out_is_told() -> None:
    advice = f"no permission to capture on {{}}: {PERMISSION_ADVICE}"
    assert sniffing("permission") == {"before": True, "after": False, "lo": advice.format("lo"), "unknown": advice.format("eth77")}


@need_namespace
def test_captured_and_dropped_are_all_that_was_sent() -> None:
    figures = sniffing("rate")
    assert figures["captured"] + figures["dropped"] == figures["sent"]
    assert figures["dropped"] > 0


def test_may_sniff_agrees_with_the_process() -> None:
    assert isinstance(may_sniff(), bool)
    assert interfaces()[0] == "any"
