"""The profiles page, and the page of one value."""

import re
import time
from urllib.parse import urlencode

import msgspec
import pytest

from dashboard.live import trends
from dashboard.models import ProfileMinute
from dialogs.config import Limit
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
VALUE = "sip:4417@example.net"


@pytest.fixture(autouse=True)
def hour():
    """The caller 4417 had nine calls at once ten minutes ago, and lost a third of them."""
    trends.forget()
    at_ns = (time.time_ns() // trends.MINUTE_NS - 10) * trends.MINUTE_NS
    ProfileMinute.objects.create(node="n1", name="caller", value=VALUE, at_ns=at_ns, peak=9, last=1, begun=9, ended=9, answered=6)
    yield
    trends.forget()


@pytest.fixture
def limited(settings):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, limit=(Limit("many", profile="caller", critical=1),))


def page(client, **asked) -> str:
    return client.get(f"/profiles/value/?{urlencode(asked)}").content.decode()


def test_list_says_how_the_hour_went(viewer, limited):
    record(call(1), call(2))
    row = viewer.get("/profiles/").content.decode().split("<tbody>")[1]
    cells = [re.sub(r"<[^>]+>|\s+", " ", cell).split() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
    assert [" ".join(cell) for cell in cells[:8]] == [VALUE, "2 / 1", "", "9", "", "0", "67 %", "2"]
    assert len(re.findall(r"[\d.]+,[\d.]+", re.findall(r'<polyline points="([^"]+)"', row)[0])) == 61


def test_value_has_its_figures_its_limit_and_its_calls(viewer, limited):
    record(call(1), call(2), call(3, state=5, end_ns=NOW), call(4, profiles=(("caller", "sip:5@x"),)))
    text = page(viewer, profile=f"caller={VALUE}")
    figures = re.findall(r'class="v"[^>]*>([^<]+)<', text)
    calls = [int(uid, 16) for uid in re.findall(r'href="/call/([0-9a-f]{16})/"', text)]
    assert (figures, "limit 1, passed" in text, 'class="limit"' in text, calls) == (["2", "9", "0", "67 %"], True, True, [2, 1, 3])
    assert 'aria-label="Calls at once, last hour: now 2, peak 9, limit 1"' in text


def test_value_without_limit_or_calls_says_so(viewer):
    text = page(viewer, profile="caller=nobody", span="24h")
    assert [words in text for words in ("No call is up.", "None has ended yet.", 'class="limit"', "last 24 hours")] == [True, True, False, True]


@pytest.mark.parametrize("asked", [{}, {"profile": "=x"}, {"profile": "\0"}])
def test_value_without_a_profile_is_not_there(viewer, asked):
    assert viewer.get(f"/profiles/value/?{urlencode(asked)}").status_code == 404


def test_value_asks_again_and_gets_its_fragment_only(viewer):
    part = viewer.get(f"/profiles/value/?{urlencode({'profile': f'caller={VALUE}'})}", HTTP_HX_REQUEST="true").content.decode()
    assert ("<html" in part, f'hx-get="/profiles/value/?{urlencode({"profile": f"caller={VALUE}", "span": "1h"}).replace("&", "&amp;")}"' in part) == (
        False,
        True,
    )


def test_hostile_value_is_escaped(viewer):
    evil = "<script>alert(1)</script>\u202e" + "x" * 400
    record(call(1, profiles=(("caller", evil),)))
    texts = viewer.get("/profiles/").content.decode(), page(viewer, profile=f"caller={evil}")
    assert [("<script>alert" in text, "&lt;script&gt;alert(1)" in text) for text in texts] == [(False, True)] * 2
