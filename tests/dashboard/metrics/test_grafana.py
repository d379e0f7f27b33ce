"""The shipped dashboard: by its structure what Grafana imports, and what it asks for is there. Grafana itself is not in Debian."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboard.metrics.gathered import METRICS
from tests.dashboard.metrics.asked import asked_for

DASHBOARD: dict[str, Any] = json.loads((Path(__file__).resolve().parents[3] / "docs" / "grafana" / "dialtap.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
DRAWN = [panel for panel in PANELS if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in DRAWN for target in panel["targets"]]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUILT_IN = {"__rate_interval", "__all"}
TYPES = {"row", "stat", "timeseries", "heatmap", "table"}
"Panels that come with Grafana."


def test_dashboard_has_what_an_import_needs():
    needed = {
        "uid": str,
        "title": str,
        "schemaVersion": int,
        "version": int,
        "panels": list,
        "templating": dict,
        "annotations": dict,
        "time": dict,
        "tags": list,
    }
    assert {key: type(DASHBOARD.get(key)) for key in needed} == needed
    assert (DASHBOARD["schemaVersion"], "id" in DASHBOARD, re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"]) is not None) == (38, False, True)


def test_every_panel_is_one_that_grafana_draws():
    keys = {"id", "type", "title", "gridPos"}
    assert [panel for panel in PANELS if not keys <= panel.keys() or panel["type"] not in TYPES or not panel["title"]] == []
    assert [panel["title"] for panel in DRAWN if panel["datasource"] != SOURCE or not {"targets", "fieldConfig", "options"} <= panel.keys()] == []
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_panels_fit_the_grid_and_cover_none():
    places = [(panel["title"], *(panel["gridPos"][key] for key in "xywh")) for panel in PANELS]
    assert [title for title, x, y, w, h in places if x < 0 or y < 0 or w < 1 or h < 1 or x + w > 24] == []
    over = [
        (one[0], other[0])
        for one, other in combinations(places, 2)
        if one[1] < other[1] + other[3] and other[1] < one[1] + one[3] and one[2] < other[2] + other[4] and other[2] < one[2] + one[4]
    ]
    assert over == []


@pytest.mark.parametrize("panel", DRAWN, ids=lambda panel: panel["title"])
def test_targets_of_a_panel_are_told_apart(panel):
    references = [target["refId"] for target in panel["targets"]]
    assert (len(set(references)), all(target["datasource"] == SOURCE and target["expr"] for target in panel["targets"])) == (len(references), True)


def test_variables_are_defined_before_they_are_used():
    texts = [target["expr"] for _, target in TARGETS] + [str(variable.get("definition", "")) for variable in VARIABLES.values()] + [SOURCE["uid"]]
    used = {name for text in texts for name in re.findall(r"\$\{?(\w+)", text)}
    assert used - BUILT_IN == set(VARIABLES)


def test_dashboard_asks_for_what_there_is():
    labels = {metric.name: set(metric.labels) for metric in METRICS}
    wrong = []
    for title, expression in [(title, target["expr"]) for title, target in TARGETS] + [
        (name, str(each.get("definition", ""))) for name, each in VARIABLES.items()
    ]:
        for name, asked in asked_for(expression).items():
            if name not in labels or asked - labels[name]:
                wrong.append((title, name, asked - labels.get(name, set())))
    assert wrong == []


def test_legends_name_labels_that_are_left():
    """A legend of a label that the expression sums away is empty."""
    wrong = []
    for title, target in TARGETS:
        groups = {label.strip() for each in re.findall(r"\bby\s*\(([^)]*)\)", target["expr"]) for label in each.split(",")}
        if wanted := set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"])) - groups:
            wrong.append((title, wanted))
    assert wrong == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here: it comes with Debian's prometheus")
def test_every_expression_is_promql(tmp_path):
    """promtool reads rules only, so each expression becomes one; Grafana fills in its variables first."""
    expressions = [target["expr"].replace("$__rate_interval", "5m").replace("$node", ".*").replace("$peer", ".*") for _, target in TARGETS]
    rules = [{"record": f"e{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, f"{len(rules)} rules found" in done.stdout) == (0, True), done.stdout + done.stderr
