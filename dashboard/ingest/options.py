"""The command line's say in where packets come from, the same for `live` and `ingest`. Knows arguments; opens nothing."""

import argparse
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dashboard.ingest.sources import Request, speed_of
from dialogs.taps.demo import DEMO

PCAP_HELP = "play a capture file, or those in a folder, instead of listening; - is standard input, read as it comes (repeatable: played together)"
FOLLOW_HELP = "read the capture files in a folder as they are written, new ones too (repeatable)"


def add_source_arguments(parser: CommandParser) -> None:
    """Add the options that say where packets come from."""
    parser.add_argument("--interface", action="append", default=[], metavar="NAME", help="capture here: eth0, any (repeatable)")
    parser.add_argument("--pcap", action="append", default=[], type=Path, metavar="FILE", help=PCAP_HELP)
    parser.add_argument("--follow", action="append", default=[], type=Path, metavar="DIR", help=FOLLOW_HELP)
    parser.add_argument("--speed", type=speed, default="1", metavar="N", help="of --pcap: 1 is real time, 10 ten times as fast; max: at once, original times")
    parser.add_argument("--loop", action="store_true", help="play --pcap again and again, with fresh Call-IDs")
    parser.add_argument("--hep", metavar="HOST:PORT", help="listen for HEP here, on UDP (default: [tap] hep, 127.0.0.1:9060)")
    parser.add_argument("--hep-tcp", metavar="HOST:PORT", help="listen for HEP here, on TCP (default: [tap] hep_tcp, none)")
    parser.add_argument("--demo", action="store_true", help="play a recorded busy network, looped: no SIP of your own is needed")
    parser.add_argument("--config", metavar="FILE", help="dialtap.toml")


def request_of(options: dict[str, Any]) -> Request:
    """Return what the options ask for. Raises CommandError for a mixture that makes no sense."""
    if options["demo"]:
        if options["pcap"] or options["follow"] or options["interface"]:
            raise CommandError("--demo plays its own recording: leave out --pcap, --follow and --interface", returncode=2)
        return Request(captures=[DEMO], loop=True, hep=options["hep"], hep_tcp=options["hep_tcp"])
    return Request(options["interface"], options["pcap"], options["speed"], options["loop"], options["hep"], options["hep_tcp"], options["follow"])


def speed(text: str) -> str:
    """Check what stands behind --speed. Raises ArgumentTypeError."""
    try:
        speed_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"a number above 0, or max, not {text!r}") from error
    return text


def node_name() -> str:
    """Return the name of this ingest: the configuration's, else the machine's."""
    return str(settings.DIALTAP.tap.node) or socket.gethostname()
