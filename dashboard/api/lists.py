"""What else the screens list, for programs: profiles, peers, alerts, orders, taps and the rest. Knows the pages' own reading; knows no request, no format."""

from typing import Any

import msgspec
from django.http import Http404, QueryDict
from django.urls import reverse

from dashboard.api.answers import Answer, File, Problem, alert_of, call_of, item_of, order_of, paged, plain, understood
from dashboard.api.asker import Asker
from dashboard.feeds.dead import letters
from dashboard.history.export import iso
from dashboard.history.fed import figures as fed_figures
from dashboard.live import kpis as figures
from dashboard.live import peers as counted
from dashboard.live import wall as walls
from dashboard.live.health import TapHealth, doubts
from dashboard.live.health import taps as judged
from dashboard.live.proxies import compared, sections
from dashboard.models import ApiToken, AuditEvent, Bulk, Order, SavedView
from dashboard.orders.bulk import progress
from dashboard.orders.request import to_retry
from dashboard.pages import alerts as alert_page
from dashboard.pages import audit as audit_page
from dashboard.pages import callers as caller_page
from dashboard.pages import kpis as kpi_page
from dashboard.pages import orders as order_page
from dashboard.pages import profiles as profile_page
from dashboard.pages.feeds import tone_of
from dashboard.pages.tokens import MOST as MOST_TOKENS
from dashboard.pages.wall import view_tiles

SECOND_NS = 10**9


def profiles(asker: Asker, name: str = "") -> Answer:
    """List the values of a profile with their calls now and their last hour."""
    found = profile_page.listed(name, asker.policy, asker.now_ns)
    if name and found["name"] != name:
        raise Problem(404, f"no call is in a profile {name[:64]!r} now; there are {', '.join(found['names']) or 'none'}")
    shown = ("value", "calls", "answered", "minutes", "peak", "rate", "answer_rate", "limit")
    return {"profile": found["name"], "profiles": found["names"], "values": [{key: row[key] for key in shown} for row in found["rows"]]}


def profile(asker: Asker, profile: str, span: str = "1h") -> Answer:
    """Show one value, `name=value`: its figures over `1h` or `24h`, its calls."""
    if span not in profile_page.SPANS:
        raise Problem(400, f"span is {' or '.join(profile_page.SPANS)}")
    try:
        found = profile_page.one(profile, span, asker.policy, asker.now_ns)
    except Http404 as none:
        raise Problem(404, "name a profile: caller=sip:alice@example.net") from none
    shown = ("name", "value", "count", "peak", "rate", "answer_rate", "limit")
    calls = {kind: [call_of(row) for row in found[kind]] for kind in ("live", "past")}
    return {key: found[key] for key in shown} | {"span": span, **calls}


def kpis(asker: Asker, since: str = "", until: str = "", last: str = "") -> Answer:
    """Tell the series of the charts: between `since` and `until`, or the `last` so many seconds (all seconds, of 1970)."""
    asked = kpi_page.asked({"since": since, "until": until, "last": last}, asker.now_ns)
    return {"charts": figures.charts(asked.since_ns, asked.until_ns)}


def kpi_calls(_asker: Asker, name: str, at: int, step: int = 10) -> Answer:
    """Tell the query for the calls behind a point of a chart: `at` is its step's end, in seconds."""
    query = figures.calls_behind(name, at * SECOND_NS, max(1, step) * SECOND_NS) if 0 < at < kpi_page.LAST else ""
    if not query:
        raise Problem(404, "there is no such point: name and at are those of /kpis")
    return {"query": query}


def peers(asker: Asker) -> Answer:
    """List the peers, those with a fault first, then the busiest."""
    found = counted.peers(asker.now_ns)
    return {"since": iso(found.since_ns), "known": found.known, "forgotten": found.forgotten, "peers": [_peer(row) for row in found.rows]}


def _peer(row: counted.PeerRow) -> Answer:
    one = row.counted
    return {
        "peer": one.name,
        "kind": one.kind,
        "node": row.node,
        "live": one.live,
        "begun": one.begun,
        "answered": one.answered,
        "failed": one.failed,
        "answer_rate": row.rate,
        "setup_seconds": round(one.setup_ns / SECOND_NS, 3),
        "codes": {str(code): calls for code, calls in one.codes.items()},
        "faults": [badge.words for badge in row.badges],
        "heard": iso(row.heard_ns),
    }


