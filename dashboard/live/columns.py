"""The columns of the tables of calls: one list for the live page and for history. Knows how a call is shown; knows no query, no socket.

Adding a column is one function and one line in COLUMNS. Cells are written here and not in a template: a snapshot is 200 rows of a dozen cells, and
`markup`, which escapes all that is not markup already, takes a twentieth of the time of as many includes.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from django.urls import get_script_prefix, reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from dashboard.live.markup import joined, markup, short
from dashboard.live.shown import Party, ago_text, duration_ns, evidence, moment_text, party, relative_text, since_ns, span_text
from dashboard.live.shown import shown as state_of
from dashboard.models import DialogRow, Order
from dashboard.orders.words import outcome_words
from dashboard.privacy import linked
from dialogs.engine.states import State

MOST_TAGS = 3
NOTHING = SafeString("")


class Seen(NamedTuple):
    """A call as somebody sees it at a moment."""

    row: DialogRow
    order: Order | None = None
    profile: str = ""
    '"name=value": the profile whose size the row shows.'

    mark: str = ""
    "The profile's address on the page."

    size: int = 0
    limit: int = 0
    "Calls that the profile may have; 0: as many as there are."

    over: bool = False
    drops_ns: int = 0
    "When a call without ACK will be given up; 0: not in danger."

    now_ns: int = 0


class Column(NamedTuple):
    """One column."""

    name: str
    "In addresses; its cells have the class c-NAME, its width is w-NAME."

    title: str
    cell: Callable[[Seen], SafeString]
    sort: str = ""
    "The field of DialogRow that rises with it, - before it where it falls; empty: rows cannot be sorted by it."

    standard: bool = True
    "Whether it is there until somebody chooses."

    css: str = ""
    personal: bool = False
    "Whether its order tells numbers: nobody sorts by it who may not see them."


def place() -> str:
    """Return the address of a call's page with UID in it; below `/files/ID/` it is one there."""
    return _address(get_script_prefix(), "call", "UID")


@lru_cache(128)
def _address(_prefix: str, view: str, *args: str) -> str:
    """Return a view's address, looked for once a prefix: `reverse` for each cell would take longer than the cell."""
    return reverse(view, args=args)


def icon(path: str) -> SafeString:
    """Return a state's icon: a ring, filled as far as the call has come."""
    fill = markup('<path d="{}"/>', path) if path else NOTHING
    return markup('<svg viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="5.6"/>{}</svg>', fill)


def tag(css: str, text: str) -> SafeString:
    """Return a piece of evidence."""
    return markup('<span class="tag {}">{}</span>', css, short(text, 60))


def person(who: Party) -> SafeString:
    """Return one end of a call: the number carries the weight, the domain recedes."""
    return markup('<bdi class="who">{}</bdi><bdi class="at">{}</bdi>', who.user, who.host)


def state(seen: Seen) -> SafeString:
    """Icon, word and colour."""
    found = state_of(seen.row)
    return markup('<span class="state {}">{}{}</span>', found.css, icon(found.path), found.word)


def age(seen: Seen) -> SafeString:
    """How long the call has lasted since it was answered, else since its INVITE; the browser ticks it."""
    text = span_text(duration_ns(seen.row, seen.now_ns))
    if seen.row.state == State.DELETED:
        return markup("<span>{}</span>", text)
    return markup('<span data-since-ns="{}">{}</span>', since_ns(seen.row), text)


def caller(seen: Seen) -> SafeString:
    """Who calls; the link to the call's page."""
    row = seen.row
    link = place().replace("UID", row.uid)
    return markup('<a href="{}" title="{}">{}</a>', link, short(row.from_uri, 200), person(party(row.from_uri, row.from_user)))


def callee(seen: Seen) -> SafeString:
    """Who is called."""
    row = seen.row
    whom = person(party(row.to_uri, row.to_user))
    return markup('<span title="{}"><span class="at" aria-label="calls">→ </span>{}</span>', short(row.to_uri, 200), whom)


def path(seen: Seen) -> SafeString:
    """The peers on the way, by their names."""
    return markup('<bdi title="{0}">{0}</bdi>', short(seen.row.path, 120))


def event(seen: Seen) -> SafeString:
    """The last message, and how long ago it was."""
    ago = markup(' <i data-ago-ns="{}">{}</i>', seen.row.last_ns, ago_text(seen.now_ns - seen.row.last_ns)) if seen.row.state != State.DELETED else NOTHING
    return markup("<bdi>{}</bdi>{}", short(seen.row.last_event, 40), ago)


