"""What can be asked of an alert: the names people say, and the columns behind them. Knows the tables; knows no page.

Adding a field is one entry in ALERTS; its kinds and operators are those of `query.fields`.
"""

from collections.abc import Mapping

from django.db.models import Q

from dashboard.models import DialogRow
from dashboard.query.fields import CHOICE, FIELDS, SUFFIX, TEXT, TIME, YES, Field, Lookup, party, plain, user

TEXTS = ("text", "subject", "limit", "node")
KINDS = ("alert", "webhook", "terminate", "limit")

STATES: Mapping[str, Q] = {
    "open": ~Q(limit="") & Q(cleared_ns=0),
    "cleared": ~Q(limit="") & Q(cleared_ns__gt=0),
    "seen": Q(seen=True),
    "unseen": Q(seen=False),
}
"An alert can be in two of them: a limit that is passed may have been seen."


def of_call(lookup: Lookup) -> Lookup:
    """Return what finds the alerts of calls that a lookup finds."""
    return lambda operator, text: Q(dialog_uid__in=DialogRow.objects.filter(lookup(operator, text)).values("pk"))


def anything(operator: str, text: str) -> Q:
    """Return the alerts in whose words this is, and those of a call with exactly this number."""
    suffix = "__istartswith" if operator == "startswith" else SUFFIX[operator]
    found = Q(*((f"{column}{suffix}", text) for column in TEXTS), _connector=Q.OR)
    return found | of_call(party("from"))("=", text) | of_call(party("to"))("=", text)


def anything_whole(_operator: str, text: str) -> Q:
    """Return the alerts about exactly this number: their subject is it, or their call has it. For who may not see numbers."""
    about = Q(subject=text) | Q(subject__endswith=f"={text}") | Q(limit=text) | Q(node=text)
    return about | of_call(party("from"))("=", text) | of_call(party("to"))("=", text)


ALERTS: dict[str, Field] = {
    "any": Field(TEXT, "words of the alert, or a number of its call", anything, whole=anything_whole),
    "kind": Field(CHOICE, "alert, webhook, terminate: of a rule; limit", {kind: Q(kind=kind) for kind in KINDS}, KINDS),
    "severity": Field(CHOICE, "of a limit: warn, critical", {word: Q(severity=word) for word in ("warn", "critical")}, ("warn", "critical")),
    "state": Field(CHOICE, "of a limit: open, cleared; seen, unseen", STATES, tuple(STATES)),
    "text": Field(TEXT, "what it says", plain("text"), whole=plain("text")),
    "limit": Field(TEXT, "name of the limit", plain("limit")),
    "subject": Field(TEXT, "what has too many calls: caller=4417", plain("subject"), whole=plain("subject")),
    "begun": Field(TIME, "it was raised", "at_ns", ("today", "yesterday", "last 1h")),
    "ended": Field(TIME, "its limit was no longer passed", "cleared_ns", ("today", "last 1h")),
    "seen": Field(YES, "somebody took note of it", "seen", ("true", "false")),
    "from": Field(TEXT, "caller of its call", of_call(party("from")), whole=of_call(party("from"))),
    "to": Field(TEXT, "callee of its call", of_call(party("to")), whole=of_call(party("to"))),
    "caller": Field(TEXT, "number or name of the caller of its call", of_call(user("from")), whole=of_call(user("from"))),
    "callee": Field(TEXT, "number or name of the callee of its call", of_call(user("to")), whole=of_call(user("to"))),
    "call": Field(TEXT, "Dialtap's own name of its call", plain("dialog_uid")),
    "node": Field(TEXT, "who raised it", plain("node")),
}

SCHEMAS: dict[str, Mapping[str, Field]] = {"calls": FIELDS, "alerts": ALERTS}
"What a question can be about."
