"""What people do to dead letters: have them sent again, drop them. Every such act is an audit event. Knows tables; sends nothing."""

from django.db import transaction
from django.db.models import QuerySet

from dashboard.models import DeadLetter
from dashboard.orders import audit

MOST = 1000
"Dead letters listed."

ALL = "all"


class NoLetter(LookupError):
    """There is no such dead letter; the text says so."""


def letters(receiver: str = "") -> QuerySet[DeadLetter]:
    """Return the dead letters of a receiver, or of all, newest first."""
    found = DeadLetter.objects.order_by("-at_ns", "-pk")
    return (found.filter(receiver=receiver) if receiver else found)[:MOST]


def _chosen(receiver: str, number: str) -> QuerySet[DeadLetter]:
    """Return one, by its number, or all of a receiver. Raises NoLetter."""
    found = DeadLetter.objects.filter(receiver=receiver)
    if number != ALL:
        found = found.filter(pk=int(number)) if number.isascii() and number.isdecimal() and len(number) < 19 else found.none()
    if not found.exists():
        raise NoLetter(f"there is no dead letter {number} of {receiver}" if number != ALL else f"there is no dead letter of {receiver}")
    return found


def retry(receiver: str, number: str, *, by: str, address: str = "") -> int:
    """Have dead letters tried again; returns how many. Raises NoLetter."""
    with transaction.atomic():
        count = _chosen(receiver, number).update(again=True)
        audit.record(by, "event sent again", address=address, text=f"{receiver}: {count} dead letters", request=number)
    return count


def drop(receiver: str, number: str, *, by: str, address: str = "") -> int:
    """Delete dead letters; returns how many. Raises NoLetter."""
    with transaction.atomic():
        found = _chosen(receiver, number)
        first = found.order_by("revision").values_list("revision", flat=True)[:20]
        text = f"{receiver}: revisions {', '.join(map(str, first))}"
        count = found.delete()[0]
        audit.record(by, "event dropped", address=address, text=f"{text}{f' and others, {count} in all' if count > 20 else ''}", request=number)
    return count
