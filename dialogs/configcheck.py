"""What the values of a configuration may be. Knows the meaning of every key; knows no TOML and no file.

A rule for one key is one row of CHECKS; a rule over several keys is one function of MIXTURES.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from dialogs.config import Config
from dialogs.configfeeds import CHECKS as FEED_CHECKS
from dialogs.configvalues import (
    LINE,
    NOT_NEGATIVE,
    PORT_MAX,
    POSITIVE,
    Check,
    between,
    is_address,
    is_header_block,
    is_ip,
    is_listener,
    is_loopback,
    is_network,
    is_socket,
    is_time_zone,
    matches,
    one_of,
)
from dialogs.engine.limits import mistakes
from dialogs.engine.rules import RuleError, compile_rules
from dialogs.taps.hep_gate import KEY_VARIABLE

SNAPLEN_MAX = 262_144  # libpcap's own limit
SHOWN_MAX = 60


class Place(NamedTuple):
    """Where a value stands: `[dialog] flavour`, or a key of the second `[[peer]]`."""

    section: str = ""
    key: str = ""

    number: int = 0
    "Which one of a list of tables, from 1; 0 for a single table."

    def __str__(self) -> str:
        head = f"[[{self.section}]] {self.number}" if self.number else f"[{self.section}]"
        return f"{head} {self.key}".rstrip()


class Within(NamedTuple):
    """Where in a value something is wrong: at an offset of this text, or at the nth place (from 0) of a word."""

    text: str = ""
    offset: int = 0
    word: str = ""
    nth: int = 0


class Mistake(ValueError):
    """One thing wrong with a configuration, and where."""

    def __init__(self, place: Place, text: str, within: Within | None = None) -> None:
        super().__init__(f"{place}: {text}" if place.section else text)
        self.place = place
        self.within = within


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
    _rules(config)


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


PROFILE = matches(r"[A-Za-z0-9_]+", "a profile name of letters, digits and _")
SIP_URI = r"sips?:[^\s<>\",;?]+"

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
    ("limit", "name"): matches(r"[^\x00-\x1f\x7f]{1,64}", "a name of at most 64 characters"),
    ("limit", "profile"): matches(r"[A-Za-z0-9_]*", "a profile name of letters, digits and _"),
    ("limit", "value"): LINE,
    ("limit", "warn"): NOT_NEGATIVE,
    ("limit", "critical"): NOT_NEGATIVE,
    ("limit", "duration_seconds"): NOT_NEGATIVE,
    ("limit", "end"): one_of("", "newest", "oldest"),
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
    ("control", "controller"): one_of("none", "dryrun", "kamailio", "sip", "kamailio, then sip"),
    ("control", "kamailio_url"): matches(r"(https?://[^\s/]+\S*)?", 'an address such as "http://127.0.0.1:8060/RPC"'),
    ("control", "timeout"): between(0.1, 60),
    ("control", "verify_seconds"): between(0.1, 300),
    ("control", "protect"): matches(r"[^\s;]+", "a called number"),
    ("control", "reconcile_seconds"): Check(lambda value: value == 0 or 1 <= value <= 3600, "1 to 3600, or 0 for never"),
    ("control", "bulk_max"): between(1, 1000),
    ("control", "bulk_rate"): between(0.1, 100),
    ("control", "allow"): Check(is_network, 'an address or a network such as "192.0.2.0/24"'),
    ("control", "hosts"): Check(is_ip, 'an address of this machine such as "192.0.2.9" or "::"'),
    ("control", "port"): between(0, PORT_MAX),
    ("control", "transports"): one_of("udp", "tcp", "tls"),
    ("control", "ring_seconds"): between(1, 600),
    ("control", "refer_seconds"): between(1, 600),
    ("control", "bridge_controller"): matches(SIP_URI, 'a SIP URI such as "sip:controller@example.net"'),
    ("control", "bridge_contact"): matches(f"({SIP_URI})?", 'a SIP URI such as "sip:controller@192.0.2.9:5060", or "" for our own address'),
    ("control", "rate"): NOT_NEGATIVE,
    ("control", "rate_per_user"): NOT_NEGATIVE,
    ("control", "stop_file"): matches(r"[^\x00-\x1f\x7f]{1,200}", "a path"),
    ("proxy", "name"): matches(r"[^\x00-\x1f\x7f]{1,64}", "a name of at most 64 characters"),
    ("proxy", "url"): matches(r"https?://[^\s/]+\S*", 'an address such as "http://127.0.0.1:8060/RPC"'),
    ("proxy", "sockets"): Check(is_socket, '"TRANSPORT:ADDRESS:PORT" such as "udp:192.0.2.1:5060"'),
    ("credential", "user"): matches(r"[^\x00-\x1f\x7f\"]{1,128}", "a user name"),
    ("credential", "password_file"): LINE,
    ("credential", "password_variable"): matches(r"([A-Za-z_][A-Za-z0-9_]*)?", "the name of an environment variable"),
    ("credential", "realm"): matches(r"[^\x00-\x1f\x7f\"]{0,128}", "a realm"),
    ("rpc", "socket"): matches(r"[^\x00-\x1f\x7f]{0,100}", "a path of at most 100 characters"),
    ("rpc", "binrpc_tcp"): Check(lambda value: not value or (is_listener(value) and is_loopback(value)), '"HOST:PORT" on this machine, or "" for none'),
    ("rpc", "rate"): NOT_NEGATIVE,
    ("web", "bind"): Check(is_listener, '"HOST:PORT" such as "127.0.0.1:8000"'),
    ("web", "allowed_hosts"): matches(r"[^\s*/]+", 'a host name, not "*": it would open the live feed to every site'),
    ("web", "time_zone"): Check(is_time_zone, 'a time zone such as "Europe/Berlin"'),
    ("history", "messages_days"): NOT_NEGATIVE,
    ("history", "messages_gb"): NOT_NEGATIVE,
    ("history", "records_days"): NOT_NEGATIVE,
    ("history", "open_mb"): NOT_NEGATIVE,
    ("privacy", "mask"): matches(r"[^\x00-\x1f\x7f]{1,150}", 'the name of a role, or "*" for everybody'),
    ("privacy", "keep"): NOT_NEGATIVE,
    ("metrics", "allow"): Check(is_network, 'an address or a network such as "192.0.2.0/24"'),
    ("metrics", "profile_values"): between(0, 1000),
    ("metrics", "ready_seconds"): between(2, 3600),
    **FEED_CHECKS,
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


def _controller(config: Config) -> Iterator[tuple[Place, str]]:
    control = config.control
    if "kamailio" in control.controller and not control.kamailio_url and not config.proxy:
        yield Place("control", "kamailio_url"), f'needed with controller = "{control.controller}", such as "http://127.0.0.1:8060/RPC"'
    if "sip" in control.controller and not control.allow:
        yield Place("control", "allow"), f'needed with controller = "{control.controller}": the networks that may be sent to, such as "192.0.2.0/24"'
    if len({":" in host for host in control.hosts}) < len(control.hosts):
        yield Place("control", "hosts"), "expected one address of each family at most"


def _proxies(config: Config) -> Iterator[tuple[Place, str]]:
    names = [proxy.name for proxy in config.proxy]
    for number, proxy in enumerate(config.proxy, 1):
        if proxy.name in names[: number - 1]:
            yield Place("proxy", "name", number), f'there is another proxy "{proxy.name}"'
        if not proxy.sockets:
            yield Place("proxy", "sockets", number), "expected at least one address, got none"


def _credentials(config: Config) -> Iterator[tuple[Place, str]]:
    for number, credential in enumerate(config.credential, 1):
        if bool(credential.password_file) == bool(credential.password_variable):
            yield Place("credential", "password_file", number), "expected either password_file or password_variable"


def _webhooks(config: Config) -> Iterator[tuple[Place, str]]:
    names = [webhook.name for webhook in config.webhook]
    for number, webhook in enumerate(config.webhook, 1):
        if webhook.name in names[: number - 1]:
            yield Place("webhook", "name", number), f'there is another webhook "{webhook.name}"'
        if bool(webhook.secret_file) == bool(webhook.secret_variable):
            yield Place("webhook", "secret_file", number), "expected either secret_file or secret_variable: what is sent is signed"


def _rules(config: Config) -> None:
    """Raise Mistake for the first rule that cannot be understood."""
    try:
        compile_rules(config)
    except RuleError as error:
        text = config.rule[error.number - 1].when if error.offset >= 0 else ""
        raise Mistake(Place("rule", error.key, error.number), error.why, Within(text, error.offset, error.word, error.nth)) from error


def _limits(config: Config) -> Iterator[tuple[Place, str]]:
    return ((Place("limit", key, number), text) for number, key, text in mistakes(config.limit))


MIXTURES: tuple[Callable[[Config], Iterator[tuple[Place, str]]], ...] = (
    *(_profiles_once, _peers_once, _hep_senders, _controller, _proxies, _credentials, _limits, _webhooks),
)


def _values(config: Config) -> Iterator[tuple[Place, Any]]:
    for section in msgspec.structs.fields(Config):
        content = getattr(config, section.name)
        tables = content if isinstance(content, tuple) else (content,)
        for number, table in enumerate(tables, 1):
            for field in msgspec.structs.fields(table):
                yield Place(section.name, field.name, number if isinstance(content, tuple) else 0), getattr(table, field.name)
