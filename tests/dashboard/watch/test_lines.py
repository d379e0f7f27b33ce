"""Lines fit the terminal, whatever is on the wire, and nothing of it reaches the terminal but printable characters."""

import pytest

from dashboard.api import following
from dashboard.watch import lines
from dashboard.watch.rows import Row

HOSTILE = ["\x1b[2J\x1b]0;owned\x07", "日本語" * 30, "\u202eevil", "a" * 10_000, "\n\r\t", "", "e\u0301" * 40, "\U0001f600" * 20]


@pytest.mark.parametrize("width", [20, 60, 80, 110, 200])
@pytest.mark.parametrize("text", HOSTILE)
def test_call_fits_in_a_line_whatever_it_says(text, width):
    said = [{"tone": "bad", "words": text}]
    call = {"call": "x", "state_words": "In call", "caller": text, "callee": text, "said": said, "path": text, "call_id": text, "last_event": text}
    found = lines.line(Row(call), 0.0, width, text)
    assert found.plain.isprintable()
    assert found.cell_len == lines.head(width).cell_len <= max(width, 57)


@pytest.mark.parametrize("text", HOSTILE)
def test_message_is_folded_and_made_safe(text):
    found = lines.raw({"text": f"INVITE sip:a SIP/2.0\r\nSubject: {text}\r\n\r\nv=0"}, 80)
    assert (all(line.plain.isprintable() for line in found), max(len(line.plain) for line in found) <= 80) == (True, True)
    assert (found[0].plain, found[-1].plain) == ("INVITE sip:a SIP/2.0", "v=0")


@pytest.mark.parametrize(
    ("call", "order", "said"),
    [
        ({"last_event": "180 Ringing", "said": []}, "", "180 Ringing"),
        ({"last_event": "ACK", "said": [{"tone": "warn", "words": "slow"}]}, "", "slow"),
        ({"last_event": "ACK", "said": [{"tone": "warn", "words": "slow"}]}, "Ended by eve", "Ended by eve"),
    ],
)
def test_what_matters_most_is_said(call, order, said):
    assert lines.line(Row({"call": "x", "state_words": "In call"} | call), 0.0, 80, order).plain.rstrip().endswith(said)


@pytest.mark.parametrize("word", ["Setting up", "Ringing", "No ACK", "In call", "Ended", "Expired", "Failed 486"])
def test_state_is_a_mark_and_a_word(word):
    mark = lines.MARKS.get(word, "x")
    assert lines.line(Row({"call": "x", "state_words": word}), 0.0, 80).plain.startswith(f"{mark} {word} ")


def test_party_without_a_number_is_its_uri():
    assert (lines.party({"from_uri": "sip:pbx.example"}, "caller"), lines.party({"to_uri": "sip:a@b", "callee": "a"}, "callee")) == ("pbx.example", "a")


def test_totals_count_what_is_up():
    states = {"setting_up": 1, "ringing": 0, "no_ack": 0, "in_call": 0}
    assert lines.totals(states, 1).plain == "1 call  Setting up 1  Ringing 0  No ACK 0  In call 0"
    assert lines.totals(states, 5000).plain.endswith("  the newest 1000")
    assert lines.FOLLOWED == following.MOST
