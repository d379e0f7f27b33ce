"""The page where wallboards with a link are made and withdrawn. Knows requests; what a board is, is `live.boards`' business."""

import time
from typing import NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.live.boards import NAME_MAX, BoardRefused, link_of, make, tiles_of
from dashboard.live.boards import withdraw as close
from dashboard.live.wall import FALLING, MOST, Tile, offered, usual
from dashboard.models import Board
from dashboard.pages.live import views_of
from dashboard.pages.requests import PageRequest
from dashboard.pages.rights import needs
from dashboard.pages.wall import view_tiles
from dashboard.privacy import Policy, policy_of
from dashboard.rpc.access import address_of

LISTED = 200
"Boards listed."

LIVE = "live"
DAYS = 90
"Offered as a link's life."

LARGEST = 1e9


class Line(NamedTuple):
    """One tile of the form."""

    what: str
    below: bool = False
    warn: str = ""
    critical: str = ""


@require_http_methods(["GET", "POST"])
@needs("dashboard.add_board")
@never_cache
def boards(request: PageRequest) -> HttpResponse:
    """List the boards that hold; POST makes one and shows its link."""
    choices = choices_of(request)
    lines, mistake, made = usual_lines(choices), "", None
    if request.method == "POST":
        lines = lines_of(request)
        try:
            tiles = [tile for line in lines if (tile := tile_of(line, choices))]
            days = request.POST.get("days", "")
            life = int(days) if days.isdecimal() and len(days) < 6 else -1 if days else 0
            made = make(request.POST.get("name", ""), tiles, by=request.user.get_username(), days=life, address=address_of(request))
        except BoardRefused as refused:
            mistake = str(refused)
    now_ns, policy = time.time_ns(), policy_of(request.user)
    found = Board.objects.filter(withdrawn_ns=0).order_by("name", "pk")[:LISTED]
    context = {
        "made": made,
        "mistake": mistake,
        "name": request.POST.get("name", "") if mistake else "",
        "days": request.POST.get("days", "") if mistake else DAYS,
        "longest": NAME_MAX,
        "choices": {key: policy.text(tile.title, tile.numbers) for key, tile in choices.items()},
        "lines": lines,
        "rows": [(row, policy.text(row.name), titles(row, policy), address(request, row), row.holds(now_ns)) for row in found],
        "made_name": policy.text(made.name) if made else "",
        "made_address": address(request, made) if made else "",
    }
    return render(request, "pages/boards.html", context, status=400 if mistake else 200)


@require_POST
@needs("dashboard.add_board")
def withdraw(request: PageRequest, number: int) -> HttpResponse:
    """Have a board's link open nothing from now on."""
    close(get_object_or_404(Board, pk=number), by=request.user.get_username(), address=address_of(request))
    return HttpResponseRedirect(reverse("boards"))


def address(request: PageRequest, board: Board) -> str:
    """Return what a screen opens."""
    return request.build_absolute_uri(reverse("wall_link", args=[link_of(board)]))


def titles(board: Board, policy: Policy) -> str:
    """Return what a board shows, in words."""
    return ", ".join(policy.text(tile.title, tile.numbers) for tile in tiles_of(board))


def choices_of(request: PageRequest) -> dict[str, Tile]:
    """Return what a tile can show: all live calls, each KPI, each saved view that this person may open."""
    policy, views = policy_of(request.user), views_of(request)
    kpis = {name: Tile(title, kpi=name, below=name in FALLING) for name, title in offered().items()}
    found = {view.pk: tile for view in views for tile in view_tiles([view], policy)}
    return {LIVE: Tile("Live calls")} | kpis | {f"view-{number}": tile for number, tile in found.items()}


def usual_lines(choices: dict[str, Tile]) -> list[Line]:
    """Return the form filled in with the wall that nobody has chosen."""
    views = [tile for key, tile in choices.items() if key.startswith("view-")]
    keys = {tile: key for key, tile in choices.items()}
    return [Line(keys[tile], tile.below) for tile in usual(views)]


def lines_of(request: PageRequest) -> list[Line]:
    """Return the form as it was sent."""
    columns = [request.POST.getlist(name)[:MOST] for name in ("what", "side", "warn", "critical")]
    filled = [[*column, *[""] * (MOST - len(column))] for column in columns]
    return [Line(what[:32], side == "below", warn.strip()[:20], critical.strip()[:20]) for what, side, warn, critical in zip(*filled, strict=True)]


def tile_of(line: Line, choices: dict[str, Tile]) -> Tile | None:
    """Return the tile that a line chooses, None for none. Raises BoardRefused."""
    if not line.what:
        return None
    if line.what not in choices:
        raise BoardRefused("a view that was chosen is no longer there: choose another")
    tile = choices[line.what]
    warn, critical = threshold(line.warn, tile.title), threshold(line.critical, tile.title)
    if warn is not None and critical is not None and (critical > warn if line.below else critical < warn):
        raise BoardRefused(f"{tile.title}: critical comes {'above' if line.below else 'below'} the warning, and would be passed first")
    return Tile(tile.title, tile.kpi, tile.query, tile.whole, warn, critical, line.below)


def threshold(text: str, title: str) -> float | None:
    """Return a threshold, None for none. Raises BoardRefused."""
    if not text:
        return None
    whole, dot, rest = text.partition(".")
    if not (whole.isascii() and whole.isdecimal() and (not dot or (rest.isascii() and rest.isdecimal())) and float(text) <= LARGEST):
        raise BoardRefused(f'{title}: a threshold is a number such as 40 or 2.5, not "{text}"')
    return float(text)
