"""The rate limit, in seconds that the test makes up."""

import pytest

from dashboard.rpc.limit import Limiter


@pytest.mark.parametrize(("rate", "at_once"), [(200, 200), (10, 10), (1, 1), (0.5, 1)])
def test_one_second_is_let_through_at_once(rate, at_once):
    limiter = Limiter()
    waits = [limiter.wait("a", rate, 1000.0) for _ in range(at_once + 1)]
    assert (waits[:-1], waits[-1]) == ([0.0] * at_once, pytest.approx(1 / rate))


@pytest.mark.parametrize("rate", [1, 7, 200])
def test_rate_is_kept_in_the_long_run(rate):
    limiter = Limiter()
    taken = sum(limiter.wait("a", rate, 1000.0 + tick / 1000) == 0 for tick in range(10_000))  # a call each millisecond for 10 s
    assert taken == pytest.approx(11 * rate, abs=1)  # the first second's worth at once


def test_who_waits_as_told_is_let_in():
    limiter = Limiter()
    assert [limiter.wait("a", 1, 0.0), limiter.wait("a", 1, 0.25), limiter.wait("a", 1, 1.0)] == [0.0, 0.75, 0.0]


def test_keys_do_not_share():
    limiter = Limiter()
    assert [limiter.wait(key, 1, 0.0) for key in "aba"] == [0.0, 0.0, 1.0]


def test_rate_zero_is_no_limit():
    limiter = Limiter()
    assert {limiter.wait("a", 0, 0.0) for _ in range(1000)} == {0.0}


def test_store_is_capped_and_what_is_lost_is_counted():
    limiter = Limiter(most=2)
    waits = [limiter.wait(key, 1, 0.0) for key in "abc"]
    assert (waits, limiter.forgotten, limiter.wait("a", 1, 0.0), limiter.wait("c", 1, 0.0)) == ([0.0] * 3, 1, 0.0, 1.0)


def test_key_whose_bucket_is_empty_anyway_is_no_loss():
    limiter = Limiter(most=1)
    assert (limiter.wait("a", 1, 0.0), limiter.wait("b", 1, 5.0), limiter.forgotten) == (0.0, 0.0, 0)
