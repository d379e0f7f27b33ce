"""What the values of a configuration may be. Knows the meaning of every key; knows no TOML and no file.

A rule for one key is one row of CHECKS; a rule over several keys is one function of MIXTURES.
"""

import os
import re
import zoneinfo
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

import msgspec

from dialogs.config import Config
from dialogs.engine.rules import RuleError, compile_rules
from dialogs.taps.hep_gate import KEY_VARIABLE

PORT_MAX = 65535
SNAPLEN_MAX = 262_144  # libpcap's own limit
SHOWN_MAX = 60
TRANSPORTS = ("udp", "tcp", "tls", "sctp", "ws", "wss")
HEADER = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+)[ \t]*:[^\x00-\x1f\x7f]*")
PROXYS_OWN = frozenset(
    {
        *("via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m", "route", "record-route", "max-forwards", "require"),
        *("content-length", "l", "content-type", "c", "content-encoding", "e"),
    }
)
"Headers that whoever sends a request within a dialog writes itself (RFC 3261, 12.2.1.1): a second one would break it, or lead it elsewhere."

HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/]+))(?::(\d{1,5}))?")


class Place(NamedTuple):
    """Where a value stands: `[dialog] flavour`, or a key of the second `[[peer]]`."""

    section: str = ""
    key: str = ""

    number: int = 0
    "Which one of a list of tables, from 1; 0 for a single table."

    def __str__(self) -> str:
        head = f"[[{self.section}]] {self.number}" if self.number else f"[{self.section}]"
        return f"{head} {self.key}".rstrip()


class Mistake(ValueError):
    """One thing wrong with a configuration, and where."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(f"{place}: {text}" if place.section else text)
        self.place = place


class Check(NamedTuple):
    """What a value, or each item of a list, must be."""

    holds: Callable[[Any], bool]
    expected: str


def check(config: Config) -> None:
    """Raise Mistake for the first value that cannot be meant."""
    for place, value in _values(config):
        rule = CHECKS.get((place.section, place.key))
        for item in value if isinstance(value, tuple) else (value,):
            if rule and not rule.holds(item):
                raise Mistake(place, f"expected {rule.expected}, got {shown(item)}")
    for mixture in MIXTURES:
        for place, text in mixture(config):
            raise Mistake(place, text)


def shown(value: object) -> str:
    """Return a value much as TOML writes it, on one line and cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, float):
        return f"{value:g}"
    text = f'"{repr(value)[1:-1]}"' if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


def is_ip(text: str) -> bool:
    """Return whether this is an IPv4 or IPv6 address without brackets."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """Return whether this is an address or a network: "192.0.2.0/24"."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def is_address(text: str) -> bool:
    """Return whether this is an IP address with or without a port: "192.0.2.1", "192.0.2.1:5060", "[2001:db8::1]:5060"."""
    if text.count(":") > 1 and not text.startswith("["):
        return is_ip(text)
    found = HOST_PORT.fullmatch(text)
    return found is not None and is_ip(found[1] or found[2]) and 0 < int(found[3] or 1) <= PORT_MAX


def is_socket(text: str) -> bool:
    """Return whether this is an address with its transport, as Kamailio's `listen` has it: "udp:192.0.2.1:5060"."""
    transport, _, address = text.partition(":")
    return transport in TRANSPORTS and is_address(address)


def is_header_block(text: str) -> bool:
    """Return whether this is nothing, or whole header lines with their CRLF that belong to no dialog and no transaction."""
    lines = text.split("\r\n")
    found = [HEADER.fullmatch(line) for line in lines[:-1]]
    return not lines[-1] and all(line is not None and line[1].lower() not in PROXYS_OWN for line in found)


def is_listener(text: str) -> bool:
    """Return whether this is something to listen on: host or address, and a port (0: any free one)."""
    found = HOST_PORT.fullmatch(text)
    return found is not None and found[3] is not None and int(found[3]) <= PORT_MAX


