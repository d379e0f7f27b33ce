"""Hostile bytes: every target takes its whole corpus, and in `./dialtap soak` minutes of what atheris makes of it."""

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import figures
from tests.fuzz.seeds import CORPUS, SEEDS
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
CORPUS_BYTES = 200_000
SECONDS = int(os.environ.get("DIALTAP_FUZZ_SECONDS", "600"))
"How long each target is fuzzed in a soak run; targets run at once on all processors."

INPUT_SECONDS, MEMORY_MB = 10, 1024
"More for one input of some kilobytes is a defect too."

INPUTS = [(target, path) for target in TARGETS for path in sorted((CORPUS / target).iterdir())]


@pytest.mark.parametrize(("target", "path"), INPUTS, ids=[f"{target}-{path.name}" for target, path in INPUTS])
def test_corpus_raises_nothing(target: str, path: Path) -> None:
    TARGETS[target](path.read_bytes())


def test_every_target_has_a_corpus_and_all_of_them_are_small() -> None:
    assert set(SEEDS) == set(TARGETS) == {folder.name for folder in CORPUS.iterdir()}
    assert sum(path.stat().st_size for _, path in INPUTS) < CORPUS_BYTES


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, "Future[tuple[int, str]]"]:
    """The targets that were asked for under atheris, as many at once as there are processors."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris has no wheel for this platform")
    pool = ThreadPoolExecutor(os.cpu_count())
    asked = [item.callspec.params["target"] for item in request.session.items if getattr(item, "originalname", "") == test_fuzzing_raises_nothing.__name__]
    return {target: pool.submit(fuzz, target, tmp_path_factory.mktemp(target)) for target in asked}


def fuzz(target: str, folder: Path) -> tuple[int, str]:
    """Fuzz one target; return the exit code and what libFuzzer said at the end."""
    found = folder / "found"
    found.mkdir()
    options = (f"-max_total_time={SECONDS}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MB}", "-max_len=4096", "-print_final_stats=1")
    command = [sys.executable, "-m", "tests.fuzz.run", target, *options, f"-artifact_prefix={folder}/crash-", str(found), str(CORPUS / target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, "\n".join(line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("#"))[-6000:]


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS)
def test_fuzzing_raises_nothing(target: str, runs: dict[str, "Future[tuple[int, str]]"]) -> None:
    code, said = runs[target].result()
    assert code == 0, said
    tried = [line.split(":")[-1].strip() for line in said.splitlines() if "number_of_executed_units" in line]
    assert tried
    figures.report(f"fuzz-{target}", {"seconds": SECONDS, "inputs": int(tried[0])})
