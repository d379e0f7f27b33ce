"""The settings of our own user agent, and where passwords come from."""

from pathlib import Path

import pytest

from dialogs.config import Config, Control, Credential, Dialog
from dialogs.control import agent_settings
from dialogs.control.own import password
from dialogs.control.sip import Credentials


@pytest.mark.parametrize(("controller", "has"), [("none", False), ("dryrun", False), ("kamailio", False), ("sip", True), ("kamailio, then sip", True)])
def test_settings_are_for_who_sends_sip(controller: str, has: bool) -> None:
    assert (agent_settings(Config(control=Control(controller=controller))) is not None) == has


def test_settings_say_what_the_configuration_says() -> None:
    control = Control(
        controller="sip", allow=("192.0.2.0/24",), port=5070, ring_seconds=9, refer_seconds=8, bridge_controller="sip:c@h", bridge_contact="sip:k@h"
    )
    credential = Credential("anna", password_variable="SECRET", realm="lab")
    config = Config(control=control, credential=(credential,), dialog=Dialog(dlg_extra_hdrs="X-A: 1\r\nX-B: 2\r\n"))
    settings = agent_settings(config, {"SECRET": "s"})
    assert settings is not None
    assert (settings.allow, settings.port, settings.waits.ring, settings.waits.referred) == (("192.0.2.0/24",), 5070, 9, 8)
    assert (settings.identity.controller, settings.identity.contact, settings.identity.extra) == ("sip:c@h", "sip:k@h", ("X-A: 1", "X-B: 2"))
    assert settings.credentials == (Credentials("anna", "s", "lab"),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"", "expected one line, the password"),
        (b"a\nb\n", "expected one line, the password"),
        (b"\xff", "not UTF-8 text"),
    ],
)
def test_password_that_cannot_be_had_is_said_without_it(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=words) as said:
        password(Credential("anna", str(file)), {})
    assert str(said.value) == f"[[credential]] anna: {file}: {words}"


def test_password_variable_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"^\[\[credential\]\] anna: the environment has no SECRET$"):
        password(Credential("anna", password_variable="SECRET"), {})
