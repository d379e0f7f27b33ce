"""Which taps are opened for which wish, and what is said when one cannot be had."""

import os
import socket
import time
from pathlib import Path

import pytest

from dashboard.ingest.sources import Request, open_sources
from dialogs.config import Config, Tap
from dialogs.taps import CaptureError, TapError

BASIC = Path(__file__).resolve().parents[2] / "recordings" / "basic" / "capture.pcap"
NO_HEP = Config(tap=Tap(hep=""))


@pytest.fixture
def opened():
    """Opens sources and closes them again."""
    made = []

    def opening(asked, config=NO_HEP):
        sources = open_sources(asked, config)
        made.append(sources)
        return sources

    yield opening
    for sources in made:
        for tap in (*sources.live, *sources.players):
            tap.close()


def test_recording_is_played_and_nothing_is_sniffed(opened):
    sources = opened(Request(captures=[BASIC]), Config())
    assert ([tap.name for tap in sources.players], sources.live, sources.imports) == (["file:capture.pcap"], [], [])
    assert sources.lines() == ["listens to file:capture.pcap"]


def test_import_keeps_its_original_times(opened):
    sources = opened(Request(captures=[BASIC], speed="max"))
    assert sources.imports == sources.players
    (first, *_) = sources.players[0].due(time.time_ns())
    assert first.at_ns < time.time_ns()


def test_looped_recording_is_no_import(opened):
    assert opened(Request(captures=[BASIC], speed="max", loop=True)).imports == []


def test_hep_is_listened_for_where_told(opened):
    sources = opened(Request(captures=[BASIC], hep="127.0.0.1:0".replace(":0", f":{free_port()}")))
    assert [tap.name.partition(":")[0] for tap in sources.live] == ["hep"]


def free_port():
    """Return a UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_hep_port_in_use_is_said(opened):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TapError, match=address):
            opened(Request(captures=[BASIC], hep=address))


WRONG = {
    "no port": (Request(captures=[BASIC], hep="127.0.0.1"), TapError, "expected HOST:PORT"),
    "sniffing beside a recording": (Request(["lo"], captures=[BASIC]), TapError, "never sniff"),
    "no capture": (Request(captures=[Path(__file__)]), CaptureError, "test_sources.py"),
    "no file": (Request(captures=[Path("missing.pcap")]), CaptureError, "missing.pcap"),
}


@pytest.mark.parametrize(("asked", "error", "words"), WRONG.values(), ids=WRONG)
def test_impossible_wish_is_refused_in_one_line(opened, asked, error, words):
    with pytest.raises(error, match=words) as refused:
        opened(asked)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="sniffing needs root")
def test_without_any_wish_everything_is_sniffed(opened):
    assert [tap.name for tap in opened(Request()).live] == ["interface:any"]


@pytest.mark.skipif(os.geteuid() != 0, reason="sniffing needs root")
def test_unknown_interface_is_named_beside_those_that_exist(opened):
    with pytest.raises(TapError, match=r"no interface nope0 here; there are: any, .*lo"):
        opened(Request(["nope0"]))
