"""Imports go down: a unit may import what stands on a lower floor, never its own floor or one above."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    {"dialogs.configvalues"},
    {"dialogs.configfeeds"},
    {"dialogs.packet", "dialogs.config", "dialogs.sip", "dialogs.collector"},
    {"dialogs.engine", "dialogs.taps"},
    {"dialogs.control", "dialogs.insight", "dialogs.configcheck", "dialogs.replay", "dialogs.rpc"},
    {"dialogs.configfile", "dashboard.pause", "dashboard.deeds", "dashboard.feed_tables", "dashboard.kept", "dashboard.observed", "dashboard.order_tables"},
    {"dashboard.environment", "dashboard.staticfiles", "dashboard.models", "dashboard.planner", "dashboard.roles", "dashboard.terminal"},
    {"dashboard.privacy"},
    {"dashboard.query"},
    {"dashboard.workspace"},
    {"dashboard.settings", "dashboard.checks", "dashboard.history"},
    {"dashboard.orders"},
    {"dashboard.rpc"},
    {"dashboard.metrics"},
    {"dashboard.apps", "dashboard.ingest", "dashboard.live"},
    {"dashboard.templatetags", "dashboard.feeds"},
    {"dashboard.pages", "dashboard.admin"},
    {"dashboard.api"},
    {"dashboard.watch"},
    {"dashboard.urls"},
    {"dashboard.asgi"},
    {"dashboard.management"},
)
FLOOR = {unit: number for number, units in enumerate(FLOORS) for unit in units}


def imported(tree: ast.AST) -> set[str]:
    """Return the full names that a module imports, also inside functions."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {f"{node.module}.{alias.name}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level for alias in node.names}


def unit_of(name: str) -> str:
    """Return the package or module that stands on a floor: "dialogs.engine" of "dialogs.engine.states.State"."""
    return ".".join(name.split(".")[:2])


def modules() -> list[Path]:
    return [path for room in ("dialogs", "dashboard") for path in (ROOT / room).rglob("*.py") if path.parts[-2:] != (room, "__init__.py")]


def test_every_unit_stands_on_a_floor():
    units = {unit_of(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in modules()} - {"dashboard.migrations"}
    assert units - set(FLOOR) == set()


def upward_imports(path: Path) -> list[str]:
    unit = unit_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    targets = {unit_of(name) for name in imported(ast.parse(path.read_text())) if name.startswith(("dialogs.", "dashboard."))} - {unit}
    return [f"{path.relative_to(ROOT)} imports {target}" for target in sorted(targets) if FLOOR.get(target, 99) >= FLOOR.get(unit, 0)]


def test_imports_go_down_only():
    assert [line for path in modules() for line in upward_imports(path)] == []
