"""A call as a capture file."""

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import call_command
from django.test import AsyncClient, Client

from dashboard.models import DialogRow
from dashboard.pages.call import file_name
from dialogs.taps import CaptureFile
from tests.dashboard.live.people import NOW, PEOPLE, call, person, record
from tests.dashboard.live.recordings import RECORDINGS, recorded

pytestmark = pytest.mark.django_db
ANSWERED = ["state", "from_uri", "to_uri", "call-id", "ended_by", "end_code", "answered_ts", "init_ts", "start_ts", "end_ts", "duration"]


@pytest.fixture(autouse=True)
def store():
    yield Path(settings.VAR) / "messages"
    shutil.rmtree(Path(settings.VAR) / "messages", ignore_errors=True)


def client(role: str = "viewer") -> Client:
    asking = Client()
    if role in PEOPLE:
        asking.force_login(person(role))
    return asking


def replayed(path: Path) -> list[dict[str, object]]:
    out = io.StringIO()
    call_command("replay", str(path), "--json", stdout=out)
    return [{name: dialog.get(name) for name in ANSWERED} for dialog in json.loads(out.getvalue())["dialogs"]]


@pytest.mark.parametrize("name", ["basic", "busy", "cancel", "callee-hangup", "reinvite"])
def test_downloaded_call_replays_as_the_same_call(tmp_path, name):
    row = recorded(name)
    answer = client().get(f"/call/{row.uid}/pcap/")
    downloaded = tmp_path / "call.pcapng"
    downloaded.write_bytes(b"".join(answer.streaming_content))
    assert (answer.status_code, answer.streaming, answer["Content-Type"]) == (200, True, "application/octet-stream")
    assert len(list(CaptureFile(downloaded))) == row.messages
    assert replayed(downloaded) == replayed(RECORDINGS / name / "capture.pcap")


def test_call_that_is_up_can_be_downloaded():
    (row,) = DialogRow.objects.filter(pk=recorded("basic").uid)
    DialogRow.objects.update(state=4)
    assert client().get(f"/call/{row.uid}/pcap/").status_code == 200


def test_button_stands_on_the_page_of_a_call_with_messages():
    row = recorded("basic")
    page = client().get(f"/call/{row.uid}/").content.decode()
    assert re.findall(r'<a data-pcap href="([^"]+)" download>', page) == [f"/call/{row.uid}/pcap/"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_download_is_streamed_also_where_pages_are_served():
    row = await sync_to_async(recorded)("basic")
    asking = AsyncClient()
    await asking.aforce_login(await sync_to_async(person)("viewer"))
    answer = await asking.get(f"/call/{row.uid}/pcap/")
    pieces = [piece async for piece in answer.streaming_content]
    assert (answer.is_async, len(pieces)) == (True, 1 + row.messages)


@pytest.mark.parametrize(("role", "status"), [("operator", 200), ("viewer", 200), ("stranger", 403), ("anonymous", 302)])
def test_download_is_for_who_may_look(role, status):
    assert client(role).get(f"/call/{recorded('basic').uid}/pcap/").status_code == status


def test_messages_that_are_no_longer_kept_are_said(store):
    row = recorded("basic")
    shutil.rmtree(store)
    answer = client().get(f"/call/{row.uid}/pcap/")
    assert (answer.status_code, "UTC are no longer kept." in answer.content.decode()) == (404, True)


def test_call_without_any_stored_message_says_so():
    row = record(call(1))[0]
    answer = client().get(f"/call/{row.uid}/pcap/")
    assert (answer.status_code, "No message of this call was stored." in answer.content.decode()) == (404, True)


NAMES = {
    "plain": ("4417", "+15550100", "4417-+15550100-20261121-205838.pcapng"),
    "hostile": ('a"; filename="x.exe', "../../etc/passwd\r\nX: y", "a_filename_x_exe-etc_passwd_X_y-20261121-205838.pcapng"),
    "empty and foreign": ("", "\u0430\u043b\u0438\u0441\u0430", "unknown-unknown-20261121-205838.pcapng"),
    "long": ("a" * 500, "b", f"{'a' * 40}-b-20261121-205838.pcapng"),
}


@pytest.mark.parametrize(("caller", "callee", "name"), NAMES.values(), ids=NAMES)
def test_file_is_named_by_the_parties_and_the_time(caller, callee, name):
    assert file_name(DialogRow(from_user=caller, to_user=callee, init_ns=NOW + 10**9)) == name
