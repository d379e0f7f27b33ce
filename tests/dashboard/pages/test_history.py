"""History as it is served: queries, mistakes, zones, counts, downloads."""

import csv
import html
import io
import json
import re
from urllib.parse import parse_qsl

import pytest

from dashboard.history import search
from dashboard.history.keyset import USE
from dashboard.history.messages import StoredMessage
from dashboard.history.search import question
from dashboard.models import DialogQuerySet
from dashboard.pages import history
from dashboard.privacy.sealed import seal, unseal
from dashboard.query.cost import TooSlow
from dialogs.taps import CaptureFile
from tests.dashboard.history.calls import SECOND
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db


def text_of(client, address: str, status: int = 200, **asked: str) -> str:
    response = client.get(address, asked)
    assert response.status_code == status
    return response.content.decode()


def shown(text: str) -> list[int]:
    return [int(uid, 16) for uid in re.findall(r'<tr id="call-([0-9a-f]{16})"', text)]


def test_query_and_form_and_words_ask_the_same(viewer):
    record(call(1, caller="ann"), call(2, caller="bob"), call(3, caller="ann", state=5, end_ns=NOW + 9 * SECOND, end_code=486))
    asked = [{"q": "from = ann and state = failed"}, {"q": "ann state"}, {"caller": "ann", "state": "failed"}, {"q": "ann", "state": "failed"}, {"q": "ann"}]
    assert [shown(text_of(viewer, "/history/", **one)) for one in asked] == [[3], [], [3], [3], [3, 1]]
    text = text_of(viewer, "/history/", caller="ann", state="failed")
    assert 'value="from = &quot;ann&quot; and state = &quot;failed&quot;"' in text


def test_mistake_points_at_the_spot_and_keeps_the_text(viewer):
    text = text_of(viewer, "/history/", 400, q="code ~ 4")
    assert ["code ~ 4\n     ^" in text, "Column 6: code takes" in text, 'value="code ~ 4"' in text, shown(text)] == [True, True, True, []]
    assert "Column 9: expected a time" in text_of(viewer, "/history/", 400, when="soon")


def test_live_page_says_the_same_of_a_mistake(viewer):
    text = text_of(viewer, "/", q="code ~ 4")
    assert ["code ~ 4\n     ^" in text, "Column 6: code takes" in text, shown(text)] == [True, True, []]


def test_zone_of_the_page_is_that_of_its_times_and_is_remembered(viewer):
    record(call(1))
    texts = [text_of(viewer, "/history/", **asked) for asked in ({}, {"zone": "Europe/Berlin"}, {}, {"zone": "Mars/Base"}, {"zone": "UTC"})]
    assert [re.findall(r"2026-11-21 (\d\d):58:38", text) for text in texts] == [["20"], ["21"], ["21"], ["21"], ["20"]]
    assert ["Times are Europe/Berlin (UTC+0" in text for text in texts] == [False, True, True, True, False]
    typed = [shown(text_of(viewer, "/history/", zone=zone, q='begun = "2026-11-21 21:58:38"')) for zone in ("UTC", "Europe/Berlin")]
    assert typed == [[], [1]]


@pytest.mark.parametrize(("calls", "most", "words"), [(3, 10, "3 calls"), (1, 10, "1 call"), (60, 100, "60 calls"), (60, 55, "more than 55 calls")])
def test_count_is_a_number_or_says_more_than(viewer, monkeypatch, calls, most, words):
    monkeypatch.setattr(search, "COUNTED", most)
    monkeypatch.setattr(history, "COUNTED", most)
    record(*(call(number) for number in range(1, calls + 1)))
    assert re.findall(r'<span class="num">([^<]+)</span></?', text_of(viewer, "/history/").split('class="pager"')[1])[0] == words


def test_count_that_takes_too_long_is_not_made_up(viewer, monkeypatch):
    record(*(call(number) for number in range(1, 60)))
    monkeypatch.setattr(search, "COUNT_SECONDS", -1)
    monkeypatch.setattr("dashboard.query.cost.STEPS", 1)
    assert '<span class="num">more than 50 calls</span>' in text_of(viewer, "/history/")


def test_question_that_takes_too_long_is_given_up_in_words(viewer, monkeypatch):
    def slow(*_, **__):
        raise TooSlow

    monkeypatch.setattr(history, "page", slow)
    assert "This question takes too long" in text_of(viewer, "/history/", q="to ~ 1")


