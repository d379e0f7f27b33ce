"""The values of `dialtap.toml`: one struct a section, every key with its default. Knows no file handling and no Django.

Key names of `[dialog]` are Kamailio's module parameters. The loader is `dialogs.configfile`.
"""

from typing import Any

import msgspec

from dialogs.configfeeds import Cdr, Events, Webhook


class Dialog(msgspec.Struct, frozen=True):
    """`[dialog]`: the parameters of Kamailio's dialog module that make sense for a tap. Times are seconds."""

    flavour: str = "dialog"
    '"dialog" or "ims_dialog".'

    sockets: tuple[str, ...] = ()
    'Addresses of the watched proxy: "udp:127.0.0.1:5060". Empty: every message counts.'

    default_timeout: int = 21600
    early_timeout: int = 300
    noack_timeout: int = 60
    end_timeout: int = 300
    timeout_noreset: bool = False
    send_bye: bool = False
    track_cseq_updates: bool = False
    detect_spirals: bool = True
    dlg_match_mode: int = 1
    "0 by the did cookie only, 1 by cookie then tags, 2 by tags only. Kamailio's own default is 0."

    kamailio_exact: bool = True
    "Count and answer as the original does. False: its three odd figures are mended, RPC has the older flat lists and JSON-RPC by its specification."

    hash_size: int = 4096
    rr_param: str = "did"
    profiles_with_value: tuple[str, ...] = ()
    profiles_no_value: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    'Python functions that are told of callbacks and event routes, as dotted paths: "mysite.calls.log". Each takes a list of `Called`.'

    db_mode: int = 1
    "When what a restart needs is stored: 0 never, 1 each tick, 2 every `db_update_period`, 3 at the end. Kamailio's own default is 0."

    db_update_period: int = 60
    db_skip_load: bool = False
    "Live calls are not read back at the start."

    dlg_extra_hdrs: str = ""
    "Header lines, each with its CRLF, that our own requests carry."

    max_dialogs: int = 200_000
    "Calls kept in memory; the one idle longest is dropped first, counted and shown."


class Rule(msgspec.Struct, frozen=True):
    """`[[rule]]`: what to do with a call at a moment."""

    on: str = "created"
    when: str = ""
    do: tuple[dict[str, Any], ...] = ()
    '[{set_profile = ["caller", "$fu"]}, ...]'


class Peer(msgspec.Struct, frozen=True):
    """`[[peer]]`: a name for addresses; the addresses of kind proxy are sockets too."""

    name: str
    addresses: tuple[str, ...]
    '"192.0.2.1" (any port) or "192.0.2.1:5060" or "[2001:db8::1]:5060".'

    kind: str = "phone"
    "proxy | trunk | pbx | phone"


class Limit(msgspec.Struct, frozen=True):
    """`[[limit]]`: what is too much: calls of a profile's value at once, a call's duration, or calls that expire."""

    name: str
    profile: str = ""
    value: str = ""
    "Of the profile; empty: each value for itself."

    warn: int = 0
    "More calls at once than this are a warning; 0 = none."

    critical: int = 0
    duration_seconds: int = 0
    "Seconds after the answer; 0 = no limit."

    expiry: bool = False
    "Calls that are given up because nothing was seen of them for too long."

    when: str = ""
    "Which calls `duration_seconds` and `expiry` are about, in the rules' language; empty: all."

    end: str = ""
    '"newest" or "oldest": which calls beyond `critical` are ended. Empty: none.'

    send_bye: bool = False
    "Whether a call that lasts longer than `duration_seconds` is ended."


class Tap(msgspec.Struct, frozen=True):
    """`[tap]`: where packets come from."""

    interfaces: tuple[str, ...] = ()
    hep: str = "127.0.0.1:9060"
    "host:port of the HEP listener on UDP; empty for none."

    hep_tcp: str = ""
    "host:port of the HEP listener on TCP; empty for none."

    hep_allow: tuple[str, ...] = ()
    "Networks whose HEP is taken. A bind that others reach needs it, or a key."

    hep_key_file: str = ""
    "File with the key that agents must send; the environment's DIALTAP_HEP_KEY wins over it."

    filter: str = ""
    "BPF, combined with ours by `and`."

    ports: tuple[int, ...] = (5060,)
    "SIP ports of the capture filter."

    snaplen: int = 65535
    buffer_mb: int = 64
    promiscuous: bool = True
    'Also frames that are addressed to others: a mirror port needs it. The interface "any" never is.'

    quiet_seconds: float = 60
    "A configured proxy, trunk or pbx of which no SIP was seen for this long is shown; 0 = never."

    node: str = ""
    "Name of this ingest; empty: the host name."


