"""The command line, and people's own script, against the ingest's door over a recorded call."""

import asyncio
import json
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dashboard.ingest.door import Door
from dialogs.config import Rpc
from tests.dashboard.terminal.screens import Terminal
from tests.dashboard.terminal.test_main import DLG, ROOT
from tests.dialogs.rpc.hosts import OURS, Recording

pytestmark = pytest.mark.asyncio

CALL_ID = "1-2367@127.0.0.10"
SCRIPT = Path(__file__).with_name("monitoring.sh")
KAMCMD = """#!/bin/sh
exec {kamcmd} -s unixs:{socket} "$@"
"""


@asynccontextmanager
async def answering(folder, **dialog):
    """Open a door over a call that is up."""
    recording = Recording(OURS / "basic", folder, **dialog)
    recording.play_until(4)
    opened = Door(recording.host, Rpc(), folder)
    await opened.start()
    try:
        yield recording, opened
    finally:
        await opened.stop()


async def run(*command, **environment):
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=os.environ | environment, stdin=-3, stdout=-1, stderr=-1)
    out, said = await process.communicate()
    return process.returncode, out.decode(), said.decode()


async def dlg(door, *arguments):
    """Return (exit code, stdout, stderr) of the command line."""
    return await run(*DLG, *arguments, "--socket", door.path)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("arguments", "code", "printed"),
    [
        ("count", 0, "1"),
        ("count --state in-call", 0, "1"),
        ("count --state ringing", 0, "0"),
        ("size total", 0, "1"),
        ("size caller sip:nobody@lab.example", 0, "0"),
        ("size nothing", 1, "dialtap dlg: 404 Profile not found: nothing"),
        ("values caller", 0, "sip:alice@lab.example"),
        ("profiles", 0, "profile calls total 1 local 1 domestic 0 international 0 caller 1"),
        ("profiles caller", 0, "value calls sip:alice@lab.example 1"),
        ("profiles nothing", 1, "dialtap dlg: 404 Profile not found: nothing"),
        ("stats", 0, "counter number processed 1 failed 0 active 1 early 0 expired 0 starting 0 connecting 0 answering 0 ongoing 1 all 1"),
        ("match callid xx 1", 1, "dialtap dlg: 500 Invalid matching operator parameter"),
        ("list --callee nobody", 1, "dialtap dlg: 404 Not found"),
        ("show 1462:1", 1, "dialtap dlg: 404 Dialog not found"),
        ("vars 1462:6269", 0, "call variable value"),
        ("end 1462:6269 --yes", 1, "dialtap dlg: 500 no controller"),
        (f"terminate {CALL_ID} --yes", 1, "dialtap dlg: 500 no controller"),
        ("bridge sip:a@lab.example sip:b@lab.example --yes", 1, "dialtap dlg: 500 no controller"),
        ("refer 1462:6269 callee sip:c@lab.example --yes", 1, "dialtap dlg: 500 no controller"),
    ],
)
async def test_answers_of_the_door_are_printed(tmp_path, place, exact, arguments, code, printed):
    async with answering(place, kamailio_exact=exact) as (_, door):
        found = await dlg(door, *arguments.split())
    assert (found[0], " ".join((found[1] + found[2]).split())) == (code, printed)


@pytest.mark.parametrize(
    "arguments",
    [
        "list",
        "list --limit 1",
        "list --caller ALICE@lab.",
        "list --callee 5011 --state 4",
        "list --profile caller=sip:alice@lab.example",
        "match furi sw sip:a",
    ],
)
@pytest.mark.parametrize(("exact", "profiles"), [(True, "local,total,caller=sip:alice@lab.example"), (False, "local, total, caller=sip:alice@lab.example")])
async def test_the_call_is_listed_in_either_shape(place, exact, profiles, arguments):
    async with answering(place, kamailio_exact=exact) as (_, door):
        _, out, _ = await dlg(door, *arguments.split())
    row = ["1462:6269", "in-call", "0:00:00", "sip:alice@lab.example", "sip:5011@lab.example", CALL_ID, profiles]
    assert [line.split(maxsplit=6) for line in out.splitlines()][1:] == [row]


@pytest.mark.parametrize("exact", [True, False])
async def test_call_is_shown_by_each_of_its_names(place, exact):
    async with answering(place, kamailio_exact=exact) as (recording, door):
        (uid,) = recording.engine._by_uid
        shown = [await dlg(door, "show", name) for name in (CALL_ID, uid, "1462:6269")]
    assert shown[0] == shown[1] == shown[2]
    assert [line.split() for line in shown[0][1].splitlines()[:4]] == [["field", "value"], ["uid", uid], ["h_entry", "1462"], ["h_id", "6269"]]


