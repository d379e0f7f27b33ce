"""Settings from the environment and the first run's files."""

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
import structlog

from dashboard.environment import allowed_hosts, database, env_bool, env_path, host_of, logging_config, printable, secret_key
from dialogs.config import Web
from dialogs.configfile import ConfigError


@pytest.mark.parametrize(
    ("text", "on"), [("1", True), ("true", True), (" On ", True), ("yes", True), ("0", False), ("", False), ("false", False), ("no", False)]
)
def test_env_bool_takes_usual_words(monkeypatch, text, on):
    monkeypatch.setenv("DIALTAP_HTTPS", text)
    assert env_bool("DIALTAP_HTTPS") is on


def test_env_bool_is_off_when_unset(monkeypatch):
    monkeypatch.delenv("DIALTAP_HTTPS", raising=False)
    assert env_bool("DIALTAP_HTTPS") is False


def test_env_bool_refuses_other_words(monkeypatch):
    monkeypatch.setenv("DIALTAP_HTTPS", "maybe")
    with pytest.raises(ConfigError, match=r"^DIALTAP_HTTPS: expected 1 or 0, got 'maybe'$"):
        env_bool("DIALTAP_HTTPS")


def test_env_path_is_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIALTAP_VAR", "here")
    assert env_path("DIALTAP_VAR", Path("/else")) == tmp_path / "here"
    monkeypatch.setenv("DIALTAP_VAR", "")
    assert env_path("DIALTAP_VAR", Path("/else")) == Path("/else")


def test_secret_key_is_made_once_and_private(tmp_path):
    file = tmp_path / "var" / "secret_key"
    first = secret_key(file)
    assert len(first) > 50
    assert secret_key(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_secret_key_is_one_for_processes_that_start_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key(tmp_path / "secret_key"), range(32)))
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("bind", "host"), [("127.0.0.1:8000", "127.0.0.1"), ("[::1]:8000", "::1"), ("noc.example.net:80", "noc.example.net"), ("0.0.0.0:8000", "0.0.0.0")]
)
def test_host_of_bind(bind, host):
    assert host_of(bind) == host


@pytest.mark.parametrize(
    ("bind", "hosts"),
    [
        ("127.0.0.1:8000", ["noc", "127.0.0.1"]),
        ("192.0.2.1:80", ["noc", "192.0.2.1"]),
        ("[2001:db8::1]:80", ["noc", "[2001:db8::1]"]),
        ("0.0.0.0:80", ["noc", os.uname().nodename]),
        ("[::]:80", ["noc", os.uname().nodename]),
    ],
)
def test_allowed_hosts_are_the_configured_and_the_bound(bind, hosts):
    assert allowed_hosts(Web(bind=bind, allowed_hosts=("noc",))) == hosts


def test_database_without_url_is_the_embedded_one(tmp_path):
    entry = database("", tmp_path / "var" / "dialtap.sqlite3")
    assert (entry["ENGINE"], entry["NAME"]) == ("django.db.backends.sqlite3", tmp_path / "var" / "dialtap.sqlite3")
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert (tmp_path / "var").is_dir()


def test_database_url_is_postgres():
    assert database("postgres://noc:p%40ss@[::1]:5433/dial%20tap?sslmode=require", Path("unused")) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "dial tap",
        "USER": "noc",
        "PASSWORD": "p@ss",
        "HOST": "::1",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }


def test_database_url_of_another_kind_is_refused():
    with pytest.raises(ConfigError, match=r"^DIALTAP_DATABASE_URL: expected postgres://\.\.\., got 'mysql'$"):
        database("mysql://x", Path("unused"))


def test_printable_escapes_what_could_forge_a_line():
    assert printable("a\nb\x1b[2J\u202e\x9bü") == "a\\nb\\x1b[2J\\u202e\\x9bü"


@pytest.fixture
def log():
    """A logger as the settings make it, and its lines without the time."""
    formatter = dict(logging_config("INFO")["formatters"]["plain"])
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.getLogger("dialtap.test")
    logger.propagate = False
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield logger, lambda: [line[20:] if line.startswith("20") else line for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_log_line_of_structlog(log):
    structlog.get_logger("dialtap.test").warning("dropped", packets=3, interface="eth\n0")
    assert log[1]() == ["WARNING dialtap.test: dropped packets=3 interface=eth\\n0"]


def test_log_line_of_the_standard_library(log):
    log[0].info("hello %s", "\x1b[31m")
    log[0].debug("not shown")
    assert log[1]() == ["INFO dialtap.test: hello \\x1b[31m"]


def test_log_line_of_an_error_has_its_traceback(log):
    try:
        raise ValueError("a\rb\n2026-01-01 00:00:00 INFO forged")
    except ValueError:
        log[0].exception("failed")
    lines = log[1]()
    assert lines[:2] == ["ERROR dialtap.test: failed", "  Traceback (most recent call last):"]
    assert lines[-2:] == ["  ValueError: a\\rb", "  2026-01-01 00:00:00 INFO forged"]


def test_logging_config_keeps_servers_quiet():
    assert {name: entry.get("level") for name, entry in logging_config("DEBUG")["loggers"].items()} == {
        "django": None,
        "django.server": None,
        "daphne": "WARNING",
        "httpx": "WARNING",
    }


def test_logging_config_refuses_other_levels():
    with pytest.raises(ConfigError, match=r"^DIALTAP_LOG: expected DEBUG, INFO, WARNING, ERROR, CRITICAL, got 'LOUD'$"):
        logging_config("LOUD")
