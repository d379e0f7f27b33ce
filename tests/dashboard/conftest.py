"""Fixtures of the Django side."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose name is short enough for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="dlg-"))
    yield folder
    shutil.rmtree(folder)
