"""Changing a live call from its page: a real engine behind a real door, and what the audit log says of it."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from dashboard.history.recorder import Recorder
from dashboard.history.rows import Change
from dashboard.ingest.door import Door
from dashboard.models import AuditEvent, DialogRow
from dashboard.rpc import local
from dialogs.config import Rpc
from dialogs.engine.states import State
from tests.dashboard.history.calls import NOW
from tests.dashboard.live.people import PEOPLE, call, person, record
from tests.dialogs.rpc.hosts import OURS, Recording

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


class Scene:
    """One call that is up, its row, and somebody who looks at its page."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.playing = Recording(OURS / "basic", folder)
        self.playing.play_until(4)
        self.client = signed_in("operator")
        (self.call,) = self.playing.engine.all_calls()
        (self.record,) = self.playing.engine.all_records()
        self.written()

    def written(self, **changes) -> None:
        """Have the row say what the engine says."""
        recorder = Recorder("n1", lambda _tap: False, self.folder)
        recorder.write([Change(self.playing.engine.snapshot(self.call.uid), "", (), "", None)], NOW)
        recorder.close()
        DialogRow.objects.update(**changes)

    def post(self, **form):
        return self.client.post(f"/call/{self.call.uid}/change/", form, headers=HTMX, REMOTE_ADDR="192.0.2.7")

    def form(self) -> str:
        return self.client.get(f"/call/{self.call.uid}/change/form", headers=HTMX).content.decode()


def signed_in(role: str, **options) -> Client:
    client = Client(**options)
    if role in PEOPLE:
        client.force_login(person(role))
    elif role == "administrator":
        user = User.objects.create_user(role)
        user.groups.set(Group.objects.filter(name=role))
        client.force_login(user)
    return client


@pytest.fixture
def scene(tmp_path):
    found = Scene(tmp_path)
    local.set_door(Door(found.playing.host, Rpc(socket=""), tmp_path))
    yield found
    local.set_door(None)


def audited() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", "text"))


def test_variable_is_set_changed_and_removed(scene):
    said = scene.post(what="set_var", key="queue", value="sales <1>")
    assert (scene.record.variables, scene.call.variables, scene.playing.touched) == ({"queue": "sales <1>"}, {"queue": "sales <1>"}, [scene.call.uid])
    assert (said.status_code, "queue = sales &lt;1&gt;" in said.content.decode(), "Variable queue:" in said.content.decode()) == (200, True, True)
    scene.written()
    assert "queue = sales &lt;1&gt;" in scene.form()
    scene.post(what="set_var", key="queue", value="support")
    gone = scene.post(what="unset_var", key="queue")
    assert (scene.record.variables, scene.call.variables, "queue = " in gone.content.decode()) == ({}, {}, False)
    assert [text.partition(": ")[2] for _action, text in audited()] == [
        'variable queue: none -> "sales <1>"',
        'variable queue: "sales <1>" -> "support"',
        'variable queue: "support" -> removed',
    ]
    event = AuditEvent.objects.earliest("pk")
    assert (event.username, event.action, event.address, event.dialog_uid) == ("operator", "call changed", "192.0.2.7", scene.call.uid)
    assert event.text.startswith("alice -> 5011: ")


def test_flag_is_set_and_reset(scene):
    said = scene.post(what="setflag", flag="3")
    assert (scene.record.sflags, scene.call.sflags, 'aria-label="Reset flag 3"' in said.content.decode()) == (8, 8, True)
    scene.written()
    said = scene.post(what="resetflag", flag="3")
    assert (scene.record.sflags, scene.call.sflags, "Reset flag 3" in said.content.decode()) == (0, 0, False)
    assert [text.partition(": ")[2] for _action, text in audited()] == ["flag 3: not set -> set", "flag 3: set -> not set"]


def test_lifetime_is_set_and_ends_the_call(scene):
    assert scene.post(what="set_timeout", seconds="60").status_code == 200
    assert (scene.record.lifetime, scene.call.lifetime, scene.record.timeout_ns) == (60, 60, scene.playing.now_ns + 60 * 10**9)
    scene.playing.engine.expire(scene.playing.now_ns + 61 * 10**9)
    assert (scene.call.state, scene.call.ended_by) == (State.DELETED, "timeout")
    assert audited()[0][1].endswith(": lifetime: 21600 s -> 60 s")


MISTAKES = {
    "nothing": ({}, "Say what is to be changed"),
    "something else": ({"what": "set_state"}, "Say what is to be changed"),
    "no name": ({"what": "set_var", "key": "", "value": "1"}, "Give the variable a name"),
    "long name": ({"what": "set_var", "key": "k" * 1025, "value": "1"}, "at most 1024 characters"),
    "blank name": ({"what": "set_var", "key": " k", "value": "1"}, "without blanks around it"),
    "long value": ({"what": "set_var", "key": "k", "value": "1" * 1025}, "one line each"),
    "two lines": ({"what": "set_var", "key": "k", "value": "1\r\n2"}, "one line each"),
    "flag 32": ({"what": "setflag", "flag": "32"}, "A flag is a whole number from 0 to 31"),
    "no flag": ({"what": "resetflag", "flag": ""}, "A flag is a whole number from 0 to 31"),
    "flag of digits that are none": ({"what": "setflag", "flag": "²"}, "A flag is a whole number from 0 to 31"),
    "no time": ({"what": "set_timeout", "seconds": "0"}, "The lifetime in seconds is a whole number from 1 to 315360000"),
    "endless time": ({"what": "set_timeout", "seconds": "9" * 5000}, "The lifetime in seconds is a whole number from 1 to 315360000"),
}


