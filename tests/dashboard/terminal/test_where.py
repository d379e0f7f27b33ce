"""Which socket is asked."""

from pathlib import Path

import pytest

from dashboard.terminal.errors import Usage
from dashboard.terminal.where import ROOT, socket_path
from dialogs.config import Rpc


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("DIALTAP_VAR", "DIALTAP_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "/var/tap/dialtap.sock"),
        ("[rpc]\nbinrpc_tcp = ''\n", "/var/tap/dialtap.sock"),
        ("[rpc]\nsocket = '/run/tap'\n", "/run/tap"),
        ("[rpc]\nsocket = 'tap'\n", "/var/tap/tap"),
        ("\ufeff[rpc]\nsocket = '/run/tap'\n", "/run/tap"),
        ("[dialog]\nflavour = 'no such'\n[rpc]\nsocket = '/run/tap'\n", "/run/tap"),
    ],
)
def test_socket_of_the_configuration(tmp_path, monkeypatch, text, expected):
    monkeypatch.setenv("DIALTAP_VAR", "/var/tap")
    file = tmp_path / "dialtap.toml"
    file.write_text(text)
    assert socket_path(config=str(file)) == Path(expected)
    monkeypatch.setenv("DIALTAP_CONFIG", str(file))
    assert socket_path() == Path(expected)


def test_given_socket_needs_no_configuration():
    assert socket_path("/run/other", "/no/such/file") == Path("/run/other")


def test_usual_socket_is_beside_the_database():
    assert socket_path() == ROOT / "var" / Rpc().socket


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file or directory"),
        ("[rpc", "Expected ']'"),
        ("[rpc]\nsocket = 1\n", "[rpc] socket: expected the path of the ingest's socket, got 1"),
        ("[rpc]\nsocket = ''\n", "[rpc] socket: expected the path of the ingest's socket, got ''"),
        (b"\xff", "invalid start byte"),
    ],
)
def test_configuration_that_cannot_be_used_is_said(tmp_path, text, said):
    file = tmp_path / "dialtap.toml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Usage) as refused:
        socket_path(config=str(file))
    assert str(refused.value).startswith(f"{file}: ")
    assert said in str(refused.value)
