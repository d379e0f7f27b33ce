"""The secret that webhooks of these tests sign with."""

import pytest

from tests.dashboard.feeds.feeding import SECRET


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOC_WEBHOOK_SECRET", SECRET)
