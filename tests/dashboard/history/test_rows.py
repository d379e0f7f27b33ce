"""What goes into a row."""

import pytest

from dashboard.history.rows import CHANGED, COLUMNS, KEPT, clean, upsert_sql, user_of
from dashboard.models import DialogRow


def test_columns_are_the_table() -> None:
    assert sorted(COLUMNS) == sorted(str(field.column) for field in DialogRow._meta.concrete_fields)
    assert set(KEPT).isdisjoint(CHANGED)


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:4417@example.net", "4417"),
        ("sips:+49301234;phone-context=x@example.net;user=phone", "+49301234"),
        ("sip:4417:secret@example.net", "4417"),
        ("tel:+1-555-0100;ext=3", "+1-555-0100"),
        ("sip:example.net", ""),
        ("urn:service:sos", ""),
        ("", ""),
    ],
)
def test_user_of_a_uri(uri: str, user: str) -> None:
    assert user_of(uri) == user


@pytest.mark.parametrize(("text", "expected"), [("plain", "plain"), ("é\0\udc80", "é?"), ("x" * 5000, "x" * 4096), ("", "")])
def test_clean_makes_text_that_databases_take(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(("vendor", "binary"), [("sqlite", "BLOB"), ("postgresql", "bytea")])
def test_upsert_appends_frames_as_bytes(vendor: str, binary: str) -> None:
    assert upsert_sql(vendor).endswith(f"frames = CAST(dashboard_dialogrow.frames || excluded.frames AS {binary})")


def test_upsert_of_a_call_that_begins_replaces_frames() -> None:
    assert upsert_sql("sqlite", begun=True).endswith("frames = excluded.frames")
