"""What stands in the lines of the screen: calls, heads, messages, as rich text in the terminal's own colours. Knows calls; knows no keyboard.

All texts of the wire go through `words.safe`: no control character and no mark that turns the direction reaches the terminal.
"""

from typing import Any

from rich.cells import set_cell_size
from rich.text import Text

from dashboard.terminal.words import length, safe
from dashboard.watch.rows import Call, Row

STYLES = {"Setting up": "", "Ringing": "yellow", "No ACK": "bold yellow", "In call": "green", "Ended": "dim", "Expired": "magenta"}
TONES = {"bad": "red", "warn": "yellow", "good": "green", "plain": ""}
MARKS = {"Setting up": ".", "Ringing": "o", "No ACK": "!", "In call": "*", "Ended": "-", "Expired": "x"}
"State is never colour alone."

STATES = (("setting_up", "Setting up"), ("ringing", "Ringing"), ("no_ack", "No ACK"), ("in_call", "In call"))
STATE, AGE = 12, 9
FOLLOWED = 1000
"Calls that are followed, as `api.following` has it."

WIDE = 110
"Columns of a terminal that shows path and Call-ID too."

KINDS = {"req": "cyan", "prov": "", "ok": "green", "fail": "red", "odd": "magenta"}


def cell(value: object, width: int) -> str:
    """Return a value made safe, exactly so many columns wide; a cut one ends in an ellipsis."""
    text = " ".join(safe(value).split())
    sized = set_cell_size(text, width)
    return sized if len(sized) >= len(text) and sized.startswith(text) else f"{set_cell_size(text, max(0, width - 1))}…"


def party(call: Call, side: str) -> str:
    """Return who calls or is called: the number, else the URI without its scheme."""
    return str(call.get(side) or str(call.get(f"{'from' if side == 'caller' else 'to'}_uri", "")).removeprefix("sip:"))


def widths(width: int) -> tuple[int, int, int]:
    """Return how wide a party, the last words, and path with Call-ID are."""
    left = max(30, width - STATE - AGE - 3)
    if width < WIDE:
        who = min(22, left // 3)
        return who, left - 2 * who - 2, 0
    who = min(28, left // 5)
    more = (left - 2 * who - 2) // 2
    return who, left - 2 * who - 3 - more, more


def head(width: int) -> Text:
    """Return the columns' titles."""
    who, words, more = widths(width)
    titles = [cell("State", STATE), f"{'Duration':>{AGE}} ", cell("Caller", who), cell("Callee", who), cell("Last", words)]
    return Text(" ".join([*titles[:1], titles[1] + titles[2], *titles[3:], *([cell("Path, Call-ID", more)] if more else [])]), "bold", no_wrap=True)


def line(row: Row, now: float, width: int, order: str = "") -> Text:
    """Return a call's line. `order`: what came of the newest order about it."""
    call = row.call
    word = str(call.get("state_words") or call.get("state") or "")
    who, words, more = widths(width)
    style = STYLES.get(word, "red" if word.startswith("Failed") else "")
    said = call.get("said") or []
    reason = order or (said[0]["words"] if said else "") or call.get("last_event", "")
    tone = "bold" if order else TONES.get(said[0]["tone"], "") if said else ""
    text = Text(no_wrap=True)
    text.append(cell(f"{MARKS.get(word, 'x')} {word}", STATE), "dim" if row.over_at and word in ("In call", "Ringing", "Setting up") else style)
    text.append(f" {length(int(row.lasted(now))):>{AGE}} ")
    text.append(f"{cell(party(call, 'caller'), who)} {cell(party(call, 'callee'), who)} ", "dim" if row.over_at else "")
    text.append(cell(reason, words), "dim" if row.over_at and not order else tone)
    if more:
        text.append(f" {cell(f'{call.get("path", "")}  {call.get("call_id", "")}', more)}", "dim")
    return text


def totals(states: dict[str, int], total: int) -> Text:
    """Return the screen's first line: how many calls are up, by state; `total`: how many are found."""
    text = Text(no_wrap=True, overflow="ellipsis")
    count = sum(states.get(name, 0) for name, _ in STATES)
    text.append(f"{count} call{'' if count == 1 else 's'}", "bold")
    for name, word in STATES:
        text.append(f"  {word} {states.get(name, 0)}", STYLES[word])
    if total > FOLLOWED:
        text.append(f"  the newest {FOLLOWED}", "yellow")
    return text


def raw(message: dict[str, Any], width: int) -> list[Text]:
    """Return a message's lines, folded at the screen's width; header names stand out."""
    found = []
    in_head = True
    for number, whole in enumerate(str(message["text"]).replace("\r\n", "\n").split("\n")):
        written = safe(whole)
        in_head = in_head and bool(written)
        name = written.partition(":")[0] if in_head and number else ""
        for at in range(0, len(written) or 1, width):
            piece = Text(written[at : at + width], "bold" if number == 0 else "", no_wrap=True)
            if name and at == 0:
                piece.stylize("cyan", 0, min(len(name), width))
            found.append(piece)
    return found


def described(call: Call) -> str:
    """Return a call in words: what a person needs to know that it is the right one."""
    return safe(f"{party(call, 'caller')} -> {party(call, 'callee')} ({call.get('state_words', '')}, begun {str(call.get('begun', ''))[11:19]} UTC)")
