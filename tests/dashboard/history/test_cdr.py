"""Call records as files: NDJSON, Kamailio's columns, atomic files, the command."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from dashboard.history.cdr import KAMAILIO, NAMES, PAGES, columns_of, csv_pages, ndjson_pages, write_file
from dashboard.history.export import COLUMNS
from dashboard.models import DialogRow
from dashboard.privacy import CLEAR
from tests.dashboard.history.calls import NOW, SECOND, call
from tests.dashboard.live.people import person, record

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]


def times(begun: int = 0, answered: int = 2, ended: int = 62) -> dict[str, int]:
    at = NOW + begun * SECOND
    return {"init_ns": at, "ring_ns": at + SECOND, "start_ns": at + answered * SECOND if answered else 0, "end_ns": at + ended * SECOND, "last_ns": at}


def kamailio(zone: object = UTC) -> list[dict[str, str]]:
    text = "".join(csv_pages(DialogRow.objects.all(), zone, CLEAR, KAMAILIO))  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(text)))


def test_columns_of_kamailio_are_those_of_its_acc_module() -> None:
    record(call(1, state=5, **times()))
    assert kamailio() == [
        {
            "start_time": "2026-11-21 20:58:39",
            "end_time": "2026-11-21 20:59:39",
            "duration": "60.000",
            "caller": "sip:4417@example.net",
            "callee": "sip:5000@example.net",
            "method": "INVITE",
            "from_tag": "tag-caller",
            "to_tag": "tag-callee",
            "callid": "call-1@192.0.2.7",
            "sip_code": "200",
            "sip_reason": "OK",
            "time": "2026-11-21 20:58:37",
            "src_user": "4417",
            "src_domain": "example.net",
            "dst_user": "5000",
            "dst_domain": "example.net",
        }
    ]
    assert kamailio(ZoneInfo("Europe/Berlin"))[0]["start_time"] == "2026-11-21 21:58:39"


def test_call_that_failed_lasts_nothing_as_with_acc() -> None:
    record(call(1, state=5, end_code=486, end_reason="Busy Here", **times(answered=0)))
    (row,) = kamailio()
    assert [row[name] for name in ("start_time", "end_time", "duration", "sip_code", "sip_reason")] == [
        "2026-11-21 20:58:37",
        "2026-11-21 20:58:37",
        "0.000",
        "486",
        "Busy Here",
    ]


def test_call_that_is_up_has_no_end() -> None:
    record(call(1, **times() | {"end_ns": 0}))
    (row,) = kamailio()
    assert (row["end_time"], row["duration"]) == ("", "0.000")


def test_ndjson_is_an_object_a_line_and_changes_no_text() -> None:
    record(call(1, caller="+4930", state=5, **times()), call(2, caller="=1+1", state=5, **times(10)))
    lines = [json.loads(line) for line in "".join(ndjson_pages(DialogRow.objects.all())).splitlines()]
    assert [(line["caller"], list(line) == [column.title for column in COLUMNS]) for line in lines] == [("=1+1", True), ("+4930", True)]
    assert "".join(ndjson_pages(DialogRow.objects.none())) == ""


@pytest.mark.parametrize("names", NAMES)
def test_cells_are_no_formulas_with_any_names(names: str) -> None:
    record(call(1, caller="@SUM(1)", call_id="=cmd|' /C calc'!A0", state=5, **times()))
    text = "".join(csv_pages(DialogRow.objects.all(), columns=columns_of(names)))
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "@", "+", "-"))] == []


@pytest.mark.parametrize("kind", PAGES)
def test_download_has_names_and_kinds(kind: str) -> None:
    record(call(1, state=5, **times()))
    client = Client()
    client.force_login(person("viewer"))
    for names, title in (("", "talk_seconds"), ("kamailio", "src_domain"), ("nonsense", "talk_seconds")):
        response = client.get(f"/history/calls.{kind}", {"names": names})
        assert title in b"".join(response.streaming_content).decode()
        assert response["Content-Disposition"].endswith(f'.{kind}"')


def test_file_appears_as_a_whole(tmp_path: Path) -> None:
    def pieces() -> object:
        yield "a\n"
        assert not (tmp_path / "x.csv").exists()
        yield "b\n"

    write_file(tmp_path / "x.csv", pieces())  # type: ignore[arg-type]
    assert [(path.name, path.read_text(), oct(path.stat().st_mode & 0o777)) for path in tmp_path.iterdir()] == [("x.csv", "a\nb\n", "0o640")]


# The command


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("cdr", *arguments)
    return capsys.readouterr().out


def test_command_writes_what_the_history_finds(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record(*(call(number, caller=f"44{number}", state=5, **times(number * 10)) for number in range(1, 6)))
    client = Client()
    client.force_login(person("viewer"))
    query = 'caller in ("441", "443")'
    download = b"".join(client.get("/history/calls.csv", {"q": query}).streaming_content).decode()
    assert output(capsys, query) == download
    assert client.get("/history/", {"q": query}).context["total"] == download.count("\r\n") - 1 == 2
    assert len(output(capsys, "--when", "2026-11-21 20:59..21:00", "--format", "ndjson").splitlines()) == 3
    call_command("cdr", query, "--output", str(tmp_path / "calls.csv"))
    assert (tmp_path / "calls.csv").read_text(newline="") == download
    assert '"start_time": "2026-11-21 21:59:29"' in output(capsys, "--names", "kamailio", "--format", "json", "--zone", "Europe/Berlin")
    assert '"caller": "4xx"' in output(capsys, "--masked", "--format", "ndjson")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--zone", "Mars/Base"), "--zone: there is no time zone 'Mars/Base'"),
        (("nobody = 1",), "nobody = 1: column 1: no field is called nobody"),
        (("--when", "someday"), "begun = "),
    ],
)
def test_wrong_words_are_one_line(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("cdr", *arguments)
    assert (str(caught.value)[: len(said)], caught.value.returncode) == (said, 2)


def test_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError) as caught:
        call_command("cdr", "--output", str(tmp_path / "file" / "calls.csv"))
    assert caught.value.returncode == 1


def test_reader_that_has_enough_ends_it_quietly(tmp_path: Path) -> None:
    environment = {"DIALTAP_VAR": str(tmp_path), "DIALTAP_CONFIG": "/dev/null", "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    done = subprocess.run(f"{sys.executable} manage.py cdr | head -c 0", shell=True, cwd=ROOT, env=environment, capture_output=True, check=True)  # noqa: S602 -- a pipe
    assert done.stderr == b""
