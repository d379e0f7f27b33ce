"""Capture files opened in the browser: upload, progress, closing. Knows requests; what an opened file is, is `dashboard.workspace`'s business."""

import subprocess
import sys
import threading
import time

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.ingest.privileges import pass_on_reading
from dashboard.orders import audit
from dashboard.pages.requests import PageRequest
from dashboard.pages.rights import needs
from dashboard.rpc.access import address_of
from dashboard.workspace import store
from dashboard.workspace.store import Opened, Refused

opener = needs("dashboard.open_capture")


@require_http_methods(["GET", "POST"])
@opener
def files(request: PageRequest) -> HttpResponse:
    """List the files that are open; POST opens another."""
    store.sweep(time.time_ns())
    mistake = ""
    if request.method == "POST":
        try:
            return HttpResponseRedirect(reverse("file", args=[opened(request).ident]))
        except Refused as refused:
            mistake = str(refused)
    context = {"files": store.of(seen_by(request)), "mistake": mistake, "most": settings.DIALTAP.history.open_mb}
    return render(request, "pages/files.html", context, status=400 if mistake else 200)


def opened(request: PageRequest) -> Opened:
    """Store the uploaded file and have it read. Raises Refused."""
    upload = request.FILES.get("capture")
    if upload is None or not upload.size:
        raise Refused("Choose a capture file: pcap or pcapng, also .gz or .zst.")
    found = store.create(upload.name or "capture", request.user.get_username(), upload.chunks(), upload.size, time.time_ns())
    audit.record(request.user.get_username(), "capture opened", address=address_of(request), request=f"{found.name} ({found.size:,} bytes)")
    start(found.ident)
    return found


def start(ident: str) -> None:
    """Have a file read by a process of its own; a thread starts it and waits for it."""
    threading.Thread(target=_run, args=(ident,), daemon=True, name="open_capture").start()


def _run(ident: str) -> None:
    pass_on_reading()
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "open_capture", ident]
    done = subprocess.run(command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 -- our own program
    found = store.find(ident)
    if found is not None and not found.progress.over:
        words = f"The process that reads it ended ({done.returncode}): the server's log has the reason."
        store.report(ident, found.progress._replace(state="failed", words=words))


def seen_by(request: PageRequest) -> str:
    """Return whose files this person sees: "" for everybody's."""
    return "" if request.user.is_superuser else request.user.get_username()


def of(request: PageRequest, ident: str) -> Opened:
    """Return an opened file that this person may see. Raises Http404."""
    found = store.find(ident)
    if found is None or seen_by(request) not in ("", found.owner):
        raise Http404("No capture file of this name is open (any more): files are deleted after a day.")
    return found


@require_GET
@opener
def file(request: PageRequest, ident: str) -> HttpResponse:
    """Show how far the reading is; the fragment asks again until it is over."""
    context = {"file": of(request, ident)}
    return render(request, "pages/_file.html" if request.htmx else "pages/file.html", context)


@require_POST
@opener
def close(request: PageRequest, ident: str) -> HttpResponse:
    """Delete a file, its calls and its messages; cancels the reading."""
    found = of(request, ident)
    store.close(found.ident)
    audit.record(request.user.get_username(), "capture closed", address=address_of(request), request=found.name)
    return HttpResponseRedirect(reverse("files"))
