"""How an entry of the table is asked: of the calls of this node, or of an opened capture file. Knows the table; knows no request."""

from typing import Any

from dashboard.api.acts import file as opened
from dashboard.api.answers import Problem
from dashboard.api.asker import Asker
from dashboard.api.table import Entry
from dashboard.query.cost import TooSlow
from dashboard.workspace.routing import inside

SLOW = "the question was given up because it took too long: narrow it"


def ask(entry: Entry, asker: Asker, said: dict[str, Any]) -> Any:
    """Return an entry's answer. Raises Problem."""
    said = {name: value.replace("\0", "") if isinstance(value, str) else value for name, value in said.items()}
    ident = said.pop("file", "")
    try:
        if not ident:
            return entry.run(asker, **said)
        opened(asker, ident)
        with inside(ident):
            return entry.run(asker, **said)
    except TooSlow as slow:
        raise Problem(503, SLOW) from slow
