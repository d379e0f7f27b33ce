"""What a program may ask and order, and which page of `urls.py` each entry is the twin of: the one table behind `/api/v1/` and `./dialtap ask`.

Adding one is a function of `calls`, `lists` or `acts`, and a line here. Knows functions; knows no request, no command line.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from dashboard.api import acts, calls, lists
from dashboard.api.following import Following


class Entry(NamedTuple):
    """One thing that can be asked or ordered."""

    name: str
    "At the command line."

    method: str
    path: str
    "Below `/api/v1`."

    run: Callable[..., Any]
    pages: tuple[str, ...]
    "Names of the pages' addresses that show or do the same."

    within: bool = False
    "Whether it can be asked of an opened capture file, by `file`."

    @property
    def words(self) -> str:
        """What it does, in a sentence."""
        return (inspect.getdoc(self.run) or "").partition("\n")[0]

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """What it is told beside who asks."""
        return list(inspect.signature(self.run).parameters.values())[1:]


def live_stream(asker: Any, q: str = "", state: str = "", caller: str = "", profile: str = "", peer: str = "", zone: str = "") -> Following:
    """Follow the calls that are up: a line of JSON (NDJSON) for each change, the first a snapshot."""
    return Following(asker, q, state, caller, profile, peer, zone)


ENTRIES = (
    Entry("live", "GET", "/live", calls.live, ("live",)),
    Entry("live-stream", "GET", "/live/stream", live_stream, ("live",)),
    Entry("views", "GET", "/views", lists.views, ("live",)),
    Entry("calls", "GET", "/calls", calls.history, ("history",), within=True),
    Entry("calls-file", "GET", "/calls.{kind}", calls.download, ("download",), within=True),
    Entry("offers", "GET", "/offers", calls.offers, ("query_offers",)),
    Entry("call", "GET", "/calls/{uid}", calls.call, ("call", "call_menu", "end_form", "transfer_form", "join_form"), within=True),
    Entry("messages", "GET", "/calls/{uid}/messages", calls.messages, ("call",), within=True),
    Entry("messages-text", "GET", "/calls/{uid}/messages.txt", calls.as_text, ("call",), within=True),
    Entry("pcap", "GET", "/calls/{uid}/messages.pcapng", calls.pcap, ("call_pcap",), within=True),
    Entry("message", "GET", "/calls/{uid}/messages/{number}", calls.message, ("call_message",), within=True),
    Entry("diff", "GET", "/calls/{uid}/diff/{one}/{other}", calls.difference, ("call_difference",), within=True),
    Entry("ladder", "GET", "/calls/{uid}/ladder.{kind}", calls.ladder, ("call_text", "call_svg"), within=True),
    Entry("end", "POST", "/calls/{uid}/end", acts.end, ("end",)),
    Entry("transfer", "POST", "/calls/{uid}/transfer", acts.transfer, ("transfer",)),
    Entry("join", "POST", "/calls/{uid}/join", acts.join, ("join",)),
    Entry("release", "POST", "/calls/{uid}/release", acts.release, ("release", "release_form")),
    Entry("change", "POST", "/calls/{uid}/change", acts.change, ("change", "change_form")),
    Entry("connect", "POST", "/connect", acts.connect, ("connect", "connect_form")),
    Entry("orders", "GET", "/orders", lists.orders, ("orders",)),
    Entry("order", "GET", "/orders/{order}", lists.order, ("order",)),
    Entry("retry", "POST", "/orders/{order}/retry", acts.retry, ("order_retry",)),
    Entry("bulk-preview", "POST", "/bulk/preview", acts.bulk_preview, ("bulk_ask",)),
    Entry("bulk-start", "POST", "/bulk", acts.bulk_start, ("bulk_start",)),
    Entry("bulk", "GET", "/bulk/{bulk}", lists.bulk, ("bulk",)),
    Entry("bulk-stop", "POST", "/bulk/{bulk}/stop", acts.bulk_stop, ("bulk_stop",)),
    Entry("profiles", "GET", "/profiles", lists.profiles, ("profiles",)),
    Entry("profile", "GET", "/profiles/value", lists.profile, ("profile",)),
    Entry("kpis", "GET", "/kpis", lists.kpis, ("kpis", "kpis_data")),
    Entry("kpi-calls", "GET", "/kpis/calls", lists.kpi_calls, ("kpis_calls",)),
    Entry("peers", "GET", "/peers", lists.peers, ("peers",)),
    Entry("callers", "GET", "/callers", lists.callers, ("callers",)),
    Entry("alerts", "GET", "/alerts", lists.alerts, ("alerts",)),
    Entry("alerts-seen", "POST", "/alerts/seen", acts.alerts_seen, ("alerts_seen",)),
    Entry("reconcile", "GET", "/reconcile", lists.reconcile, ("reconcile",)),
    Entry("taps", "GET", "/taps", lists.taps, ("taps",)),
    Entry("audit", "GET", "/audit", lists.audit, ("audit",)),
    Entry("audit-file", "GET", "/audit.{kind}", lists.audit_download, ("audit_download",)),
    Entry("tokens", "GET", "/tokens", lists.tokens, ("tokens",)),
    Entry("files", "GET", "/files", acts.files, ("files",)),
    Entry("file-open", "POST", "/files", acts.file_open, ("files",)),
    Entry("file", "GET", "/files/{ident}", acts.file, ("file",)),
    Entry("file-close", "POST", "/files/{ident}/close", acts.file_close, ("file_close",)),
)
BY_NAME = {entry.name: entry for entry in ENTRIES}

ELSEWHERE = {
    "welcome": "words about the configuration: ./dialtap check-config and dialtap.toml say the same",
    "view_keep": "a person's own view; a program keeps its query",
    "view_drop": "likewise",
    "styles": "the pages' components",
    "token_revoke": "./dialtap token revoke; not over HTTP, where a token could make others",
    "healthz": "is one for programs",
    "login": "a program has a token",
    "logout": "likewise",
    "rpc": "is one for programs: docs/rpc.md, ./dialtap dlg",
}
"Pages without a twin, and why."
