"""What the texts of a configuration look like: addresses, networks, listeners, header lines. Knows forms; knows no key."""

import re
import zoneinfo
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

PORT_MAX = 65535
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


class Check(NamedTuple):
    """What a value, or each item of a list, must be."""

    holds: Callable[[Any], bool]
    expected: str


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
LINE = matches(r"[^\x00-\x1f\x7f]*", "a text on one line")