@pytest.mark.parametrize(("form", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_said_in_place_and_changes_nothing(scene, form, words):
    said = scene.post(**form)
    text = said.content.decode()
    assert (said.status_code, words in text, 'role="alert"' in text, "<html" in text) == (400, True, True, False)
    assert (scene.record.variables, scene.record.sflags, scene.record.lifetime, audited()) == ({}, 0, 21600, [])
    assert all(value[:80] in text for name, value in form.items() if name in ("value", "seconds") and value.isprintable())


def test_call_with_too_many_variables_says_so(scene):
    for number in range(64):
        scene.call.variables[str(number)] = scene.record.variables[str(number)] = ""
    said = scene.post(what="set_var", key="one more", value="")
    assert (said.status_code, "Refused: Too many variables" in said.content.decode(), audited()[0][0]) == (409, True, "change refused")


@pytest.mark.parametrize(("row", "words"), [({"recorded": True}, "recorded call: nothing about it can be changed"), ({"state": 5}, "already ended")])
def test_recorded_and_ended_calls_stay_as_they_are(scene, row, words):
    DialogRow.objects.update(**row)
    said = scene.post(what="setflag", flag="1")
    assert (said.status_code, f"Refused: {words}" in said.content.decode(), scene.record.sflags) == (409, True, 0)
    assert audited() == [("change refused", f"alice -> 5011: flag 1: {words}")]
    assert [f"Refused: {words}" in scene.form(), "<form" in scene.form()] == [True, False]
    assert "Change…" not in scene.client.get(f"/call/{scene.call.uid}/").content.decode()


def test_call_that_the_engine_has_left_is_said_to_be_gone(scene):
    scene.playing.play(scene.playing.now_ns + 3600 * 10**9)
    said = scene.post(what="setflag", flag="1")
    assert (said.status_code, "Refused: the ingest that answers here does not follow this call" in said.content.decode()) == (409, True)


def test_without_an_ingest_nothing_is_changed(scene, settings, tmp_path):
    local.set_door(None)
    settings.VAR = tmp_path
    said = scene.post(what="setflag", flag="1")
    assert (said.status_code, "Refused: no ingest answers at" in said.content.decode(), audited()[0][0]) == (409, True, "change refused")


@pytest.mark.parametrize("broken", [b"", b"[", b"[]", b"{}", b'[{"id":0}]', b'[{},{"id":1}]'])
def test_answer_that_breaks_off_is_not_taken_for_done(scene, broken):
    class Torn:
        async def answer(self, _body, *, control):
            yield broken if control else b""

    local.set_door(Torn())
    said = scene.post(what="setflag", flag="1")
    assert (said.status_code, "the ingest broke off" in said.content.decode(), audited()[0][0]) == (409, True, "change refused")


@pytest.mark.parametrize(("role", "status"), [("administrator", 200), ("viewer", 403), ("stranger", 403), ("anonymous", 302)])
def test_changing_is_for_who_may_change(scene, role, status):
    address = f"/call/{scene.call.uid}/change/"
    client = signed_in(role)
    assert [client.get(f"{address}form").status_code, client.post(address, {"what": "setflag", "flag": "1"}).status_code] == [status] * 2
    assert scene.record.sflags == (2 if status == 200 else 0)
    page = client.get(f"/call/{scene.call.uid}/", follow=True).content.decode()
    assert ("Change…" in page) == (status == 200)


def test_form_is_a_page_of_its_own_without_scripts(scene):
    page = scene.client.post(f"/call/{scene.call.uid}/change/", {"what": "setflag", "flag": "1"}).content.decode()
    assert ("<html" in page, "Flag 1: set" in page, f'href="/call/{scene.call.uid}/"' in page) == (True, True, True)


def test_change_is_posted_with_its_token(scene):
    address = f"/call/{scene.call.uid}/change/"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="operator"))
    assert [scene.client.get(address).status_code, scene.client.post(f"{address}form").status_code] == [405, 405]
    assert [strict.post(address, {"what": "setflag", "flag": "1"}).status_code, scene.record.sflags] == [403, 0]
    assert scene.client.post("/call/0000000000000000/change/", {"what": "setflag", "flag": "1"}).status_code == 404


def test_every_field_and_button_has_a_name(scene):
    scene.post(what="set_var", key="queue", value="sales")
    scene.written()
    text = scene.form()
    assert (text.count("<input"), text.count('type="hidden"'), text.count("<label")) == (text.count('type="hidden"') + 4, text.count('type="hidden"'), 4)
    assert text.count("<button") == text.count("aria-label=") == 4
    assert text.count("csrfmiddlewaretoken") == text.count("<form") == 4


def test_made_up_call_offers_its_form(db):
    record(call(1, flags=(0, 31), variables=(("a", "b"),)))
    text = signed_in("operator").get(f"/call/{call(1).uid}/change/form").content.decode()
    assert ("Reset flag 31" in text, "a = b" in text) == (True, True)
