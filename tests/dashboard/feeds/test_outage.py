"""The receiver is away for some seconds, the whole program is killed meanwhile; tests/soak/test_outage.py has five minutes under load."""

import time

import pytest

from tests.lab.waiting import wait_until
from tests.soak.outage import TOLD, Calls, Outage

RATE = 20.0


@pytest.fixture
def outage(tmp_path):
    made = Outage(tmp_path)
    try:
        yield made
    finally:
        made.dialtap.stop()
        made.receiver.stop()
        print(made.dialtap.output()[-3000:])


def test_nothing_is_lost_while_the_receiver_is_down_and_the_program_is_killed(outage):
    outage.receiver.start()
    outage.dialtap.start()
    with Calls(outage.hep, RATE) as calls:
        wait_until(lambda: len(outage.receiver.by_call()) > 10, "the first calls")
        outage.receiver.stop()
        wait_until(lambda: outage.figures()["failing_ns"], "the failure to be shown")
        begun = calls.sent
        wait_until(lambda: calls.sent > begun + 60, "calls while the receiver is down")
    sent = calls.sent
    wait_until(lambda: outage.ended() == sent, "all calls in the database")
    told = outage.command("list").splitlines()
    assert [line.split("\t")[1] for line in told[1:]] == ["file", "webhook:noc"]
    assert (outage.waiting() > 100, "ConnectError" in told[2] or "Connect" in told[2]) == (True, True)
    outage.dialtap.kill()
    wait_until(lambda: not outage.pids(), "the feeds' process to end with the ingest's")
    outage.dialtap.start()
    assert outage.waiting() > 100
    outage.receiver.start()
    outage.settled(90)
    heard = outage.receiver.by_call()
    assert ({tuple(events) for events in heard.values()}, len(heard)) == ({tuple(TOLD)}, sent)
    now = outage.figures()
    assert (now["dead"], now["evicted"], now["failing_ns"], outage.dropped()) == (0, 0, 0, 0)
    lines = outage.file_lines()
    assert sorted({line["CallID"] for line in lines}) == sorted(heard)
    assert [line["Revision"] for line in lines] == sorted({line["Revision"] for line in lines})


def test_receiver_that_never_answers_makes_no_call_wait(outage):
    """Each answer takes longer than the test: what the tap sees is in the database at once all the same."""
    outage.receiver.seconds = 3600.0
    outage.receiver.start()
    outage.dialtap.start()
    with Calls(outage.hep, 200.0) as calls:
        wait_until(lambda: calls.sent >= 200, "the calls")
    begun = time.monotonic()
    wait_until(lambda: outage.ended() == calls.sent, "the calls in the database")
    assert time.monotonic() - begun < 30.0  # a hundredth of what one answer takes
    assert (outage.dropped(), outage.figures()["sent"], outage.waiting()) == (0, 0, 2 * calls.sent)