class Control(msgspec.Struct, frozen=True):
    """`[control]`: who can act on calls, and how far."""

    controller: str = "none"
    '"none", "dryrun", "kamailio", "sip" or "kamailio, then sip".'

    kamailio_url: str = ""
    'JSON-RPC address of the only proxy: "http://127.0.0.1:8060/RPC". Several: `[[proxy]]`.'

    timeout: float = 5.0
    "Seconds to wait for the controller's answer."

    verify_seconds: float = 5.0
    "Seconds to wait for the proof on the wire."

    protect: tuple[str, ...] = ("110", "112", "911", "999")
    "Called numbers that only an administrator may end."

    reconcile_seconds: float = 10
    "Seconds between two comparisons with the table of the Kamailio at `kamailio_url`; 0 = never."

    bulk_max: int = 100
    "Calls that may be ended at once."

    bulk_rate: float = 10.0
    "Orders a second that an ingest gives for them."

    allow: tuple[str, ...] = ()
    "Networks that our own user agent may send to; none: it sends nothing."

    hosts: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104 -- parties may be on any interface; what may be sent is `allow`
    "Addresses that it sends from, one of each family."

    port: int = 0
    transports: tuple[str, ...] = ("udp", "tcp", "tls")
    ring_seconds: float = 60.0
    "How long the first party of a bridge may ring."

    refer_seconds: float = 60.0
    "How long a referred party may tell nothing new."

    bridge_controller: str = "sip:controller@kamailio.org"
    bridge_contact: str = ""
    rate: int = 300
    "Orders a minute, of everybody; 0 = no limit."

    rate_per_user: int = 120
    stop_file: str = "orders.stop"
    "While this file is there nothing is sent; relative to DIALTAP_VAR."


class Proxy(msgspec.Struct, frozen=True):
    """`[[proxy]]`: one of several Kamailios that orders may go to."""

    name: str
    url: str
    "JSON-RPC address."

    sockets: tuple[str, ...]
    'Its SIP addresses: "udp:192.0.2.1:5060". The order goes to the proxy that the call went through.'


class Credential(msgspec.Struct, frozen=True):
    """`[[credential]]`: a user of a realm, for requests of ours that are challenged."""

    user: str
    password_file: str = ""
    "File with nothing but the password, readable by its owner."

    password_variable: str = ""
    "Or the name of an environment variable that holds it."

    realm: str = ""
    "As it is challenged; empty: any."


class Rpc(msgspec.Struct, frozen=True):
    """`[rpc]`: who is answered Kamailio's RPC."""

    socket: str = "dialtap.sock"
    "Path of the ingest's unix socket, relative to the folder of the database; empty for none."

    binrpc_tcp: str = ""
    'Loopback address for kamcmd over TCP: "127.0.0.1:2046"; empty for none.'

    binrpc_control: bool = False
    "Whether those who come over TCP may act on calls."

    open_loopback: bool = True
    "Whether HTTP from this machine may look without a token."

    rate: int = 200
    "Calls a second over HTTP, of each token, or of each address without one; 0 = no limit."


class Web(msgspec.Struct, frozen=True):
    """`[web]`: where the pages are served."""

    bind: str = "127.0.0.1:8000"
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    time_zone: str = "UTC"


class History(msgspec.Struct, frozen=True):
    """`[history]`: how long things are kept. 0 = for ever."""

    messages_days: float = 7
    messages_gb: float = 5
    records_days: float = 90
    open_mb: int = 100
    "Size of a capture file that may be opened in the browser. 0: none."


class Privacy(msgspec.Struct, frozen=True):
    """`[privacy]`: who sees parts of numbers only."""

    mask: tuple[str, ...] = ()
    'Roles whose people see masked numbers; "*": everybody. The permission `see_numbers` wins over it.'

    keep: int = 4
    "Characters of a number that stay readable, and never more than half of it."


class Metrics(msgspec.Struct, frozen=True):
    """`[metrics]`: figures for Prometheus, and when we call ourselves ready."""

    allow: tuple[str, ...] = ("127.0.0.0/8", "::1")
    "Networks that may read `/metrics` without a token; they get no profile values."

    profile_values: int = 20
    "Values of a profile that have a line of their own; the others are summed up. 0: none has."

    ready_seconds: float = 10
    "An ingest that has not reported for so long makes `/readyz` say no."


class Config(msgspec.Struct, frozen=True):
    """The whole file."""

    dialog: Dialog = Dialog()
    rule: tuple[Rule, ...] = ()
    limit: tuple[Limit, ...] = ()
    peer: tuple[Peer, ...] = ()
    tap: Tap = Tap()
    control: Control = Control()
    proxy: tuple[Proxy, ...] = ()
    credential: tuple[Credential, ...] = ()
    rpc: Rpc = Rpc()
    web: Web = Web()
    history: History = History()
    webhook: tuple[Webhook, ...] = ()
    events: Events = Events()
    cdr: Cdr = Cdr()
    privacy: Privacy = Privacy()
    metrics: Metrics = Metrics()
