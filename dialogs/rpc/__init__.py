"""Kamailio's RPC: one registry of commands, and the codecs that speak it. Knows the engine; knows no socket, no clock, no Django."""

from dialogs.rpc import binrpc, commands, jsonrpc, kamcmd
from dialogs.rpc.errors import Fault, Malformed, ScanFault, UnknownCommand
from dialogs.rpc.host import Host
from dialogs.rpc.registry import COMMANDS, PAUSE, Command, Parameter, Value, call, result

__all__ = [
    "COMMANDS",
    "PAUSE",
    "Command",
    "Fault",
    "Host",
    "Malformed",
    "Parameter",
    "ScanFault",
    "UnknownCommand",
    "Value",
    "binrpc",
    "call",
    "commands",
    "jsonrpc",
    "kamcmd",
    "result",
]
