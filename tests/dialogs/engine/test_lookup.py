"""What others may find in the engine, and the figures it keeps so that nobody has to look."""

from dialogs.config import Config, Dialog
from dialogs.engine.listing import active_by_state, stats_active
from dialogs.engine.lookup import calls_of, families, records_of, reschedule
from dialogs.engine.record_table import CLEANER_NS
from dialogs.packet import SECOND
from tests.dialogs.engine.test_properties import ANSWERED
from tests.dialogs.ladder import START_NS, feed, packets, run


def test_records_and_calls_are_found_by_their_call_id():
    engine, _ = run(ANSWERED + "alice -> proxy INVITE callid=c2\n")
    assert [record.call_id for records in families(engine) for record in records] == [b"c1", b"c2"]
    assert [record.call_id for record in records_of(engine, b"c1")] == [call.call_id for call in calls_of(engine, b"c1")] == [b"c1"]
    assert records_of(engine, b"c3") == calls_of(engine, b"c3") == []


def test_deadline_is_looked_at_anew():
    engine, _ = run(ANSWERED)
    record = records_of(engine, b"c1")[0]
    before = engine.next_timeout()
    engine.records.set_timeout(record, 1, START_NS)
    reschedule(engine, b"c1")
    reschedule(engine, b"c3")
    assert engine.next_timeout() == START_NS + SECOND < before


def test_figures_by_state_follow_cleaning_eviction_and_restore():
    engine, _ = run("alice -> proxy INVITE\nproxy -> alice 180\n", Config(dialog=Dialog(early_timeout=1, max_dialogs=2)))
    engine.expire(START_NS + 2 * CLEANER_NS)
    assert active_by_state(engine.records) == stats_active(engine.all_records())
    for number in range(4):
        feed(engine, packets(ANSWERED, START_NS + 3 * CLEANER_NS + number * SECOND, callid=f"e{number}"))
    assert active_by_state(engine.records) == stats_active(engine.all_records())
    other, _ = run("")
    for call in engine.all_calls():
        other.restore(engine.dump(call.uid))
    assert active_by_state(other.records) == stats_active(other.all_records()) == stats_active(engine.all_records())
