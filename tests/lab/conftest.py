"""Fixtures of the lab: skipped, with the reason, where it cannot run."""

from collections.abc import Iterator

import pytest

from dialogs.taps import LiveTap, TapError

from .lab import Lab, missing
from .proxy import SIP_PORT


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running lab; the test is inside its network."""
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def may_tap(lab: Lab) -> None:
    """Skip where the loopback cannot be tapped."""
    try:
        LiveTap("lo", ports=(SIP_PORT,)).close()
    except TapError as error:
        pytest.skip(str(error))
