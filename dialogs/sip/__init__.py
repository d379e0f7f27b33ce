"""SIP messages from bytes (RFC 3261): tolerant, lazy, never raising on wire data. Knows bytes; knows no packet, no dialog, no time."""

from dialogs.sip.address import URI, Address, split_list
from dialogs.sip.message import Message, Request, Response, parse, summary
from dialogs.sip.text import text

__all__ = ["URI", "Address", "Message", "Request", "Response", "parse", "split_list", "summary", "text"]