def why(seen: Seen) -> SafeString:
    """What is odd about the call, in words: a limit, an order, the countdown without ACK, what was diagnosed."""
    tags = [tag("sf", "over limit")] if seen.over else []
    if seen.order:
        tags.append(tag("t-order", outcome_words(seen.order)))
    if seen.drops_ns:
        tags.append(markup('<span class="tag s3">drops in <span data-until-ns="{}">{}</span></span>', seen.drops_ns, "32 s"))
    tags += [tag(css, words) for css, words in evidence(seen.row)][:MOST_TAGS]
    return markup("<span>{}</span>", joined(tags))


def bar(size: int, limit: int) -> SafeString:
    """Return how many calls a profile has, of how many; the push sends it alone where the row itself did not change."""
    if not limit:
        return markup("{}", size)
    high = size >= limit
    meter = '<meter min="0" max="{0}" value="{1}"{2} aria-label="{3} of {0}"></meter>{3}/{0}'
    return markup(meter, limit, min(size, limit), SafeString(' low="0" high="0" optimum="0"') if high else NOTHING, size)


def profiles(seen: Seen) -> SafeString:
    """The calls that the caller, or what else the first profile is, has now, and its limit."""
    if not seen.profile:
        return NOTHING
    link = f"{_address(get_script_prefix(), 'live')}?{urlencode({'profile': linked(seen.profile)})}"
    said = "calls now: " + short(seen.profile, 120)
    return markup('<a href="{}" data-mark="{}" title="{}">{}</a>', link, seen.mark, said, bar(seen.size, seen.limit))


def begun(seen: Seen) -> SafeString:
    """When the INVITE came."""
    return markup("{}", moment_text(seen.row.init_ns))


def rang(seen: Seen) -> SafeString:
    """How long until it rang."""
    return markup("{} s", relative_text(seen.row.ring_ns, seen.row.init_ns)) if seen.row.ring_ns else NOTHING


def by(seen: Seen) -> SafeString:
    """Who ended it: a party, a time-out, an operator."""
    return markup("<bdi>{}</bdi>", short(seen.row.ended_by.removeprefix("operator:"), 30))


def text(field: str, most: int = 80) -> Callable[[Seen], SafeString]:
    """Return the cell that shows a field as it is."""
    return lambda seen: markup('<bdi title="{0}">{0}</bdi>', short(str(getattr(seen.row, field)), most))


COLUMNS = (
    Column("state", "State", state, "state"),
    Column("age", "Duration", age, "-init_ns", css="num"),
    Column("caller", "Caller", caller, "from_user", css="c-who", personal=True),
    Column("callee", "Callee", callee, "to_user", css="c-who", personal=True),
    Column("path", "Path", path, "path", css="mono"),
    Column("event", "Last event", event, "-last_ns"),
    Column("why", "Evidence", why),
    Column("size", "Caller now", profiles, css="num"),
    Column("when", "Begun", begun, "init_ns", standard=False, css="mono"),
    Column("rang", "Rang after", rang, standard=False, css="num"),
    Column("messages", "Messages", text("messages"), "messages", standard=False, css="num"),
    Column("by", "Ended by", by, standard=False, css="dim"),
    Column("callid", "Call-ID", text("call_id", 120), "call_id", standard=False, css="mono"),
    Column("node", "Node", text("node"), "node", standard=False, css="dim"),
    Column("tap", "Tap", text("tap"), "tap", standard=False, css="dim"),
)
BY_NAME = {column.name: column for column in COLUMNS}
STANDARD = tuple(column.name for column in COLUMNS if column.standard)
PICK = '<td class="c-pick"><input type="checkbox" name="uid" value="{0}" form="bulk" aria-label="Pick the call of {1} to {2}"{3}></td>'
MENU = (
    '<td class="c-menu"><a class="more" href="{0}" hx-get="{0}menu/" hx-target="#menu" role="button" aria-haspopup="menu" '
    'aria-label="Actions for this call">⋯</a></td>'
)


def cells(seen: Seen, names: Iterable[str]) -> SafeString:
    """Return the cells of these columns."""
    found = (BY_NAME[name] for name in names)
    return joined((markup('<td class="c-{} {}">{}</td>', column.name, column.css, column.cell(seen)) for column in found), "\n")


def table_row(seen: Seen, names: Iterable[str] = STANDARD) -> SafeString:
    """Return a call's row on the live page: the box to pick it, these columns, its menu."""
    row = seen.row
    over = row.state == State.DELETED
    names_of_ends = party(row.from_uri, row.from_user).user, party(row.to_uri, row.to_user).user
    pick = markup(PICK, row.uid, *names_of_ends, SafeString(" disabled") if over else NOTHING)
    head = markup('<tr id="call-{0}" class="{1}-row{2}" data-uid="{0}">', row.uid, state_of(row).css, " ended" if over else "")
    menu = markup(MENU, place().replace("UID", row.uid))
    return SafeString(f"{head}\n{pick}\n{cells(seen, names)}\n{menu}\n</tr>")
