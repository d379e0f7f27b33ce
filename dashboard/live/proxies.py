"""Our table against the proxies' own, as the ingests last wrote it. Knows stored comparisons; knows no proxy and no page."""

from typing import NamedTuple

import msgspec
from django.conf import settings

from dashboard.live.shown import ENDED, LIVE_STATES
from dashboard.models import DialogRow, ProxyTable
from dashboard.privacy import CLEAR, Policy
from dialogs.control.reconcile import DIFFERS, MISSING, STUCK, Finding, Stored
from dialogs.engine.states import State

FRESH_NS = 60_000_000_000
"A comparison is believed for so long at least."

WORDS = {
    STUCK: ("Stuck", "The proxy has them, on the wire they ended: their BYE, or what else ended them, did not come to the proxy."),
    MISSING: ("Missing", "They are up on the wire, the proxy does not know them: it was restarted, or gave them up."),
    DIFFERS: ("State differs", "Both have them, in another state: one of the two missed a message."),
}


class Compared(NamedTuple):
    """One proxy's newest comparison."""

    table: ProxyTable
    stored: Stored

    @property
    def disagreeing(self) -> int:
        """Calls on which the tables do not agree."""
        return sum(self.stored.counts.values())


class Shown(NamedTuple):
    """One finding as it is shown."""

    finding: Finding
    row: DialogRow | None
    evidence: str
    "What the wire showed."

    states: str
    "In both tables."


class Section(NamedTuple):
    """All findings of a kind."""

    kind: str
    title: str
    advice: str
    total: int
    found: list[Shown]


def compared(now_ns: int) -> list[Compared]:
    """Return what was compared lately, by node."""
    fresh_ns = max(FRESH_NS, 3 * int(settings.DIALTAP.control.reconcile_seconds * 1e9))
    return [Compared(table, decoded(table.detail)) for table in ProxyTable.objects.filter(at_ns__gt=now_ns - fresh_ns).order_by("node")]


def decoded(text: str) -> Stored:
    """Return a stored comparison; an empty one for what another version wrote."""
    try:
        return msgspec.json.decode(text, type=Stored)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Stored()


def standing(now_ns: int) -> dict[str, int]:
    """Return the figures of all proxies together: ours, theirs (-1 while one does not say), disagreeing; {} when none is compared."""
    found = compared(now_ns)
    if not found:
        return {}
    theirs = -1 if any(one.table.error for one in found) else sum(one.table.theirs for one in found)
    return {"ours": sum(one.table.ours for one in found), "theirs": theirs, "disagreeing": sum(one.disagreeing for one in found)}


def sections(one: Compared, policy: Policy = CLEAR) -> list[Section]:
    """Return what was found, by kind, each with its call, as the policy has it, and the evidence of the wire."""
    rows = {row.uid: policy.row(row) for row in DialogRow.objects.in_bulk([finding.uid for finding in one.stored.findings]).values()}
    found = [show(finding, rows.get(finding.uid)) for finding in one.stored.findings]
    return [
        Section(kind, title, advice, one.stored.counts.get(kind, 0), [shown for shown in found if shown.finding.kind == kind])
        for kind, (title, advice) in WORDS.items()
    ]


def show(finding: Finding, row: DialogRow | None) -> Shown:
    """Return a finding with its evidence."""
    return Shown(finding, row, evidence(row), f"wire: {word(finding.ours)}, proxy: {word(finding.proxys) if finding.proxys else 'unknown'}")


def word(state: int) -> str:
    """Return a state as rows have it: "In call"."""
    return LIVE_STATES.get(State(state), ENDED).word


def evidence(row: DialogRow | None) -> str:
    """Return the message that ended a call, and whose it was; of one that is up its newest message."""
    if row is None:
        return "no longer stored"
    if row.state < State.DELETED:
        return row.last_event
    causes = [change.cause for change in row.snapshot.transitions if change.state == State.DELETED]
    cause = causes[-1] if causes else row.last_event
    return f"{cause} by the {row.ended_by}" if row.ended_by in ("caller", "callee", "proxy") else f"{cause}: {row.end_reason}" if row.end_reason else cause
