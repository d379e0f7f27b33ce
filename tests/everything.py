"""All tests: phones, beside them with what they leave of the machine everything else, and then browsers, whose every frame is judged, alone.

`./dialtap test` runs it; knows pytest's and coverage's command lines, no test. Phones mostly wait, the others mostly compute: one after the other takes
half as long again. What is covered is measured of the others alone, which must reach every line that has to be: to be measured makes a program half as
fast, and a browser waits for it.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

PHONES = ("tests/lab", "tests/dialogs/control/sip/test_wire.py")
BROWSERS = ("tests/browser",)
OTHERS = ("--cov", "--cov-report=", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", *(f"--ignore={path}" for path in PHONES + BROWSERS))
NICE = 10
EXACT = "dialogs/sip/*,dialogs/engine/*"
GATES = {"dialogs/sip and dialogs/engine": ("--include", EXACT, "--fail-under=100"), "the rest": ("--omit", EXACT, "--fail-under=95")}


def run(*arguments: str, **more: object) -> "subprocess.Popen[str]":
    """Start pytest."""
    command = [sys.executable, "-m", "pytest", "--durations=30", "--durations-min=3", *arguments]
    return subprocess.Popen(command, text=True, **more)  # type: ignore[call-overload,no-any-return]


def yield_to_others(pid: int) -> None:
    """Let a process have what nobody else wants; Linux weighs sessions where it groups by them, and processes in them."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICE))


def phones_and_others(folder: Path, measured: dict[str, str]) -> bool:
    """Run both; returns whether one failed. The others' output comes when both are done."""
    with (folder / "others.log").open("w+") as log:
        others = run(*OTHERS, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=measured)
        yield_to_others(others.pid)
        try:
            print("dialtap: phones; beside them what is neither phone nor browser, whose output follows", file=sys.stderr, flush=True)
            failed = run(*PHONES).wait() != 0
            failed |= others.wait() != 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(others.pid, signal.SIGTERM)
        log.seek(0)
        print(log.read(), flush=True)
    return failed


def main() -> int:
    """Run all, and hold coverage against its gates; returns 0 when all are content."""
    with tempfile.TemporaryDirectory(prefix="dialtap-measured-") as name:
        folder = Path(name)
        folder.chmod(0o1777)  # processes that the tests start give up root, and write there what they covered
        measured = os.environ | {"COVERAGE_FILE": str(folder / "coverage")}
        failed = phones_and_others(folder, measured)
        print("dialtap: browsers", file=sys.stderr, flush=True)
        failed |= run(*BROWSERS).wait() != 0
        for what, gate in GATES.items():
            print(f"dialtap: coverage of {what}", file=sys.stderr, flush=True)
            failed |= subprocess.run([sys.executable, "-m", "coverage", "report", *gate], env=measured, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