def is_loopback(listener: str) -> bool:
    """Return whether only this machine reaches `host:port`."""
    host = listener.rpartition(":")[0].strip("[]")
    return host == "localhost" or (is_ip(host) and ip_address(host).is_loopback)


def is_time_zone(text: str) -> bool:
    """Return whether this is a time zone this machine knows: "Europe/Berlin"."""
    try:
        zoneinfo.ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown, not a zone's name, a folder of zones
        return False
    return True


def matches(pattern: str, expected: str) -> Check:
    """Return the check for a text that matches this whole regular expression."""
    compiled = re.compile(pattern)
    return Check(lambda value: compiled.fullmatch(value) is not None, expected)


def one_of(*values: str) -> Check:
    """Return the check for a choice."""
    return Check(lambda value: value in values, " or ".join(f'"{value}"' for value in values))


def between(low: float, high: float | None = None) -> Check:
    """Return the check for a number with its limits included."""
    if high is None:
        return Check(lambda value: value >= low, f"at least {low}")
    return Check(lambda value: low <= value <= high, f"{low} to {high}")


POSITIVE = between(1)
NOT_NEGATIVE = between(0)
PROFILE = matches(r"[A-Za-z0-9_]+", "a profile name of letters, digits and _")
LINE = matches(r"[^\x00-\x1f\x7f]*", "a text on one line")