def callers(asker: Asker) -> Answer:
    """List the greatest callers of each node: most active calls first."""
    found = caller_page.listed(asker.policy)
    rows = [{**row.counted._asdict(), "caller": row.shown, "node": row.node, "since": iso(row.since_ns)} for row in found["rows"]]
    return {"callers": rows, "known": found["known"], "forgotten": found["forgotten"]}


def alerts(asker: Asker, q: str = "", page: int = 1) -> Answer:
    """List the alerts that a query finds, newest first."""
    asked = alert_page.asked_by(asker.user, q, asker.address)
    understood(asked.problem)
    found = alert_page.listed(alert_page.found(asked, asker.now_ns), str(page), asker.policy)
    if "slow" in found:
        raise Problem(503, "the question was given up because it took too long: narrow it")
    rows = [alert_of(alert, row) for alert, row in found["alerts"]]
    return paged(found["page"], "alerts", rows) | alert_page.figures(asker.now_ns)


def wall(asker: Asker) -> Answer:
    """Tell the figures of the usual wallboard, and of the views that are saved for everybody."""
    shared = [] if asker.policy.masked else list(SavedView.objects.filter(shared=True).select_related("owner").order_by("name")[: walls.MOST])
    found = walls.look(walls.usual(view_tiles(shared, asker.policy)), asker.now_ns, asker.policy, linked=False)
    tiles = [{name: getattr(tile, name) for name in ("title", "value", "tone", "words", "note")} for tile in found.tiles]
    return {"tiles": tiles, "at": iso(found.at_ns), "old": found.old, "doubts": found.doubts}


def feeds(asker: Asker) -> Answer:
    """Tell how each receiver of events stands, and which events nobody took."""
    shown = ("pk", "node", "receiver", "revision", "event", "uid", "tries", "error", "again")
    dead = [{name: getattr(letter, name) for name in shown} | {"at": iso(letter.at_ns)} for letter in letters().defer("body")]
    told = [{**fed._asdict(), "failing": iso(fed.failing_ns), "tone": tone_of(fed, asker.now_ns)} for fed in fed_figures()]
    return {"receivers": told, "letters": dead}


def orders(asker: Asker, state: str = "", user: str = "", bulk: str = "", page: int = 1) -> Answer:
    """List who did what to which call, newest first, and the bulks that run."""
    if state and state not in order_page.STATES:
        raise Problem(400, f"state is one of: {', '.join(order_page.STATES)}")
    found = order_page.listed({"state": state, "user": user[:150], "bulk": bulk}, str(page), asker.policy)
    return paged(found["page"], "orders", [order_of(one) for one in found["page"].object_list]) | {"bulks": [_bulk(one) for one in found["bulks"]]}


def order(asker: Asker, order: int) -> Answer:
    """Show one order: how far it is, what the wire proved, which leg it left."""
    found = one_order(order)
    return order_of(asker.policy.order(found)) | {"left": to_retry(found)}


def one_order(number: int) -> Order:
    """Return an order. Raises Problem 404."""
    found = Order.objects.select_related("dialog").filter(pk=number).first() if 0 < number < 1 << 63 else None
    if found is None:
        raise Problem(404, "there is no order of this number")
    return found


def bulk(asker: Asker, bulk: int) -> Answer:
    """Show how far the end of many calls is."""
    found = one_bulk(bulk)
    reached = progress(found)
    left = [item_of(asker.policy.item(item)) for item in reached.left]
    return _bulk(asker.policy.bulk(found)) | {"counts": reached.counts, "words": reached.words, "done": reached.done, "total": reached.total, "left": left}


def one_bulk(number: int) -> Bulk:
    """Return a bulk. Raises Problem 404."""
    found = Bulk.objects.filter(pk=number).first() if 0 < number < 1 << 63 else None
    if found is None:
        raise Problem(404, "there is no bulk of this number")
    return found


def _bulk(one: Bulk) -> Answer:
    shown = {"bulk": one.pk, "user": one.username, "reason": one.reason, "query": one.query, "asked": one.asked, "state": one.state}
    return shown | {"requested": iso(one.requested_ns), "closed": iso(one.closed_ns), "closed_by": one.closed_by}


def audit(asker: Asker, q: str = "", user: str = "", action: str = "", call: str = "", since: str = "", until: str = "", at: str = "") -> Answer:
    """List who did what, newest first; `at` is `older` of the page before."""
    found = audit_page.listed(_audit(asker, q, user, action, call, since, until), at, asker.policy)
    rows = [_event(event) for event in found["rows"]]
    return {"events": rows, "older": str(found["older"] or "")}


