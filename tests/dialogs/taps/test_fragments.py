import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.taps import fragments
from dialogs.taps.counters import Counters
from dialogs.taps.fragments import DUPLICATE_NS, MAX_PIECES, PATIENCE_NS, Reassembler

KEY = b"key"


def pieces(body: bytes, size: int) -> list[tuple[int, bool, bytes]]:
    return [(at, at + size < len(body), body[at : at + size]) for at in range(0, len(body), size)]


@given(st.binary(min_size=1, max_size=400), st.data())
def test_pieces_in_any_order_with_duplicates_give_the_whole(body: bytes, data: st.DataObject) -> None:
    cut = pieces(body, data.draw(st.integers(1, 64).map(lambda n: n * 8)))
    order = data.draw(st.permutations(cut + data.draw(st.lists(st.sampled_from(cut), max_size=3))))
    reassembler = Reassembler()
    done = [whole for whole in (reassembler.add(0, KEY, *piece) for piece in order) if whole is not None]
    assert (done, len(reassembler), reassembler.incomplete) == ([body], 0, 0)


def test_overlap_keeps_what_begins_first() -> None:
    reassembler = Reassembler()
    assert reassembler.add(0, KEY, 8, False, b"22222222") is None
    assert reassembler.add(0, KEY, 0, True, b"1111111111") == b"1111111111222222"


@given(st.binary(min_size=1, max_size=300), st.data())
def test_overlapping_pieces_in_any_order_give_the_whole(body: bytes, data: st.DataObject) -> None:
    cut = pieces(body, data.draw(st.integers(1, 16).map(lambda n: n * 8)))
    starts = data.draw(st.lists(st.integers(0, len(body) // 8 - 1).map(lambda n: n * 8), max_size=4)) if len(body) >= 16 else []
    again = [(start, True, body[start : start + 24]) for start in starts if start + 24 < len(body)]
    reassembler = Reassembler()
    done = [whole for whole in (reassembler.add(0, KEY, *piece) for piece in data.draw(st.permutations(cut + again))) if whole is not None]
    assert done[0] == body


def test_longer_piece_of_the_same_place_is_taken() -> None:
    reassembler = Reassembler()
    reassembler.add(0, KEY, 16, False, b"end")
    reassembler.add(0, KEY, 0, True, b"12345678")
    assert reassembler.add(0, KEY, 0, True, b"12345678abcdefgh") == b"12345678abcdefghend"
    assert (reassembler._bytes, reassembler.incomplete) == (0, 0)


def test_shorter_piece_of_the_same_place_changes_nothing() -> None:
    reassembler = Reassembler()
    reassembler.add(0, KEY, 0, True, b"12345678abcdefgh")
    reassembler.add(0, KEY, 0, True, b"12345678")
    assert reassembler.add(0, KEY, 16, False, b"end") == b"12345678abcdefghend"


def test_duplicates_behind_the_whole_begin_no_datagram() -> None:
    counters = Counters()
    reassembler = Reassembler(counters)
    for at_ns in (0, DUPLICATE_NS - 1):
        for offset, more, piece in pieces(b"1234567890abcdef!", 8):
            reassembler.add(at_ns, KEY, offset, more, piece)
    assert (len(reassembler), counters.duplicates, counters.incomplete) == (0, 3, 0)


@pytest.mark.parametrize(("at_ns", "piece"), [(DUPLICATE_NS, b"12345678"), (1, b"another!")])
def test_identification_that_has_come_round_names_another_datagram(at_ns: int, piece: bytes) -> None:
    reassembler = Reassembler()
    reassembler.add(0, KEY, 0, True, b"12345678")
    assert reassembler.add(0, KEY, 8, False, b"end") == b"12345678end"
    assert reassembler.add(at_ns, KEY, 0, True, piece) is None
    assert reassembler.add(at_ns, KEY, 8, False, b"end") == piece + b"end"


def test_identification_that_comes_round_late_does_not_mix_two_datagrams() -> None:
    reassembler = Reassembler()
    reassembler.add(0, KEY, 0, True, b"12345678")
    assert reassembler.add(PATIENCE_NS, KEY, 8, False, b"end") is None
    assert (len(reassembler), reassembler.incomplete) == (1, 1)


def test_whole_datagrams_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_DONE", 3)
    reassembler = Reassembler()
    for n in range(10):
        assert reassembler.add(0, b"%d" % n, 0, False, b"12345678") == b"12345678"
    assert (len(reassembler._done), reassembler._bytes) == (3, 0)


def test_what_still_waits_at_the_end_is_incomplete() -> None:
    reassembler = Reassembler()
    for n in range(3):
        reassembler.add(0, b"%d" % n, 0, True, b"12345678")
    reassembler.finish()
    assert (len(reassembler), reassembler._bytes, reassembler.incomplete) == (0, 0, 3)


def test_hole_covered_by_size_alone_is_still_a_hole() -> None:
    reassembler = Reassembler()
    reassembler.add(0, KEY, 0, True, b"a" * 16)
    reassembler.add(0, KEY, 8, True, b"a" * 16)
    assert reassembler.add(0, KEY, 32, False, b"a" * 8) is None
    assert reassembler.add(0, KEY, 24, True, b"a" * 8) == b"a" * 40


def test_contradiction_starts_anew() -> None:
    reassembler = Reassembler()
    reassembler.add(0, KEY, 0, True, b"old-old-")
    reassembler.add(0, KEY, 0, True, b"new-new-")
    assert reassembler.add(0, KEY, 8, False, b"end") == b"new-new-end"
    assert reassembler.incomplete == 1


def test_incomplete_datagrams_are_given_up_after_their_time() -> None:
    reassembler = Reassembler()
    reassembler.add(0, b"one", 0, True, b"12345678")
    reassembler.add(PATIENCE_NS, b"two", 0, True, b"12345678")
    assert (len(reassembler), reassembler.incomplete) == (1, 1)


@pytest.mark.parametrize(("offset", "piece"), [(0, b""), (65_528, b"12345678")])
def test_impossible_piece_is_refused(offset: int, piece: bytes) -> None:
    reassembler = Reassembler()
    assert reassembler.add(0, KEY, offset, True, piece) is None
    assert (len(reassembler), reassembler.incomplete) == (0, 1)


def test_flood_of_first_fragments_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_BYTES", 10_000)
    reassembler = Reassembler()
    for n in range(20_000):
        reassembler.add(0, b"%d" % n, 0, True, bytes(8 if n < 10_000 else 1000))
    assert (len(reassembler), reassembler._bytes) == (10, 10_000)
    assert reassembler.incomplete == 19_990


def test_too_many_datagrams_push_out_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_DATAGRAMS", 3)
    reassembler = Reassembler()
    for n in range(4):
        reassembler.add(0, b"%d" % n, 0, True, b"12345678")
    assert (len(reassembler), reassembler.incomplete) == (3, 1)
    assert reassembler.add(0, b"0", 8, False, b"x") is None


def test_datagram_of_too_many_pieces_is_given_up() -> None:
    reassembler = Reassembler()
    for n in range(MAX_PIECES + 1):
        reassembler.add(0, KEY, n * 8, True, b"12345678")
    assert (len(reassembler), reassembler._bytes, reassembler.incomplete) == (0, 0, 1)
