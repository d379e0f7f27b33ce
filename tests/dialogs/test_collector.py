"""The pace of the collector of cycles."""

import gc
from collections.abc import Iterator

import pytest

from dialogs.collector import MIDDLE, OLD, YOUNG, slow_down


@pytest.fixture
def usual() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("usual")
def test_collector_slows_down_and_leaves_alone_what_is_there():
    slow_down()
    assert (gc.get_threshold(), gc.isenabled(), gc.get_freeze_count() > 0) == ((YOUNG, MIDDLE, OLD), True, True)
