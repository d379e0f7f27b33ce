"""The proxy's own table against ours: BYEs that a real Kamailio never got are found, and in a clean run nothing is."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User

from dashboard.ingest import reconcile
from dashboard.ingest.loop import Ingest
from dashboard.models import DialogRow, Order, ProxyTable
from dashboard.orders.request import request_release
from dialogs.config import Proxy as Place
from dialogs.control import asking
from dialogs.engine import CallSnapshot
from tests import figures

from . import callers
from .beside import configured, hang_up_unheard, until, watched
from .callees import Callee
from .callers import Line
from .lab import Lab, missing
from .proxy import Proxy

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

CALLS, HIDDEN, RATE = 100, 3, 50
WITHIN = 30.0
"Seconds in which what is stuck must be found."


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of its own for each test: Kamailio keeps what others left."""
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def placed(lab: Lab, script: str, number: str, calls: int) -> None:
    """Have so many calls made to a number."""
    lab.proxy.lead(number, lab.callee(Callee().answers(20, 20), calls=0).target)
    lab.callers(script, calls, RATE)


def up(ingest: Ingest, number: str) -> list[CallSnapshot]:
    """Return the calls to a number that are up."""
    snapshots = [ingest.engine.view(call) for call in ingest.engine.all_calls()]
    return [call for call in snapshots if call.state == 4 and f":{number}@" in call.request_uri]


def live(ingest: Ingest) -> int:
    return sum(call.state < 5 for call in ingest.engine.all_calls())


async def written(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until the database says so."""
    end = time.monotonic() + seconds
    while not await sync_to_async(condition)():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(0.1)


async def released(uids: list[str]) -> set[tuple[str, str]]:
    """Have the proxy let go of calls as an operator does; return outcomes and the proxy's words."""

    def asked() -> list[Order]:
        person = User.objects.create_superuser("anna")
        return [request_release(DialogRow.objects.get(pk=uid), person, "", "stuck call", "") for uid in uids]

    def outcomes() -> list[tuple[str, str]]:
        return list(Order.objects.exclude(phase__in=Order.OPEN).values_list("outcome", "detail"))

    await written(lambda: ProxyTable.objects.get().stored.counts.get("stuck", 0) >= len(uids), "what is stuck, written", 10)
    await sync_to_async(asked)()
    await written(lambda: len(outcomes()) == len(uids), "the end of the orders", 60)
    return await sync_to_async(lambda: set(outcomes()))()


@pytest.mark.parametrize("whole", [asking.WHOLE, 0], ids=["at once", "in slices"])
def test_exactly_the_hidden_ends_are_stuck(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int) -> None:
    monkeypatch.setattr(reconcile, "Asking", lambda url, timeout: asking.Asking(url, timeout, whole=whole))
    stays, goes = lab.new_number(), lab.new_number()

    async def scenario(ingest: Ingest) -> float:
        placed(lab, callers.waits_for_bye(Line(stays)), stays, HIDDEN)
        placed(lab, callers.hangs_up(Line(goes), 3000), goes, CALLS - HIDDEN)
        hidden = await until(lambda: len(calls := up(ingest, stays)) == HIDDEN and calls, "the calls that stay", 60)
        await until(lambda: ingest.engine.calls.processed == CALLS, "all calls", 60)
        assert isinstance(hidden, list)
        for call in hidden:
            hang_up_unheard(call)
        began = time.monotonic()
        await until(lambda: live(ingest) == 0, "the end of all calls on the wire", 60)
        await until(lambda: len(ingest.proxies.each[0].reconciler.findings) >= HIDDEN, "what is stuck", 60)
        took = time.monotonic() - began
        found = ingest.proxies.each[0].reconciler.findings
        assert {(finding.kind, finding.uid, finding.proxys) for finding in found} == {("stuck", call.uid, 4) for call in hidden}
        assert await released([call.uid for call in hidden]) == {("let go by the proxy", "Kamailio took dlg.end_dlg")}
        assert [dialog for dialog in lab.proxy.dialogs() if dialog["state"] != 5] == []
        await until(lambda: not ingest.proxies.each[0].reconciler.findings, "the end of what was stuck", 60)
        return took

    config = configured(lab)
    monkeypatch.setattr(settings, "DIALTAP", config)
    took = watched(tmp_path, config, scenario)
    row = ProxyTable.objects.get()
    figures.report(
        f"reconcile-{'slices' if not whole else 'whole'}", {"what": f"{CALLS} calls, {HIDDEN} BYEs hidden from the proxy", "found after, s": round(took, 1)}
    )
    assert (row.ours, row.theirs, row.error) == (0, 0, "")
    assert took < WITHIN


def test_a_clean_run_finds_nothing(lab: Lab, tmp_path: Path) -> None:
    number = lab.new_number()

    async def scenario(ingest: Ingest) -> set[object]:
        placed(lab, callers.hangs_up(Line(number), 1500), number, 300)
        found: set[object] = set()

        def over() -> bool:
            found.update(ingest.proxies.each[0].reconciler.findings)
            return ingest.engine.calls.processed == 300 and not live(ingest)

        await until(over, "the end of all calls", 60)
        await until(lambda: ingest.proxies.each[0].reconciler.agreed, "tables that agree", 60)
        return found

    assert watched(tmp_path, configured(lab, seconds=1), scenario) == set()


def test_a_proxy_that_is_away_is_said_and_found_again(lab: Lab, tmp_path: Path) -> None:
    async def scenario(ingest: Ingest) -> None:
        await until(lambda: ingest.proxies.each[0].reconciler.agreed, "tables that agree", 60)
        lab.proxy.stop()
        words = await until(lambda: ingest.proxies.each[0].error, "the proxy's silence", 60)
        assert words.startswith(f"Kamailio at {lab.proxy.rpc_url} cannot be reached")
        lab.proxy.start()
        await until(lambda: not ingest.proxies.each[0].error, "the proxy's answer", 60)

    watched(tmp_path, configured(lab, seconds=1), scenario)


def test_each_of_two_proxies_is_compared_with_its_own_calls(lab: Lab, tmp_path: Path) -> None:
    number, folder = lab.new_number(), tmp_path / "second"
    folder.mkdir()
    second = Proxy(folder, address="127.0.0.2")
    second.start()
    places = tuple(Place(f"edge-{place}", one.rpc_url, tuple(one.sockets)) for place, one in enumerate((lab.proxy, second), 1))

    def figures_now() -> list[tuple[object, ...]]:
        return list(ProxyTable.objects.order_by("name").values_list("name", "ours", "theirs", "error"))

    async def scenario(ingest: Ingest) -> None:
        placed(lab, callers.waits_for_bye(Line(number)), number, 3)
        await until(lambda: len(up(ingest, number)) == 3, "the calls", 30)
        await written(lambda: figures_now() == [("edge-1", 3, 3, ""), ("edge-2", 0, 0, "")], "figures that agree", 30)
        second.stop()
        await written(lambda: "cannot be reached" in str(figures_now()[1][3]) and figures_now()[0] == ("edge-1", 3, 3, ""), "the second's silence", 30)

    try:
        watched(tmp_path, msgspec.structs.replace(configured(lab, seconds=1), proxy=places), scenario)
    finally:
        second.stop()