CHECKS: dict[tuple[str, str], Check] = {
    ("dialog", "flavour"): one_of("dialog", "ims_dialog"),
    ("dialog", "sockets"): Check(is_socket, '"TRANSPORT:ADDRESS:PORT" such as "udp:192.0.2.1:5060"'),
    ("dialog", "default_timeout"): POSITIVE,
    ("dialog", "early_timeout"): POSITIVE,
    ("dialog", "noack_timeout"): POSITIVE,
    ("dialog", "end_timeout"): POSITIVE,
    ("dialog", "handlers"): matches(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", 'a dotted path such as "mysite.calls.log"'),
    ("dialog", "dlg_match_mode"): between(0, 2),
    ("dialog", "hash_size"): Check(lambda value: value > 0 and value & (value - 1) == 0, "a power of two"),
    ("dialog", "rr_param"): matches(r"[A-Za-z0-9._!%*+`'~-]+", "a parameter name"),
    ("dialog", "profiles_with_value"): PROFILE,
    ("dialog", "profiles_no_value"): PROFILE,
    ("dialog", "db_mode"): between(0, 3),
    ("dialog", "db_update_period"): POSITIVE,
    ("dialog", "dlg_extra_hdrs"): Check(is_header_block, 'header lines that no proxy writes itself, each ended by \\r\\n, such as "X-Ended-By: dialtap\\r\\n"'),
    ("dialog", "max_dialogs"): POSITIVE,
    ("rule", "on"): one_of("created", "early", "confirmed", "request", "end", "failed"),
    ("peer", "name"): matches(r"[^\x00-\x1f\x7f]{1,64}", "a name of at most 64 characters"),
    ("peer", "addresses"): Check(is_address, 'an address such as "192.0.2.1", "192.0.2.1:5060" or "[2001:db8::1]:5060"'),
    ("peer", "kind"): one_of("proxy", "trunk", "pbx", "phone"),
    ("tap", "interfaces"): matches(r"[^\s/]{1,64}", "the name of an interface"),
    ("tap", "hep"): Check(lambda value: not value or is_listener(value), '"HOST:PORT", or "" for none'),
    ("tap", "hep_tcp"): Check(lambda value: not value or is_listener(value), '"HOST:PORT", or "" for none'),
    ("tap", "hep_key_file"): LINE,
    ("tap", "hep_allow"): Check(is_network, 'an address or a network such as "192.0.2.0/24"'),
    ("tap", "filter"): LINE,
    ("tap", "ports"): between(1, PORT_MAX),
    ("tap", "snaplen"): between(64, SNAPLEN_MAX),
    ("tap", "buffer_mb"): between(1, 2047),
    ("tap", "quiet_seconds"): NOT_NEGATIVE,
    ("tap", "node"): matches(r"[^\x00-\x1f\x7f]{0,64}", "a name of at most 64 characters"),
    ("control", "controller"): one_of("none", "kamailio", "dryrun"),
    ("control", "kamailio_url"): matches(r"(https?://[^\s/]+\S*)?", 'an address such as "http://127.0.0.1:8060/RPC"'),
    ("control", "timeout"): between(0.1, 60),
    ("control", "verify_seconds"): between(0.1, 300),
    ("control", "protect"): matches(r"[^\s;]+", "a called number"),
    ("control", "bulk_max"): between(1, 1000),
    ("control", "bulk_rate"): between(0.1, 100),
    ("rpc", "socket"): matches(r"[^\x00-\x1f\x7f]{0,100}", "a path of at most 100 characters"),
    ("rpc", "binrpc_tcp"): Check(lambda value: not value or (is_listener(value) and is_loopback(value)), '"HOST:PORT" on this machine, or "" for none'),
    ("rpc", "rate"): NOT_NEGATIVE,
    ("web", "bind"): Check(is_listener, '"HOST:PORT" such as "127.0.0.1:8000"'),
    ("web", "allowed_hosts"): matches(r"[^\s*/]+", 'a host name, not "*": it would open the live feed to every site'),
    ("web", "time_zone"): Check(is_time_zone, 'a time zone such as "Europe/Berlin"'),
    ("history", "messages_days"): NOT_NEGATIVE,
    ("history", "messages_gb"): NOT_NEGATIVE,
    ("history", "records_days"): NOT_NEGATIVE,
}


def _profiles_once(config: Config) -> Iterator[tuple[Place, str]]:
    seen: set[str] = set()
    for key in ("profiles_with_value", "profiles_no_value"):
        for name in getattr(config.dialog, key):
            if name in seen:
                yield Place("dialog", key), f'profile "{name}" is declared twice'
            seen.add(name)


def _peers_once(config: Config) -> Iterator[tuple[Place, str]]:
    seen: set[str] = set()
    for number, peer in enumerate(config.peer, 1):
        if peer.name in seen:
            yield Place("peer", "name", number), f'there is another peer "{peer.name}"'
        if not peer.addresses:
            yield Place("peer", "addresses", number), "expected at least one address, got none"
        seen.add(peer.name)


def _hep_senders(config: Config) -> Iterator[tuple[Place, str]]:
    tap = config.tap
    if tap.hep_allow or tap.hep_key_file or os.environ.get(KEY_VARIABLE):
        return
    for key in ("hep", "hep_tcp"):
        if (listener := getattr(tap, key)) and not is_loopback(listener):
            needed = f'needed because {key} = "{listener}" is reachable from other machines: the networks whose HEP is taken (or hep_key_file)'
            yield Place("tap", "hep_allow"), needed


def _kamailio_address(config: Config) -> Iterator[tuple[Place, str]]:
    if config.control.controller == "kamailio" and not config.control.kamailio_url:
        yield Place("control", "kamailio_url"), 'needed with controller = "kamailio", such as "http://127.0.0.1:8060/RPC"'


def _rules(config: Config) -> Iterator[tuple[Place, str]]:
    try:
        compile_rules(config)
    except RuleError as error:
        yield Place(), str(error)


MIXTURES: tuple[Callable[[Config], Iterator[tuple[Place, str]]], ...] = (_profiles_once, _peers_once, _hep_senders, _kamailio_address, _rules)


def _values(config: Config) -> Iterator[tuple[Place, Any]]:
    for section in msgspec.structs.fields(Config):
        content = getattr(config, section.name)
        tables = content if isinstance(content, tuple) else (content,)
        for number, table in enumerate(tables, 1):
            for field in msgspec.structs.fields(table):
                yield Place(section.name, field.name, number if isinstance(content, tuple) else 0), getattr(table, field.name)
