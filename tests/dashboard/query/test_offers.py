"""Completion: what is offered behind every kind of beginning, and that what is offered is a query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.query.errors import QueryError
from dashboard.query.fields import FIELDS
from dashboard.query.offers import MOST, NEGATIVE, Offer, offers
from dashboard.query.tree import LONGEST, parse

OF_TEXT = ["=", "!=", "~", "!~", "startswith", "not startswith", "endswith", "not endswith", "in", "not in"]
OF_TIME = ["=", "!=", "<", "<=", ">", ">=", "in", "not in"]
STATES = [f'"{state}"' for state in FIELDS["state"].values][:MOST]

OFFERED: list[tuple[str, list[str]]] = [
    ("", list(FIELDS)[:MOST]),
    ("sta", ["state", "started"]),
    ("STA", ["state", "started"]),
    ("state", []),
    ("state ", ["=", "!=", "in", "not in"]),
    ("State ", ["=", "!=", "in", "not in"]),
    ("nowhere ", []),
    ("from ", OF_TEXT),
    ("begun ", OF_TIME),
    ("incomplete ", ["=", "!="]),
    ("from s", ["startswith"]),
    ("from n", ["not startswith", "not endswith", "not in"]),
    ("from not ", ["startswith", "endswith", "in"]),
    ("from not e", ["endswith"]),
    ("state not ", ["in"]),
    ("state =", STATES),
    ("state = ", STATES),
    ("state != e", ['"early"', '"ended"', '"expired"']),
    ('state = "e', ['"early"', '"ended"', '"expired"']),
    ("state = 'in", ['"in call"']),
    ('state = "in c', ['"in call"']),
    ('state = "in call"', []),
    ('state = "in call" ', ["and", "or"]),
    ("state = ringing o", ["or"]),
    ("state in ", ["("]),
    ("state in (", STATES),
    ('state in ("early", in', ['"in call"']),
    ('state in ("early" ', [")", ","]),
    ("code >= 4", ['"404"', '"408"', '"480"', '"486"', '"487"']),
    ("from = ", []),
    ("from = to and ca", ["caller", "callee", "call_id"]),
    ("not ", list(FIELDS)[:MOST]),
    ("(not (tal", ["talk"]),
    ("(talk > 60 ", ["and", "or", ")"]),
    ("from in (to, ", []),
    ("4417", []),
    ("4417 ", []),
    ("anna yesterday 14:00..14:10", []),
    ("state ! ", []),
    ("'", []),
    ("\0", []),
    ("a" * (LONGEST + 1), []),
]


@pytest.mark.parametrize(("text", "words"), OFFERED)
def test_words_that_fit_are_offered(text: str, words: list[str]) -> None:
    assert [offer.word for offer in offers(text)] == words


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("dur", Offer("duration ", "duration", "seconds, as the table shows them")),
        ('state="in', Offer('state="in call" ', '"in call"')),
        ("state = in", Offer('state = "in call" ', '"in call"')),
        ("  from not e", Offer("  from not endswith ", "endswith")),
    ],
)
def test_offer_is_the_whole_text(text: str, whole: Offer) -> None:
    assert offers(text) == [whole]


def test_every_operator_has_its_way_in() -> None:
    assert {name: [offer.word for offer in offers(f"{name} ") if offer.word not in NEGATIVE.values()] for name in FIELDS} == {
        name: list(field.operators) for name, field in FIELDS.items()
    }


@given(text=st.text(alphabet="state in(,)='\"~!<>e4\\ ", max_size=40))
def test_what_is_offered_begins_as_it_was_typed_and_goes_on(text: str) -> None:
    for offer in offers(text):
        assert (offer.text.endswith(f"{offer.word} "), len(offer.text) > len(text)) == (True, True)
        try:
            parse(offer.text)
        except QueryError as error:
            assert error.offset >= len(offer.text.rstrip())  # noqa: PT017  # only its end is missing
