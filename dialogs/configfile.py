"""Reads `dialtap.toml` into `dialogs.config.Config`. Knows TOML, key names and types; what values may be is `dialogs.configcheck`'s business.

Every mistake is one `ConfigError` whose text is one line: file, line where known, section, key, what was expected and what was found.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from dialogs.config import Config, Credential, Limit, Peer, Proxy, Rule
from dialogs.configcheck import Mistake, Place, Within, check, shown
from dialogs.configfeeds import Webhook

FILE_NAME = "dialtap.toml"
LISTS: dict[str, type[msgspec.Struct]] = {"rule": Rule, "limit": Limit, "peer": Peer, "proxy": Proxy, "credential": Credential, "webhook": Webhook}
TABLES: dict[str, type[msgspec.Struct]] = {field.name: field.type for field in msgspec.structs.fields(Config) if field.name not in LISTS}
SECTIONS = TABLES | LISTS

TEXTS = tuple[str, ...]
NUMBERS = tuple[int, ...]
ACTIONS = Rule.__annotations__["do"]
EXPECTED: dict[Any, str] = {
    str: 'a text in quotes ("...")',
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    TEXTS: 'a list of texts (["a", "b"] or "a ; b")',
    NUMBERS: "a list of whole numbers ([5060, 5080])",
    ACTIONS: 'a list of actions ([{set_profile = ["caller", "$fu"]}])',
}


class ConfigError(ValueError):
    """The configuration cannot be used; the text is one line that says why and where."""


def find(folder: Path, chosen: str = "") -> Path | None:
    """Return the configuration file: the chosen one, else `dialtap.toml` in this folder, else None (every key has a default)."""
    if chosen:
        return Path(chosen).expanduser()
    usual = folder / FILE_NAME
    return usual if usual.exists() else None


def load(path: Path | None) -> Config:
    """Return the configuration of a file, or the defaults without one. Raises ConfigError."""
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    return parse(text, str(path))


def parse(text: str, name: str = FILE_NAME) -> Config:
    """Return the configuration written in this TOML text; `name` is what errors call it. Raises ConfigError."""
    try:
        config = msgspec.convert(_tree(tomllib.loads(text)), Config)
        check(config)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line (\d+), (column \d+)\)", str(error))
        where, what = (f"{name}:{found[1]}", str(error).replace(found[0], f" at {found[2]}")) if found else (name, str(error))
        raise ConfigError(f"{where}: {what}") from error
    except Mistake as mistake:
        line = _line_of(text, mistake.place)
        where = _spot_of(text, line, mistake.within) if mistake.within and line else f"{line}:" if line else ""
        raise ConfigError(f"{name}:{where} {mistake}") from mistake
    return config


def _tree(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the file's tables with every key known and every value of its key's type. Raises Mistake."""
    tree: dict[str, Any] = {}
    for section, content in raw.items():
        if section not in SECTIONS:
            raise Mistake(Place(section), f"no such section{_nearest(section, '')}")
        expected = dict if section in TABLES else list
        if not isinstance(content, expected):
            raise Mistake(Place(section), f"expected {_header(section)}, got {shown(content)}")
        if section in TABLES:
            tree[section] = _table(Place(section), content)
        else:
            tree[section] = [_table(Place(section, "", number), item) for number, item in enumerate(content, 1)]
    return tree


def _table(place: Place, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise Mistake(place, f"expected {_header(place.section)}, got {shown(table)}")
    fields = {field.name: field for field in msgspec.structs.fields(SECTIONS[place.section])}
    for key in table:
        if key not in fields:
            raise Mistake(place._replace(key=key), f"no such key{_nearest(key, place.section)}")
    for field in fields.values():
        if field.required and field.name not in table:
            raise Mistake(place, f"{field.name} is missing")
    return {key: _value(place._replace(key=key), fields[key].type, value) for key, value in table.items()}


def _value(place: Place, kind: Any, value: Any) -> Any:
    try:
        return msgspec.convert(_as_kamailio_writes(kind, value), kind)
    except msgspec.ValidationError as error:
        raise Mistake(place, f"expected {EXPECTED[kind]}, got {shown(value)}") from error


def _as_kamailio_writes(kind: Any, value: Any) -> Any:
    """Return the value with the original's spellings turned into TOML's: 0/1 for a switch, "a ; b" for a list, one action without its list."""
    if kind is bool and type(value) is int and value in (0, 1):
        return bool(value)
    if kind in (TEXTS, NUMBERS) and isinstance(value, str):
        items = [item.strip() for item in value.split(";") if item.strip()]
        return [int(item) if item.isdecimal() else item for item in items] if kind == NUMBERS else items
    if kind == ACTIONS:
        actions = [value] if isinstance(value, dict) else value
        if isinstance(actions, list):
            return [_action(action) for action in actions]
    return value


def _action(action: Any) -> Any:
    """Return `{set_profile = "total"}` as `{set_profile = ["total"]}`."""
    if not isinstance(action, dict):
        return action
    return {name: [arguments] if isinstance(arguments, str) else arguments for name, arguments in action.items()}


def _header(section: str) -> str:
    return f"a table [{section}]" if section in TABLES else f"tables [[{section}]]"


def _nearest(word: str, section: str) -> str:
    """Return the question after an unknown word: the most alike key of its section, else of any section, else the most alike section."""
    keys = {(name, key): key for name, struct in SECTIONS.items() for key in struct.__struct_fields__}
    own = difflib.get_close_matches(word, [key for (name, key) in keys if name == section], 1)
    if own:
        return f"; did you mean {own[0]}?"
    if not section:
        sections = difflib.get_close_matches(word, SECTIONS, 1)
        if sections:
            return f"; did you mean {_header(sections[0]).split()[-1]}?"
    for alike in difflib.get_close_matches(word, keys.values(), 1):
        home = next(name for (name, key) in keys if key == alike)
        return f"; did you mean {alike} in {_header(home).split()[-1]}?"
    known = SECTIONS[section].__struct_fields__ if section else SECTIONS
    return f"; there are {', '.join(known)}"


def _line_of(text: str, place: Place) -> int:
    """Return the line on which a key stands, or its section's header, from 1; 0 when it is written in a way not looked for."""
    header = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(?:#.*)?")
    key = re.compile(rf"\s*(?:\"{re.escape(place.key)}\"|{re.escape(place.key)})\s*[.=]") if place.key else None
    count, inside, best = 0, False, 0
    for number, line in enumerate(text.splitlines(), 1):
        found = header.fullmatch(line)
        if found:
            inside = found[1] == place.section
            count += inside
            if inside and count == max(place.number, 1):
                best = number
        elif inside and key and count == max(place.number, 1) and key.match(line):
            return number
    return best


def _spot_of(text: str, line: int, within: Within) -> str:
    """Return "LINE:COLUMN:" of what is wrong in the value that begins on this line, or "LINE:" when it is written in a way not looked for (escapes)."""
    begin = sum(len(before) for before in text.splitlines(keepends=True)[: line - 1])
    if within.text:
        found = text.find(within.text, begin)
        spot = found + within.offset if found >= 0 else -1
    else:
        places = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(within.word)}(?!\w)", text[begin:])]
        spot = begin + places[within.nth] if within.nth < len(places) else -1
    if spot < 0:
        return f"{line}:"
    return f"{text.count(chr(10), 0, spot) + 1}:{spot - text.rfind(chr(10), 0, spot)}:"
