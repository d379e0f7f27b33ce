"""A request in place of one that nobody sent: for conditions that are asked about a dialog when no message is at hand. Knows messages; knows no dialog."""

from collections.abc import Mapping

from dialogs.packet import Endpoint
from dialogs.sip import Request

NOWHERE = Endpoint("", 0)
"Where it comes from and goes to, unless a dialog's own addresses stand in."


def faked(template: str, fields: Mapping[str, str]) -> Request:
    """Return the request of a template, which begins with its method, with these fields filled in; they are not looked at."""
    data = template.format_map(fields).encode("utf-8", "replace")
    return Request(data, len(data), data.find(b"\n") + 1, 0, data.partition(b" ")[0])
