"""Our table against the proxies' own, as the ingests last wrote it. Knows stored comparisons; knows no proxy and no page."""

from typing import NamedTuple

from dashboard.live.shown import ENDED, LIVE_STATES
from dashboard.models import DialogRow, ProxyTable
from dashboard.orders.proxies import fresh
from dashboard.privacy import CLEAR, Policy
from dialogs.control.reconcile import DIFFERS, MISSING, STUCK, Finding, Stored
from dialogs.engine.states import State

MOST = 4
"Proxies whose figures stand on the live page; more are counted."

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


class Standing(NamedTuple):
    """One proxy's figures on the live page."""

    name: str
    ours: int
    theirs: int
    "-1 while it does not say."

    disagreeing: int


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
    """Return what was compared lately, by node and proxy."""
    return [Compared(table, table.stored) for table in fresh(now_ns)]


def standing(now_ns: int) -> list[Standing]:
    """Return the figures of each proxy, the one with the most calls that disagree first where there are too many to be shown."""
    found = [Standing(one.table.name or "proxy", one.table.ours, -1 if one.table.error else one.table.theirs, one.disagreeing) for one in compared(now_ns)]
    return found if len(found) <= MOST else sorted(found, key=lambda one: (one.theirs >= 0, -one.disagreeing))


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
