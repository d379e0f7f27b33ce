"""System checks over mixtures of settings."""

import msgspec
import pytest
from django.conf import settings
from django.core.checks import run_checks

from dialogs.config import Config, Web


@pytest.mark.parametrize(
    ("bind", "https", "debug", "expected"),
    [
        ("127.0.0.1:8000", False, True, []),
        ("[::1]:8000", False, False, []),
        ("localhost:8000", False, False, []),
        ("192.0.2.1:8000", True, False, []),
        ("192.0.2.1:8000", False, False, ["dialtap.W001"]),
        ("0.0.0.0:8000", False, True, ["dialtap.W001", "dialtap.W002"]),
        ("noc.example.net:8000", True, True, ["dialtap.W002"]),
    ],
)
def test_checks_of_where_pages_are_served(settings, bind, https, debug, expected):
    settings.DIALTAP = msgspec.structs.replace(Config(), web=Web(bind=bind))
    settings.HTTPS, settings.DEBUG = https, debug
    assert sorted(message.id for message in run_checks(tags=["security"]) if message.id.startswith("dialtap")) == expected


def test_settings_hold_the_policy():
    assert settings.SECURE_CSP["script-src"] == ["'self'"]
    assert settings.SECURE_CSP["frame-ancestors"] == ["'none'"]
    assert "*" not in settings.ALLOWED_HOSTS
