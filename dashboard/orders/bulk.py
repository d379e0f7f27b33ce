"""Ending many calls at once: what would be ended, the wish, its progress, its end. Knows tables and what one order may; knows no page and no loop.

A bulk never ends a call itself: each of its calls becomes one ordinary order in its turn, see `dashboard.orders.pacing`.
"""

import time
from collections.abc import Sequence

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Count

from dashboard.models import Bulk, BulkItem, DialogRow, Order
from dashboard.orders import audit
from dashboard.orders.safety import BULK, REASON_MAX, REASON_MIN, TOO_MANY, TOO_MANY_YOURS, Asked, Refusal, User, decide

TYPED_ABOVE = 5
"Calls that are ended without the count being typed."

RATES = (TOO_MANY, TOO_MANY_YOURS)
STOPPED = "stopped before its turn"
ONE_LEG = "one leg only"
UNDER_WAY = "under way"
FIRST = ("requested", Order.Outcome.BOTH_LEGS.value, ONE_LEG)
LAST = (BulkItem.State.LEFT_OUT.value, UNDER_WAY, BulkItem.State.WAITING.value)
"Words of a progress that stand at its beginning and at its end."


class BulkRefused(Exception):
    """A bulk may not exist; its text says why, for the person who asked."""


class Preview(msgspec.Struct, frozen=True):
    """What a bulk would do at this moment."""

    ending: list[DialogRow]
    left: list[tuple[DialogRow, str]]
    "Calls that would be left out, and why."

    refused: str = ""
    "Why nothing may be ended at all."

    @property
    def to_type(self) -> str:
        """The count that must be typed, empty for a few."""
        return str(len(self.ending)) if len(self.ending) > TYPED_ABOVE else ""


class Wish(msgspec.Struct, frozen=True):
    """What a person answered to a preview."""

    key: str
    "Of the preview: the same answer twice is one bulk."

    reason: str
    typed: str
    address: str
    "Where the user is."

    query: str = ""
    "The filter that found the calls, as a query string; empty when they were picked."


class Progress(msgspec.Struct, frozen=True):
    """What became of a bulk's calls so far."""

    counts: dict[str, int]
    "Words -> calls, in the order in which they are told; the first is how many were requested."

    left: list[BulkItem]
    "Calls without an order that is proven on both legs, with the reason; those that wait are not among them."

    done: int
    total: int

    @property
    def words(self) -> str:
        """All of it in one line: "60 requested / 58 both legs released / 2 one leg only"."""
        return " / ".join(f"{count} {name}" for name, count in self.counts.items())


def refusal_of(row: DialogRow, user: User) -> Refusal | None:
    """Return why a call is left out of a bulk, None when it may be ended. Protected calls are, whoever asks; a rate is waited for, see `pacing`."""
    refusal = decide(Asked(user, (row,), how=BULK))
    return None if refusal in RATES else refusal


def preview(rows: Sequence[DialogRow], user: User) -> Preview:
    """Return what would become of these calls."""
    judged = [(row, refusal_of(row, user)) for row in rows]
    ending = [row for row, refusal in judged if refusal is None]
    left = [(row, refusal.words) for row, refusal in judged if refusal]
    return Preview(ending, left, too_many(len(ending)) or ("" if ending else "none of these calls can be ended"))


def too_many(calls: int) -> str:
    """Return why so many calls may not be ended at once, empty when they may."""
    most: int = settings.DIALTAP.control.bulk_max
    return f"{calls:,} calls, at most {most:,} at once ([control] bulk_max): narrow the filter or pick fewer" if calls > most else ""


def request_bulk(rows: Sequence[DialogRow], user: User, wish: Wish) -> Bulk:
    """Return the bulk that ends these calls: a new one, or the one that this answer has made already. BulkRefused, audited, when it may not exist.

    Calls that may not be ended (any more) are in it, left out.
    """
    if (known := Bulk.objects.filter(key=wish.key, username=user.get_username()).first()) is not None:
        return known
    seen = preview(rows, user)
    if words := _mistake(seen, user, wish, len(rows)):
        audit.record(user.get_username(), "bulk refused", address=wish.address, text=words, reason=wish.reason, request=_asked(len(rows), wish))
        raise BulkRefused(words)
    return _create(seen, user.get_username(), wish)


