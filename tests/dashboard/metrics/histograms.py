"""Histograms with something in them."""

from dialogs.insight.totals import Histogram


def observed(histogram: Histogram, *values: float) -> Histogram:
    """Return the histogram with these values counted."""
    for value in values:
        histogram.observe(value)
    return histogram
