"""What the screens do, for programs: orders, many at once, changes of a call, alerts taken note of, capture files.

Knows the way that pages take, with the same refusals, audit and proof; knows no request and no format.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dashboard.api.answers import Answer, Problem, order_of, plain
from dashboard.api.asker import Asker
from dashboard.api.calls import chosen_by, row_of
from dashboard.api.lists import bulk as bulk_answer
from dashboard.api.lists import one_bulk, one_order
from dashboard.models import Alert, DialogQuerySet, DialogRow, Order
from dashboard.orders import request as orders
from dashboard.orders.bulk import BulkRefused, Wish, preview, request_bulk, stop_bulk, too_many
from dashboard.orders.request import OrderRefused
from dashboard.pages import alerts as alert_page
from dashboard.pages import files as file_page
from dashboard.pages.bulk import MOST as MOST_NAMES
from dashboard.pages.bulk import light
from dashboard.rpc.change import ChangeRefused, Mistake, carry_out, wish_of
from dashboard.rpc.view import AUDITED, refusals
from dashboard.workspace import store

KEY_MAX = 32
MAY_NOT = "this needs a token of scope control: ./dialtap token add NAME --scope control"
MAY_NOT_HERE = "this needs the ingest's socket ([rpc] socket): be the user that runs the ingest"


def _may(asker: Asker, permission: str) -> None:
    """Raise Problem 403 for who lacks a right; that is written down once a minute."""
    if not asker.user.has_perm(permission):
        if not refusals.wait(f"{asker.user.get_username()} {permission}", AUDITED, time.monotonic()):
            asker.note("refused", permission)
        raise Problem(403, MAY_NOT if asker.address else MAY_NOT_HERE)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what an order is refused for into a problem."""
    try:
        yield
    except (OrderRefused, BulkRefused, ChangeRefused) as refused:
        raise Problem(409, str(refused)) from refused
    except (Mistake, store.Refused) as mistake:
        raise Problem(400, str(mistake)) from mistake


def _ordered(asker: Asker, give: Callable[[], Order]) -> Answer:
    """Give an order. Raises Problem: 403 for who may give none, 409 with the refusal."""
    _may(asker, "dashboard.end_call")
    with _refusing():
        return order_of(asker.policy.order(give()))


def end(asker: Asker, uid: str, reason: str, side: str = "both", confirm: str = "") -> Answer:
    """Order the end of a call, or of one `side`; `confirm` is the number of a protected call."""
    row = row_of(uid)
    return _ordered(asker, lambda: orders.request_end(row, asker.user, reason, asker.address, side=side, confirmed=confirm))


def transfer(asker: Asker, uid: str, side: str, to: str, reason: str, confirm: str = "") -> Answer:
    """Order that one `side` (`caller`, `callee`) is sent to another SIP address."""
    row = row_of(uid)
    return _ordered(asker, lambda: orders.request_transfer(row, asker.user, side, to, reason, asker.address, confirmed=confirm))


def join(asker: Asker, uid: str, other: str, side: str, other_side: str, reason: str, confirm: str = "") -> Answer:
    """Order that one `side` of a call talks to `other_side` of the `other` call."""
    row, another = row_of(uid), row_of(other)
    return _ordered(asker, lambda: orders.request_join(row, another, asker.user, side, other_side, reason, asker.address, confirmed=confirm))


def connect(asker: Asker, first: str, second: str, reason: str) -> Answer:
    """Order that two SIP addresses are called and connected."""
    return _ordered(asker, lambda: orders.request_bridge(asker.user, first, second, reason, asker.address))


def release(asker: Asker, uid: str, reason: str, proxy: str = "", confirm: str = "") -> Answer:
    """Order that a proxy lets go of a call that has ended on the wire."""
    row = row_of(uid)
    return _ordered(asker, lambda: orders.request_release(row, asker.user, proxy, reason, asker.address, confirmed=confirm))


def retry(asker: Asker, order: int) -> Answer:
    """Order the end of the leg that an order left."""
    left = one_order(order)
    return _ordered(asker, lambda: orders.retry_leg(left, asker.user, asker.address))


