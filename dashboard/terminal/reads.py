"""The commands that read: lists, one call, profiles, counters. Knows the door's commands and what people want to see; orders nothing."""

from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import Any

from dashboard.terminal.calls import Call, calls, number
from dashboard.terminal.door import Door, Reply
from dashboard.terminal.errors import Refused, Usage
from dashboard.terminal.find import find
from dashboard.terminal.output import Cell, Column, note, on_terminal, say, show, show_json
from dashboard.terminal.words import STATE_WORDS, STATES, length, moment

TERMINAL_ROWS = 200
"Calls that a terminal gets without --limit."

COLUMNS = (
    Column("Call", right=True),
    Column("State"),
    Column("Talk", right=True),
    Column("Caller", shares=True),
    Column("Callee", shares=True),
    Column("Call-ID", from_width=110, shares=True),
    Column("Profiles", from_width=150, shares=True),
)
STYLES = {2: "yellow", 3: "bold yellow", 4: "green", 5: "dim"}
SPECIAL = frozenset(".[]{}()\\*+?|^$")
PAIRS = (Column("Field"), Column("Value"))


def row(call: Call) -> tuple[Cell | str, ...]:
    """Return one line of a list."""
    talk = length(call.duration) if call.start_ts else ""
    return call.number, state(call), talk, address(call.from_uri), address(call.to_uri), call.call_id, ",".join(call.profiles)


def state(call: Call) -> Cell:
    """Return a call's state in words and colour."""
    return Cell(STATES.get(call.state, str(call.state)), STYLES.get(call.state, ""), STATE_WORDS.get(call.state, str(call.state)))


def address(uri: str) -> Cell:
    """Return a URI; on a terminal, where width is dear, without the scheme that nearly all have."""
    return Cell(uri.removeprefix("sip:"), piped=uri)


