"""Fifty desks before a busy network, of which ten are cut off again and again: at the end each shows what the engine has."""

import asyncio
import http.client
import json
import os
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from dashboard.live.shown import LIVE_STATES
from dialogs.engine.states import State
from tests import figures
from tests.browser.server import ADMINISTRATOR, PASSWORD, Dialtap, enterable
from tests.lab.waiting import wait_until

from .desks import Desk, cut_at_random
from .steady import CALLERS, calls

RATE, LIVE = 300, 20_000
SECONDS = int(os.environ.get("DIALTAP_SOAK_SECONDS", "300"))
"Of calls: after 270 there are as many as there will be."

DESKS, CUT = 50, 10
SETTLED_SECONDS = 10
HEP_PORT, PORT = 9061, 8061
CONFIGURATION = f"""
[tap]
hep = "127.0.0.1:{HEP_PORT}"
{CALLERS}"""
CSRF = "dialtap_csrf"
WORDS = {shown.word: state for state, shown in LIVE_STATES.items()}


def request(method: str, address: str, body: str = "", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Ask the server."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request(method, address, body or None, headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response, answer


def signed_in() -> str:
    """Return the cookies of an administrator."""
    response, _ = request("GET", "/login/")
    jar = SimpleCookie()
    for header in response.headers.get_all("Set-Cookie"):
        jar.load(header)
    token = jar[CSRF].value
    form = f"username={ADMINISTRATOR}&password={PASSWORD}&csrfmiddlewaretoken={token}"
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"{CSRF}={token}"}
    response, _ = request("POST", "/login/", form, **kind)
    assert response.status == 302
    for header in response.headers.get_all("Set-Cookie"):
        jar.load(header)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())


class Engine:
    """The truth, asked over `/RPC`."""

    def __init__(self, dialtap: Dialtap) -> None:
        self.dialtap = dialtap
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {dialtap.token('soak', 'read')}"}

    def ask(self, method: str) -> object:
        """Return a method's result."""
        response, answer = request("POST", "/RPC", json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}), **self._headers)
        assert response.status == 200, answer[:300]
        return json.loads(answer)["result"]

    def answers(self) -> bool:
        """Return whether the ingest is there."""
        return request("POST", "/RPC", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "dlg.stats_active"}), **self._headers)[0].status == 200

    def states(self) -> dict[str, tuple[str, State]]:
        """Return uid -> (From user, state) of all live calls."""
        listed = {dialog["call-id"]: State(dialog["state"]) for dialog in self.ask("dlg.list")}  # type: ignore[attr-defined]
        rows = self.dialtap.rows("SELECT uid, call_id, from_user FROM dashboard_dialogrow WHERE state < 5")
        return {str(uid): (str(user), listed[str(call_id)]) for uid, call_id, user in rows if call_id in listed}


@pytest.mark.soak
def test_every_desk_shows_what_the_engine_has(tmp_path: Path) -> None:
    dialtap = Dialtap(enterable(tmp_path), CONFIGURATION, "--web-only", port=PORT)
    dialtap.start()
    try:
        with dialtap.beside("ingest"):
            engine = Engine(dialtap)
            wait_until(engine.answers, "the ingest", seconds=60, every=0.2)
            asyncio.run(watched(engine))
    finally:
        dialtap.stop()
        print(dialtap.output()[-3000:])


def callers(number: int) -> str:
    """Return the query of a desk: every fifth has no filter, the others one caller's calls each."""
    return "" if number % 5 == 0 else f"&q=caller+%3D+%22%2B1202{number:07}%22"


async def watched(engine: Engine) -> None:
    """Send, watch, cut, stop sending; then hold all of it side by side."""
    headers = {"Cookie": signed_in(), "Origin": f"http://127.0.0.1:{PORT}"}
    desks = [Desk(f"ws://127.0.0.1:{PORT}/ws/live/?page=live{callers(number)}", headers) for number in range(DESKS)]
    tasks = [asyncio.create_task(desk.work()) for desk in desks]
    cutting = asyncio.create_task(cut_at_random(desks[-CUT:], 1.0))
    said, _ = await (await calls(HEP_PORT, RATE, LIVE, SECONDS)).communicate()
    cutting.cancel()
    sent = json.loads(said)
    states = await asyncio.to_thread(settled, engine)
    for _ in range(SETTLED_SECONDS * 4):
        if not (wrong := compared(desks, states)):
            break
        await asyncio.sleep(0.25)  # nothing happens any more but the last ticks
    for task in tasks:
        task.cancel()
    await asyncio.gather(cutting, *tasks, return_exceptions=True)
    figures.report(
        "screens",
        {
            "what": f"{RATE} calls a second over HEP, {len(states):,} live at the end; ingest and pages in two processes, {DESKS} sockets, {CUT} cut at random",
            **sent,
            "kernel drops": drops(engine),
            "frames": sum(desk.frames for desk in desks),
            "connections cut": sum(desk.cuts for desk in desks),
            "snapshots": sum(desk.snapshots for desk in desks),
            "gaps": sum(desk.gaps for desk in desks),
            "instructions for rows that are not there": sum(desk.lost for desk in desks),
            "rows compared": sum(len(desk.rows) for desk in desks),
            "desks that differ from the engine": len(wrong),
        },
    )
    assert [each[:3] for each in wrong] == []
    assert sum(desk.lost for desk in desks) == 0


def compared(desks: list[Desk], states: dict[str, tuple[str, State]]) -> list[list[str]]:
    """Return what of the desks is not as the engine has it."""
    return [found for number, desk in enumerate(desks) if (found := differences(number, desk, states))]


def settled(engine: Engine) -> dict[str, tuple[str, State]]:
    """Wait until nothing changes any more: all that was sent is counted, stored and shown; return the engine's calls."""
    before: list[object] = []

    def still() -> bool:
        before.append((engine.ask("dlg.stats_active"), engine.dialtap.rows("SELECT state, COUNT(*) FROM dashboard_dialogrow GROUP BY state")))
        return len(before) > 3 and before[-1] == before[-2] == before[-3]

    wait_until(still, "the end of all changes", seconds=120, every=1.0)
    return engine.states()


def differences(number: int, desk: Desk, states: dict[str, tuple[str, State]]) -> list[str]:
    """Return how a desk's table differs from the engine's: whose calls it should show, and each one's state."""
    user = f"+1202{number:07}"
    mine = {uid for uid, (caller, _) in states.items() if number % 5 == 0 or caller == user}
    shown = {uid: word for uid, word in desk.rows.items() if word in WORDS}
    said = [f"{uid} shows {word}" for uid, word in shown.items() if uid not in mine or WORDS[word] is not states[uid][1]]
    missing = [] if number % 5 == 0 and len(shown) >= 150 else sorted(mine - shown.keys())
    return [f"desk {number}: {each}" for each in said] + [f"desk {number} does not show {uid}" for uid in missing]


def drops(engine: Engine) -> int:
    """Return how many datagrams the kernel dropped."""
    return int(engine.dialtap.rows("SELECT SUM(dropped) FROM dashboard_tapstatus")[0][0] or 0)  # type: ignore[call-overload]
