"""The screens over real answers: keys, what is drawn, what is asked. Answers are the API's own, of recorded calls; only who carries them is the test's."""

import asyncio
import threading
import time
from contextlib import asynccontextmanager

import pytest
from django.db import connections

from dashboard.api.answers import File, Problem
from dashboard.api.asker import program
from dashboard.api.asking import ask
from dashboard.api.following import Following
from dashboard.api.table import BY_NAME
from dashboard.models import DialogRow, Order, TapStatus
from dashboard.watch.app import Watch
from dashboard.watch.sources import Refused, Taken, Unreachable
from dialogs.config import Control
from tests.dashboard.api.conftest import fresh  # noqa: F401 -- a fixture
from tests.dashboard.api.test_acts import use
from tests.dashboard.history.calls import change
from tests.dashboard.live.people import NOW, call, record

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
INVITE = (
    "INVITE sip:5000@example.net SIP/2.0\r\nFrom: <sip:4417@example.net>;tag=a\r\nTo: <sip:5000@example.net>\r\nCall-ID: c1\x1b[2J\r\nCSeq: 1 INVITE\r\n\r\n"
)
RINGING = "SIP/2.0 180 Ringing\r\nFrom: <sip:4417@example.net>;tag=a\r\nTo: <sip:5000@example.net>;tag=b\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n"
RIGHTS = frozenset({"dashboard.end_call", "dashboard.end_protected_call"})


class Carried:
    """The table's answers, in this process and its database; `gone` while nobody answers."""

    where = "the test"

    def __init__(self):
        self.asker = program("noc", "", control=True, rights=RIGHTS)
        self.gone = ""

    def follow(self, query):
        try:
            following = Following(self.asker, **query)
            while not self.gone:
                if (frame := following.look(time.time_ns())) is not None:
                    yield frame
                time.sleep(0.3)  # Textual takes a process for busy that works a twentieth of the time, and waits a second for it at every key
        except Problem as problem:
            raise Refused(str(problem)) from problem
        finally:
            connections.close_all()
        raise Unreachable(self.gone)

    def ask(self, name, **said):
        try:
            answer = ask(BY_NAME[name], self.asker, said)
        except Problem as problem:
            raise Refused(str(problem)) from problem
        finally:
            connections.close_all()
        if not isinstance(answer, File):
            return answer
        taken = Taken(b"".join(answer.pieces))
        taken.name = answer.name
        return taken


@pytest.fixture
def three(monkeypatch):
    use(monkeypatch, Control(controller="sip", allow=("192.0.2.0/24",), protect=("112",)))
    record(call(1), messages=change(call(1), INVITE, RINGING).messages)
    record(call(2, callee="bob"), call(3, callee="112", state=2, start_ns=0))
    TapStatus.objects.create(name="interface:any", node="n1", at_ns=time.time_ns() + 10**12)  # works, however long the test takes


@asynccontextmanager
async def screen(source=None, query="", size=(80, 24)):
    """Run the application without a terminal."""
    app = Watch(source or Carried(), query)
    async with app.run_test(size=size) as pilot:
        try:
            yield app, pilot
        finally:
            app._round += 1
            app.source.gone = "the test is over"
    for thread in threading.enumerate():
        if thread.name.startswith(("follow", "ask")):
            await asyncio.to_thread(thread.join, 20)


def drawn(app):
    """Return what stands on the screen, line by line."""
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


async def until(app, pilot, *wanted, without=""):
    end = time.monotonic() + 30
    while True:
        await pilot.pause()
        lines = drawn(app)
        if all(any(word in line for line in lines) for word in wanted) and not (without and any(without in line for line in lines)):
            return lines
        assert time.monotonic() < end, f"{wanted} {without!r}:\n" + "\n".join(lines)
        await asyncio.sleep(0.02)


async def changed(work, *arguments, **named):
    await asyncio.to_thread(lambda: (work(*arguments, **named), connections.close_all()))