def _mistake(seen: Preview, user: User, wish: Wish, shown: int) -> str:
    if not user.has_perm("dashboard.end_call"):
        return "you may not end calls"
    if seen.refused:
        return seen.refused
    if not (REASON_MIN <= len(wish.reason.strip()) <= REASON_MAX and wish.reason.strip().isprintable()):
        return f"give a reason of {REASON_MIN} to {REASON_MAX} characters"
    if shown > TYPED_ABOVE and wish.typed.strip() != str(shown):
        return f"type {shown} to confirm"
    return ""


def _asked(calls: int, wish: Wish) -> str:
    return f"end {calls} calls{f' that match {wish.query}' if wish.query else ''}"


def _create(seen: Preview, username: str, wish: Wish) -> Bulk:
    now_ns, reason = time.time_ns(), wish.reason.strip()
    asked = len(seen.ending) + len(seen.left)
    fields = {"username": username, "address": wish.address[:64], "reason": reason, "query": wish.query, "asked": asked}
    with transaction.atomic():
        bulk, made = Bulk.objects.get_or_create(key=wish.key, defaults=fields | {"requested_ns": now_ns, "moved_ns": now_ns})
        if made:
            items = [_item(bulk, row) for row in seen.ending]
            items += [_item(bulk, row, state=BulkItem.State.LEFT_OUT, words=words) for row, words in seen.left]
            BulkItem.objects.bulk_create(items)
            text = f"bulk {bulk.pk}: {asked} calls: {reason}"
            audit.record(username, "bulk requested", address=wish.address, text=text, at_ns=now_ns, reason=reason, request=_asked(asked, wish))
    return bulk


def _item(bulk: Bulk, row: DialogRow, **fields: str) -> BulkItem:
    text = f"{row.from_user or row.from_uri} -> {row.to_user or row.to_uri}"
    return BulkItem(bulk=bulk, dialog_uid=row.pk, call_text=text, node=row.node, **fields)


def stop_bulk(bulk: Bulk, username: str, address: str) -> bool:
    """Have no more orders given for a bulk; those that were given are carried out. Return whether it ran until now."""
    now_ns = time.time_ns()
    with transaction.atomic():
        running = Bulk.objects.filter(pk=bulk.pk, state=Bulk.State.RUNNING)
        if not running.update(state=Bulk.State.STOPPED, closed_ns=now_ns, closed_by=username[:150]):
            return False
        left = bulk.items.filter(state=BulkItem.State.WAITING).update(state=BulkItem.State.LEFT_OUT, words=STOPPED)
        audit.record(username, "bulk stopped", address=address, text=f"bulk {bulk.pk}: {left} calls left", at_ns=now_ns, reason=bulk.reason)
    return True


def progress(bulk: Bulk) -> Progress:
    """Return what became of a bulk's calls so far."""
    counted = bulk.items.values_list("state", "order__phase", "order__outcome").annotate(Count("pk")).order_by()
    counts = dict.fromkeys(FIRST, 0)
    done = total = 0
    for state, phase, outcome, number in counted:
        word = _word(state, phase, outcome)
        counts["requested"] += number if state == BulkItem.State.ORDERED else 0
        counts[word] = counts.get(word, 0) + number
        total += number
        done += number if word not in (BulkItem.State.WAITING, UNDER_WAY) else 0
    shown = {word: counts[word] for word in sorted(counts, key=_place) if counts[word] or word in FIRST[:2]}
    return Progress(shown, _unproven(bulk), done, total)


def _place(word: str) -> tuple[int, str]:
    order = (*FIRST, "", *LAST)
    return order.index(word if word in order else ""), word


def _word(state: str, phase: str | None, outcome: str | None) -> str:
    if state != BulkItem.State.ORDERED:
        return state
    if phase in Order.OPEN:
        return UNDER_WAY
    return ONE_LEG if outcome in (Order.Outcome.CALLER_ONLY, Order.Outcome.CALLEE_ONLY) else outcome or "unknown"


def _unproven(bulk: Bulk) -> list[BulkItem]:
    found = bulk.items.exclude(state=BulkItem.State.WAITING).exclude(order__outcome__in=("", Order.Outcome.BOTH_LEGS))
    return list(found.select_related("order").order_by("pk"))
