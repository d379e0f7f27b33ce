"""`./dialtap` on machines that are not as one would like: run for real, in copies of the checkout that need no package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = [
    "sh",
    "awk",
    "cat",
    "chmod",
    "chown",
    "cksum",
    "dirname",
    "grep",
    "id",
    "kill",
    "ls",
    "mkdir",
    "mv",
    "pwd",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "sleep",
    "sort",
    "tr",
]
PYTHON = Path(sys.base_prefix) / "bin" / "python3"
MANAGE = "import json, sys\nprint(json.dumps(sys.argv[1:]))\n"

OLD = "#!/bin/sh\nexit 1\n"
SHIM = "#!/bin/sh\necho 'pyenv: python3: command not found' >&2\nexit 127\n"
REAL = f'#!/bin/sh\nexec "{PYTHON}" "$@"\n'


def program(folder: Path, name: str, text: str) -> Path:
    """Write an executable file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text)
    file.chmod(0o755)
    return file


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what POSIX has and nothing else."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name} here"))
    return folder


def copy_of_checkout(folder: Path) -> Path:
    """Make a checkout with the real launcher, an empty lock and a manage.py that prints its arguments."""
    (folder / "tests").mkdir(parents=True)
    for name in ("dialtap", "tests/commands.sh"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (folder / name).write_text("# nothing\n")
    (folder / "manage.py").write_text(MANAGE)
    (folder / "tests" / "packages.txt").write_text("# as in the checkout\nno-such-package no-such-program-here\n")
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_of_checkout(tmp_path / "a path with spaces")


def environment(*path: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, path)), "HOME": "/nonexistent", **more}