async def test_call_id_is_found_as_it_is_shown(place):
    async with answering(place) as (recording, door):
        (family,) = recording.engine._families.values()
        family.records[0].call_id = b"caf\xe9\x1b"
        recording.engine._families = {b"caf\xe9\x1b": family}
        for name in ("caf\u00e9\\x1b", "1462:6269"):
            code, out, _ = await dlg(door, "show", name)
            assert (code, dict(line.split(maxsplit=1) for line in out.splitlines())["call-id"]) == (0, "caf\u00e9\\x1b")


async def test_variable_that_is_set_is_shown(place):
    async with answering(place) as (recording, door):
        assert await dlg(door, "set-var", CALL_ID, "customer", "7") == (0, "Done\n", "")
        assert (await dlg(door, "vars", CALL_ID))[1].split() == ["call", "variable", "value", "1462:6269", "customer", "7"]
        assert recording.touched == list(recording.engine._by_uid)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("arguments", ["list", "stats", "profiles caller", "show 1462:6269", "list --limit 1"])
async def test_json_is_what_the_door_said(place, exact, arguments):
    methods = {"list": "dlg.list", "stats": "dlg.stats", "profiles caller": "dlg.profiles", "show 1462:6269": "dlg.find", "list --limit 1": "dlg.list_match"}
    params = {"list --limit 1": ["callid", "re", ".", 1]}.get(arguments, arguments.split()[1:])
    async with answering(place, kamailio_exact=exact) as (_, door):
        question = {"jsonrpc": "2.0", "method": methods[arguments], "params": params, "id": 1}
        said = b"".join([piece async for piece in door.answer(json.dumps(question).encode(), control=True)])
        assert await dlg(door, *arguments.split(), "--json") == (0, said.decode() + "\n", "")


async def test_watch_on_the_real_door(place):
    def look(path):
        with Terminal("watch", "--interval", "0.1", "--socket", path) as terminal:
            terminal.until(b"1462:6269")
            terminal.type(b"q")
            return terminal.end(), terminal.is_restored

    async with answering(place) as (_, door):
        assert await asyncio.to_thread(look, door.path) == (0, True)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")
async def test_watch_on_the_screen_of_a_terminal(place):
    """What a person sees, of a real terminal's screen: drawn in place, and gone afterwards."""
    tmux = ["tmux", "-S", str(place / "tmux"), "-f", os.devnull]

    async def screen(*wanted):
        async with asyncio.timeout(60):
            while True:
                _, out, _ = await run(*tmux, "capture-pane", "-p", "-t", "t")
                if all(word in out for word in wanted):
                    return [line.rstrip() for line in out.splitlines()]

    async with answering(place) as (_, door):
        await run(*tmux, "new-session", "-d", "-s", "t", "-x", "80", "-y", "24", "env", "PS1=ready$ ", "sh")
        try:
            before = await screen("ready$")
            await run(*tmux, "send-keys", "-t", "t", "-l", f"clear; {' '.join(DLG)} watch --interval 0.1 --socket {door.path}; echo ended $?")
            await run(*tmux, "send-keys", "-t", "t", "Enter")
            lines = await screen("1462:6269", "q ends")
            assert lines[0] == "1 call   Setting up 0   Ringing 0   No ACK 0   In call 1"
            assert lines[3].split()[:3] == ["1462:6269", "In", "call"]
            assert lines[3].split()[-2:] == ["alice@lab.example", "5011@lab.example"]  # the older the recording gets, the wider are its times
            await run(*tmux, "send-keys", "-t", "t", "q")
            after = await screen("ended 0")
            assert not [line for line in after if "1462:6269" in line]
            assert before[0] == "ready$"
        finally:
            await run(*tmux, "kill-server")


@pytest.mark.skipif(shutil.which("kamcmd") is None, reason="no kamcmd here: it comes with Kamailio")
@pytest.mark.parametrize(
    ("exact", "listed"),
    [
        (True, ["\tfrom_uri: sip:alice@lab.example", "\tto_uri: sip:5011@lab.example", "\tstate: 4", "\tduration: 0"]),
        (
            False,
            [f"\tcallid: {CALL_ID}", "\tfrom_uri: sip:alice@lab.example", "\tto_uri: sip:5011@lab.example", "\tstate: 4", "\tduration: 0"],
        ),
    ],
)
async def test_the_usual_monitoring_script_runs_as_written(place, exact, listed):
    async with answering(place, kamailio_exact=exact) as (_, door):
        (place / "bin").mkdir()
        command = place / "bin" / "kamcmd"  # asks our socket; where the script runs, `[rpc] socket` is the path that kamcmd asks by itself
        command.write_text(KAMCMD.format(kamcmd=shutil.which("kamcmd"), socket=door.path))
        command.chmod(0o755)
        code, out, said = await run(str(SCRIPT), PATH=f"{place / 'bin'}:{os.environ['PATH']}")
    active = ["{", "\tstarting: 0", "\tconnecting: 0", "\tanswering: 0", "\tongoing: 1", "\tall: 1", "}"]
    assert (code, out.splitlines(), said) == (0, [*active, *listed], "")
