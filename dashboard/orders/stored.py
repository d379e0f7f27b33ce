"""Our own SIP requests as they are stored: whole, before their first byte leaves. Knows the table; sends nothing and decides nothing."""

from django.db import transaction
from django.db.models import Max

from dashboard.history.messages import scrub
from dashboard.models import Order, OrderRequest
from dialogs.control.sip import Hop, Prepared


def commit(order: Order, leg: str, request: Prepared, now_ns: int) -> None:
    """Store a request for good. What raises keeps it from being sent."""
    with transaction.atomic(durable=True):
        OrderRequest.objects.create(
            order_id=order.pk,
            dialog_uid=order.dialog_uid,
            leg=leg,
            method=request.method,
            branch=request.branch.decode("ascii", "replace"),
            cseq=request.cseq,
            hop="{}:{}:{}".format(*request.hop),
            name=request.name,
            data=request.data,
            at_ns=now_ns,
        )


def newest(order: Order) -> dict[str, Prepared]:
    """Return the newest request of an order to each leg: what was under way when it was interrupted."""
    return {row.leg: prepared(row) for row in OrderRequest.objects.filter(order_id=order.pk).order_by("pk")}


def highest(dialog_uid: str) -> dict[str, int]:
    """Return the highest CSeq that we have used toward each leg of a call, in all orders."""
    found = OrderRequest.objects.filter(dialog_uid=dialog_uid).exclude(method="CANCEL").values_list("leg").annotate(highest=Max("cseq"))
    return dict(found.order_by("leg"))


def first_ns(order: Order) -> int:
    """Return when the first request of an order was stored, 0 when there is none."""
    row = OrderRequest.objects.filter(order_id=order.pk).order_by("pk").only("at_ns").first()
    return row.at_ns if row else 0


def cancels(order: Order) -> bool:
    """Return whether an order has cancelled an INVITE."""
    return OrderRequest.objects.filter(order_id=order.pk, method="CANCEL").exists()


def forget_credentials(order: Order) -> None:
    """Take the credentials out of the stored requests of an order that is closed: nothing will be sent again."""
    for row in OrderRequest.objects.filter(order_id=order.pk):
        data = bytes(row.data)
        if (kept := scrub(data)) != data:
            OrderRequest.objects.filter(pk=row.pk).update(data=kept)


def prepared(row: OrderRequest) -> Prepared:
    """Return a stored request as it is sent."""
    transport, _, address = row.hop.partition(":")
    host, _, port = address.rpartition(":")
    return Prepared(bytes(row.data), row.method, row.branch.encode(), row.cseq, Hop(transport, host, int(port)), row.name)
