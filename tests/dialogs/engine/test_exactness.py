"""The original's three oddities, as they are there and mended."""

import pytest

from dialogs.config import Config, Dialog
from dialogs.engine.exactness import EXACT, MENDED, spoken_duration, unix_duration
from dialogs.replay import kamailio_view
from tests.dialogs.engine.test_records import ANSWERED, PROXY, RINGING, SECOND, counts
from tests.dialogs.ladder import START_NS, run

BUSY = RINGING + "proxy -> alice 486"
SPIRAL = "alice -> proxy INVITE\nproxy -> proxy INVITE branch=s\nproxy -> bob INVITE branch=t"
START = START_NS // SECOND


def played(ladder, *, exact, **values):
    return run(ladder, Config(dialog=Dialog(sockets=(PROXY,), kamailio_exact=exact, **values)))


@pytest.mark.parametrize(("exact", "duration"), [(True, START), (False, 0)])
def test_failed_dialog_has_the_time_of_its_end_as_duration_or_none(exact, duration):
    engine, events = played(BUSY, exact=exact)
    (dialog,) = kamailio_view(engine, events[-1].at_ns)["dlg.list"]
    assert (dialog["end_ts"], dialog["duration"]) == (START, duration)


@pytest.mark.parametrize(("exact", "early"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("ladder", ["alice -> proxy INVITE", RINGING], ids=["unconfirmed", "early"])
def test_ringing_dialog_that_the_cleaner_drops_stays_in_early_dialogs_or_not(ladder, exact, early):
    engine, events = played(ladder, exact=exact, early_timeout=5)
    engine.expire(events[-1].at_ns + 91 * SECOND)
    assert (counts(engine), engine.all_records()) == ((1, early if ladder == RINGING else 0, 0, 0, 0), [])


@pytest.mark.parametrize(
    ("exact", "detect_spirals", "processed", "members"),
    [(True, True, 1, 2), (True, False, 2, 2), (False, True, 1, 1), (False, False, 1, 1)],
)
def test_spiral_counts_twice_or_once(exact, detect_spirals, processed, members):
    engine, _ = played(SPIRAL, exact=exact, detect_spirals=detect_spirals)
    assert (engine.records.processed, engine.records.profiles.size("caller")) == (processed, members)


@pytest.mark.parametrize(
    ("start", "end", "now", "unix", "spoken"),
    [(0, 0, 9, 0, 0), (4, 0, 9, 5, 5), (4, 7, 9, 3, 3), (0, 7, 9, 7, 0)],
    ids=["ringing", "in call", "ended", "failed"],
)
def test_duration(start, end, now, unix, spoken):
    assert (unix_duration(start, end, now), spoken_duration(start, end, now)) == (unix, spoken)


def test_answered_call_is_the_same_either_way():
    views = [kamailio_view(played(ANSWERED + "alice -> proxy BYE cseq=2", exact=exact)[0], START_NS + 3 * SECOND) for exact in (True, False)]
    assert views[0] == views[1]


def test_tables_differ_in_every_name():
    assert [name for name, exact, mended in zip(EXACT._fields, EXACT, MENDED, strict=True) if exact == mended] == []
