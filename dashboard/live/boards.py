"""Wallboards that have a link: made, found by it, withdrawn. Knows the table, the audit log and signatures; knows no request.

A link is signed, not stored: it opens one board and nothing else, to whoever has it. The row says whether it still does.
"""

import time

import msgspec
from django.core.signing import BadSignature, Signer
from django.db import transaction

from dashboard.live.wall import MOST, Tile
from dashboard.models import Board
from dashboard.orders import audit

NAME_MAX = 64
DAYS_MAX = 3650
DAY = 86_400 * 10**9
LONGEST = 120
"Characters of a link that are looked at."


class BoardRefused(Exception):
    """A board may not be made; the text says why, for the person who asked."""


def _signer() -> Signer:
    return Signer(salt="dashboard.wallboard", sep=".")


def make(name: str, tiles: list[Tile], *, by: str, days: int = 0, address: str = "") -> Board:
    """Return a new board. `days` 0: its link does not expire. Raises BoardRefused."""
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise BoardRefused(f"give it a name of 1 to {NAME_MAX} characters")
    if not 0 < len(tiles) <= MOST:
        raise BoardRefused(f"choose 1 to {MOST} tiles")
    if not 0 <= days <= DAYS_MAX:
        raise BoardRefused(f"days are 0 (until it is withdrawn) to {DAYS_MAX}")
    now_ns = time.time_ns()
    fields = {"created_by": by[:150], "created_ns": now_ns, "expires_ns": now_ns + days * DAY if days else 0}
    with transaction.atomic():
        board = Board.objects.create(name=name, tiles=msgspec.json.encode(tiles).decode(), **fields)
        titles = ", ".join(f"{tile.title} [{tile.query}]" if tile.query else tile.title for tile in tiles)
        audit.record(by, "wallboard link made", address=address, text=f"{board}{f', {days} days' if days else ''}", request=titles)
    return board


def withdraw(board: Board, *, by: str, address: str = "") -> bool:
    """Have a board's link open nothing from now on; returns whether it was not so already."""
    with transaction.atomic():
        if not Board.objects.filter(pk=board.pk, withdrawn_ns=0).update(withdrawn_ns=time.time_ns()):
            return False
        audit.record(by, "wallboard link withdrawn", address=address, text=str(board))
    return True


def tiles_of(board: Board) -> list[Tile]:
    """Return a board's tiles."""
    return msgspec.json.decode(board.tiles, type=list[Tile])


def link_of(board: Board) -> str:
    """Return what a board's address ends with. The moment it was made is in it: a database that begins anew counts from 1 again."""
    return _signer().sign(f"{board.pk}-{board.created_ns:x}")


def linked_board(link: str) -> Board | None:
    """Return the board of a link, whether or not it still holds; None for a link that this server never made."""
    if len(link) > LONGEST:
        return None
    try:
        number, _, made = _signer().unsign(link).partition("-")
    except BadSignature:
        return None
    return Board.objects.filter(pk=int(number), created_ns=int(made, 16)).first()
