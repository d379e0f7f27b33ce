"""Markup of cells: what is escaped, and what is not."""

import pytest
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.markup import joined, markup, short

HOSTILE = '<b onclick="x">\'&amp;</b>\x00\u202e{0}'


class Loud(str):
    """A text of another kind that is no markup."""

    __slots__ = ()


@pytest.mark.parametrize("value", [HOSTILE, Loud(HOSTILE), SafeString("<i>ours</i>"), mark_safe("<i>ours</i>"), 7, 1.5, None, [HOSTILE]])
def test_markup_escapes_what_format_html_escapes(value):
    assert markup('<td title="{0}">{0}</td>{1}', value, "x") == format_html('<td title="{0}">{0}</td>{1}', value, "x")


@given(st.text())
def test_markup_of_any_text_is_that_of_format_html(text):
    made = markup("<b>{}</b>", text)
    assert (made, type(made)) == (format_html("<b>{}</b>", text), SafeString)


def test_joined_is_markup():
    made = joined((markup("<b>{}</b>", text) for text in "<>"), "\n")
    assert (made, type(made)) == ("<b>&lt;</b>\n<b>&gt;</b>", SafeString)


@pytest.mark.parametrize(("text", "most", "wanted"), [("", 3, ""), ("abc", 3, "abc"), ("abcd", 3, "ab…")])
def test_short_cuts_off_what_is_longer(text, most, wanted):
    assert short(text, most) == wanted
