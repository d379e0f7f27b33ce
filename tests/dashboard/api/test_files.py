"""Capture files by the API and at the command line: opened, asked like the live system, apart from it, and gone when they are closed."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from dashboard.workspace import store
from tests.dashboard.api.conftest import API
from tests.dashboard.pages.test_files import RECORDING, no_process  # noqa: F401 -- a fixture

pytestmark = pytest.mark.django_db


def test_file_is_opened_asked_and_closed(rows, token):
    client, other = token("control"), token("control", "audit")
    opened = client.post(f"{API}/files", {"capture": io.BytesIO(RECORDING.read_bytes())}).json()
    found = client.get(f"{API}/files/{opened['ident']}").json()
    calls = client.get(f"{API}/calls?file={opened['ident']}").json()
    assert (found["progress"]["state"], calls["total"]) == ("done", found["progress"]["calls"])
    assert client.get(f"{API}/calls").json()["total"] == len(rows)  # the live system has its own
    assert client.get(f"{API}/calls/{calls['calls'][0]['call']}/messages?file={opened['ident']}").json()["messages"]
    assert [other.get(f"{API}/{path}").status_code for path in (f"files/{opened['ident']}", f"calls?file={opened['ident']}")] == [404, 404]
    assert [one["ident"] for one in client.get(f"{API}/files").json()["files"]] == [opened["ident"]]
    assert client.post(f"{API}/files/{opened['ident']}/close").json() == {"closed": opened["ident"]}
    assert store.find(opened["ident"]) is None


def test_file_is_opened_at_the_command_line(rows, capfd):
    call_command("ask", "file-open", str(RECORDING), "--json")
    opened = json.loads(capfd.readouterr().out)
    call_command("ask", "calls", "--file", opened["ident"], "--json")
    assert json.loads(capfd.readouterr().out)["total"] == store.find(opened["ident"]).progress.calls
    call_command("ask", "file-close", opened["ident"])
    assert store.find(opened["ident"]) is None
    with pytest.raises(CommandError, match="No such file"):
        call_command("ask", "file-open", "/nowhere.pcap")
