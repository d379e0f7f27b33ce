"""Which values of profiles have a line of their own. Knows sizes; values are what strangers send.

A new value is a new series in Prometheus, for good. So what has a line keeps it for a while, also when it is empty, and only then the greatest are chosen
anew: strangers make no more than a few series in that time, whatever they send.
"""

from collections.abc import Iterator
from heapq import nlargest

from dashboard.metrics.metric import OTHERS
from dialogs.engine.profiles import Profiles

AGAIN_NS = 600 * 10**9
PROFILES_MAX = 50
"Profiles shown; they are named by the configuration."


class NamedValues:
    """The values that are shown, by profile."""

    def __init__(self, profiles: Profiles, most: int) -> None:
        """`most`: values of a profile."""
        self._profiles = profiles
        self._most = most
        self._chosen: dict[str, dict[str | None, None]] = {}
        self._due_ns = 0

    def sizes(self) -> Iterator[tuple[str, dict[str | None, int]]]:
        """Yield each profile with the sizes of its values."""
        for place, (name, values) in enumerate(self._profiles.sizes.items()):
            if place < PROFILES_MAX:
                yield name, values

    def choose(self, now_ns: int) -> None:
        """Choose anew when it is time, and fill what is free."""
        if not 0 < self._due_ns - now_ns <= AGAIN_NS:  # also when the clock was set back
            self._due_ns = now_ns + AGAIN_NS
            self._chosen = {}
        for name, values in self.sizes():
            chosen = self._chosen.setdefault(name, {})
            if len(chosen) < self._most:  # then there are not more values than that, or it is time: either way this does not cost each second
                free = (value for value in values if value is not None and value not in chosen)
                chosen |= dict.fromkeys(nlargest(self._most - len(chosen), free, key=values.__getitem__))

    def named(self) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield (profile, value), size of each value that is shown, then of all others together."""
        for name, values in self.sizes():
            if values.keys() == {None}:
                continue
            shown = 0
            for value in self._chosen.get(name, ()):
                size = values.get(value, 0)
                shown += size
                yield (name, value or ""), size
            if values or shown:
                yield (name, OTHERS), sum(values.values()) - shown
