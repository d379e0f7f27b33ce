"""How values went, as pages draw it."""

import pytest

from dashboard.live.trends import MINUTE_NS, Trend, forget, line, trend, trends
from dashboard.models import ProfileMinute

pytestmark = pytest.mark.django_db
NOW = 1000 * MINUTE_NS + 5


@pytest.fixture(autouse=True)
def anew():
    forget()
    yield
    forget()


def minute(ago: int, *figures: int, node: str = "n1", value: str = "ann") -> None:
    peak, last, begun, ended, answered = figures
    ProfileMinute.objects.create(
        node=node, name="caller", value=value, at_ns=(1000 - ago) * MINUTE_NS, peak=peak, last=last, begun=begun, ended=ended, answered=answered
    )


def test_minutes_without_a_row_go_on_as_the_last_one_ended():
    minute(4, 3, 2, 3, 1, 1)
    minute(2, 5, 4, 2, 0, 0)
    assert trends("caller", NOW, 5) == {"ann": Trend([0, 3, 2, 5, 4], 5 / 300, 100)}


def test_nodes_are_summed_and_a_size_from_before_counts():
    minute(2, 3, 3, 1, 0, 0)
    minute(1, 7, 6, 0, 2, 1, node="n2")
    assert trends("caller", NOW, 3)["ann"] == Trend([2 + 8, 3 + 8, 3 + 7], 1 / 300, 50)


def test_value_that_did_not_move_is_flat():
    minute(90, 4, 4, 4, 0, 0)
    minute(80, 9, 2, 5, 7, 7)
    assert (trend("caller", "ann", NOW, 3), trend("caller", "bob", NOW, 3)) == (Trend([2, 2, 2]), Trend([0, 0, 0]))


def test_minute_that_is_not_over_is_not_told():
    minute(0, 4, 4, 4, 0, 0)
    assert trends("caller", NOW) == {}


def test_table_is_read_once_a_minute(django_assert_num_queries):
    minute(1, 4, 4, 4, 0, 0)
    with django_assert_num_queries(2):
        for at_ns in (NOW, NOW + 1, NOW + MINUTE_NS):
            trends("caller", at_ns)


@pytest.mark.parametrize(
    ("sizes", "most", "points"),
    [([0, 5, 10], 10, "0.0,30.0 50.0,15.0 100.0,0.0"), ([7], 7, ""), ([], 0, ""), ([0, 0], 0, "0.0,30.0 100.0,30.0"), ([9, 0], 3, "0.0,0.0 100.0,30.0")],
)
def test_line_fits_its_box(sizes, most, points):
    assert line(sizes, most) == points