def test_columns_are_those_of_the_live_page(viewer):
    record(call(1))
    text = text_of(viewer, "/history/", columns="callid,state")
    assert (re.findall(r'<td class="c-(\w+)', text), "call-1@192.0.2.7" in text) == (
        ["pick", *["pick", "state", "callid", "menu"]],
        True,
    )  # the head's, then the row's


def test_page_has_its_bar_whatever_is_asked(viewer):
    texts = [text_of(viewer, "/history/", **asked) for asked in ({}, {"q": "state = live"}, {"sort": "caller"}, {"when": "today"})]
    assert [('<header class="top">' in text, "hx-ws:connect" in text) for text in texts] == [(True, True)] * 4


def test_columns_are_chosen_and_the_question_stays(viewer):
    record(call(1))
    text = text_of(viewer, "/history/", q="state = live", when="2026-11-21", sort="-caller", column=["caller", "node"])
    assert re.findall(r'<td class="c-(\w+)', text) == ["pick", "pick", "caller", "node", "menu"]
    form = text.partition('<form id="chooser"')[2].partition("</form>")[0]
    assert dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) == {"q": "state = live", "when": "2026-11-21", "zone": "UTC", "sort": "-caller"}
    search = text.partition('<form class="bar"')[2].partition("</form>")[0]
    assert dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', search)) == {"when": "2026-11-21", "columns": "caller,node", "sort": "-caller"}
    assert [f'value="{name}"{" checked" if name in ("caller", "node") else ""}>' in text for name in ("caller", "node", "path")] == [True] * 3


def test_heads_are_links_that_turn_the_order_round(viewer):
    record(call(1))
    seen = []
    for sort in ("", "caller", "-caller"):
        text = text_of(viewer, "/history/", q="state = live", at="", sort=sort)
        seen.append((re.findall(r'<th scope="col" class="c-caller"([^>]*)><a data-view href="([^"]*)"', text), "newest first" in text))
    link = "/history/?q=state+%3D+live&amp;zone=UTC"
    assert seen == [
        ([("", f"{link}&amp;sort=caller")], True),
        ([(' aria-sort="ascending"', f"{link}&amp;sort=-caller")], False),
        ([(' aria-sort="descending"', link)], False),
    ]


def walked(client, way: str, address: str, **asked: str) -> list[list[int]]:
    """Return the calls of each page, following "next" or "prev"."""
    text, pages = text_of(client, address, **asked), []
    while True:
        pages.append(shown(text))
        more = re.findall(rf'rel="{way}" href="\?([^"]+)"', text)
        if not more:
            return pages
        address = f"/history/?{html.unescape(more[0])}"
        text = text_of(client, address)


@pytest.mark.parametrize(("sort", "expected"), [("caller", [60, 1]), ("-caller", [1, 60]), ("-age", [1, 60])])
def test_sorted_pages_forth_and_back_are_honest(viewer, sort, expected):
    record(*(call(number, caller=f"{60 - number:02}" if number > 1 else "99", start_ns=NOW + number * SECOND) for number in range(1, 61)))
    first, second = walked(viewer, "next", "/history/", sort=sort, q="any ~ call")
    assert ([first[0], second[-1]], sorted(first + second), len(first)) == (expected, list(range(1, 61)), 50)
    link = re.findall(r'rel="next" href="\?([^"]+)"', text_of(viewer, "/history/", sort=sort, q="any ~ call"))[0]
    assert walked(viewer, "prev", f"/history/?{html.unescape(link)}") == [second, first]


