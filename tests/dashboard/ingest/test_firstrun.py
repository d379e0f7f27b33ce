"""The first start makes tables and an administrator, later ones neither."""

import pytest
from django.contrib.auth import authenticate, get_user_model

from dashboard.ingest.firstrun import ADMINISTRATOR, prepare

pytestmark = pytest.mark.django_db


def test_generated_password_is_told_once(rf):
    password = prepare()
    assert len(password) >= 12
    assert authenticate(rf.post("/login/"), username=ADMINISTRATOR, password=password).is_superuser
    assert prepare() == ""
    assert get_user_model().objects.count() == 1


def test_chosen_password_is_not_told(monkeypatch, rf):
    monkeypatch.setenv("DIALTAP_ADMIN_PASSWORD", "chosen by the user")
    assert prepare() == ""
    assert authenticate(rf.post("/login/"), username=ADMINISTRATOR, password="chosen by the user") is not None


def test_capture_host_makes_no_administrator():
    assert prepare(administrator=False) == ""
    assert not get_user_model().objects.exists()
