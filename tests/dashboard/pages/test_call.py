"""The call page, and what is opened and taken away from its ladder."""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings

from dashboard.history.messages import StoredMessage
from dashboard.live.ladderview import Look
from dashboard.pages.ladder import picture
from dialogs.insight.ladder import Host, Ladder, Step
from tests.dashboard.live.people import NOW, call, record
from tests.dashboard.live.recordings import recorded

pytestmark = pytest.mark.django_db
UID = call(1).uid
HEADERS = ("Via: SIP/2.0/UDP x;branch=z", 'From: "<b>Eve</b>" <sip:e@x>', "Authorization: Digest secret", "CSeq: 1 INVITE", "", "body")
EVE = "\r\n".join(("INVITE sip:5000@example.net SIP/2.0", *HEADERS))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def store():
    yield Path(settings.VAR) / "messages"
    shutil.rmtree(Path(settings.VAR) / "messages", ignore_errors=True)


def stored(*texts: str) -> tuple[StoredMessage, ...]:
    return tuple(StoredMessage(NOW, "192.0.2.7:5060", "192.0.2.1:5060", "udp", repeat=False, data=text.encode()) for text in texts)


def text_of(client, address: str) -> str:
    return client.get(address).content.decode()


def steps_in(text: str) -> list[str]:
    return re.findall(r'<li id="(m\d+)"', text)


def test_page_explains_first_and_shows_everything(viewer):
    text = text_of(viewer, f"/call/{recorded('fork').uid}/")
    order = [text.index(words) for words in ("Forked to 2.", "<h2>States", "<h2>Times", "<h2>Legs", "<h2>Variables", "<h2>Identity", 'id="steps"')]
    assert (order, len(steps_in(text))) == (sorted(order), 20)
    assert re.findall(r'<b>Ended by the caller after 2.0 s.</b> <a href="\?m=11#m11">\(11\)</a>', text) != []


def test_steps_are_a_list_that_can_be_read_aloud(viewer):
    text = text_of(viewer, f"/call/{recorded('basic').uid}/")
    first = re.search(r"<li id=\"m1\".*?</li>", text)[0]
    assert re.sub(r"<[^>]+>", " ", first).split() == ["1", "+0.000", "INVITE", "SDP", "PCMU,", "PCMA", "alice", "to", "127.0.0.1:5060"]
    assert re.findall(r'<ol id="steps">', text) == ['<ol id="steps">']


def test_keys_of_the_ladder_are_listed_where_they_apply(viewer):
    table = (Path(settings.BASE_DIR) / "docs" / "operating.md").read_text().split("| key | on the ladder |")[1].split("\n\n")[0]
    documented = {*re.findall(r"`([^`]+)`", table)}
    call_page, live = ({*re.findall(r"<kbd>(.+?)</kbd>", text_of(viewer, at).split('id="keys"')[1])} for at in (f"/call/{recorded('basic').uid}/", "/"))
    assert (documented - call_page, documented & live) == (set(), {"↑", "↓", "Enter", "w"})  # of `g w`


def test_message_is_spelled_and_escaped(viewer):
    record(call(1), messages=stored(EVE))
    page, part = text_of(viewer, f"/call/{UID}/?m=1"), text_of(viewer, f"/call/{UID}/message/1/")
    assert [("&lt;b&gt;Eve&lt;/b&gt;" in text, "<b>Eve" in text, "secret" in text) for text in (page, part)] == [(True, False, False)] * 2
    assert '<span class="p-b">INVITE sip:5000@example.net SIP/2.0</span>' in part


@pytest.mark.parametrize(("number", "status"), [(0, 404), (1, 200), (2, 404), (99999999999, 404)])
def test_only_stored_messages_can_be_opened(viewer, number, status):
    record(call(1), messages=stored(EVE))
    assert viewer.get(f"/call/{UID}/message/{number}/").status_code == status


@pytest.mark.parametrize(("query", "shown"), [("m=1", True), ("m=0", False), ("m=2", False), ("m=x", False), (f"at={NOW}", True), ("at=5", False)])
def test_address_may_name_a_message(viewer, query, shown):
    record(call(1), messages=stored(EVE))
    assert ("p-b" in text_of(viewer, f"/call/{UID}/?{query}")) == shown