async def test_list_shows_the_newest_first_and_says_the_keys(three):
    async with screen() as (app, pilot):
        lines = await until(app, pilot, "3 calls", "5000")
        assert lines[0] == "3 calls  Setting up 0  Ringing 1  No ACK 0  In call 2"
        assert [line[24:].split()[1] for line in lines[2:5]] == ["112", "bob", "5000"]
        assert lines[-1].startswith(" F1 Keys")
        assert len(lines) == 24


async def test_cursor_stays_on_its_call_when_others_come_and_go(three):
    async with screen() as (app, pilot):
        await until(app, pilot, "3 calls", "bob")
        await pilot.press("down")
        calls = app.screen.calls
        assert calls.here == call(2).uid
        await changed(record, call(4, callee="carol"), call(3, state=5, start_ns=0, end_ns=NOW, callee="112"), now_ns=NOW + 1)
        lines = await until(app, pilot, "carol", "Ended")
        assert (calls.here, calls.cursor, "bob" in lines[3]) == (call(2).uid, 1, True)


async def test_filter_narrows_and_says_what_is_wrong(three):
    async with screen() as (app, pilot):
        await until(app, pilot, "3 calls", "bob")
        await pilot.press("slash", *"bob", "enter")
        lines = await until(app, pilot, "1 match bob", without="5000")
        assert lines[0].startswith("3 calls")
        await pilot.press("f3")
        app.screen.box.value = "state ="
        await pilot.press("enter")
        await until(app, pilot, "column 8")
        await pilot.press("f7", "escape")  # closes the box only
        await until(app, pilot, "column 8")
        await pilot.press("escape")
        await until(app, pilot, "5000", without="column 8")


