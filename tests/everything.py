"""All tests: what waits goes one after the other, what computes goes beside it with what that leaves of the machine, what is timed goes last and alone.

`./dialtap test` runs it; knows pytest's and coverage's command lines, no test. Phones and browsers mostly wait: to run everything one after the other
takes twice as long. What is covered is measured of what computes, which must reach every line that has to be: a browser waits for a server that is
measured. Branches are counted where Python is our own alone, in `dialogs`: to count them makes the tests of pages half as fast, lines cost nothing.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PHONES = ("tests/lab", "tests/dialogs/control/sip/test_wire.py")
BROWSERS = "tests/browser"
DIALOGS = "tests/dialogs"
MEASURED = ("--cov-report=", "--dist", "loadfile", "--no-loadscope-reorder", *(f"--ignore={path}" for path in (*PHONES, BROWSERS)))
NICE = 10
EXACT = "dialogs/sip/*,dialogs/engine/*"


class Part(NamedTuple):
    """One pytest."""

    name: str
    arguments: tuple[str, ...]
    core: str = ""
    "Of coverage; empty: nothing is measured."


WAITING = (Part("phones", PHONES), Part("browsers", (BROWSERS, "-m", "not timed and not soak")))
COMPUTING = (
    Part("dialogs", (DIALOGS, "-n", "1", "--cov=dialogs", "--cov-branch", *MEASURED), core="ctrace"),
    Part("the rest", ("tests", f"--ignore={DIALOGS}", "-n", "3", "--cov=dashboard", *MEASURED), core="sysmon"),
)
TIMED = (Part("browsers that are timed", (BROWSERS, "-m", "timed and not soak")),)
GATES = {
    "dialogs/sip and dialogs/engine": ("dialogs", ("--include", EXACT, "--fail-under=100")),
    "the rest of dialogs": ("dialogs", ("--omit", EXACT, "--fail-under=95")),
    "dashboard, lines": ("the rest", ("--fail-under=97",)),
}


def environment(folder: Path, part: str, core: str = "") -> dict[str, str]:
    """Return what pytest and coverage are told: processes that the tests start give up root, and write there what they covered."""
    place = folder / part.replace(" ", "-")
    place.mkdir(exist_ok=True)
    place.chmod(0o1777)
    return os.environ | {"COVERAGE_FILE": str(place / "coverage")} | ({"COVERAGE_CORE": core} if core else {})


def start(folder: Path, part: Part, **more: object) -> "subprocess.Popen[str]":
    """Start a pytest."""
    command = [sys.executable, "-m", "pytest", "--durations=20", "--durations-min=5", *part.arguments]
    return subprocess.Popen(command, text=True, env=environment(folder, part.name, part.core), **more)  # type: ignore[call-overload,no-any-return]


def aside(folder: Path, part: Part) -> "subprocess.Popen[str]":
    """Start a pytest that has what nobody else wants; Linux weighs sessions where it groups by them, and processes in them."""
    with log(folder, part).open("w") as output:
        process = start(folder, part, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        Path(f"/proc/{process.pid}/autogroup").write_text(str(NICE))
    return process


def log(folder: Path, part: Part) -> Path:
    """Return where the output of a part is that runs aside."""
    return folder / f"{part.name.replace(' ', '-')}.log"


def in_turn(folder: Path, parts: tuple[Part, ...]) -> bool:
    """Run parts one after the other; returns whether one failed."""
    failed = False
    for part in parts:
        print(f"dialtap: {part.name}", file=sys.stderr, flush=True)
        failed |= start(folder, part).wait() != 0
    return failed


def together(folder: Path) -> bool:
    """Run what waits, and what computes beside it; returns whether one failed. The output of what computes comes when all are done."""
    beside = {part: aside(folder, part) for part in COMPUTING}
    try:
        failed = in_turn(folder, WAITING)
        for part, process in beside.items():
            failed |= process.wait() != 0
            print(f"dialtap: {part.name}, which ran beside them", file=sys.stderr, flush=True)
            print(log(folder, part).read_text(errors="replace"), flush=True)
    finally:
        for process in beside.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
    return failed


def main() -> int:
    """Run all, and hold coverage against its gates; returns 0 when all are content."""
    with tempfile.TemporaryDirectory(prefix="dialtap-measured-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        failed = together(folder)
        failed |= in_turn(folder, TIMED)
        for what, (part, gate) in GATES.items():
            print(f"dialtap: coverage of {what}", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "coverage", "report", *gate]
            failed |= subprocess.run(command, env=environment(folder, part), check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
