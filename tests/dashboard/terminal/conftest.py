"""The command line, asked in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.terminal.main import main
from tests.dashboard.terminal.scripted import Answer, opened


@pytest.fixture
def ask(place: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Ask a door that answers so: `ask({method: answer}, *arguments)` gives (exit code, stdout, stderr), `ask.door` the door."""

    def run(answers: dict[str, Answer], *arguments: str) -> tuple[int, str, str]:
        with opened(place / "door", answers) as door:
            run.door = door  # type: ignore[attr-defined]
            code = main(["--socket", str(door.path), *arguments])
        return code, *capsys.readouterr()

    return run
