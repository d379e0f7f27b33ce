"""`check-config`, and how manage.py chooses the configuration file."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from manage import configuration_argument

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def test_check_config_of_a_good_file(tmp_path):
    file = tmp_path / "good.toml"
    file.write_text("[dialog]\nearly_timeout = 30\n")
    out = StringIO()
    call_command("check_config", str(file), stdout=out)
    assert out.getvalue() == f"{file}: no mistakes\n"


def test_check_config_of_a_bad_file(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text("[dialog]\nearly_timout = 30\n")
    with pytest.raises(CommandError) as caught:
        call_command("check_config", str(file))
    assert (str(caught.value), caught.value.returncode) == (f"{file}:2: [dialog] early_timout: no such key; did you mean early_timeout?", 1)


def test_check_config_without_a_file(monkeypatch, settings, tmp_path):
    monkeypatch.delenv("DIALTAP_CONFIG", raising=False)
    settings.BASE_DIR = tmp_path
    out = StringIO()
    call_command("check_config", stdout=out)
    assert out.getvalue() == "no dialtap.toml: every key has its default\n"


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], None),
        (["migrate"], None),
        (["live", "--config", "x.toml", "--demo"], "x.toml"),
        (["replay", "--config=x.toml", "a.pcap"], "x.toml"),
        (["live", "--config"], None),
        (["replay", "--", "--config", "x"], None),
        (["check_config"], None),
        (["check_config", "--no-color", "x.toml"], "x.toml"),
    ],
)
def test_configuration_argument(arguments, chosen):
    assert configuration_argument(["manage.py", *arguments]) == chosen


@pytest.mark.parametrize(("arguments", "code"), [(["check_config", "FILE"], 1), (["check", "--config", "FILE"], 2)])
def test_wrong_configuration_is_one_line_and_an_exit_code(tmp_path, arguments, code):
    file = tmp_path / "bad.toml"
    file.write_text("[web]\nbind = 8000\n")
    environment = os.environ | {"DIALTAP_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    words = [str(file) if word == "FILE" else word for word in arguments]
    done = subprocess.run([sys.executable, ROOT / "manage.py", *words], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f'{file}:2: [web] bind: expected a text in quotes ("..."), got 8000\n')
