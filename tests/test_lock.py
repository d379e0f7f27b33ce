"""The locks: exact, hashed, and free of any index's address."""

import re
from importlib.metadata import version
from pathlib import Path

import django
import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("requirements", "requirements-dev")
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; [^\\]+)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)")


def entries(name: str) -> list[str]:
    """Return the requirements of a lock, each with its hashes on one line."""
    text = (ROOT / f"{name}.txt").read_text()
    return [re.sub(r" \\\n +", " ", entry).strip() for entry in re.split(r"\n(?=\S)", text.strip())]


def pins(name: str) -> set[tuple[str, str]]:
    found = [PIN.fullmatch(entry) for entry in entries(name)]
    return {(match["name"], match["version"]) for match in found if match}


@pytest.mark.parametrize("name", NAMES)
def test_lock_pins_and_hashes_every_line(name):
    assert [entry for entry in entries(name) if not PIN.fullmatch(entry)] == []


@pytest.mark.parametrize("name", NAMES)
def test_lock_names_no_address(name):
    assert re.findall(r"\S*://\S*|--\w*index\S*|--find-links\S*", (ROOT / f"{name}.txt").read_text()) == []


@pytest.mark.parametrize("name", NAMES)
def test_lock_has_what_was_asked_for(name):
    asked = set(re.findall(r"^([a-z0-9-]+)==(\S+)(?: ; [^#]+)? +# \S", (ROOT / f"{name}.in").read_text(), re.MULTILINE))
    lines = [line for line in (ROOT / f"{name}.in").read_text().splitlines() if line and not line.startswith(("#", "-r "))]
    assert len(asked) == len(lines)
    assert asked - pins(name) == set()


def test_developers_lock_holds_the_other_one():
    assert pins("requirements") - pins("requirements-dev") == set()


def test_django_is_the_one_chosen():
    assert django.VERSION[:2] == (6, 1)
    assert ("django", version("django")) in pins("requirements")