def bulk_preview(asker: Asker, q: str = "", state: str = "", caller: str = "", profile: str = "", peer: str = "", calls: str = "") -> Answer:
    """Tell what would be ended: the `calls` named (with blanks between), or all live ones that the filter finds. Changes nothing."""
    _may(asker, "dashboard.end_call")
    found, refused = _meant(asker, {"q": q, "state": state, "caller": caller, "profile": profile, "peer": peer}, calls)
    if refused:
        raise Problem(409, refused)
    rows = list(light(found))
    seen = preview(rows, asker.user)
    left = [{"call": row.uid, "why": words} for row, words in seen.left]
    return {"ending": [row.uid for row in seen.ending], "left": left, "refused": seen.refused, "confirm": str(len(rows))}


def bulk_start(
    asker: Asker, reason: str, key: str, confirm: str = "", q: str = "", state: str = "", caller: str = "", profile: str = "", peer: str = "", calls: str = ""
) -> Answer:
    """Order the end of many calls, see bulk_preview; `confirm` is how many, `key` anything of your own: the same key twice is one bulk."""
    _may(asker, "dashboard.end_call")
    if not 0 < len(key) <= KEY_MAX:
        raise Problem(400, f"key is 1 to {KEY_MAX} characters of your own, another one for each wish")
    query = {"q": q, "state": state, "caller": caller, "profile": profile, "peer": peer}
    found, refused = _meant(asker, query, calls)
    if refused:
        raise Problem(409, refused)
    said = "" if calls else chosen_by(asker, query).query or "all calls"
    with _refusing():
        made = request_bulk(list(light(found)), asker.user, Wish(key, reason, confirm, asker.address, said))
    return bulk_answer(asker, made.pk)


def _meant(asker: Asker, query: dict[str, str], names: str) -> tuple[DialogQuerySet, str]:
    """Return the calls that are named or found, and why they are too many, "" when they are not."""
    if names:
        return DialogRow.objects.filter(pk__in={name[:16] for name in names.split()[:MOST_NAMES]}), ""
    found = chosen_by(asker, query).apply(DialogRow.objects.live())
    return found, too_many(found.count())


def bulk_stop(asker: Asker, bulk: int) -> Answer:
    """Have no more calls of a bulk ended."""
    _may(asker, "dashboard.end_call")
    stop_bulk(one_bulk(bulk), asker.user.get_username(), asker.address)
    return bulk_answer(asker, bulk)


def change(asker: Asker, uid: str, what: str, key: str = "", value: str = "", flag: str = "", seconds: str = "") -> Answer:
    """Change a live call: `what` is set_var, unset_var (key, value), setflag, resetflag (flag) or set_timeout (seconds)."""
    row = row_of(uid)
    _may(asker, "dashboard.change_dialogrow")
    with _refusing():
        wish = wish_of(row, {"what": what, "key": key, "value": value, "flag": flag, "seconds": seconds})
        carry_out(row, asker.user, wish, asker.address)
    return {"call": row.uid, "what": wish.what, "now": wish.now}


def alerts_seen(asker: Asker, newest: int) -> Answer:
    """Take note of the alerts up to this one."""
    _may(asker, "dashboard.change_alert")
    return {"noted": alert_page.note(Alert.objects.all(), newest) if 0 < newest < 1 << 63 else 0}


# Capture files


def files(asker: Asker) -> Answer:
    """List the capture files that you have opened."""
    _may(asker, "dashboard.open_capture")
    store.sweep(asker.now_ns)
    return {"files": [_file(one) for one in store.of(asker.user.get_username())]}


def file(asker: Asker, ident: str) -> Answer:
    """Tell how far the reading of a capture file is; with file=IDENT the calls of a list are its own."""
    return _file(_opened(asker, ident))


def file_open(asker: Asker, name: str, capture: bytes) -> Answer:
    """Open a capture file (pcap, pcapng, also .gz and .zst) apart from all other calls."""
    _may(asker, "dashboard.open_capture")
    with _refusing():
        found = store.create(name, asker.user.get_username(), [capture], len(capture), time.time_ns())
    asker.note("capture opened", f"{found.name} ({found.size:,} bytes)")
    file_page.start(found.ident)
    return _file(found)


def file_close(asker: Asker, ident: str) -> Answer:
    """Delete an opened capture file with all that was read of it."""
    found = _opened(asker, ident)
    store.close(found.ident)
    asker.note("capture closed", found.name)
    return {"closed": ident}


def _opened(asker: Asker, ident: str) -> store.Opened:
    _may(asker, "dashboard.open_capture")
    found = store.find(ident)
    if found is None or found.owner != asker.user.get_username():
        raise Problem(404, "no capture file of this name is open (any more): files are deleted after a day")
    return found


def _file(one: store.Opened) -> Answer:
    return plain(one)
