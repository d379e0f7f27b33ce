"""The settings of our own user agent from the configuration. Knows where passwords lie; shows none."""

import os
from collections.abc import Mapping
from pathlib import Path

from dialogs.config import Config, Credential
from dialogs.control.sip import Credentials, Identity, Settings, Waits

PASSWORD_MAX = 1024


def agent_settings(config: Config, environment: Mapping[str, str] = os.environ) -> Settings | None:
    """Return the settings of our user agent, None where `[control] controller` has none; ValueError for a password that cannot be had."""
    control = config.control
    if "sip" not in control.controller:
        return None
    extra = tuple(line for line in config.dialog.dlg_extra_hdrs.split("\r\n") if line)
    return Settings(
        allow=control.allow,
        hosts=control.hosts,
        port=control.port,
        transports=control.transports,
        identity=Identity(controller=control.bridge_controller, contact=control.bridge_contact, extra=extra),
        credentials=tuple(Credentials(one.user, password(one, environment), one.realm) for one in config.credential),
        waits=Waits(ring=control.ring_seconds, referred=control.refer_seconds),
    )


def password(credential: Credential, environment: Mapping[str, str]) -> str:
    """Return a password from its file or variable; ValueError names the place, never what stands there."""
    if credential.password_variable:
        if not (found := environment.get(credential.password_variable, "")):
            raise ValueError(f"[[credential]] {credential.user}: the environment has no {credential.password_variable}")
        return found
    try:
        text = Path(credential.password_file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"[[credential]] {credential.user}: {credential.password_file}: {why}") from error
    found = text.strip("\r\n")
    if not found or len(found) > PASSWORD_MAX or "\n" in found:
        raise ValueError(f"[[credential]] {credential.user}: {credential.password_file}: expected one line, the password")
    return found