def audit_download(asker: Asker, kind: str, q: str = "", user: str = "", action: str = "", call: str = "", since: str = "", until: str = "") -> File:
    """Take all that the filters find of the audit log: `csv` or `json`; that it was taken is an event too."""
    if kind not in audit_page.TYPES:
        raise Problem(404, f"the audit log is to be had as {', '.join(audit_page.TYPES)}")
    form = _audit(asker, q, user, action, call, since, until)
    asker.note("audit exported", f"{kind} {form.data.urlencode()}".rstrip())
    pages = {"csv": audit_page.csv_pages, "json": audit_page.json_pages}[kind](audit_page.events(form), asker.policy)
    return File(f"audit.{kind}", audit_page.TYPES[kind], pages)


def _audit(asker: Asker, q: str, user: str, action: str, call: str, since: str, until: str) -> Any:
    if not asker.user.has_perm("dashboard.read_audit"):
        raise Problem(403, "the audit log needs a token with the right audit: ./dialtap token add NAME --right audit")
    given = {"q": q, "user": user, "action": action, "call": call, "since": since, "until": until}
    query = QueryDict(mutable=True)
    query.update({name: text for name, text in given.items() if text})
    form = audit_page.AuditForm(query)
    if not form.is_valid():
        raise Problem(400, "; ".join(f"{name}: {' '.join(map(str, words))}" for name, words in form.errors.items()))
    return form


def _event(event: AuditEvent) -> Answer:
    return dict(zip(audit_page.TITLES, audit_page.cells(event), strict=True))


def reconcile(asker: Asker) -> Answer:
    """List the calls on which a proxy's table and ours do not agree."""
    found = []
    for one in compared(asker.now_ns):
        kinds = {section.kind: [_finding(shown) for shown in section.found] for section in sections(one, asker.policy)}
        table = {"proxy": one.table.name, "address": one.table.proxy, "node": one.table.node, "at": iso(one.table.at_ns), "error": one.table.error}
        found.append(table | {"ours": one.table.ours, "theirs": one.table.theirs, "counts": one.stored.counts, "found": kinds})
    return {"proxies": found}


def _finding(shown: Any) -> Answer:
    row = shown.row
    finding = {name: getattr(shown.finding, name) for name in ("h_entry", "h_id", "uid")}
    return finding | {"states": shown.states, "evidence": shown.evidence, "caller": row.from_user if row else "", "callee": row.to_user if row else ""}


def taps(asker: Asker) -> Answer:
    """Tell what each tap sees and what is missing, and whether numbers may be wrong."""
    found = judged(asker.now_ns)
    wrong = [{"words": doubt.words, "lost": iso(doubt.lost_ns)} for doubt in doubts(found, asker.now_ns)]
    return {"taps": [_tap(tap) for tap in found], "doubts": wrong}


def _tap(tap: TapHealth) -> Answer:
    status = tap.seen.status
    counts = {name: getattr(status, name) for name in ("node", "packets", "messages", "dropped", "undecodable", "duplicates", "recorded", "error")}
    said = {"tap": status.name, "tone": tap.tone, "words": tap.words, "newest": iso(tap.newest_ns), "at": iso(status.at_ns)}
    return said | counts | {"health": msgspec.to_builtins(tap.seen.report.health, str_keys=True), "findings": plain(tap.found)}


def tokens(asker: Asker) -> Answer:
    """List the tokens that were not revoked, without themselves; at the command line only."""
    if not asker.user.has_perm("dashboard.add_apitoken"):
        raise Problem(403, "tokens are listed, made and revoked by an administrator: on the page, or with ./dialtap token")
    rows = ApiToken.objects.filter(revoked_ns=0).order_by("name")[:MOST_TOKENS]
    names = ("name", "prefix", "scope", "rights", "created_by")
    return {"tokens": [{name: getattr(row, name) for name in names} | {"expires": iso(row.expires_ns), "used": iso(row.used_ns)} for row in rows]}


def views(asker: Asker) -> Answer:
    """List the views of the live calls that people saved for everybody, each with its query string for /live; none where numbers are masked."""
    found = [] if asker.policy.masked else SavedView.objects.filter(shared=True).select_related("owner").order_by("name")[:200]
    return {
        "views": [{"name": view.name, "owner": view.owner.get_username(), "query": view.query, "page": f"{reverse('live')}?{view.query}"} for view in found]
    }
