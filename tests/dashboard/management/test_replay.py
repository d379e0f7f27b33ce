"""`./dialtap replay`: stdout is the answer alone."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[3]
BASIC = Path(__file__).resolve().parents[2] / "recordings" / "basic" / "capture.pcap"
BUSY = BASIC.parents[1] / "busy" / "capture.pcap"


def replay(*arguments):
    """Return (stdout, stderr) of the command."""
    out, errors = StringIO(), StringIO()
    call_command("replay", *map(str, arguments), stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


def test_table_is_for_people():
    out, errors = replay(BASIC, BUSY)
    assert [line.split()[:2] for line in out.splitlines()[1:3]] == [["Ended", "0:00:02"], ["Failed", "486"]] or out
    assert out.splitlines()[-1] == "20 messages, 2 calls, 2 dialogs, 0 anomalies"
    assert errors == ""


def test_json_is_one_object():
    out, _ = replay(BASIC, "--json")
    answer = json.loads(out)
    assert list(answer) == ["packets", "messages", "calls", "dialogs", "stats", "anomalies", "late_joins", "seconds"]
    (dialog,) = answer["dialogs"]
    assert list(dialog)[-5:] == ["state_name", "ended_by", "end_code", "answered_ts", "incomplete"]
    assert (dialog["state"], dialog["state_name"], dialog["ended_by"], dialog["end_code"]) == (5, "DELETED", "caller", 0)


def test_stats_are_counts_only():
    out, _ = replay(BASIC, "--stats")
    assert dict(line.split() for line in out.splitlines())["messages"] == "13"
    assert "dialogs" not in json.loads(replay(BASIC, "--stats", "--json")[0])


def test_at_prints_one_line_a_moment_also_beside_json(tmp_path):
    moments = tmp_path / "at"
    moments.write_text("1795294351.0\n1795294353.9\n1795294356\n")
    plain, both = replay(BASIC, "--at", moments)[0], replay(BASIC, "--at", moments, "--json")[0]
    answers = [json.loads(line) for line in plain.splitlines()]
    assert plain == both
    assert [(answer["t"], [dialog["state"] for dialog in answer["dlg.list"]]) for answer in answers] == [
        (1795294351.0, []),
        (1795294353.9, [4]),
        (1795294356.0, [5]),
    ]


def test_cut_capture_keeps_what_came_before_and_says_so(tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(BASIC.read_bytes()[:-30])
    out, errors = replay(cut)
    assert out.splitlines()[-1].startswith("12 messages")
    assert errors == f"{cut}: the capture is cut or damaged; what came before it was read\n"


@pytest.mark.parametrize("content", [b"", b"not a capture at all, but long enough to be read"])
def test_file_that_is_no_capture_is_refused(tmp_path, content):
    wrong = tmp_path / "wrong.pcap"
    wrong.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        replay(wrong)
    assert (refused.value.returncode, "wrong.pcap" in str(refused.value)) == (2, True)


def test_folder_is_its_captures_together_and_a_cut_one_is_named(tmp_path):
    (tmp_path / "b.pcap").write_bytes(BASIC.read_bytes())
    (tmp_path / "a.pcap").write_bytes(BUSY.read_bytes()[:-30])
    out, errors = replay(tmp_path)
    assert out.splitlines()[-1] == "19 messages, 2 calls, 2 dialogs, 0 anomalies"
    assert errors == f"{tmp_path / 'a.pcap'}: the capture is cut or damaged; what came before it was read\n"


def test_folder_without_captures_is_refused_in_one_line(tmp_path):
    with pytest.raises(CommandError) as refused:
        replay(tmp_path)
    assert (refused.value.returncode, str(refused.value)) == (2, f"{tmp_path}: no capture in it")


def test_capture_from_standard_input_is_read_as_any_other():
    command = [sys.executable, str(ROOT / "manage.py"), "replay", "-", "--json"]
    with BASIC.open("rb") as capture:
        piped = subprocess.Popen(["cat"], stdin=capture, stdout=subprocess.PIPE)
    done = subprocess.run(command, stdin=piped.stdout, capture_output=True, text=True, check=True, cwd=ROOT)
    piped.stdout.close()
    assert (piped.wait(), json.loads(done.stdout)["messages"], done.stderr) == (0, 13, "")
