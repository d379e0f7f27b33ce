"""Which metrics and labels an expression asks for, read from its text. Knows the names of ours and the shape of PromQL's selectors and groupings."""

import re

SELECTOR = re.compile(r"(dialtap_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPED = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
SERIES = re.compile(r"_(bucket|sum|count)$")
TARGET = {"le", "instance", "job"}
"Labels that a histogram or Prometheus itself gives."


def asked_for(text: str) -> dict[str, set[str]]:
    """Return for each of our metrics the labels that are asked of it; those of a grouping are asked of all metrics of its expression."""
    found: dict[str, set[str]] = {}
    for expression in re.split(r"\n\s*- alert:|\n\n", text):
        groups = {label.strip() for each in GROUPED.findall(expression) for label in each.split(",") if label.strip()}
        for name, matchers in SELECTOR.findall(expression):
            plain = SERIES.sub("", name) if name.endswith(("_seconds_bucket", "_seconds_sum", "_seconds_count")) else name
            found.setdefault(plain, set()).update((groups | set(MATCHER.findall(matchers))) - TARGET)
    return found
