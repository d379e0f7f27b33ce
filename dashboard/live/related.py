"""The other calls that belong to one: its B2BUA's other legs, other tries, the same parties around the same time. Knows tables and stored messages.

What makes two calls related is `dialogs.insight.legs`' business. Every look-up here is one step into an index and bounded.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dashboard.history import segments
from dashboard.history.messages import RECORD
from dashboard.models import DialogRow
from dashboard.privacy import CLEAR, Policy
from dashboard.workspace.routing import messages_folder
from dialogs.insight import legs
from dialogs.insight.heard import Heard
from dialogs.insight.legs import Mark
from dialogs.sip import parse

WINDOW_NS = 60_000_000_000
"Calls of the same caller or callee that begin this near are looked at."

MOST = 20
"Calls that each look-up yields."

SHOWN = 12


class Related(NamedTuple):
    """Another call."""

    row: DialogRow
    words: str
    "What it has in common with this one."


def related(row: DialogRow, policy: Policy = CLEAR) -> list[Related]:
    """Return the calls that belong to this one, as the policy has them, the surest first; `row` is not masked."""
    mark = mark_of(row, first_of(row))
    found = [Related(other, words) for other in candidates(row, mark) if (words := legs.relation(mark, mark_of(other, first_of(other))))]
    weak = ("same caller", "same callee")
    found.sort(key=lambda one: (one.words in weak, abs(one.row.init_ns - row.init_ns)))
    return [Related(policy.row(one.row), one.words) for one in found[:SHOWN]]


def mark_of(row: DialogRow, heard: Sequence[Heard]) -> Mark:
    """Return what of a call is compared."""
    first = next((one.message for one in heard if one.message and not one.message.status), None)
    return Mark(row.call_id, row.init_ns, row.from_user, row.to_user, legs.links(first) if first else ())


def first_of(row: DialogRow) -> list[Heard]:
    """Return what was stored first of a call: one frame."""
    stored = segments.read(messages_folder(row._state.db or ""), bytes(row.frames)[: RECORD.size]).messages
    return [Heard(number, one.at_ns, one.source, one.destination, one.transport, parse(one.data)) for number, one in enumerate(stored[:4], 1)]


def candidates(row: DialogRow, mark: Mark) -> list[DialogRow]:
    """Return the calls that may belong to this one."""
    near = DialogRow.objects.defer("detail", "engine").filter(init_ns__range=(row.init_ns - WINDOW_NS, row.init_ns + WINDOW_NS))
    named = DialogRow.objects.defer("detail", "engine").filter(call_id__in=[row.call_id, *legs.named(mark)])
    looks = [named]
    looks += [near.filter(from_user__in=(row.from_user, row.to_user))] if row.from_user or row.to_user else []
    looks += [near.filter(to_user=row.to_user)] if row.to_user else []
    start = row.call_id.partition("@")[0][:-1]
    if len(start) >= legs.PREFIX:
        looks.append(DialogRow.objects.defer("detail", "engine").filter(call_id__gte=start, call_id__lt=f"{start}\U0010fffd"))
    found = {other.pk: other for look in looks for other in look[:MOST]}
    found.pop(row.pk, None)
    return list(found.values())
