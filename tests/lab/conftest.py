"""Fixtures of the lab: skipped, with the reason, where it cannot run."""

from collections.abc import Iterator

import pytest

from .lab import Lab, missing


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running lab; the test is inside its network."""
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running
