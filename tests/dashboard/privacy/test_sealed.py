"""Tokens that stand for masked numbers in links."""

import pytest

from dashboard.privacy.sealed import LONGEST, Masked, is_sealed, seal, unseal


@pytest.mark.parametrize("text", ["4417", "caller=sip:4417@example.net", "", "\u202eé\udcff"])
def test_token_comes_back_whole_and_is_the_same_each_time(text):
    assert (unseal(seal(text)), seal(text) == seal(text), is_sealed(seal(text))) == (text, True, True)


def test_token_does_not_show_what_it_stands_for():
    assert [part in seal("4417") for part in ("4417", "NDQxNw")] == [False, False]


@pytest.mark.parametrize("text", ["4417", "~", "~x", "~abcd", "~é", seal("4417")[:-2], "~" + "A" * LONGEST])
def test_what_is_no_token_stays_as_it_is(text):
    assert unseal(text) == text


def test_token_of_another_server_opens_nothing(settings):
    token = seal("4417")
    settings.SECRET_KEY = "another"
    assert unseal(token) == token


def test_masked_text_shows_one_thing_and_links_to_another():
    masked = Masked("44xx", "4417")
    assert (str(masked), f"{masked}", unseal(masked.sealed)) == ("44xx", "44xx", "4417")
