"""The recorded captures, with tshark and the published counts as judges."""

import json
import shutil
import subprocess
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

from dialogs.taps import CaptureFile

from .captures import CAPTURES, is_message, need_captures

LAB = sorted(CAPTURES.glob("*/capture.pcap"))
PLAIN = {"eth:ip:udp:sip", "eth:ipv6:udp:sip", "eth:vlan:ip:udp:sip", "sll:ip:udp:sip", "null:ip:udp:sip", "raw:ip:udp:sip"}


def tshark_numbers(paths: list[Path], joined: Path) -> Iterator[int]:
    """Frame numbers, one for each SIP message, counted over all files; those that ICMP quotes are none. One file: tshark starts slowly."""
    subprocess.run(["mergecap", "-a", "-F", "pcap", "-w", joined, *paths], check=True, capture_output=True)
    fields = [word for field in ("frame.number", "sip.Method", "sip.Status-Code") for word in ("-e", field)]
    command: list[str | Path] = ["tshark", "-Y", "sip && !icmp && !icmpv6", "-T", "fields", *fields, "-r", joined]
    for line in subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines():
        number, *found = line.split("\t")
        yield from [int(number)] * sum(len(words.split(",")) for words in found if words)


@need_captures
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_lab_captures_hold_as_many_messages_as_tshark_sees(tmp_path: Path) -> None:
    files = [CaptureFile(path) for path in LAB]
    ours = {file.path: sum(map(is_message, file)) for file in files}
    ends = list(accumulate(file.counters.frames for file in files))
    theirs = Counter(LAB[bisect_left(ends, number)] for number in tshark_numbers(LAB, tmp_path / "all.pcap"))
    assert ours == {path: theirs[path] for path in LAB}


@need_captures
def test_lab_captures_are_read_to_their_end() -> None:
    files = [CaptureFile(path) for path in LAB]
    unread = [(file.name, file.error, file.counters.undecodable) for file in files if sum(1 for _ in file) == 0 and not file.counters.skipped]
    assert unread == []
    assert [file.path for file in files if file.truncated or file.undecodable or file.decoder.fragments.incomplete] == []


@need_captures
def test_public_captures_hold_the_published_number_of_messages() -> None:
    published = json.loads((CAPTURES / "public" / "expected.json").read_text())
    expected = {e["file"]: e["sip_messages"] for e in published if set(e["encapsulations"]) <= PLAIN}
    ours = {name: sum(map(is_message, CaptureFile(CAPTURES / "public" / name))) for name in expected}
    assert len(expected) >= 25
    assert ours == expected


@need_captures
def test_hep_feed_carries_the_messages_of_its_capture() -> None:
    def messages(name: str) -> list[tuple[str, str, bytes]]:
        return sorted((str(p.source), str(p.destination), p.data) for p in CaptureFile(CAPTURES / "hep" / name))

    assert messages("hep.pcap") == messages("capture.pcap")
