"""What can be set or typed is documented, and what is documented exists."""

import re
from pathlib import Path

import msgspec
import pytest

from dashboard.query.alerts import SCHEMAS
from dialogs.config import Config
from dialogs.configcheck import CHECKS
from dialogs.configfile import SECTIONS, parse
from dialogs.rpc import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
FREE = {
    "kamailio_exact",
    "db_skip_load",
    "binrpc_control",
    "open_loopback",
    "timeout_noreset",
    "send_bye",
    "track_cseq_updates",
    "detect_spirals",
    "promiscuous",
    "when",
    "expiry",
    "do",
    "stream",
    "recorded",
    "masked",
    "nightly",
}  # switches, and what the rules' compiler checks


def documented(section: str) -> dict[str, str]:
    """Return the documented keys of a section with their defaults as written."""
    found = re.search(rf"^## `\[+{section}\]+`$(.*?)(?=^## |\Z)", CONFIGURATION, re.MULTILINE | re.DOTALL)
    return {key: default for key, default, _ in ROW.findall(found[1])} if found else {}


def written(value: object) -> str:
    """Return a default as TOML writes it."""
    text = msgspec.json.encode(value).decode()
    return f"`{text.replace(',', ', ')}`"


def defaults(section: str) -> dict[str, str]:
    fields = msgspec.structs.fields(SECTIONS[section])
    return {field.name: "required" if field.required else written(field.default) for field in fields}


@pytest.mark.parametrize("section", [field.name for field in msgspec.structs.fields(Config)])
def test_configuration_page_has_every_key_with_its_default(section):
    assert documented(section) == defaults(section)


def test_configuration_page_has_no_other_section():
    assert set(re.findall(r"^## `\[+(\w+)\]+`$", CONFIGURATION, re.MULTILINE)) == set(SECTIONS)


def test_every_key_is_checked_or_free():
    keys = {(section, key) for section, struct in SECTIONS.items() for key in struct.__struct_fields__}
    assert {key for key in keys if key[1] not in FREE} == set(CHECKS)


def test_configuration_page_example_is_right():
    example = re.search(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)
    assert example
    assert parse(example[1]).dialog.profiles_with_value == ("caller", "trunk")


def test_environment_is_documented():
    sources = [ROOT / "dialtap", ROOT / "manage.py", *(ROOT / "dashboard").rglob("*.py"), *(ROOT / "dialogs").rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"\bDIALTAP_[A-Z_]+\b", path.read_text())}
    assert {key for key, _, _ in ROW.findall(CONFIGURATION) if key.startswith("DIALTAP_")} == used


def test_commands_page_has_every_command():
    commands = {path.stem.replace("_", "-") for path in (ROOT / "dashboard" / "management" / "commands").glob("*.py") if path.stem != "__init__"}
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE))
    assert listed == commands | {"run"}


@pytest.mark.parametrize("command", ["./dialtap run", "./dialtap test"])
def test_readme_shows_the_command(command):
    assert command in (ROOT / "README.md").read_text()


def test_rpc_page_has_every_command_as_it_is():
    page = (ROOT / "docs" / "rpc.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \| (?:`([^`]*)` )?\| (read|control) \| .{3,} \|$", page, re.MULTILINE)
    assert sorted(rows) == sorted((held.name, " ".join(map(str, held.parameters)), held.permission) for held in COMMANDS.values())


@pytest.mark.parametrize(("heading", "about"), [("Queries", "calls"), ("Alerts", "alerts")])
def test_query_page_has_every_field_with_its_meaning(heading, about):
    page = (ROOT / "docs" / "query.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert dict(rows) == {name: field.means for name, field in SCHEMAS[about].items()}
