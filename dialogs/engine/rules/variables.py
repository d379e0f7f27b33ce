"""Pseudo-variables under Kamailio's names, and texts that hold them. Knows moments; knows no condition and no action.

Adding a variable is one line in PLAIN, or in KEYED for one with a key in brackets.
"""

import re
from collections.abc import Callable

from dialogs.engine.fields import Scalar
from dialogs.engine.identity import format_did
from dialogs.engine.rules.errors import RuleError, nearest
from dialogs.engine.rules.moment import TIMEOUT_BYE, Moment
from dialogs.packet import SECOND
from dialogs.sip import URI

Value = Callable[[Moment], Scalar]

DLG_KEYS = (
    *("h_id", "h_entry", "ref", "state", "dflags", "sflags", "iflags", "callid", "lifetime", "start_ts", "init_ts", "req_uri"),
    *("from_uri", "from_tag", "from_cseq", "from_contact", "from_rs", "from_bindaddr"),
    *("to_uri", "to_tag", "to_cseq", "to_contact", "to_rs", "to_bindaddr"),
)
"Kamailio's keys of $dlg(...), and init_ts, iflags and req_uri, which it lacks."


def _lifetime(moment: Moment) -> int:
    start = moment.subject.start_ns
    return (moment.packet.at_ns - start) // SECOND if start else 0


def _asserted(moment: Moment) -> str | None:
    value = moment.message.header("p-asserted-identity") or moment.message.header("p-preferred-identity")
    if value is None:
        return None
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value.partition(";")[0].strip()


def _did(moment: Moment) -> str:
    entry, serial = moment.subject.field("h_entry"), moment.subject.field("h_id")
    return format_did(int(entry or 0), int(serial or 0))


PLAIN: dict[str, Value] = {
    "$fu": lambda m: m.message.from_.uri,
    "$fU": lambda m: URI.parse(m.message.from_.uri).user or None,
    "$fd": lambda m: URI.parse(m.message.from_.uri).host or None,
    "$ft": lambda m: m.message.from_.tag or None,
    "$fn": lambda m: m.message.from_.name or None,
    "$tu": lambda m: m.message.to.uri,
    "$tU": lambda m: URI.parse(m.message.to.uri).user or None,
    "$td": lambda m: URI.parse(m.message.to.uri).host or None,
    "$tt": lambda m: m.message.to.tag or None,
    "$tn": lambda m: m.message.to.name or None,
    "$ru": lambda m: m.message.request_uri or None,
    "$rU": lambda m: URI.parse(m.message.request_uri).user or None,
    "$rd": lambda m: URI.parse(m.message.request_uri).host or None,
    "$rm": lambda m: m.message.method,
    "$rs": lambda m: m.message.status or None,
    "$rr": lambda m: m.message.reason or None,
    "$ci": lambda m: m.message.header("call-id"),
    "$cs": lambda m: m.message.cseq_text or None,
    "$ct": lambda m: m.message.header("contact"),
    "$ua": lambda m: m.message.header("user-agent"),
    "$ai": _asserted,
    "$si": lambda m: m.packet.source.host,
    "$sp": lambda m: m.packet.source.port,
    "$Ri": lambda m: m.packet.destination.host,
    "$Rp": lambda m: m.packet.destination.port,
    "$pr": lambda m: m.packet.transport,
    "$TS": lambda m: m.packet.at_ns // SECOND,
    "$DLG_count": lambda m: m.active,
    "$DLG_status": lambda m: m.state,
    "$DLG_lifetime": _lifetime,
    "$DLG_did": _did,
}


def _header(name: str) -> Value:
    return lambda moment: moment.message.header(name)


def _variable(name: str) -> Value:
    return lambda moment: moment.subject.variables.get(name)


def _dialog(key: str) -> Value:
    if key not in DLG_KEYS:
        raise RuleError(f"$dlg({key}) is not known{nearest(key, DLG_KEYS)}", word=f"$dlg({key}")
    return lambda moment: moment.subject.field(key)


CONTEXT: dict[str, Value] = {
    "set": lambda _: 1,
    "dir": lambda m: 1 if m.downstream else 2,
    "timeout": lambda m: m.subject.lifetime,
    "timeout_bye": lambda m: m.subject.iflags & TIMEOUT_BYE,
    "flags": lambda m: m.subject.sflags,
}


def _context(key: str) -> Value:
    if key not in CONTEXT:
        raise RuleError(f"$dlg_ctx({key}) is not known here{nearest(key, CONTEXT)}", word=f"$dlg_ctx({key}")
    return CONTEXT[key]


KEYED: dict[str, Callable[[str], Value]] = {"$hdr": _header, "$dlg_var": _variable, "$dlg": _dialog, "$dlg_ctx": _context}
SPELLED = re.compile(r"(\$[A-Za-z_]+(?:\([^()]*\))?)")


def compile_variable(spelled: str) -> Value:
    """Return a variable as a function of a moment. Raises RuleError for one that is not known."""
    name, bracket, key = spelled.partition("(")
    if not bracket and name in PLAIN:
        return PLAIN[name]
    if bracket and name in KEYED:
        return KEYED[name](key.removesuffix(")").strip())
    known = [*PLAIN, *(f"{name}(...)" for name in KEYED)]
    raise RuleError(f"{spelled} is no variable known here{nearest(spelled, known)}", word=spelled)


def compile_template(template: str) -> Callable[[Moment], str | None]:
    """Return a text with pseudo-variables as a function of a moment; a variable without a value makes nothing. Raises RuleError."""
    parts = [part if index % 2 == 0 else compile_variable(part) for index, part in enumerate(SPELLED.split(template))]
    if len(parts) == 3 and not parts[0] and not parts[2]:
        (_, only, _) = parts
        return lambda moment: _text(only(moment)) if callable(only) else None
    return lambda moment: "".join(part if isinstance(part, str) else _text(part(moment)) or "" for part in parts)


def _text(value: Scalar) -> str | None:
    return None if value is None else str(value)
