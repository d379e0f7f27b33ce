"""All tests at once: phones and browsers, which are judged by the clock, and beside them, with what they leave of the machine, everything else.

`./dialtap test` runs it; knows pytest's and coverage's command lines, no test. Phones and browsers mostly wait, the others mostly compute: one after
the other takes half as long again. The others' output comes when both are done.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

CLOCKED = ("tests/lab", "tests/browser", "tests/dialogs/control/sip/test_wire.py")
OTHERS = ("-n", "2", "--dist", "loadfile", *(f"--ignore={path}" for path in CLOCKED))
NICE = 10
EXACT = "dialogs/sip/*,dialogs/engine/*"
GATES = {"dialogs/sip and dialogs/engine": ("--include", EXACT, "--fail-under=100"), "the rest": ("--omit", EXACT, "--fail-under=95")}


def run(measured: Path, *arguments: str, **more: object) -> "subprocess.Popen[str]":
    """Start pytest; processes that the tests start give up root, and write there what they covered."""
    measured.mkdir()
    measured.chmod(0o1777)
    command = [sys.executable, "-m", "pytest", "--cov", "--cov-report=", "--durations=30", "--durations-min=3", *arguments]
    return subprocess.Popen(command, env=os.environ | {"COVERAGE_FILE": str(measured / "coverage")}, text=True, **more)  # type: ignore[call-overload,no-any-return]


def yield_to_others(pid: int) -> None:
    """Let a process have what nobody else wants; Linux weighs sessions where it groups by them, and processes in them."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICE))


def coverage(folder: Path, command: str, *arguments: str) -> bool:
    """Return whether a command of coverage is content."""
    measured = os.environ | {"COVERAGE_FILE": str(folder / "all")}
    return subprocess.run([sys.executable, "-m", "coverage", command, *arguments], env=measured, check=False).returncode == 0


def main() -> int:
    """Run both, then hold coverage against its gates; returns 0 when all are content."""
    with tempfile.TemporaryDirectory(prefix="dialtap-measured-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with (folder / "others.log").open("w+") as log:
            others = run(folder / "others", *OTHERS, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            yield_to_others(others.pid)
            try:
                print("dialtap: phones and browsers; beside them everything else, whose output follows", file=sys.stderr, flush=True)
                failed = run(folder / "clocked", *CLOCKED).wait() != 0
                failed |= others.wait() != 0
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(others.pid, 15)
            log.seek(0)
            print(log.read(), flush=True)
        failed |= not coverage(folder, "combine", str(folder / "others" / "coverage"), str(folder / "clocked" / "coverage"))
        for what, gate in GATES.items():
            print(f"dialtap: coverage of {what}", file=sys.stderr, flush=True)
            failed |= not coverage(folder, "report", *gate)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
