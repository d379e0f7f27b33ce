"""The addresses of all pages. Knows views; the WebSocket's address is in `asgi`."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import path, re_path
from django.views.generic import RedirectView

from dashboard.pages import (
    alerts,
    audit,
    bulk,
    call,
    callers,
    change,
    exports,
    files,
    history,
    kpis,
    live,
    orders,
    peers,
    profiles,
    reconcile,
    taps,
    tokens,
    views,
)
from dashboard.rpc import view as rpc

urlpatterns = [
    path("", live.live, name="live"),
    path("views/keep/", views.keep, name="view_keep"),
    path("views/<int:number>/drop/", views.drop, name="view_drop"),
    path("welcome/", live.welcome, name="welcome"),
    path("profiles/", profiles.profiles, name="profiles"),
    path("profiles/value/", profiles.profile, name="profile"),
    path("kpis/", kpis.kpis, name="kpis"),
    path("kpis/calls", kpis.calls, name="kpis_calls"),
    path("kpis/data", kpis.data, name="kpis_data"),
    path("peers/", peers.peers, name="peers"),
    path("callers/", callers.callers, name="callers"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/seen/", alerts.seen, name="alerts_seen"),
    path("history/", history.history, name="history"),
    re_path(r"^history/calls\.(?P<kind>csv|json|pcapng)$", exports.download, name="download"),
    path("history/fields.json", history.fields, name="query_fields"),
    path("files/", files.files, name="files"),
    path("files/<slug:ident>/", files.file, name="file"),
    path("files/<slug:ident>/close/", files.close, name="file_close"),
    path("orders/", orders.orders, name="orders"),
    path("orders/<int:number>/", orders.order, name="order"),
    path("reconcile/", reconcile.reconcile, name="reconcile"),
    path("bulk/", bulk.ask, name="bulk_ask"),
    path("bulk/start/", bulk.start, name="bulk_start"),
    path("bulk/<int:number>/", bulk.bulk, name="bulk"),
    path("bulk/<int:number>/stop/", bulk.stop, name="bulk_stop"),
    path("audit/", audit.audit, name="audit"),
    re_path(r"^audit/events\.(?P<kind>csv|json)$", audit.download, name="audit_download"),
    path("orders/<int:number>/retry/", orders.retry, name="order_retry"),
    path("taps/", taps.taps, name="taps"),
    path("call/<slug:uid>/", call.call, name="call"),
    path("call/<slug:uid>/message/<int:number>/", call.message, name="call_message"),
    path("call/<slug:uid>/pcap/", call.pcap, name="call_pcap"),
    path("call/<slug:uid>/menu/", call.menu, name="call_menu"),
    path("call/<slug:uid>/end/form", orders.end_form, name="end_form"),
    path("call/<slug:uid>/end/", orders.end, name="end"),
    path("call/<slug:uid>/change/form", change.change_form, name="change_form"),
    path("call/<slug:uid>/change/", change.change, name="change"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:number>/revoke/", tokens.revoke, name="token_revoke"),
    re_path(r"^RPC/?$", rpc.rpc, name="rpc"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("healthz", live.healthz, name="healthz"),
    path("favicon.ico", login_not_required(RedirectView.as_view(url=static("icon.svg")))),  # Django's admin has no icon of its own
    path("admin/", admin.site.urls),
]
