"""What people change of a live call: its variables, flags and lifetime, as a rule would. Knows the commands of the ingest's door; knows no request.

Every change is an audit event with what was there before and what is there now; what was refused is one too.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AbstractUser, AnonymousUser

from dashboard.models import DialogRow
from dashboard.orders import audit
from dashboard.orders.request import ENDED, Refusal
from dashboard.rpc import forward
from dialogs.engine.rules.actions import FLAGS, TEXT_MAX
from dialogs.engine.states import State
from dialogs.rpc.commands.settings import TIMEOUT_MAX

PERMISSION = "dashboard.change_dialogrow"
NOT_ALLOWED = Refusal("you may not change calls")
RECORDED = Refusal("recorded call: nothing about it can be changed")
UNSURE = "the ingest broke off: look at the call whether it was done"
GONE = "the ingest that answers here does not follow this call"
SHOWN = 500
"Characters of a value in the audit log."


class Mistake(ValueError):
    """What was filled in cannot be meant; the text says what is wanted."""


class ChangeRefused(Exception):
    """A call cannot be changed; the text says why, for the person who asked."""


class Wish(NamedTuple):
    """One change."""

    what: str
    'Words for what is changed: "variable queue".'

    now: str
    "Words for what it is to be."

    ask: tuple[str, list[Any]]
    "Command and parameters that tell what it is."

    act: tuple[str, list[Any]]
    "Command and parameters that change it."


def may_change(row: DialogRow, user: AbstractUser | AnonymousUser) -> Refusal | None:
    """Return why this user may not change this call, None when it may be changed."""
    if not user.has_perm(PERMISSION):
        return NOT_ALLOWED
    if row.recorded:
        return RECORDED
    return ENDED if row.state >= State.DELETED else None


def wish_of(row: DialogRow, form: Mapping[str, str]) -> Wish:
    """Return what a form asks for: `what` is set_var, unset_var, setflag, resetflag or set_timeout. Raises Mistake."""
    call = row.snapshot
    tags = [call.call_id, call.caller.tag, call.callee.tag]
    what = form.get("what", "")
    if what in ("set_var", "unset_var"):
        return _variable(tags, form.get("key", ""), form.get("value", "") if what == "set_var" else None)
    if what in ("setflag", "resetflag"):
        flag = _number(form.get("flag", ""), 0, FLAGS - 1, "a flag")
        return Wish(f"flag {flag}", "set" if what == "setflag" else "not set", ("dlg.isflagset", [*tags, flag]), (f"dlg.{what}", [*tags, flag]))
    if what == "set_timeout":
        number = [call.h_entry, call.h_id]
        seconds = _number(form.get("seconds", ""), 1, TIMEOUT_MAX, "the lifetime in seconds")
        return Wish("lifetime", f"{seconds} s", ("dlg.get_timeout", number), ("dlg.set_timeout", [seconds, *number]))
    raise Mistake("say what is to be changed")


def _variable(tags: list[Any], key: str, value: str | None) -> Wish:
    if not 0 < len(key) <= TEXT_MAX:
        raise Mistake(f"give the variable a name of at most {TEXT_MAX} characters")
    if value is not None and not (key.strip() == key and key.isprintable() and value.isprintable() and len(value) <= TEXT_MAX):
        raise Mistake(f"name and value are one line each, of at most {TEXT_MAX} characters, the name without blanks around it")
    now = "removed" if value is None else f'"{value}"'
    return Wish(f"variable {key}", now, ("dlg.get_var", [*tags, key]), ("dlg.set_var", [*tags, key, *([] if value is None else [value])]))


def _number(text: str, least: int, most: int, name: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and least <= int(text) <= most):
        raise Mistake(f"{name} is a whole number from {least} to {most}")
    return int(text)


def carry_out(row: DialogRow, user: AbstractUser | AnonymousUser, wish: Wish, address: str) -> None:
    """Have the ingest change a call, and write down who did it. `address` is where the user is. Raises ChangeRefused, which is written down too."""
    who, call = user.get_username(), f"{row.from_user or row.from_uri} -> {row.to_user or row.to_uri}"
    try:
        if refusal := may_change(row, user):
            raise ChangeRefused(refusal.words)
        before = _asked(wish)
    except ChangeRefused as refused:
        audit.record(who, "change refused", address=address, dialog_uid=row.pk, text=f"{call}: {wish.what[:SHOWN]}: {refused}")
        raise
    text = f"{call}: {wish.what[:SHOWN]}: {before[:SHOWN]} -> {wish.now[:SHOWN]}"
    audit.record(who, "call changed", address=address, dialog_uid=row.pk, text=text)


def _asked(wish: Wish) -> str:
    """Ask for what is there, then for the change, in one batch; return words for what was there. Raises ChangeRefused."""
    batch = [{"jsonrpc": "2.0", "id": number, "method": method, "params": params} for number, (method, params) in enumerate((wish.ask, wish.act))]
    try:
        answers = msgspec.json.decode(async_to_sync(_whole)(msgspec.json.encode(batch)), type=list[dict[str, Any]])
        was, done = sorted(answers, key=lambda answer: answer["id"])
    except forward.NoIngest as nobody:
        raise ChangeRefused(str(nobody)) from nobody
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError) as broken:
        raise ChangeRefused(UNSURE) from broken
    if fault := done.get("error"):
        words = str(fault.get("message", ""))
        raise ChangeRefused(GONE if words == "Dialog not found" else words)
    return _was(wish, was)


async def _whole(body: bytes) -> bytes:
    return b"".join([piece async for piece in forward.answer(body, control=True)])


def _was(wish: Wish, answer: dict[str, Any]) -> str:
    """Return words for what a change found."""
    if "result" not in answer:
        return "none"
    found = answer["result"]
    if wish.what == "lifetime":
        return f"{found} s"
    return ("set" if found else "not set") if isinstance(found, int) else f'"{found}"'
