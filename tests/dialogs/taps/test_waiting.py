from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dialogs.taps.waiting import Waiting


def test_piece_waits_for_its_turn() -> None:
    waiting = Waiting()
    assert [waiting.add(10, b"later"), waiting.add(5, b"first"), waiting.add(5, b"f"), waiting.add(10, b"later!")] == [True, True, False, True]
    assert (len(waiting), waiting.first, waiting.size) == (2, 5, 11)
    assert [waiting.take(4), waiting.take(7), waiting.take(12), waiting.take(12)] == [None, b"rst", b"ter!", None]
    assert (len(waiting), waiting.size) == (0, 0)


def test_piece_behind_the_position_is_empty() -> None:
    waiting = Waiting()
    waiting.add(1, b"ab")
    assert waiting.take(9) == b""


@given(st.binary(min_size=1, max_size=60), st.data())
def test_overlapping_pieces_in_any_order_give_the_bytes(stream: bytes, data: st.DataObject) -> None:
    edges = sorted({0, len(stream), *data.draw(st.lists(st.integers(0, len(stream)), max_size=8))})
    pieces = [(a, stream[a : b + data.draw(st.integers(0, 9))]) for a, b in pairwise(edges)]
    waiting = Waiting()
    for place, piece in data.draw(st.permutations(pieces)):
        waiting.add(place, piece)
    out = b""
    while (piece := waiting.take(len(out))) is not None:
        out += piece
    assert (out, waiting.size) == (stream, 0)
