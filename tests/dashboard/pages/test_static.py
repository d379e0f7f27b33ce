"""What is served as it lies: vendored files, sizes, and nothing that the content policy would refuse."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STATIC, TEMPLATES = ROOT / "static", ROOT / "templates"
VENDORED = tomllib.loads((STATIC / "vendor" / "vendor.toml").read_text())["file"]
KILOBYTES = 25_000


@pytest.mark.parametrize("entry", VENDORED, ids=lambda entry: entry["name"])
def test_vendored_file_is_what_its_package_shipped(entry):
    assert hashlib.sha256((STATIC / "vendor" / entry["name"]).read_bytes()).hexdigest() == entry["sha256"]


def test_every_vendored_file_is_listed_with_a_licence():
    listed = {entry["name"] for entry in VENDORED if entry["licence"] and entry["version"]}
    assert listed == {path.name for path in (STATIC / "vendor").iterdir()} - {"vendor.toml"}


@pytest.mark.parametrize("pattern", ["css/*.css", "js/*.js"])
def test_our_own_files_stay_small(pattern):
    assert 0 < sum(path.stat().st_size for path in STATIC.glob(pattern)) < KILOBYTES


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_template_holds_no_inline_code_and_trusts_no_text(path):
    text = path.read_text()
    inline = re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|hx-on|javascript:|hx-vals='js|\|safe\b|autoescape off|https?://", text)
    assert inline == []


def luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb" (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(colour: str, ground: str, share: float) -> str:
    """Return a ground tinted with a colour, as color-mix() in srgb does."""
    channels = ((int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(top * share + below * (1 - share)):02x}" for top, below in channels)


TOKENS = {name: colours for name, *colours in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (STATIC / "css" / "dialtap.css").read_text())}
TINT = int(re.findall(r"--tint: (\d+)%", (STATIC / "css" / "dialtap.css").read_text())[0]) / 100
TEXTS = ("ink", "dim", "faint", "accent", "setup", "ring", "noack", "talk", "fail", "expired")
STATES = ("setup", "noack", "talk", "fail", "accent")


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["bg", "panel", "raised", "hover"])
@pytest.mark.parametrize("text", TEXTS)
def test_text_has_enough_contrast(text, ground, theme):
    assert contrast(TOKENS[text][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["panel", "hover"])
@pytest.mark.parametrize("text", STATES)
def test_tinted_words_have_enough_contrast(text, ground, theme):
    colour = TOKENS[text][theme]
    assert contrast(colour, mixed(colour, TOKENS[ground][theme], TINT)) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_edges_of_controls_can_be_seen(theme):
    assert contrast(TOKENS["edge"][theme], TOKENS["panel"][theme]) >= 3
