"""At least two hundred captures made of real ones: as many SIP messages as tshark counts, and calls that end as they did."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dialogs.config import Config
from dialogs.packet import Endpoint, Packet
from dialogs.replay import WireReport
from dialogs.sip import parse
from dialogs.taps import CaptureFile
from tests.dialogs.taps.oracle import tshark
from tests.dialogs.taps.oracle.recipes import CARRIERS, Recipe, build, draw
from tests.dialogs.taps.oracle.traffic import Host, messages, sources

CAPTURES, JUDGED = 300, 200


@dataclass(frozen=True)
class Made:
    """One capture that was made."""

    recipe: Recipe
    path: Path
    frames: int


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    folder, real = tmp_path_factory.mktemp("oracle"), sources()
    captures = []
    for number in range(1, CAPTURES + 1):
        recipe = draw(number, real)
        path = folder / f"{number}.pcap"
        captures.append(Made(recipe, path, build(recipe, path)))
    return captures


@pytest.mark.skipif(tshark.missing() != "", reason=tshark.missing())
def test_made_captures_hold_as_many_messages_as_tshark_sees(made: list[Made], tmp_path: Path) -> None:
    made = [one for one in made if one.recipe.is_for_tshark]
    theirs = tshark.counts([tshark.Capture(one.path, one.frames, one.recipe.lost_tail) for one in made], tmp_path)
    ours = [count(one.path) for one in made]
    wrong = [f"{one.recipe} ours {mine} tshark {judged}" for one, mine, judged in zip(made, ours, theirs, strict=True) if mine != judged]
    assert wrong == []
    assert len(made) >= JUDGED
    assert min(theirs) > 0


def test_made_streams_hold_what_was_put_in(made: list[Made]) -> None:
    """Also where tshark cannot be asked."""
    whole = [one for one in made if one.recipe.is_whole and one.recipe.carrier in {"tcp", "websocket"}]
    wrong = [str(one.recipe) for one in whole if count(one.path) != len(messages(one.recipe.source))]
    assert wrong == []
    assert not all(one.recipe.is_for_tshark for one in whole)


def test_made_captures_that_lost_nothing_end_their_calls_alike(made: list[Made]) -> None:
    whole = [one for one in made if one.recipe.is_whole]
    wrong = [str(one.recipe) for one in whole if ends(CaptureFile(one.path)) != ends(original(one.recipe.source))]
    assert wrong == []
    assert {one.recipe.carrier for one in whole} == set(CARRIERS)


def count(path: Path) -> int:
    """Return how many SIP messages we find."""
    return sum(parse(packet.data) is not None for packet in CaptureFile(path))


def ends(packets: Iterable[Packet]) -> list[tuple[object, ...]]:
    """Return how each call stands at the end."""
    report = WireReport(Config())
    report.feed(packets)
    return sorted((dialog["call-id"], dialog["state"], dialog["end_code"]) for dialog in report.answer()["dialogs"])


def original(source: Path) -> list[Packet]:
    """Return the messages as they were recorded."""
    return [Packet(sent.at_ns, end(sent.source), end(sent.destination), "udp", sent.data) for sent in messages(source)]


def end(host: Host) -> Endpoint:
    return Endpoint(f"192.0.2.{host.number}", host.port)
