"""The reconcile page and the standing figure on the live page."""

import json
import time

import pytest
from django.test import Client

from dashboard.models import ProxyTable
from dialogs.config import Config, Control
from tests.dashboard.live.people import call, person, record

pytestmark = pytest.mark.django_db
FOUND = ["stuck", call(1).uid, ["c1", "a"], 5, 4, 1, 7, 9]
DETAIL = json.dumps({"findings": [FOUND], "counts": {"stuck": 1}, "unseen": 12, "complete": False})


@pytest.fixture
def client():
    client = Client()
    client.force_login(person("viewer"))
    return client


def compared(**fields):
    given = {"node": "n1", "at_ns": time.time_ns(), "proxy": "http://127.0.0.1:8060/RPC", "ours": 97, "theirs": 100} | fields
    ProxyTable.objects.create(**given)


def test_findings_are_listed_with_their_evidence_and_one_action(client):
    record(call(1, state=5, end_ns=1, ended_by="caller", last_event="BYE"))
    compared(detail=DETAIL)
    text = client.get("/reconcile/").content.decode()
    words = (
        "Stuck: 1",
        "BYE by the caller",
        "wire: Ended, proxy: In call",
        ">7:9<",
        f'href="/call/{call(1).uid}/"',
        "12 in the proxy",
        "too large",
    )
    assert [word for word in words if word not in text] == []


def test_page_asks_again_and_gets_its_list_only(client):
    compared()
    part = client.get("/reconcile/", headers={"HX-Request": "true"}).content.decode()
    assert ("<html" in part, "Both tables agree" in part) == (False, True)


def test_a_proxy_that_is_away_is_said(client):
    compared(error="Kamailio at http://127.0.0.1:8060/RPC cannot be reached", since_ns=1)
    text = client.get("/reconcile/").content.decode()
    assert ("cannot be reached" in text, "Both tables agree" in text) == (True, False)


@pytest.mark.parametrize(("url", "words"), [("", "kamailio_url"), ("http://127.0.0.1:8060/RPC", "No ingest has asked")])
def test_nothing_compared_says_why(client, settings, url, words):
    settings.DIALTAP = Config(control=Control(kamailio_url=url))
    assert words in client.get("/reconcile/").content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "ours 97 / <bdi>proxy</bdi> 100<"),
        ({"detail": DETAIL}, "ours 97 / <bdi>proxy</bdi> 100, 1 disagree"),
        ({"error": "away"}, "ours 97 / <bdi>proxy</bdi> ?"),
        ({"name": "edge-2"}, "ours 97 / <bdi>edge-2</bdi> 100<"),
        ({"at_ns": 1}, ""),
    ],
)
def test_the_standing_figure_is_on_the_live_page(client, fields, words):
    compared(**fields)
    text = client.get("/").content.decode()
    assert ("/ <bdi>" in text) is bool(words)
    assert words in text