def test_place_in_a_sorted_page_tells_no_number_and_is_of_its_order_only(viewer):
    record(*(call(number, caller=f"+4930{number:06d}") for number in range(1, 61)))
    text = text_of(viewer, "/history/", sort="caller")
    query = html.unescape(re.findall(r'rel="next" href="\?([^"]+)"', text)[0])
    place = dict(parse_qsl(query))["at"]
    assert ("4930" in query, shown(text_of(viewer, "/history/", sort="caller", at=place))) == (False, list(range(51, 61)))
    begun = '["from_user",false,1,'
    texts = ("x", "[]", f'{begun}7,1,"a"]', f'{begun}"a",99999999999999999999,"a"]', f'{begun}{{}},1,"a"]')
    bad = ["x", "n", "n5", f"q{place[1:]}", place[:-2], f'n{begun}"a",1,"a"]', *(f"n{seal(text, USE)}" for text in texts), f"n{seal('x' * 5000, USE)}"]
    bad.append(f"n{seal(unseal(place[1:], USE))}")  # as somebody gets who has a text of theirs made into a link
    assert [viewer.get("/history/", {"sort": "caller", "at": at}).status_code for at in bad] == [400] * len(bad)
    assert [viewer.get("/history/", {"sort": sort, "at": place}).status_code for sort in ("-caller", "callee", "")] == [400] * 3


def test_longest_texts_can_be_sorted_by(viewer):
    record(*(call(number, caller="\U0001f600" * 600, call_id="\u00e4" * 600, last_event="\U0001f600" * 5000) for number in range(1, 61)))
    for sort in ("caller", "callid", "event", "path"):
        assert [len(page) for page in walked(viewer, "next", "/history/", sort=sort)] == [50, 10]


def test_downloads_are_asked_without_the_order(viewer):
    record(call(1))
    text = text_of(viewer, "/history/", q="state = live", sort="caller", columns="caller")
    asked = "/history/calls.csv?q=state+%3D+live&amp;zone=UTC"
    assert re.findall(r'href="(/history/calls.csv[^"]*)"', text) == [asked, f"{asked}&amp;names=kamailio"]


def parts(client, kind: str, **asked: str) -> bytes:
    response = client.get(f"/history/calls.{kind}", asked)
    assert (response.status_code, response.streaming) == (200, True)
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("asked", [{}, {"q": "state = failed"}, {"q": "ann", "when": "2026-11-21"}, {"q": "nobody"}, {"caller": "ann", "state": "live"}])
def test_downloads_hold_what_the_pages_show(viewer, tmp_path, asked):
    invite = "INVITE sip:x SIP/2.0\r\nCall-ID: {}\r\n\r\n"
    snapshots = [call(n, caller=("ann", "bob")[n % 2], state=5 if n % 3 else 4, end_code=486 if n % 3 == 1 else 0) for n in range(1, 71)]
    for snapshot in snapshots:
        record(snapshot, messages=(message(invite.format(snapshot.call_id)),))
    text = text_of(viewer, "/history/", **asked)
    pages = shown(text)
    while older := re.findall(r'rel="next" href="\?([^"]+)"', text):
        text = text_of(viewer, f"/history/?{older[0].replace('&amp;', '&')}")
        pages += shown(text)
    rows = list(csv.DictReader(io.StringIO(parts(viewer, "csv", **asked).decode())))
    objects = json.loads(parts(viewer, "json", **asked))
    (tmp_path / "x.pcapng").write_bytes(parts(viewer, "pcapng", **asked))
    packets = [packet.data.decode().split("\r\n")[1] for packet in CaptureFile(tmp_path / "x.pcapng")]
    assert [int(row["call"], 16) for row in rows] == pages
    assert [int(found["call"], 16) for found in objects] == pages
    assert packets == [f"Call-ID: call-{number}@192.0.2.7" for number in pages]


def message(text: str):
    return StoredMessage(NOW, "192.0.2.7:5060", "192.0.2.1:5060", "udp", repeat=False, data=text.encode())


def test_download_of_a_mistake_is_the_page_that_says_it(viewer):
    assert "Column 6" in text_of(viewer, "/history/calls.json", 400, q="code ~ 4")


def test_completion_says_what_could_stand_next(viewer):
    assert text_of(viewer, "/history/offers/", q='code = "404" and <b>dur').strip() == ""
    assert text_of(viewer, "/history/offers/", q='to = "<b>" and dur').strip() == (
        '<button type="button" data-take="to = &quot;&lt;b&gt;&quot; and duration "><b>duration</b> seconds, as the table shows them</button>'
    )


def test_question_is_asked_in_one_query(viewer, django_assert_num_queries):
    record(call(1))
    calls: DialogQuerySet = question("to ~ 5000 and duration > 1", "2026-11-21", "UTC").calls(NOW + 99 * SECOND)
    with django_assert_num_queries(1):
        assert len(list(calls)) == 1
