"""Limits on the tail: what is long is hard to read, whatever the median says."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 300
FUNCTION_LINES = 50
FUNCTION_LINES_P95 = 30

SOURCES = [path for room in ("dialogs", "dashboard") for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts] + [ROOT / "manage.py"]


def function_lengths() -> dict[str, int]:
    """Return lines by "file:function", the signature and docstring included."""
    lengths = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    return lengths


def test_no_file_is_long():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in [*SOURCES, ROOT / "dialtap"]}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_long():
    assert {name: lines for name, lines in function_lengths().items() if lines > FUNCTION_LINES} == {}


def test_nearly_all_functions_are_short():
    lengths = sorted(function_lengths().values())
    assert lengths[int(len(lengths) * 0.95)] <= FUNCTION_LINES_P95


def test_every_module_says_what_it_holds():
    assert [str(path.relative_to(ROOT)) for path in SOURCES if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))] == []
