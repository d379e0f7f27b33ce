"""The real kamcmd against the door: its text is what it was when it asked the real Kamailio, on the same calls at the same moment."""

import asyncio
import re
import shutil
from contextlib import asynccontextmanager

import pytest

from dashboard.ingest.door import Door
from dialogs.config import Rpc
from dialogs.engine.record_listing import record_listing
from dialogs.rpc import binrpc
from tests.dialogs.rpc.hosts import OURS, Recording

pytestmark = [pytest.mark.asyncio, pytest.mark.skipif(shutil.which("kamcmd") is None, reason="no kamcmd here: it comes with Kamailio")]

TIMES = {"start_ts", "init_ts", "end_ts", "duration", "timeout"}
NODES_OWN = {"ref", "dflags", "iflags", "h_id"}
"What two nodes that watch one call number each for itself; h_id is the proxy's own where its cookie was seen."

COMMANDS = 15
IMS = {"flavour": "ims_dialog"}


def answers(path):
    """Return (moment in ns, {command: text}) of a recorded visit."""
    text = path.read_text()
    began = re.search(r"^# (?:begun )?([0-9.]+)$", text, re.MULTILINE)[1]
    seconds, _, fraction = began.partition(".")
    parts = re.split(r"^\$ kamcmd (.+)\n", re.sub(r"^# .*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0")), {command: said.strip("\n") for command, said in zip(parts[1::2], parts[2::2], strict=True)}


def compared(text):
    """Return a text's lines: times apart from all else, node's own numbers left out."""
    lines, times = [], []
    for line in text.splitlines():
        name, _, value = line.strip().partition(": ")
        if name in TIMES:
            times.append(int(value))
        lines.append(name if name in TIMES | NODES_OWN else line)
    return lines, times


@asynccontextmanager
async def door(recording, folder, **rpc):
    """Open a door over a recording, on both sockets."""
    opened = Door(recording.host, Rpc(**{"binrpc_tcp": "127.0.0.1:0"} | rpc), folder)
    await opened.start()
    try:
        yield opened
    finally:
        await opened.stop()


async def kamcmd(socket, *words, text=None):
    """Run kamcmd and return what it printed, on both outputs."""
    process = await asyncio.create_subprocess_exec("kamcmd", "-s", socket, *words, stdin=-1, stdout=-1, stderr=asyncio.subprocess.STDOUT)
    said, _ = await process.communicate(text)
    return said.decode()


async def check(folder, tmp_path, **dialog):
    """Ask everything that was asked of Kamailio, at its moments; return how many answers were compared."""
    visits = sorted((answers(path) for path in folder.glob("kamcmd-*.txt")), key=lambda visit: visit[0])
    recording, asked = Recording(folder if (folder / "capture.pcap").exists() else folder.parent, tmp_path, **dialog), 0
    async with door(recording, tmp_path) as opened:
        for moment_ns, truth in visits:
            recording.play(moment_ns)
            for command, said in truth.items():
                lines, times = compared((await kamcmd(f"tcp:127.0.0.1:{opened.port}", *command.split())).strip("\n"))
                wanted, their_times = compared(said)
                assert (command, lines) == (command, wanted)
                assert [pair for pair in zip(times, their_times, strict=True) if abs(pair[0] - pair[1]) > 2] == []
                asked += 1
    return asked


@pytest.mark.parametrize("name", sorted(path.name for path in OURS.iterdir() if path.is_dir()))
async def test_texts_equal_those_of_kamailio(name, tmp_path):
    assert await check(OURS / name, tmp_path) >= COMMANDS


@pytest.mark.parametrize("name", ["profiles", "spiral", "route-set", "fork-serial", "session-timer", "tcp-tcp", "ipv6"])
async def test_texts_equal_those_of_kamailio_on_more_recordings(captures, name, tmp_path):
    assert await check(captures / name / "truth", tmp_path) >= COMMANDS


@pytest.mark.parametrize("name", ["ims-basic", "ims-fork", "ims-callee-hangup"])
async def test_texts_of_ims_dialog_equal_those_of_kamailio(captures, name, tmp_path):
    assert await check(captures / name / "truth", tmp_path, **IMS) >= 2


async def test_unix_socket_lets_control_and_tcp_does_not_unless_it_is_said(tmp_path):
    recording = Recording(OURS / "basic", tmp_path)
    recording.play_until(4)
    (record,) = recording.engine.all_records()
    words = ("dlg.end_dlg", str(record.h_entry), str(record.h_id))
    async with door(recording, tmp_path) as opened:
        assert await kamcmd(f"unixs:{tmp_path}/dialtap.sock", *words) == "error: 500 - no controller\n"
        assert await kamcmd(f"tcp:127.0.0.1:{opened.port}", *words) == "error: 403 - dlg.end_dlg needs the permission to control calls\n"
        assert opened.faults == 2
    async with door(recording, tmp_path, binrpc_control=True) as opened:
        assert await kamcmd(f"tcp:127.0.0.1:{opened.port}", *words) == "error: 500 - no controller\n"


async def test_interactive_kamcmd_completes_and_helps(tmp_path):
    async with door(Recording(OURS / "basic", tmp_path), tmp_path):
        said = await kamcmd(f"unixs:{tmp_path}/dialtap.sock", text=b"help dlg.list\nls\ndlg.stats_active\nhelp nothing\nquit\n")
    assert [word in said for word in ("Print all dialogs", "dlg.profile_get_values", "ongoing: 0", "error: 400 - command not found")] == [True] * 4


async def test_reply_beyond_kamcmds_limit_says_what_to_ask_instead(tmp_path):
    recording = Recording(OURS / "basic", tmp_path)
    recording.play_until(4)
    _call_id, family = recording.engine._families.popitem()
    fit = binrpc.REPLY_MAX // len(binrpc.encode(record_listing(family.records[0], recording.now_ns)))
    shown = []
    async with door(recording, tmp_path) as opened:
        for count in (fit, fit + 1):
            recording.engine._families.update((b"%d" % number, family) for number in range(count))
            shown.append(await kamcmd(f"tcp:127.0.0.1:{opened.port}", "dlg.list"))
    assert shown[0].count("h_entry: ") == fit
    assert shown[1] == "error: 500 - reply too big for kamcmd (128 KiB): use dlg.list_match with a limit, or JSON-RPC\n"


async def test_the_usual_monitoring_script_works(tmp_path):
    recording = Recording(OURS / "basic", tmp_path)
    recording.play_until(4)
    async with door(recording, tmp_path) as opened:
        listed = await kamcmd(f"tcp:127.0.0.1:{opened.port}", "dlg.list")
    found = [line.strip().partition(": ")[0] for line in listed.splitlines() if re.search("(callid|from_uri|to_uri|duration|state)", line)]
    assert found == ["from_uri", "to_uri", "state", "duration"]
    recording = Recording(OURS / "basic", tmp_path, kamailio_exact=False)
    recording.play_until(4)
    async with door(recording, tmp_path) as opened:
        listed = await kamcmd(f"tcp:127.0.0.1:{opened.port}", "dlg.list")
    found = [line.strip().partition(": ")[0] for line in listed.splitlines() if re.search("(callid|from_uri|to_uri|duration|state)", line)]
    assert found == ["callid", "from_uri", "to_uri", "state", "duration"]
