"""Orders in words."""

import pytest

from dashboard.models import Order
from dashboard.orders.words import ended_by, outcome_words, tone


@pytest.mark.parametrize(
    ("phase", "outcome", "detail", "words", "colour"),
    [
        ("requested", "", "", "End asked by anna: waiting to be sent", "open"),
        ("sent", "", "", "End asked by anna: sent, waiting for the controller", "open"),
        ("accepted", "", "Kamailio took dlg.end_dlg", "End asked by anna: accepted, waiting for the proof on the wire", "open"),
        ("verified", "both legs released", "Kamailio took dlg.end_dlg", "Ended by anna: both legs released", "good"),
        ("verified", "one leg only: callee not confirmed", "x", "one leg only: callee not confirmed", "bad"),
        ("verified", "one leg only: caller not confirmed", "x", "one leg only: caller not confirmed", "bad"),
        ("verified", "not confirmed", "not confirmed after 5 s", "not confirmed after 5 s", "bad"),
        ("verified", "not confirmed", "", "not confirmed", "bad"),
        ("verified", "already ended", "the caller ended it", "already ended: the caller ended it", "good"),
        ("verified", "already ended", "", "already ended", "good"),
        ("refused", "refused", "404 Dialog not found", "refused: 404 Dialog not found", "bad"),
    ],
)
def test_outcome_in_words(phase: str, outcome: str, detail: str, words: str, colour: str) -> None:
    order = Order(username="anna", phase=phase, outcome=outcome, detail=detail)
    assert (outcome_words(order), tone(order)) == (words, colour)


def test_ended_by_names_the_operator() -> None:
    assert ended_by(Order(username="anna")) == "operator:anna"
