"""A call in words: state, parties, durations."""

import pytest

from dashboard.live.shown import ago_text, evidence, first_profile, moment_text, party, relative_text, shown, span_text
from dashboard.models import DialogRow

SECOND = 10**9


@pytest.mark.parametrize(
    ("fields", "word", "css"),
    [
        ({"state": 1}, "Setting up", "s1"),
        ({"state": 2}, "Ringing", "s2"),
        ({"state": 3}, "No ACK", "s3"),
        ({"state": 4}, "In call", "s4"),
        ({"state": 5}, "Ended", "s5"),
        ({"state": 5, "ended_by": "operator:ann"}, "Ended", "s5"),
        ({"state": 5, "end_code": 486}, "Failed 486", "sf"),
        ({"state": 5, "ended_by": "timeout"}, "Expired", "sx"),
        ({"state": 5, "ended_by": "timeout", "end_code": 408}, "Failed 408", "sf"),
    ],
)
def test_state_has_a_word_and_a_colour(fields, word, css):
    assert shown(DialogRow(**fields))[:2] == (word, css)


@pytest.mark.parametrize(
    ("uri", "user", "expected"),
    [
        ("sip:4417@pbx.example", "4417", ("4417", "@pbx.example")),
        ("sip:4417@pbx.example;transport=tcp", "4417", ("4417", "@pbx.example")),
        ("sips:a@b@c.example?x=1", "a@b", ("a@b", "@c.example")),
        ("sip:pbx.example", "", ("pbx.example", "")),
        ("tel:+491", "+491", ("+491", "")),
        ("urn:service:sos", "", ("service:sos", "")),
        ("", "", ("", "")),
        ("sip:" + "9" * 500 + "@x", "9" * 500, ("9" * 120, "@x")),
    ],
)
def test_party_is_cut_where_the_weight_ends(uri, user, expected):
    assert party(uri, user) == expected


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0:00"),
        (-5, "0:00"),
        (999_999_999, "0:00"),
        (41 * SECOND, "0:41"),
        (862 * SECOND, "14:22"),
        (3730 * SECOND, "1:02:10"),
        (360_000 * SECOND, "100:00:00"),
    ],
)
def test_span_is_read_at_a_glance(duration, text):
    assert span_text(duration) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (-5, "0.0 s ago"),
        (949_999_999, "0.9 s ago"),
        (950_000_000, "1 s ago"),
        (99 * SECOND, "99 s ago"),
        (100 * SECOND, "1:40 ago"),
    ],
)
def test_age_is_written_as_the_browser_ticks_it(age, text):
    assert ago_text(age) == text


def test_moment_has_milliseconds_and_the_zone_of_the_site():
    assert (moment_text(1_795_294_717_006_999_999), moment_text(0)) == ("2026-11-21 20:58:37.006", "")


def test_relative_time_is_signed():
    assert (relative_text(6_204_000_000, 0), relative_text(0, 1_000_000)) == ("+6.204", "-0.001")


def test_evidence_gets_colour_classes_only():
    row = DialogRow(evidence='[["warn", "no ACK"], ["\\"><script>", "odd tone"]]')
    assert evidence(row) == [("s3", "no ACK"), ("s1", "odd tone")]


def test_first_profile_is_the_first_with_a_value():
    assert first_profile(DialogRow(profiles='[["total", ""], ["caller", "sip:a@b"], ["trunk", "x"]]')) == ("caller", "sip:a@b")
    assert first_profile(DialogRow(profiles='[["total", ""]]')) is None
