"""The capture page."""

import time

import pytest
from django.test import Client

from dashboard.models import TapStatus
from dashboard.rpc import access
from dashboard.rpc.limit import Limiter
from dialogs.config import Config, Peer
from dialogs.taps.health import Agent, Asked, Health, Report, encode
from tests.dashboard.live.people import person

pytestmark = pytest.mark.django_db
SECOND = 10**9
FIGURES = (("requests", "1,500"), ("faults", "31"), ("malformed", "4"), ("connections", "12<small> 2 refused</small>"))


@pytest.fixture
def page():
    """Returns the page's text, whole or as htmx asks for it."""
    client = Client()
    client.force_login(person("viewer"))
    return lambda **headers: client.get("/taps/", **headers).content.decode()


def tap(name="interface:eth1", report=None, **fields):
    now_ns = time.time_ns()
    TapStatus.objects.create(**({"name": name, "node": "n1", "at_ns": now_ns, "newest_ns": now_ns, "detail": encode(report or Report())} | fields))


def test_page_shows_the_figures_of_each_tap(page):
    tap(report=Report(packets_rate=1500.4, messages_rate=0.4), dropped=1234, duplicates=77, undecodable=8)
    text = page()
    assert [words in text for words in ("Interface eth1", "1,500<small> /s", "0.4<small> /s", "1,234", "77 duplicates", "8 not readable")] == [True] * 6


def test_worst_tap_comes_first_and_a_young_one_has_no_rate(page):
    tap("interface:a", report=Report(packets_rate=-1, messages_rate=-1), newest_ns=0)
    tap("interface:b", error="b: The interface went down")
    text = page()
    assert (text.index("Interface b") < text.index("Interface a"), "none yet" in text, "<dd>–</dd>" in text) == (True, True, True)


def test_peer_opens_its_calls_and_strangers_are_escaped(page, settings):
    settings.DIALTAP = Config(peer=(Peer("edge 1", ("192.0.2.1",), "proxy"),))
    tap(report=Report(health=Health(encrypted={"192.0.2.1": 7, "<b>": 1})))
    text = page()
    assert [words in text for words in ('href="/?q=edge+1"', "encrypted: feed it by HEP", "&lt;b&gt;", "<b></bdi>")] == [True, True, True, False]


def test_agents_of_hep_are_shown_with_what_is_wrong_with_each(page):
    agents = (Agent("edge-1 (7) at 192.0.2.1", 1200, -75 * SECOND, misdated=34), Agent("<b>", 20, 0, one_way=True))
    tap("hep:127.0.0.1:9060", Report(health=Health(agents=agents)))
    text = page()
    shown = (
        "HEP 127.0.0.1:9060",
        "34 messages dated by arrival",
        "one direction only from &lt;b&gt;",
        "HEP from 2 agents",
        "1,200, clock -75.0 s",
        "75.0 s behind",
    )
    assert [words for words in shown if words not in text] == []
    assert "<b></bdi>" not in text


def test_page_asks_again_and_gets_its_list_only(page):
    tap()
    whole, part = page(), page(HTTP_HX_REQUEST="true")
    assert ('hx-get="/taps/"' in whole, "<html" in whole, "<html" in part, "Interface eth1" in part) == (True, True, False, True)


def test_page_without_a_tap_says_how_to_start_one(page):
    assert "./dialtap ingest" in page()


def test_door_and_programs_that_were_sent_away_are_counted(page, monkeypatch):
    monkeypatch.setattr(access, "limiter", Limiter(1))
    tap("engine:n1", report=Report(door=Asked(1500, 31, 4, 12, 2)))
    text = page()
    assert [f"<dt>RPC {name}</dt><dd>{figure}" in text for name, figure in FIGURES] == [True] * 4
    assert "/RPC" not in text
    for key in ("a", "a", "b"):
        access.limiter.wait(key, 1, 0.0)
    text = page()
    assert [f"<dt>{name}</dt><dd>1</dd>" in text for name in ("Above the rate", "Callers forgotten")] == [True, True]


def test_door_that_nobody_came_to_is_not_shown(page):
    tap("engine:n1", report=Report(door=Asked(0, 0, 0, 0, 0)))
    assert "RPC" not in page()
