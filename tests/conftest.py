"""Fixtures that any test may want."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of recorded traffic with its truth; the test is skipped where there is none."""
    folder = Path(os.environ.get("DIALTAP_CAPTURES") or ROOT.parent / "shared" / "captures")
    if not folder.is_dir():
        pytest.skip("no recorded traffic here: set DIALTAP_CAPTURES to its folder")
    return folder
