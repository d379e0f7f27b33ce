"""The wallboard, for people who are signed in and for a screen that has a board's link. Knows requests; what a tile shows is `live.wall`'s business.

One page and one fragment at the same address: the page asks for the fragment every second, whatever the last answer was.
"""

import time

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.live.boards import linked_board, tiles_of
from dashboard.live.wall import MOST, Tile, look, usual
from dashboard.models import Board, SavedView
from dashboard.orders.audit import searched
from dashboard.pages.live import views_of
from dashboard.pages.requests import PageRequest
from dashboard.privacy import MASKED, Policy, policy_of
from dashboard.rpc.access import address_of

MOST_BOARDS = 20
"Boards offered."


@require_GET
@login_not_required  # a screen whose login has ended says so, instead of showing the login page in a tile's place
@never_cache
def wall(request: PageRequest) -> HttpResponse:
    """Show a board, or the usual tiles; every tile leads to its calls. `?kiosk`: without the bar."""
    if not request.user.is_authenticated:
        return over(request, "Signed out", signed_out=True) if request.htmx else redirect_to_login(request.get_full_path())
    if not request.user.has_perm("dashboard.view_dialogrow"):
        raise PermissionDenied
    now_ns, policy = time.time_ns(), policy_of(request.user)
    boards = [board for board in Board.objects.filter(withdrawn_ns=0).order_by("name", "pk")[:MOST_BOARDS] if board.holds(now_ns)]
    asked = request.GET.get("board", "")
    board = next((board for board in boards if str(board.pk) == asked), None)
    if asked and board is None:
        return over(request, "This board is no longer there")
    tiles = tiles_of(board) if board else usual(view_tiles(views_of(request)[:MOST], policy))
    if policy.masked and board is None:
        for tile in tiles:
            searched(request.user.get_username(), tile.chosen.typed, address_of(request))
    context = {
        "wall": look(tiles, now_ns, policy, linked=True),
        "name": policy.text(board.name) if board else "",
        "board": board,
        "boards": [(other, policy.text(other.name)) for other in boards],
        "kiosk": "kiosk" in request.GET,
        "now_ns": now_ns,
    }
    return render(request, "pages/_wall.html" if request.htmx else "pages/wall.html", context)


@require_GET
@login_not_required
@never_cache
def shown(request: PageRequest, link: str) -> HttpResponse:
    """Show a board to whoever has its link: figures only, masked, and no way on."""
    board, now_ns = linked_board(link), time.time_ns()
    if board is None:
        raise Http404
    if not board.holds(now_ns):
        return over(request, "This link was withdrawn" if board.withdrawn_ns else "This link has expired")
    seen = look(tiles_of(board), now_ns, MASKED, linked=False)
    context = {"wall": seen, "name": MASKED.text(board.name), "kiosk": True, "public": True, "now_ns": now_ns}
    return render(request, "pages/_wall.html" if request.htmx else "pages/wall.html", context)


def view_tiles(views: list[SavedView], policy: Policy) -> list[Tile]:
    """Return a tile for each view that can be asked. What its owner may not ask, a wall does not count for them."""
    owners = {view.owner for view in views} if not policy.masked else set()
    masked = {owner.pk for owner in owners if policy_of(owner).masked}
    tiles = [Tile(view.name, query=view.query, whole=policy.masked or view.owner_id in masked) for view in views]
    return [tile for tile in tiles if tile.chosen.asked.problem is None]


def over(request: PageRequest, words: str, *, signed_out: bool = False) -> HttpResponse:
    """Say why there is no board: in its place on a screen that shows one, else as a page."""
    if request.htmx:
        return render(request, "pages/_wall_over.html", {"words": words, "signed_out": signed_out})
    return render(request, "pages/wall.html", {"words": words, "kiosk": not request.user.is_authenticated}, status=410)
