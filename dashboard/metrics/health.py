"""Whether we are ready: what an orchestrator or a load balancer asks. Knows what is checked; tells strangers no name and no address."""

import time
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from dashboard.metrics.gathered import Node, nodes
from dialogs.packet import SECOND

OK = "ok"
UNREACHABLE = "the database does not answer"
type Found = dict[str, str]
"What was found, by check: OK or why not."

_migrated: set[str] = set()
"Databases that have been found whole: a process knows no newer migrations than it began with."


def look() -> Found:
    """Return what each check found. Never raises for want of a database."""
    now_ns = time.time_ns()
    try:
        found = {"database": OK, "migrations": migrations()}
        known = [node for node in nodes(now_ns) if now_ns - node.at_ns <= settings.DIALTAP.metrics.ready_seconds * SECOND]
    except Error:
        return {"database": UNREACHABLE}
    return found | {name: check(known) for name, check in CHECKS.items()}


def migrations() -> str:
    """Return whether the database is of this version. Raises django.db.Error."""
    name = str(connection.settings_dict["NAME"])
    if name not in _migrated:
        executor = MigrationExecutor(connection)
        if waiting := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return f"{len(waiting)} are not applied"
        _migrated.add(name)
    return OK


def ingest(known: list[Node]) -> str:
    """Return whether any ingest reports."""
    return OK if known else f"none has reported for {settings.DIALTAP.metrics.ready_seconds:g} s"


def taps(known: list[Node]) -> str:
    """Return whether every tap of the ingests that report works."""
    all_taps = [tap for node in known for tap in node.taps]
    broken = sum(bool(tap.error) for tap in all_taps)
    return f"{broken} of {len(all_taps)} do not work" if broken else OK if all_taps else "there is none"


CHECKS: dict[str, Callable[[list[Node]], str]] = {"ingest": ingest, "taps": taps}
