"""Dialtap beside a real Kamailio: taps the loopback live while every kind of call runs, and its records equal dlg.list at each quiet moment."""

from collections.abc import Iterator

import pytest

from dialogs.taps import TapError

from .agreement import agree_until_over
from .kinds import kinds
from .lab import Lab
from .watcher import Watcher

pytestmark = pytest.mark.lab


@pytest.fixture
def watcher(lab: Lab) -> Iterator[Watcher]:
    try:
        watching = Watcher(lab.proxy.address)
    except TapError as error:
        pytest.skip(str(error))
    yield watching
    watching.tap.close()


def test_records_equal_kamailio_at_every_quiet_moment(lab: Lab, watcher: Watcher) -> None:
    assert agree_until_over(lab, watcher, [kind.place(lab) for kind in kinds()]) == {1, 2, 3, 4, 5}
    assert (watcher.tap.dropped, watcher.tap.undecodable) == (0, 0)