def contains(part: str) -> str:
    """Return the regular expression of dlg.list_match for "holds this text"."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in part)


# --- lists


def listing(door: Door, asked: Namespace) -> None:
    """`list`: what the door can choose it chooses, the rest is chosen here."""
    limit = asked.limit if asked.limit is not None else TERMINAL_ROWS if on_terminal() and not asked.json else 0
    wanted = [(key, part) for key, part in (("callid", asked.call_id), ("furi", asked.caller), ("turi", asked.callee)) if part]
    if asked.profile:
        wanted.insert(0, ("profile", asked.profile))
    here = bool(asked.state or len(wanted) > 1 or (asked.profile and limit))
    if asked.json and here:
        raise Usage("--json prints the ingest's answer unchanged: it goes with --limit and one of --caller, --callee, --call-id, or with --profile alone")
    reply = _ask_list(door, wanted, 0 if here else limit)
    if asked.json:
        show_json(reply)
        return
    nothing = not wanted and limit and reply.fault is not None  # dlg.list_match's words for it
    found = [] if nothing else [call for call in calls(reply.result) if _is_wanted(call, asked)]
    if not found and (wanted or here):
        raise Refused("no such call")
    _show_calls(found, limit)


def _ask_list(door: Door, wanted: list[tuple[str, str]], limit: int) -> Reply:
    if not wanted:
        return door.ask("dlg.list_match", "callid", "re", ".", limit) if limit else door.ask("dlg.list")
    key, part = wanted[0]
    if key == "profile":
        return door.ask("dlg.profile_list", *part.split("=", 1))
    return door.ask("dlg.list_match", key, "re", contains(part), limit)


def _is_wanted(call: Call, asked: Namespace) -> bool:
    parts = ((asked.call_id, call.call_id), (asked.caller, call.from_uri), (asked.callee, call.to_uri))
    return (not asked.state or call.state in asked.state) and all(part.lower() in text.lower() for part, text in parts if part)


def match(door: Door, asked: Namespace) -> None:
    """`match KEY OP VALUE`: dlg.list_match as it is."""
    _answer(door.ask("dlg.list_match", asked.key, asked.op, asked.value, asked.limit or 0), asked, lambda result: _show_calls(calls(result), 0))


def _show_calls(found: list[Call], limit: int) -> None:
    shown = found[:limit] if limit else found
    show(COLUMNS, [row(call) for call in shown])
    if limit and len(found) >= limit:
        note(f"the first {'call' if len(shown) == 1 else f'{len(shown)} calls'}; --limit 0 shows all")


# --- one call


def one(door: Door, asked: Namespace) -> None:
    """`show CALL`: every field, times also as people write them."""
    _answer(find(door, asked.call), asked, _show_fields)


def _show_fields(result: Any) -> None:
    for at, call in enumerate(calls(result)):
        if at:
            say("")
        show(PAIRS, list(fields(call)))


def fields(call: Call) -> Iterable[tuple[str, str]]:
    """Return a call's fields as rows, in the door's order."""
    for name, value in call.fields.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", "" if of is None else str(of)) for inner, of in value.items())
        elif name == "profiles":
            yield from ((name, entry) for entry in call.profiles)
        elif name == "variables":
            yield from ((f"$dlg_var({key})", of) for key, of in call.variables)
        else:
            yield name, _explained(call, name, value)


def _explained(call: Call, name: str, value: Any) -> str:
    text = "" if value is None else str(value)
    number = int(value) if isinstance(value, int) else 0
    more = {"state": STATES.get(number, ""), "duration": length(number) if call.start_ts else "", "lifetime": length(number) if number else ""}
    said = moment(number) if name.endswith("_ts") or name == "timeout" else more.get(name, "")
    return f"{text} ({said})" if said else text


def variables(door: Door, asked: Namespace) -> None:
    """`vars CALL`: its variables."""
    columns = Column("Call", right=True), Column("Variable"), Column("Value")
    _answer(find(door, asked.call), asked, lambda result: show(columns, [(call.number, *pair) for call in calls(result) for pair in call.variables]))


# --- profiles and counters


def profiles(door: Door, asked: Namespace) -> None:
    """`profiles [NAME]`: every profile with its number of calls, or the values of one with theirs."""
    one = () if asked.profile is None else (asked.profile,)
    title = "Value" if one else "Profile"
    _answer(door.ask("dlg.profiles", *one), asked, lambda result: show((Column(title), Column("Calls", right=True)), pairs(result)))


def size(door: Door, asked: Namespace) -> None:
    """`size PROFILE [VALUE]`: a bare number."""
    value = () if asked.value is None else (asked.value,)
    _answer(door.ask("dlg.profile_get_size", asked.profile, *value), asked, say)


def values(door: Door, asked: Namespace) -> None:
    """`values PROFILE`: its values, one a line."""
    _answer(door.ask("dlg.profile_get_values", asked.profile), asked, say_all)


def say_all(result: Any) -> None:
    """Print the texts of an array, one a line."""
    for value in result if isinstance(result, list) else []:
        say(value)


def stats(door: Door, asked: Namespace) -> None:
    """`stats`: the counters of the dialog group, and the calls by state."""
    reply = door.ask("dlg.stats")
    if asked.json:
        show_json(reply)
        return
    rows = [*pairs(reply.result), *pairs(door.ask("dlg.stats_active").result)]
    show((Column("Counter"), Column("Number", right=True)), rows)


def pairs(result: Any) -> list[tuple[str, str]]:
    """Return an object's members as rows, also of an array of objects."""
    objects = result if isinstance(result, list) else [result]
    return [(name, str(value)) for one in objects if isinstance(one, dict) for name, value in one.items()]


COUNTED = {1: "starting", 2: "connecting", 3: "answering", 4: "ongoing"}


def count(door: Door, asked: Namespace) -> None:
    """`count`: the bare number of calls that have not ended, or of those in the given states."""
    names = {COUNTED.get(number, "") for number in asked.state or ()}
    if "" in names:
        raise Usage("calls that have ended are not counted; dlg stats has the counters")

    def shown(result: Any) -> None:
        by_name = result if isinstance(result, dict) else {"all": result}
        say(sum(number(by_name.get(name)) for name in names or {"all"}))

    _answer(door.ask("dlg.stats_active"), asked, shown)


def _answer(reply: Reply, asked: Namespace, shown: Callable[[Any], None]) -> None:
    if asked.json:
        show_json(reply)
    else:
        shown(reply.result)
