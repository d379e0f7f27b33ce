"""Boards with a link: made, found by it, refused, withdrawn, all of it written down."""

import time

import pytest

from dashboard.live.boards import DAY, BoardRefused, link_of, linked_board, make, tiles_of, withdraw
from dashboard.live.wall import MOST, Tile
from dashboard.models import AuditEvent, Board

pytestmark = pytest.mark.django_db
TILES = [Tile("Answered", kpi="ser", warn=60, critical=40.5, below=True), Tile("Mine", query="q=4417", whole=True)]


def test_board_is_found_by_its_link_with_what_was_chosen():
    board = make("  Screen   one ", TILES, by="ann", days=2, address="192.0.2.9")
    found = linked_board(link_of(board))
    assert (found, found.name, tiles_of(found), found.expires_ns - found.created_ns) == (board, "Screen one", TILES, 2 * DAY)
    assert list(AuditEvent.objects.values_list("username", "action", "text", "request", "address")) == [
        ("ann", "wallboard link made", f"Screen one (wallboard {board.pk}), 2 days", "Answered, Mine [q=4417]", "192.0.2.9")
    ]


def test_link_that_was_not_made_here_opens_nothing():
    board, other = make("a", TILES, by="ann"), make("b", TILES, by="ann")
    link = link_of(board)
    number, _, signature = link.partition(".")
    forged = [f"{other.pk}-{other.created_ns:x}.{signature}", number, "", ".", link[:-1], f"{link}x", link * 40, f"{board.pk}.{signature}", "\0", "٣-1.x"]
    assert [linked_board(text) for text in forged] == [None] * len(forged)


def test_link_of_a_database_that_is_gone_opens_no_other_board():
    board = make("a", TILES, by="ann")
    link = link_of(board)
    Board.objects.filter(pk=board.pk).update(created_ns=board.created_ns + 1)
    assert linked_board(link) is None


def test_board_holds_until_it_expires_or_is_withdrawn():
    board = make("a", TILES, by="ann", days=1)
    now_ns = time.time_ns()
    before = [board.holds(now_ns), board.holds(now_ns + DAY)]
    answers = [withdraw(board, by="eve", address="192.0.2.9"), withdraw(board, by="eve")]
    board.refresh_from_db()
    assert (before, answers, board.holds(now_ns), linked_board(link_of(board))) == ([True, False], [True, False], False, board)
    assert [event.action for event in AuditEvent.objects.filter(username="eve")] == ["wallboard link withdrawn"]


@pytest.mark.parametrize(
    ("name", "tiles", "days", "words"),
    [
        ("", TILES, 0, "give it a name"),
        (" \t ", TILES, 0, "give it a name"),
        ("x" * 65, TILES, 0, "give it a name"),
        ("a\0b", TILES, 0, "give it a name"),
        ("a", [], 0, "choose 1 to 8 tiles"),
        ("a", TILES[:1] * (MOST + 1), 0, "choose 1 to 8 tiles"),
        ("a", TILES, -1, "days are"),
        ("a", TILES, 99999, "days are"),
    ],
)
def test_board_is_refused_in_words(name, tiles, days, words):
    with pytest.raises(BoardRefused, match=words):
        make(name, tiles, by="ann", days=days)
    assert (Board.objects.count(), AuditEvent.objects.count()) == (0, 0)
