"""`db_mode` through restarts and crashes, and what rules said, on a real ingest."""

import pytest
from asgiref.sync import sync_to_async

from dashboard.models import Alert, DialogRow, TapStatus
from dialogs.config import Config, Dialog, Rule, Tap
from dialogs.taps.health import Asked, decode
from tests.dashboard.ingest.test_loop import Running, row_in_state, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


def config(*rules, **values):
    return Config(tap=Tap(hep=""), dialog=Dialog(**values), rule=rules)


async def stored():
    """Return the engine's states as they are stored."""
    return [None if state is None else bytes(state) async for state in DialogRow.objects.order_by("call_id").values_list("engine", flat=True)]


@pytest.mark.parametrize(
    ("values", "comes_back"),
    [
        ({"db_mode": 0}, False),
        ({"db_mode": 1}, True),
        ({"db_mode": 2}, True),
        ({"db_mode": 3}, True),
        ({"db_mode": 1, "db_skip_load": True}, False),
    ],
    ids=["none", "realtime", "delayed", "shutdown", "skip load"],
)
async def test_restart_brings_back_what_the_mode_stores(tmp_path, values, comes_back):
    mode = config(**values)
    async with Running(tmp_path, config=mode) as running:
        running.answered("c1")
        before = await until(row_in_state(4))
    assert [state is not None for state in await stored()] == [values["db_mode"] != 0]
    async with Running(tmp_path, config=mode) as running:
        running.answered("c2")
        await until(row_in_state(4, call_id="c2"))
        after = await DialogRow.objects.aget(call_id="c1")
        assert (after.uid, after.init_ns) == (before.uid, before.init_ns)
        assert (after.state, after.end_reason) == ((4, "") if comes_back else (5, "not seen since restart"))


async def test_realtime_stores_each_tick_and_shutdown_nothing_while_it_runs(tmp_path):
    async with Running(tmp_path, config=config(db_mode=3)) as running:
        running.answered("c1")
        await until(row_in_state(4))
        assert await stored() == [None]
    async with Running(tmp_path, config=config(db_mode=3)) as running:
        running.answered("c2")
        await until(row_in_state(4, call_id="c2"))
        assert await stored() == [None, None]  # what was read back is used up: a crash loses it
    async with Running(tmp_path, config=config(db_mode=1)) as running:
        running.answered("c3")
        await until(row_in_state(4, call_id="c3"))
        assert [state is not None for state in await stored()] == [True, True, True]


async def test_delayed_stores_by_period_and_a_crash_loses_what_came_after(tmp_path):
    mode = config(db_mode=2, db_update_period=1)
    async with Running(tmp_path, config=mode) as running:
        running.answered("c1")
        await until(lambda: DialogRow.objects.filter(state=4, engine__isnull=False).exists())
        left = await stored()
        running.answered("c2")
        await until(row_in_state(4, call_id="c2"))
    for call_id, state in zip(("c1", "c2"), (*left, None), strict=True):  # as a crash before the next period would have left it
        await DialogRow.objects.filter(call_id=call_id).aupdate(engine=state)
    async with Running(tmp_path, config=mode) as running:
        running.send(1, 2, "BYE cseq=2", callid="c1")
        ended = await until(row_in_state(5, call_id="c1"))
        lost = await DialogRow.objects.aget(call_id="c2")
        assert ((ended.ended_by, ended.end_reason), (lost.state, lost.end_reason)) == (("caller", ""), (5, "not seen since restart"))


async def test_profiles_variables_and_flags_survive_a_restart(tmp_path):
    rules = (Rule(do=({"set_profile": ["total"]}, {"set_var": ["queue", "sales"]}, {"set_flag": 3}, {"set_timeout": 7200})),)
    mode = config(*rules, db_mode=2, profiles_no_value=("total",))
    async with Running(tmp_path, config=mode) as running:
        running.answered("c1")
        await until(row_in_state(4))
    async with Running(tmp_path, config=mode) as running:
        running.send(1, 2, "INFO cseq=2", callid="c1")
        row = await until(lambda: DialogRow.objects.filter(messages=7).first())
        call = row.snapshot
        assert (call.variables, call.flags, call.profiles) == ((("queue", "sales"),), (3,), (("total", ""),))
        assert (call.expires_ns, running.ingest.engine.calls.profiles.size("total")) == (call.last_ns + 7200 * 10**9, 1)


async def test_what_rules_say_is_kept_and_callers_are_counted(tmp_path):
    async with Running(tmp_path, config=config(Rule(do=({"terminate": ["both", "fraud"]},)))) as running:
        running.answered("c1")
        alert = await until(Alert.objects.first)
        row = await until(row_in_state(4))
        assert (alert.kind, alert.dialog_uid, alert.node, alert.seen) == ("terminate", row.uid, "node", False)

        def counted():
            report = decode(TapStatus.objects.get(name="engine:node").detail)
            return report if report.callers == (("sip:alice@example.org", 1, 0, 1, 0, 0),) else None

        report = await until(counted)
        assert (report.calls, report.callers_known, report.callers_forgotten, report.notices_lost) == (("", 1, 0, 1, 0, 0), 1, 0, 0)
        assert report.door == Asked(0, 0, 0, 0, 0)
        [piece async for piece in running.ingest.door.answer(b'{"jsonrpc":"2.0","method":"dlg.nothing"}', control=False)]
        await until(lambda: decode(TapStatus.objects.get(name="engine:node").detail).door == Asked(1, 1, 0, 0, 0))
    assert await sync_to_async(Alert.objects.count)() == 1
