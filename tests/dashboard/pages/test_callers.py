"""The callers page, and the node's own figures on the capture page."""

import time

import pytest
from django.test import Client

from dashboard.models import TapStatus
from dialogs.taps.health import Report, encode
from tests.dashboard.live.people import person

pytestmark = pytest.mark.django_db
ANN, BOB = ("sip:ann@example.net", 12, 2, 3, 4, 5), ("sip:<b>@example.net", 1, 0, 0, 0, 0)


@pytest.fixture
def page():
    """Returns a page's text."""
    client = Client()
    client.force_login(person("viewer"))
    return lambda address="/callers/", **headers: client.get(address, **headers).content.decode()


def node(name="n1", callers=(ANN, BOB), **fields):
    now_ns = time.time_ns()
    report = Report(calls=("", 13, 2, 3, 4, 5), callers=callers, callers_known=1300, since_ns=now_ns, **fields)
    TapStatus.objects.create(name=f"engine:{name}", node=name, at_ns=now_ns, newest_ns=now_ns, detail=encode(report))


def test_each_number_opens_its_calls(page):
    node()
    text = page()
    caller = "sip%3Aann%40example.net"
    links = {
        f"/?caller={caller}&amp;state=4": 3,
        f"/?caller={caller}&amp;state=2": 2,
        f"/history/?caller={caller}&amp;state=failed": 4,
        f"/history/?caller={caller}&amp;state=expired": 5,
        f"/history/?caller={caller}": 12,
    }
    assert [
        f'href="{address}">{number}<' in text or f'href="{address}">{number}<' in text.replace('class="who" ', "") for address, number in links.items()
    ] == [True] * 5
    assert ("&lt;b&gt;" in text, "<b>@" in text, "2 of 1,300 callers" in text, "made room" in text, "n1" in text) == (True, False, True, False, False)


def test_most_active_comes_first_over_all_nodes(page):
    node("n1", (BOB,))
    node("n2", (ANN,), callers_forgotten=7)
    text = page()
    assert (text.index("ann@") < text.index("&lt;b&gt;"), ">n2<" in text, "7 more made room" in text) == (True, True, True)


def test_caller_with_a_uri_that_was_cut_is_looked_for_by_its_user(page):
    node(callers=((f"sip:ann@{'x' * 192}", 1, 0, 0, 0, 0),))
    assert "/history/?caller=ann" in page()


def test_page_asks_again_and_gets_its_list_only(page):
    node()
    whole, part = page(), page(HTTP_HX_REQUEST="true")
    assert ('hx-get="/callers/"' in whole, "<html" in whole, "<html" in part, "ann@" in part) == (True, True, False, True)


def test_page_without_callers_says_so(page):
    TapStatus.objects.create(name="interface:any", node="n1", at_ns=time.time_ns())
    assert "Nobody has called yet" in page()


def test_profiles_lead_to_all_callers(page):
    assert 'href="/callers/"' in page("/profiles/")


def test_capture_page_has_the_figures_of_each_node(page):
    node(callers_forgotten=7)
    text = page("/taps/")
    assert [words in text for words in ('href="/?state=4">3<', 'href="/history/?state=failed">4<', 'href="/callers/">1,300<', "7 forgotten")] == [True] * 4
