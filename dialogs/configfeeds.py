"""The values of `dialtap.toml` that are about feeds: webhooks, event files, the stream, call records. Knows no other section.

A key is one line here and one in CHECKS; `dialogs.config` and `dialogs.configcheck` take both up.
"""

import msgspec

from dialogs.configvalues import LINE, NOT_NEGATIVE, Check, between, is_listener, is_network, is_time_zone, matches, one_of

EVENTS = ("dialog:created", "dialog:start", "dialog:end", "dialog:failed", "alert", "order")


class Webhook(msgspec.Struct, frozen=True):
    """`[[webhook]]`: an address that is told of calls, alerts and orders by HTTP POST."""

    name: str
    url: str
    secret_file: str = ""
    "File with nothing but the secret that signs what is sent, readable by its owner."

    secret_variable: str = ""
    "Or the name of an environment variable that holds it."

    events: tuple[str, ...] = ("dialog:start", "dialog:end", "dialog:failed", "alert", "order")
    query: str = ""
    "Which calls, in the query language; empty: all, and alerts that are about no call."

    allow: tuple[str, ...] = ()
    "Networks that are not public and may be sent to all the same."

    ca_file: str = ""
    "Certificates that are trusted instead of the system's, for https."

    masked: bool = False
    "Whether numbers are masked in what is sent."

    timeout: float = 10.0
    "Seconds of one try, from the name's look-up to the answer."

    in_flight: int = 4
    "Requests at once, of different calls."

    give_up_hours: float = 24.0
    "After this long of trying an event becomes a dead letter, although nothing else was taken either."


class Events(msgspec.Struct, frozen=True):
    """`[events]`: what else is told of calls, and how much may wait."""

    stream: bool = False
    "Whether programs may read events over the WebSocket `/ws/events`."

    file: str = ""
    "File that events are written to, a line of JSON each, relative to DIALTAP_VAR; empty: none."

    file_mb: float = 100
    "A file of this size is closed and another begun; so it is at midnight UTC."

    file_keep: int = 30
    "Closed files that are kept."

    call_end: str = ""
    '"log" or "syslog": where a line `CALL_END: from=... to=... duration=...` goes. Empty: nowhere.'

    syslog: str = "/dev/log"
    'The socket of the system\'s log, or "HOST:PORT" of one that listens on UDP.'

    recorded: bool = False
    "Whether calls from files and the demo are told of too."

    waiting_max: int = 500_000
    "Events that are kept for receivers that are behind; the oldest go first, counted and shown."

    stream_keep: int = 10_000
    "Events that are kept although everybody has them, for programs that come back."


class Cdr(msgspec.Struct, frozen=True):
    """`[cdr]`: a file of call records each night."""

    nightly: bool = False
    time: str = "00:30"
    "When the file of the day before is written: HH:MM."

    zone: str = ""
    "IANA name of the zone in which days begin and times are written; empty: that of the pages."

    folder: str = "cdr"
    "Relative to DIALTAP_VAR."

    format: str = "csv"
    names: str = ""
    '"kamailio": the columns of Kamailio\'s acc module. Empty: ours.'

    query: str = ""
    "Which calls, in the query language; empty: all of that day."

    recorded: bool = False
    "Whether calls from files and the demo are in it."

    keep: int = 0
    "Files that are kept; 0: all."


CHECKS: dict[tuple[str, str], Check] = {
    ("webhook", "name"): matches(r"[A-Za-z0-9._-]{1,40}", "a name of letters, digits, dots and dashes, at most 40"),
    ("webhook", "url"): matches(r"https?://[^\s/@]+(/[^\s]*)?", 'an address such as "https://noc.example.net/calls", without user or password'),
    ("webhook", "secret_file"): LINE,
    ("webhook", "secret_variable"): matches(r"([A-Za-z_][A-Za-z0-9_]*)?", "the name of an environment variable"),
    ("webhook", "events"): one_of(*EVENTS),
    ("webhook", "query"): LINE,
    ("webhook", "allow"): Check(is_network, 'an address or a network such as "192.0.2.0/24"'),
    ("webhook", "ca_file"): LINE,
    ("webhook", "timeout"): between(0.1, 60),
    ("webhook", "in_flight"): between(1, 32),
    ("webhook", "give_up_hours"): between(0.001, 720),
    ("events", "file"): LINE,
    ("events", "file_mb"): between(0.001, 100_000),
    ("events", "file_keep"): between(1, 10_000),
    ("events", "call_end"): one_of("", "log", "syslog"),
    ("events", "syslog"): Check(lambda value: value.startswith("/") or is_listener(value), '"/dev/log" or "HOST:PORT"'),
    ("events", "waiting_max"): between(1000),
    ("events", "stream_keep"): NOT_NEGATIVE,
    ("cdr", "time"): matches(r"([01]\d|2[0-3]):[0-5]\d", 'a time of day such as "00:30"'),
    ("cdr", "zone"): Check(lambda value: not value or is_time_zone(value), 'a time zone such as "Europe/Berlin"'),
    ("cdr", "folder"): matches(r"[^\x00-\x1f\x7f]{1,200}", "a path"),
    ("cdr", "format"): one_of("csv", "json", "ndjson"),
    ("cdr", "names"): one_of("", "kamailio"),
    ("cdr", "query"): LINE,
    ("cdr", "keep"): NOT_NEGATIVE,
}
