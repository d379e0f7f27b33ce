"""Live capture on real interfaces, in a network namespace that each test makes and that ends with it."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dialogs.taps import interfaces, may_sniff
from dialogs.taps.live import NOT_AGAIN, PERMISSION_ADVICE

from .sniffing import CASES, need_namespace


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
def test_tunnels_and_evidence_pass_the_filter() -> None:
    assert sniffing("tunnelled") == {
        "v1": [[], True, False, {"192.0.2.1": 1}, {"192.0.2.1": 4}],
        "any": [[], True, False, {"192.0.2.1": 2}, {"192.0.2.1": 8}],  # leaving one interface, arriving at the other
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
def test_interface_that_goes_away_is_found_again() -> None:
    missing = [False, "v1: The interface went down", -1, True]
    before, after, back = "192.0.2.1 BEFORE sip:x SIP/2.0", "192.0.2.1 AFTER sip:x SIP/2.0", [False, True, "", 0, True]
    assert sniffing("away") == {
        "down": [[before], missing, back, [after], 2, 0],
        "deleted": [[before], missing, back, [after], 4, 0],
        "closed": [False, -1],
    }


@need_namespace
def test_right_to_capture_is_what_opening_again_needs() -> None:
    assert sniffing("rights") == {"kept": [True, ""], "lost": [False, f"v1: {NOT_AGAIN}", -1]}


@need_namespace
def test_frames_for_others_are_taken_when_asked_for_and_cut_to_the_snap_length() -> None:
    assert sniffing("promiscuity") == {"True": [True, [58]], "False": [False, [58]]}


@need_namespace
def test_hole_in_a_stream_is_given_up_on_a_silent_link() -> None:
    assert sniffing("hole") == {"hole": [[True], [[], [True]], 1, 2]}


@need_namespace
def test_packet_that_crosses_two_interfaces_counts_once() -> None:
    assert sniffing("crossing") == {"packets": 2, "messages": 2, "mirrored": 1, "seen": [1]}


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