async def test_call_its_ladder_and_a_message(three, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with screen(query="5000") as (app, pilot):
        await until(app, pilot, "1 match")
        await pilot.press("enter")
        lines = await until(app, pilot, "INVITE", "180 Ringing")
        assert lines[0].startswith("4417 -> 5000 (In call, begun")
        await pilot.press("down", "enter")
        lines = await until(app, pilot, "2 of 2")
        assert lines[2] == "SIP/2.0 180 Ringing"
        await pilot.press("p")
        lines = await until(app, pilot, "1 of 2")
        assert "Call-ID: c1\\x1b[2J" in lines
        await pilot.press("n", "S")
        await until(app, pilot, "saved: 4417-5000-")
        assert [path.read_bytes()[:4] for path in tmp_path.glob("4417-5000-*.pcapng")] == [b"\x0a\x0d\x0d\x0a"]
        await pilot.press("S")
        await until(app, pilot, "File exists")
        await pilot.press("escape", "f1")
        await until(app, pilot, "F1 h ?")
        await pilot.press("escape")
        await changed(record, call(1, state=5, end_ns=NOW + 9, ended_by="callee"), now_ns=NOW + 1)
        await until(app, pilot, "(Ended, begun")
        await pilot.press("q", "question_mark", "q", "p")
        await until(app, pilot, "Frozen: 0 calls have changed")


async def test_raw_from_the_list_and_a_call_without_messages(three):
    async with screen() as (app, pilot):
        await until(app, pilot, "3 calls", "bob")
        await pilot.press("f6")
        await until(app, pilot, "this call has no messages")
        await pilot.press("end", "R")
        await until(app, pilot, "1 of 2", "INVITE sip:5000")


async def test_frozen_list_counts_and_goes_on(three):
    async with screen() as (app, pilot):
        await until(app, pilot, "3 calls", "bob")
        await pilot.press("p")
        await changed(record, call(4, callee="carol"), now_ns=NOW + 1)
        await until(app, pilot, "Frozen: 1 calls have changed", without="carol")
        await pilot.press("p")
        await until(app, pilot, "carol")
        await pilot.press("r")
        lines = await until(app, pilot, "carol")
        assert "carol" in lines[2]


async def test_end_asks_why_and_whether_and_orders_it(three):
    async with screen(query="bob") as (app, pilot):
        await until(app, pilot, "1 match")
        await pilot.press("e")
        await until(app, pilot, "4417 -> bob", "Why?")
        await pilot.press("x", "enter", "escape")  # too short a reason goes no further
        await until(app, pilot, without="Why?")
        await pilot.press("e")
        await until(app, pilot, "Why?")
        await pilot.press(*"fraud", "enter")
        await until(app, pilot, "End it? y/N")
        await pilot.press("n")
        await until(app, pilot, "nothing was done")
        assert await asyncio.to_thread(Order.objects.count) == 0
        await pilot.press("e")
        await until(app, pilot, "Why?")
        await pilot.press(*"fraud", "enter", "y")
        await until(app, pilot, "End asked by noc: waiting to be sent")
        assert await asyncio.to_thread(lambda: Order.objects.values_list("username", "reason", "dialog_uid").get()) == ("noc", "fraud", call(2).uid)
        await changed(lambda: Order.objects.update(phase="verified", outcome="both legs released"))
        await until(app, pilot, "Ended by noc: both legs released")
    await asyncio.to_thread(connections.close_all)


async def test_protected_number_is_typed(three):
    await changed(record, call(3, callee="112"), now_ns=NOW + 1)
    async with screen(query='to = "112"') as (app, pilot):
        await until(app, pilot, "1 match")
        await pilot.press("enter")
        await until(app, pilot, "(In call, begun")
        await pilot.press("e")
        await until(app, pilot, "Why?")
        await pilot.press(*"test", "enter")
        await until(app, pilot, "type 112 to confirm")
        await pilot.press(*"113", "enter")
        await until(app, pilot, "End it? y/N")
        await pilot.press("y")
        await until(app, pilot, 'protected number: type "112" to confirm')


async def test_refused_call_is_not_asked_about(three):
    await changed(lambda: DialogRow.objects.update(recorded=True))
    async with screen(query="bob") as (app, pilot):
        await until(app, pilot, "1 match")
        await pilot.press("e")
        await until(app, pilot, "Refused: recorded call: nothing is sent")
        await pilot.press("escape")
        await until(app, pilot, "1 match", without="Refused")


async def test_silence_is_said_and_mended(three):
    source = Carried()
    async with screen(source) as (app, pilot):
        await until(app, pilot, "3 calls", "bob")
        source.gone = "the cable is out\x1b[2J"
        lines = await until(app, pilot, "No answer since", "the cable is out\\x1b[2J")
        assert "bob" in lines[3]
        age = lines[3].split()[3]
        await asyncio.sleep(1.2)
        assert drawn(app)[3].split()[3] == age  # nobody knows how long it lasts
        source.gone = ""
        await until(app, pilot, "bob", without="No answer")


async def test_narrow_and_wide_terminals_are_filled(three):
    async with screen(size=(60, 10)) as (app, pilot):
        lines = await until(app, pilot, "3 calls", "bob")
        assert max(map(len, lines)) <= 60
        await pilot.resize_terminal(140, 40)
        await until(app, pilot, "Path, Call-ID", "call-2@192.0.2.7")
        await pilot.press("enter")
        await until(app, pilot, "Call-ID call-3@192.0.2.7")
        await pilot.resize_terminal(80, 24)
        await pilot.press("escape")
        await until(app, pilot, "bob", without="Path, Call-ID")


async def test_long_list_is_scrolled(three):
    await changed(record, *(call(number, callee=f"n{number}") for number in range(10, 60)), now_ns=NOW + 1)
    async with screen() as (app, pilot):
        await until(app, pilot, "53 calls", "n59")
        await pilot.press("end")
        await until(app, pilot, "5000", without="n59")
        await pilot.press("pageup", "up", "home", "pagedown", "k", "j", "right", "left")
        assert app.screen.calls.cursor == 19
        assert app.screen.calls.aside == 0


async def test_empty_list_says_so(three):
    await changed(lambda: (DialogRow.objects.all().delete(), TapStatus.objects.all().delete()))
    async with screen() as (app, pilot):
        await until(app, pilot, "0 calls", "Numbers may be wrong: no tap is running")
        await pilot.press("enter", "e", "R", "S")
        await pilot.pause()
        assert len(app.screen_stack) == 2
