"""Commands about the server and its commands: version, uptime, names and help (Kamailio: core, system). Knows the registry; knows no dialog."""

import platform
import sys
from collections.abc import Iterator
from time import ctime
from typing import Any

from dialogs.packet import SECOND
from dialogs.rpc.errors import Fault, UnknownCommand
from dialogs.rpc.host import Host
from dialogs.rpc.registry import Loose, Value, available, command, find


@command("core.version", permission="read")
def version(host: Host) -> str:
    """Returns the version string of the server."""
    return f"dialtap {host.version} ({platform.machine()}/{sys.platform})"


@command("core.uptime", permission="read")
def uptime(host: Host) -> dict[str, Any]:
    """Returns uptime of the server."""
    now, since = host.now_ns() // SECOND, host.started_ns // SECOND
    return {"now": ctime(now), "up_since": ctime(since), "uptime": now - since}


@command("system.listMethods", permission="read", array=True)
def list_methods(host: Host) -> Iterator[Value]:
    """Lists all RPC methods supported by the server."""
    return iter([held.name for held in available(host)])


@command("system.methodHelp", permission="read", need=Fault(400, "Method Name Expected"))
def method_help(host: Host, method: Loose) -> str:
    """Print the help string for given method."""
    try:
        return find(host, method).help
    except UnknownCommand as error:
        raise Fault(400, "command not found") from error


@command("system.methodSignature", permission="read", need=Fault(400, "Method Name Expected"))
def method_signature(host: Host, method: Loose) -> str:
    """Print the parameters of a given method; the original has no such thing."""
    try:
        return " ".join(map(str, find(host, method).parameters))
    except UnknownCommand as error:
        raise Fault(400, "command not found") from error


@command("help", permission="read", array=True)
def help_(host: Host, method: Loose | None = None) -> Iterator[Value]:
    """Lists all methods, or prints the help string of one."""
    return list_methods(host) if method is None else iter([method_help(host, method)])
