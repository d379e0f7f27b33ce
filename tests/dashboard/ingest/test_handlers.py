"""Handlers hear callbacks; one that fails harms nobody."""

import logging

import pytest

from dashboard.ingest.handlers import HandlerError, Handlers
from dialogs.engine import Called, Said

HEARD: list[str] = []
EVENTS = [Called("CREATED", 1, {"state": 1}), Said("u1", 2, "log", "from=\x1b[31m"), Said("u1", 2, "alert", "58 calls"), Called("EARLY", 3, {"state": 2})]


def listen(events):
    """A handler."""
    HEARD.extend(event.name for event in events)


def fail(events):
    """A handler with a mistake in it."""
    raise LookupError(events[0].name)


@pytest.fixture(autouse=True)
def nothing_heard():
    HEARD.clear()


def test_handlers_hear_callbacks_in_order_and_a_failing_one_is_passed_over(caplog):
    handlers = Handlers([f"{__name__}.fail", f"{__name__}.listen"])
    handlers.tell(EVENTS)
    assert (HEARD, handlers.failures) == (["CREATED", "EARLY"], 1)
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.INFO, logging.WARNING]


def test_events_without_callbacks_call_nobody():
    handlers = Handlers([f"{__name__}.fail"])
    handlers.tell(EVENTS[1:2])
    assert handlers.failures == 0


@pytest.mark.parametrize("path", ["nowhere.to.be.found", f"{__name__}.nothing", f"{__name__}.HEARD", "nodots"])
def test_handler_that_cannot_be_loaded_is_named(path):
    with pytest.raises(HandlerError, match=path):
        Handlers([path])