def start(command: Path | str, *arguments: str, env: dict[str, str], cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen([command, *arguments], env=env, cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(command: Path | str, *arguments: str, env: dict[str, str], cwd: Path | None = None) -> tuple[int, str, list[str]]:
    """Return exit code, stdout and the lines of stderr."""
    process = start(command, *arguments, env=env, cwd=cwd)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err.splitlines()


def own_words(lines: list[str]) -> list[str]:
    """Return what the launcher itself said: pip may add warnings about the machine's own set-up."""
    return [line for line in lines if line.startswith("dialtap: ")]


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",), ("-h",)])
def test_usage_needs_no_python(checkout, tools, arguments):
    code, out, err = run(checkout / "dialtap", *arguments, env=environment(tools))
    assert (code, err) == (0, [])
    assert out.startswith("Dialtap: live SIP calls in a browser")
    assert not (checkout / ".venv").exists()


def test_old_python_only_is_one_sentence(checkout, tools, tmp_path):
    program(tmp_path / "old", "python3", OLD)
    code, out, err = run(checkout / "dialtap", "run", env=environment(tmp_path / "old", tools))
    assert (code, out, len(err)) == (1, "", 1)
    assert err[0].startswith("dialtap: no Python 3.12 or newer (with its venv module) was found and none could be fetched: install one")
    assert not (checkout / ".venv.making").exists()


def test_failing_shim_passes_to_the_next(checkout, tools, tmp_path):
    program(tmp_path / "shims", "python3.13", SHIM)
    program(tmp_path / "shims", "python3", SHIM)
    program(tmp_path / "real", "python3", REAL)
    code, out, _ = run(checkout / "dialtap", "check-config", env=environment(tmp_path / "shims", tmp_path / "real", tools))
    assert (code, json.loads(out)) == (0, ["check_config"])


def test_pyenv_interpreters_are_tried_newest_first(checkout, tools, tmp_path):
    program(tmp_path / "old", "python3", SHIM)
    versions = tmp_path / "py env" / "versions"
    program(versions / "3.9.18" / "bin", "python", OLD)
    program(versions / "3.12.1" / "bin", "python", f"#!/bin/sh\necho used >'{tmp_path}/older'\nexit 1\n")
    program(versions / "3.100.0" / "bin", "python", REAL)
    code, out, _ = run(checkout / "dialtap", "migrate", env=environment(tmp_path / "old", tools, PYENV_ROOT=str(tmp_path / "py env")))
    assert (code, json.loads(out)) == (0, ["migrate"])
    assert not (tmp_path / "older").exists()


def test_made_checkout_from_anywhere(checkout, tools, tmp_path):
    program(tmp_path / "real", "python3", REAL)
    env = environment(tmp_path / "real", tools)
    first = run(checkout / "dialtap", "run", "--pcap", "a b.pcap", env=env)
    assert (first[0], json.loads(first[1])) == (0, ["live", "--pcap", "a b.pcap"])
    assert [line.partition(" with ")[0].partition(" packages ")[0] for line in own_words(first[2])] == ["dialtap: making .venv", "dialtap: installing 0"]

    link = tmp_path / "bin" / "tap"
    link.parent.mkdir()
    link.symlink_to(os.path.relpath(checkout / "dialtap", link.parent))
    odd = environment(tools, PYTHONHOME="/nonexistent", PYTHONPATH="/nonexistent", VIRTUAL_ENV="/nonexistent", PYTHONSAFEPATH="1", CDPATH="/")
    assert run(link, "help", "check-config", env=odd, cwd=tmp_path) == (0, '["check_config", "--help"]\n', [])
    assert run("./tap", "createsuperuser", env=odd, cwd=link.parent) == (0, '["createsuperuser"]\n', [])

    assert run(tools / "sh", "dialtap", "check", env=odd, cwd=checkout) == (0, '["check"]\n', [])

    (checkout / "requirements.txt").write_text("# changed\n")
    assert [len(own_words(run(checkout / "dialtap", "check", env=env)[2])) for _ in range(2)] == [1, 0]

    (checkout / ".venv" / "bin" / "python").unlink()  # the interpreter was removed
    (checkout / ".venv" / "bin" / "python").symlink_to("/nonexistent/python")
    assert len(own_words(run(checkout / "dialtap", "check", env=env)[2])) == 2


def test_running_calls_are_asked_without_django(checkout, tools, tmp_path):
    program(tmp_path / "real", "python3", REAL)
    folder = checkout / "dashboard" / "terminal"
    folder.mkdir(parents=True)
    (folder / "__main__.py").write_text(MANAGE)
    decoy = tmp_path / "elsewhere" / "dashboard" / "terminal"
    decoy.mkdir(parents=True)
    (decoy / "__main__.py").write_text("raise SystemExit(9)\n")
    env = environment(tmp_path / "real", tools)
    code, out, _ = run(checkout / "dialtap", "dlg", "list", "--caller", "a b", env=env, cwd=tmp_path / "elsewhere")
    assert (code, json.loads(out)) == (0, ["list", "--caller", "a b"])


def test_first_runs_at_once_make_one_environment(checkout, tools, tmp_path):
    program(tmp_path / "real", "python3", REAL)
    (checkout / ".venv.making").mkdir()
    (checkout / ".venv.making" / "pid").write_text("999999999\n")  # somebody died while making it
    env = environment(tmp_path / "real", tools)
    processes = [start(checkout / "dialtap", f"number-{n}", env=env) for n in range(3)]
    results = [process.communicate(timeout=120) for process in processes]
    assert [json.loads(out) for out, _ in results] == [["number_0"], ["number_1"], ["number_2"]]
    assert sum("making .venv with" in err for _, err in results) == 1
    assert not (checkout / ".venv.making").exists()


def test_half_made_environment_is_made_again(checkout, tools, tmp_path):
    program(tmp_path / "real", "python3", REAL)
    program(checkout / ".venv" / "bin", "python", OLD)
    code, out, _ = run(checkout / "dialtap", "check", env=environment(tmp_path / "real", tools))
    assert (code, json.loads(out)) == (0, ["check"])


def test_tests_name_the_missing_programs(checkout, tools, tmp_path):
    program(tmp_path / "real", "python3", REAL)
    _, _, err = run(checkout / "dialtap", "test", "--version", env=environment(tmp_path / "real", tools))
    assert own_words(err)[-1].rstrip() == "dialtap: missing, so the tests that need them are skipped: no-such-package"
