"""The shipped rules, tried by Debian's promtool: each fires when it should and not before. tests/lab/test_prometheus.py has one fire on real calls."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard.metrics.gathered import METRICS
from tests.dashboard.metrics.alert_cases import CASES, NEVER
from tests.dashboard.metrics.asked import asked_for

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "docs" / "prometheus" / "alerts.yml"
EXAMPLE = ROOT / "docs" / "prometheus" / "prometheus.yml"
FIRING = 'ALERTS{{alertname="{}",alertstate="firing"}}'
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here: it comes with Debian's prometheus")


def run(*arguments: object) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_file(tests: list[dict], folder: Path) -> Path:
    """Write promtool's tests; JSON is YAML."""
    path = folder / "tests.yml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}))
    return path


test_file.__test__ = False  # type: ignore[attr-defined]


def trial(series: dict[str, str], **more: object) -> dict:
    return {"interval": "15s", "input_series": [{"series": name, "values": values} for name, values in series.items()], **more}


def severity(alert: str) -> str:
    found = re.search(rf"- alert: {alert}\n.*?severity: (\w+)", RULES.read_text(), re.DOTALL)
    assert found
    return found[1]


@promtool
def test_rules_are_valid():
    assert f"{len(CASES)} rules found" in run("check", "rules", RULES)


@promtool
def test_example_of_a_configuration_is_valid(tmp_path):
    for file in (RULES, EXAMPLE):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "dialtap.token").write_text("dialtap_x")
    assert "1 rule files found" in run("check", "config", tmp_path / EXAMPLE.name)


def test_every_rule_has_its_case():
    assert re.findall(r"- alert: (\w+)", RULES.read_text()) == sorted((case.alert for case in CASES), key=RULES.read_text().index)


@promtool
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_alert_fires_when_it_should_and_not_before(case, tmp_path):
    given = [f'alertname="{case.alert}"', 'alertstate="firing"', f'severity="{severity(case.alert)}"', *([case.labels] if case.labels else [])]
    fired = {"labels": f"ALERTS{{{','.join(given)}}}", "value": 1}
    expressions = [{"expr": FIRING.format(case.alert), "eval_time": at, "exp_samples": samples} for at, samples in ((case.quiet, []), (case.fires, [fired]))]
    run("test", "rules", test_file([trial(case.series, promql_expr_test=expressions)], tmp_path))


@promtool
@pytest.mark.parametrize("what", NEVER)
def test_alert_keeps_quiet(what, tmp_path):
    alert, series = NEVER[what]
    expression = {"expr": f"max_over_time({FIRING.format(alert)}[20m])", "eval_time": "20m", "exp_samples": []}
    run("test", "rules", test_file([trial(series, promql_expr_test=[expression])], tmp_path))


@promtool
def test_words_of_every_alert_can_be_filled_in(tmp_path):
    """promtool shows an alert that was not expected with its annotations."""
    trials = [trial(case.series, alert_rule_test=[{"eval_time": case.fires, "alertname": case.alert, "exp_alerts": []}]) for case in CASES]
    shown = subprocess.run(["promtool", "test", "rules", str(test_file(trials, tmp_path))], capture_output=True, text=True, timeout=60, check=False)
    text = shown.stdout + shown.stderr
    assert (shown.returncode, text.count("got:["), re.findall(r"error expanding|<no value>|summary=\"\"", text)) == (1, len(CASES), [])
    assert "More than half of the calls through gw-2 fail with 5xx" in text


def test_rules_ask_for_what_there_is():
    labels = {metric.name: set(metric.labels) for metric in METRICS}
    asked = asked_for(RULES.read_text())
    assert {name: names - labels.get(name, set()) for name, names in asked.items() if name not in labels or names - labels[name]} == {}
    assert len(asked) > 20
