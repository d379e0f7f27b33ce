"""Which taps are opened for which wish, and what is said when one cannot be had."""

import os
import socket
import time
from fractions import Fraction
from pathlib import Path

import pytest

from dashboard.ingest.sources import Request, open_sources, speed_of
from dialogs import configfile
from dialogs.config import Config, Tap
from dialogs.engine import Engine
from dialogs.taps import CaptureError, TapError
from dialogs.taps.demo import DEMO, DEMO_CONFIG

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


def test_files_are_played_together(opened):
    busy = BASIC.parents[1] / "busy" / "capture.pcap"
    sources = opened(Request(captures=[BASIC, busy], speed="max"))
    (player,) = sources.players
    assert (player.name, sources.imports) == ("file:capture.pcap and 1 more", [player])
    ready = player.due(time.time_ns())
    assert ([packet.at_ns for packet in ready], {packet.tap for packet in ready}) == (sorted(packet.at_ns for packet in ready), {player.name})


def test_folder_is_played_and_what_is_left_out_is_said(opened, tmp_path):
    (tmp_path / "capture.pcap").write_bytes(BASIC.read_bytes())
    notes = tmp_path / "notes.txt"
    notes.write_text("nothing that tcpdump wrote")
    sources = opened(Request(captures=[tmp_path]))
    assert sources.lines() == ["listens to file:capture.pcap", f"left out: {notes} is no capture file (pcap or pcapng)"]


def test_followed_folder_is_an_import_until_it_is_read(opened):
    sources = opened(Request(follow=[BASIC.parent]), Config())
    (tap,), (backlog,) = sources.players, sources.imports
    assert (sources.live, tap.recorded, backlog.next_due_ns()) == ([], True, 0)
    assert (len(tap.due(time.time_ns())), backlog.next_due_ns()) == (13, None)


def test_pipe_is_read_as_it_comes(opened, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    sources = opened(Request(captures=[tmp_path / "pipe"]))
    assert ([tap.name for tap in sources.players], sources.imports[0].next_due_ns()) == (["file:pipe"], None)


@pytest.mark.parametrize(("text", "speed"), [("1", 1), ("10", 10), ("0.5", Fraction(1, 2)), ("1e3", 1000), ("0.1", Fraction(1, 10)), ("max", None)])
def test_speed_is_any_number_above_zero_exactly(text, speed):
    assert speed_of(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "", "fast", "1/0"])
def test_what_is_no_speed_is_refused(text):
    with pytest.raises(ValueError, match="speed must be above 0"):
        speed_of(text)


def test_demo_has_thirty_calls_up_at_nearly_all_times(opened):
    second = 10**9
    (player,) = opened(Request(captures=[DEMO], loop=True)).players
    engine, start_ns = Engine(configfile.load(DEMO_CONFIG), "n"), player.next_due_ns()
    up = []
    for quarter in range(5 * 60 * 4):
        now_ns = start_ns + quarter * second // 4
        while ready := player.due(now_ns):
            for packet in ready:
                engine.expire(packet.at_ns)
                engine.receive(packet)
        up.append(sum(call.state < 5 for call in engine.all_calls()))
    after = up[40:]
    assert (min(after) >= 25, sum(calls < 30 for calls in after) <= len(after) // 100, player.rounds) == (True, True, 3), min(after)


def test_hep_is_listened_for_where_told(opened):
    sources = opened(Request(captures=[BASIC], hep="127.0.0.1:0".replace(":0", f":{free_port()}")))
    assert [tap.name.partition(":")[0] for tap in sources.live] == ["hep"]


def free_port():
    """Return a UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_hep_is_listened_for_over_tcp_where_told(opened):
    place, configured = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    assert hep_taps(opened(Request(hep_tcp=place), Config(tap=Tap(hep="", hep_tcp=configured)))) == [f"hep:{place}/tcp"]
    assert hep_taps(opened(Request(hep_tcp=""), Config(tap=Tap(hep="", hep_tcp=configured)))) == []
    assert hep_taps(opened(Request(captures=[BASIC], hep_tcp=place), Config())) == [f"hep:{place}/tcp"]


def test_hep_is_listened_for_over_tcp_where_configured(opened):
    place = f"127.0.0.1:{free_port()}"
    assert hep_taps(opened(Request(hep=place), Config(tap=Tap(hep_tcp=place)))) == [f"hep:{place}", f"hep:{place}/tcp"]
    assert hep_taps(opened(Request(hep=""), Config(tap=Tap(hep_tcp=place)))) == [f"hep:{place}/tcp"]
    assert opened(Request(captures=[BASIC]), Config(tap=Tap(hep_tcp=place))).live == []


def hep_taps(sources):
    """Return the names of the HEP taps and close all: a port is free again."""
    for tap in sources.live:
        tap.close()
    return [tap.name for tap in sources.live if tap.name.startswith("hep")]


def test_hep_key_opens_to_others(opened, tmp_path, monkeypatch):
    monkeypatch.delenv("DIALTAP_HEP_KEY", raising=False)
    place = f"0.0.0.0:{free_port()}"
    with pytest.raises(TapError, match="can be reached by others"):
        opened(Request(hep=place))
    (tmp_path / "key").write_text("secret\n")
    assert hep_taps(opened(Request(hep=place), Config(tap=Tap(hep="", hep_key_file=str(tmp_path / "key"))))) == [f"hep:{place}"]
    monkeypatch.setenv("DIALTAP_HEP_KEY", "secret")
    assert hep_taps(opened(Request(hep=place))) == [f"hep:{place}"]


def test_missing_hep_key_is_said(opened, monkeypatch):
    monkeypatch.delenv("DIALTAP_HEP_KEY", raising=False)
    with pytest.raises(TapError, match=r"hep_key_file missing\.key: No such file or directory"):
        opened(Request(hep=f"127.0.0.1:{free_port()}"), Config(tap=Tap(hep_key_file="missing.key")))


def test_hep_port_in_use_is_said(opened):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TapError, match=address):
            opened(Request(captures=[BASIC], hep=address))


WRONG = {
    "no port": (Request(captures=[BASIC], hep="127.0.0.1"), TapError, "--hep 127.0.0.1: expected HOST:PORT"),
    "no port on TCP": (Request(captures=[BASIC], hep_tcp="127.0.0.1"), TapError, "--hep-tcp 127.0.0.1: expected HOST:PORT"),
    "sniffing beside a recording": (Request(["lo"], captures=[BASIC]), TapError, "never sniff"),
    "no capture": (Request(captures=[Path(__file__)]), CaptureError, "test_sources.py"),
    "folder without captures": (Request(captures=[Path(__file__).parent]), CaptureError, "no capture in it"),
    "loop of a pipe": (Request(captures=[Path("-")], loop=True), CaptureError, "leave out --loop and --speed"),
    "speed of a followed folder": (Request(follow=[BASIC.parent], speed="10"), CaptureError, "leave out --loop and --speed"),
    "sniffing beside a followed folder": (Request(["lo"], follow=[BASIC.parent]), TapError, "never sniff"),
    "no folder": (Request(follow=[BASIC]), CaptureError, "not a directory"),
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