def test_two_messages_are_compared(viewer):
    row = recorded("basic")
    text = text_of(viewer, f"/call/{row.uid}/diff/1/3/")
    assert ("1 · INVITE" in text, "3 · INVITE" in text, "<ins>+ Record-Route: " in text, "<del>- Max-Forwards: 70</del>" in text) == (True, True, True, True)
    assert viewer.get(f"/call/{row.uid}/diff/1/99/").status_code == 404


def test_look_stands_in_the_address_and_is_kept(viewer):
    row = recorded("basic")
    text = text_of(viewer, f"/call/{row.uid}/?hosts=port&method=BYE&find=sip")
    assert steps_in(text) == ["m10", "m11", "m12", "m13"]
    wire = f"/ws/live/?page=call&amp;uid={row.uid}&amp;have={row.revision}&amp;hosts=port&amp;method=BYE&amp;find=sip"
    assert re.findall(r'hx-ws:connect="([^"]+)"', text) == [wire]
    assert re.findall(r'<li id="m10"[^>]*><a href="([^"]+)"', text) == ["?hosts=port&amp;method=BYE&amp;find=sip&amp;m=10#m10"]


LOOKS = {
    "": Look(),
    "hosts=port&method=BYE&find=x": Look("port", "BYE", "x"),
    "hosts=evil": Look(),
    "find=" + "x" * 200: Look(find="x" * 100),
}


@pytest.mark.parametrize(("query", "look"), LOOKS.items())
def test_look_is_read_from_a_query(query, look):
    assert Look.parse(dict(part.split("=") for part in query.split("&") if part)) == look


def test_ladder_is_taken_away_as_text(viewer):
    row = recorded("basic")
    answer = viewer.get(f"/call/{row.uid}/ladder.txt?hosts=address&method=BYE")
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="alice-5011-\d{8}-\d{6}\.txt"', answer["Content-Disposition"])
    assert (lines[0], lines[2].split(), len(lines)) == (f"alice -> 5011, Call-ID {row.call_id}", ["127.0.0.10", "127.0.0.1", "127.0.0.20"], 8)


def test_ladder_is_taken_away_as_a_picture(viewer):
    answer = viewer.get(f"/call/{recorded('basic').uid}/ladder.svg")
    drawing = ET.fromstring(answer.content)  # noqa: S314 - made by ourselves
    assert (answer["Content-Type"], len(drawing.findall(f"{SVG}g")), len(drawing.findall(f"{SVG}line"))) == ("image/svg+xml", 13, 3)


def test_picture_holds_repeats_and_who_talks_to_itself():
    step = Step(1, 0, 0, 0, 0, "odd", "", "not SIP", "", -1, 0)
    arrows = picture(Ladder([Host("a", "a")], [step, step._replace(repeated=True, repeats=(3,), until_ns=5)]))["arrows"]
    assert [(arrow["from"], arrow["to"], arrow["dashed"], arrow["words"]) for arrow in arrows] == [
        (190, 247, False, "not SIP"),
        (190, 247, True, "not SIP · +2 repeats"),
    ]


def test_call_without_stored_messages_says_so(viewer):
    record(call(1), call(2, state=5, end_ns=NOW))
    assert [re.findall(r'<p class="hint">([^<]+)</p></div>', text_of(viewer, f"/call/{n:016x}/")) for n in (1, 2)] == [
        ["No message of this call is stored yet."],
        ["No message of this call was stored."],
    ]


def test_messages_older_than_retention_are_said(viewer, store):
    row = recorded("basic")
    shutil.rmtree(store)
    (hint,) = re.findall(r'<p class="hint">([^<]+)</p></div>', text_of(viewer, f"/call/{row.uid}/"))
    assert re.fullmatch(r"Messages of \d{4}-\d\d-\d\d \d\d:00 UTC are no longer kept\.", hint)


def test_encrypted_leg_is_said(viewer):
    record(call(1, incomplete=("the callee's leg is encrypted: not seen",)))
    text = text_of(viewer, f"/call/{UID}/")
    assert "The callee&#x27;s leg is encrypted: not seen; a proxy that sends its copies by HEP makes it readable." in text


def test_choice_that_nothing_fits_says_so(viewer):
    assert "None of the 13 messages is what you look for." in text_of(viewer, f"/call/{recorded('basic').uid}/?find=nowhere")


def test_related_calls_are_linked(viewer):
    record(call(1), call(2))
    text = text_of(viewer, f"/call/{UID}/")
    assert (f'<a href="/call/{2:016x}/">' in text, "same parties, 1.0 s apart" in text) == (True, True)
