"""What may be typed after `watch`, and what is said where it cannot be shown."""

import sys

import pytest

from dashboard.watch.main import NEEDED, main, show, source_of, token_of
from dashboard.watch.sources import Http, Local


class Asked:
    def __init__(self, **given):
        self.url = self.token_file = self.config = None
        self.__dict__.update(given)


def test_without_a_terminal_it_says_what_to_use_instead(capsys):
    assert (main([]), capsys.readouterr().err) == (2, "dialtap watch: watch needs a terminal; in a pipe, ask with dlg list, ask live or ask live-stream\n")


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "textual", None)
    monkeypatch.setitem(sys.modules, "textual.app", None)
    for name in [name for name in sys.modules if name.startswith("dashboard.watch.app")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(Exception, match="pip install textual") as found:
        show(Local(), "")
    assert (str(found.value), found.value.code) == (NEEDED, 2)


@pytest.mark.parametrize(("url", "where"), [("http://127.0.0.1:1/", "http://127.0.0.1:1"), (None, "this machine")])
def test_address_says_whom_to_ask(url, where):
    source = source_of(Asked(url=url))
    assert (source.where, isinstance(source, Http)) == (where, bool(url))


def test_address_must_be_one(capsys):
    assert (main(["--url", "dialtap.example.net"]), "begins with http://" in capsys.readouterr().err) == (2, True)


def test_token_is_in_the_environment_or_a_file(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DIALTAP_TOKEN", " dialtap_x ")
    (tmp_path / "token").write_text("dialtap_y\n")
    assert (token_of(None), token_of(str(tmp_path / "token"))) == ("dialtap_x", "dialtap_y")
    assert main(["--url", "http://x", "--token-file", str(tmp_path / "none")]) == 2


def test_configuration_is_handed_on(monkeypatch):
    monkeypatch.setenv("DIALTAP_CONFIG", "")
    import os  # noqa: PLC0415

    source_of(Asked(config="/etc/dialtap.toml"))
    assert os.environ["DIALTAP_CONFIG"] == "/etc/dialtap.toml"
