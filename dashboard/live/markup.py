"""Markup of the many cells of a table. Knows text and what has to be escaped in it; knows no call.

Django's `format_html` is made for texts that wait for a language, and takes five times as long: a page of calls has two thousand of them.
"""

from collections.abc import Iterable
from html import escape

from django.template.defaultfilters import truncatechars
from django.utils.safestring import SafeString


def markup(pattern: str, *values: object) -> SafeString:
    """Return `pattern.format(*values)`, all of it escaped that is not markup already."""
    return SafeString(pattern.format(*[value if type(value) is SafeString else escape(str(value)) for value in values]))


def joined(pieces: Iterable[SafeString], between: str = "") -> SafeString:
    """Return pieces of markup, one after the other."""
    return SafeString(between.join(pieces))


def short(text: str, most: int) -> str:
    """Return a text, cut off where it is longer than so many characters."""
    return text if len(text) <= most else truncatechars(text, most)
