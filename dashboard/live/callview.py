"""One call as its page sees it: what explains it, facts, ladder and orders, kept up to date. Knows rows and templates; knows no socket."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.conf import settings
from django.template.loader import render_to_string

from dashboard.history import segments
from dashboard.live import frames
from dashboard.live.changes import Changes, subject
from dashboard.live.frames import Frame
from dashboard.live.ladderview import LadderView, Look, heard_of, parties_of
from dashboard.live.shown import NO_ACK_NS, TONES, since_ns
from dashboard.live.timeline import phases
from dashboard.models import Alert, DialogRow
from dashboard.privacy import CLEAR, Policy
from dashboard.workspace.routing import messages_folder
from dialogs.insight import PeerNames
from dialogs.insight.case import Case
from dialogs.insight.explain import explain
from dialogs.insight.heard import Heard

PARTS = {"#now": "live/_now.html", "#facts": "live/_facts.html", "#orders": "live/_orders.html"}
"Replaced as a whole at each change; the ladder grows instead."

LIMIT_NS = 10_000_000_000
"A limit's breach clears so late after the calls that made it; see dialogs.insight.limits."


def messages_of(row: DialogRow) -> segments.Found:
    """Return the call's stored messages and what is missing of them; masked when the row is."""
    found = segments.read(messages_folder(row._state.db or ""), bytes(row.frames))
    return msgspec.structs.replace(found, messages=row.seen_as.messages(found.messages)) if row.seen_as else found


def case_of(row: DialogRow, heard: Sequence[Heard], limits: tuple[str, ...] = ()) -> Case:
    """Return the call with all that is known of it, for what explains it."""
    return Case(row.snapshot, sorted(heard, key=lambda one: one.at_ns), PeerNames(settings.DIALTAP.peer), parties_of(row), limits)


def limits_at(row: DialogRow, policy: Policy = CLEAR) -> tuple[str, ...]:
    """Return the limits that the call's profiles had passed when it came, in words; `row` is not masked."""
    subjects = [subject(name, value) for name, value in row.snapshot.profiles]
    passed = Alert.objects.filter(subject__in=subjects, at_ns__lte=row.init_ns + LIMIT_NS).exclude(limit="").order_by("-at_ns")[:10]
    passed_then = [one for one in passed if not one.cleared_ns or one.cleared_ns >= row.init_ns - LIMIT_NS]
    return tuple(f"{policy.profile(one.subject)} was over the limit “{one.limit}”" for one in passed_then)


def call_context(whole: DialogRow, now_ns: int, view: LadderView | None = None, policy: Policy = CLEAR) -> dict[str, Any]:
    """Return what the templates of the call page need, as the policy has it; page and push share it."""
    row = policy.row(whole)
    found = messages_of(row)
    heard = heard_of(found.messages)
    view = view or LadderView(Look())
    case = case_of(row, heard, limits_at(whole, policy) if row.end_code else ())
    return view.context(row, found, heard) | {
        "call": row.snapshot,
        "legs": (row.snapshot.caller, row.snapshot.callee),
        "since_ns": since_ns(row),
        "drops_ns": row.start_ns + NO_ACK_NS if row.state == 3 else 0,
        "sentences": [sentence._asdict() | {"css": TONES[sentence.tone]} for sentence in explain(case)],
        "forks": [{"fork": fork, "name": case.name(fork.address)} for fork in row.snapshot.forks],
        "phases": phases(row.snapshot, now_ns),
        "profiles": [{"name": name, "value": policy.value(value), "full": policy.profile(subject(name, value))} for name, value in whole.snapshot.profiles],
        "found": found,
        "heard": heard,
        "orders": [policy.order(order) for order in row.orders.order_by("-requested_ns")[:20]],
        "now_ns": now_ns,
    }


class CallView:
    """One call; what changed of it is rendered when its row or one of its orders changed."""

    def __init__(self, uid: str, policy: Policy = CLEAR, wanted: Mapping[str, str] | None = None) -> None:
        wanted = wanted or {}
        self.uid = uid
        self.policy = policy
        self._ladder = LadderView(Look.parse(wanted))
        self._have = wanted.get("have", "")
        "The revision of the row that the page was made from."

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        """Return the frame that replaces everything; a page that has just been loaded has its ladder."""
        return Frame(updates=self._fragments(now_ns, reason), snapshot=reason)

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        """Return the fragments when this call changed."""
        touched = self.uid in changes.rows or self.uid in changes.touched
        return Frame(updates=self._fragments(now_ns)) if touched else Frame()

    def _fragments(self, now_ns: int, reason: str = "") -> list[str]:
        row = DialogRow.objects.filter(pk=self.uid).first()
        if row is None:
            return []
        context = call_context(row, now_ns, self._ladder, self.policy)
        if reason == "connect" and str(row.revision) == self._have:
            self._ladder.remember(context)
        updates = [frames.replace(target, render_to_string(template, context)) for target, template in PARTS.items()]
        return updates + self._ladder.changes(context, whole=bool(reason) and reason != "connect")


class OtherView:
    """A page without calls: it only wants the health of the capture."""

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        """Return a frame that says that all is new."""
        return Frame(snapshot=reason)

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        """Return nothing."""
        return Frame()
