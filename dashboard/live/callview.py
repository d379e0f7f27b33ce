"""One call as its page sees it: facts, ladder and orders, brought up to date while the call is up. Knows rows and templates; knows no socket."""

from collections.abc import Callable
from typing import Any

import msgspec
from django.conf import settings
from django.template.loader import render_to_string

from dashboard.history import segments
from dashboard.live import frames, ladder
from dashboard.live.changes import Changes, subject
from dashboard.live.frames import Frame
from dashboard.live.shown import NO_ACK_NS, evidence, since_ns
from dashboard.models import DialogRow
from dashboard.privacy import CLEAR, Policy
from dashboard.workspace.routing import messages_folder
from dialogs.insight.peers import PeerNames

PARTS = {"#now": "live/_now.html", "#facts": "live/_facts.html", "#ladder": "live/_ladder.html", "#orders": "live/_orders.html"}


def messages_of(row: DialogRow) -> segments.Found:
    """Return the call's stored messages and what is missing of them; masked when the row is."""
    found = segments.read(messages_folder(row._state.db or ""), bytes(row.frames))
    return msgspec.structs.replace(found, messages=row.seen_as.messages(found.messages)) if row.seen_as else found


def names_of(row: DialogRow) -> Callable[[str], str]:
    """Return what names a "host:port" on the ladder: a configured peer, else the party of the call that sends from there, else nothing."""
    peers = PeerNames(settings.DIALTAP.peer)
    parties = {row.snapshot.callee.address: row.to_user, row.snapshot.caller.address: row.from_user}

    def name(address: str) -> str:
        peer = peers.peer(address)
        return peer.name if peer else parties.get(address, "")

    return name


def call_context(whole: DialogRow, now_ns: int, policy: Policy = CLEAR) -> dict[str, Any]:
    """Return what the templates of the call page need, as the policy has it; page and push share it."""
    row = policy.row(whole)
    found = messages_of(row)
    return {
        "row": row,
        "call": row.snapshot,
        "legs": (row.snapshot.caller, row.snapshot.callee),
        "since_ns": since_ns(row),
        "drops_ns": row.start_ns + NO_ACK_NS if row.state == 3 else 0,
        "why": evidence(row),
        "profiles": [{"name": name, "value": policy.value(value), "full": policy.profile(subject(name, value))} for name, value in whole.snapshot.profiles],
        "found": found,
        "ladder": ladder.draw(found.messages, names_of(row)),
        "orders": [policy.order(order) for order in row.orders.order_by("-requested_ns")[:20]],
        "now_ns": now_ns,
    }


class CallView:
    """One call; its fragments are rendered when its row or one of its orders changed."""

    def __init__(self, uid: str, policy: Policy = CLEAR) -> None:
        self.uid = uid
        self.policy = policy

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        """Return the frame that replaces facts, ladder and orders."""
        return Frame(updates=self._fragments(now_ns), snapshot=reason)

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        """Return the fragments when this call changed."""
        touched = self.uid in changes.rows or self.uid in changes.touched
        return Frame(updates=self._fragments(now_ns)) if touched else Frame()

    def _fragments(self, now_ns: int) -> list[str]:
        row = DialogRow.objects.filter(pk=self.uid).first()
        if row is None:
            return []
        context = call_context(row, now_ns, self.policy)
        return [frames.replace(target, render_to_string(template, context)) for target, template in PARTS.items()]


class OtherView:
    """A page without calls: it only wants the health of the capture."""

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        """Return a frame that says that all is new."""
        return Frame(snapshot=reason)

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        """Return nothing."""
        return Frame()
