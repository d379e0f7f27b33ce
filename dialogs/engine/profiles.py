"""Dialog profiles: named groups with counters, with or without a value (Kamailio: dlg_profile.c). Knows names and values; knows no dialog."""

from collections.abc import Iterable, Iterator

Membership = tuple[str, str | None]
VALUES_MAX = 100_000
MEMBERSHIPS_MAX = 64
"Of one dialog."


class Profiles:
    """Counts memberships by profile and value. Equal memberships count each time, as in the original.

    The values of one profile are capped: a stranger can send any number of From URIs. What is beyond is refused and
    counted in `refused`.
    """

    def __init__(self, with_value: tuple[str, ...] = (), no_value: tuple[str, ...] = ()) -> None:
        self.sizes: dict[str, dict[str | None, int]] = {name: {} for name in (*no_value, *with_value)}
        self._no_value = set(no_value)
        self.refused = 0
        self._moved: dict[str, set[str | None]] = {}
        "Watched profiles -> their values whose size has changed since `moved`."

    def watch(self, names: Iterable[str]) -> None:
        """Note from now on which values of these profiles change their size; all that are there count as changed."""
        self._moved = {name: set(self.sizes.get(name, ())) for name in names}

    def moved(self) -> Iterator[tuple[str, str | None, int]]:
        """Yield (name, value, size) of what has changed since the last time; take it all."""
        for name, values in self._moved.items():
            self._moved[name] = set()
            sizes = self.sizes.get(name, {})
            yield from ((name, value, sizes.get(value, 0)) for value in values)

    def add(self, members: list[Membership], name: str, value: str | None) -> bool:
        """Enter a dialog, whose own list is `members`, into a profile; a value given to a profile without values is ignored."""
        values = self.sizes.setdefault(name, {})
        if name in self._no_value:
            value = None
        if (value not in values and len(values) >= VALUES_MAX) or len(members) >= MEMBERSHIPS_MAX:
            self.refused += 1
            return False
        values[value] = values.get(value, 0) + 1
        members.append((name, value))
        if name in self._moved:
            self._moved[name].add(value)
        return True

    def remove(self, members: list[Membership], name: str, value: str | None) -> bool:
        """Take a dialog out of a profile once; False when it is not in it (Kamailio: unset_dlg_profile)."""
        membership = (name, None if name in self._no_value else value)
        if membership not in members:
            return False
        members.remove(membership)
        self.drop([membership])
        return True

    def holds(self, members: list[Membership], name: str, value: str | None) -> bool:
        """Return whether a dialog is in a profile (with this value; any, when none is given); a profile without values ignores one."""
        if value is None or name in self._no_value:
            return any(profile == name for profile, _ in members)
        return (name, value) in members

    def drop(self, members: list[Membership]) -> None:
        """Take a dialog out of the counters; its own list is left as it is."""
        for name, value in members:
            values = self.sizes[name]
            left = values.get(value, 0) - 1
            if left > 0:
                values[value] = left
            else:
                values.pop(value, None)
            if name in self._moved:
                self._moved[name].add(value)

    def size(self, name: str, value: str | None = None) -> int | None:
        """Return how many memberships a profile has (with this value); None for a profile that does not exist."""
        values = self.sizes.get(name)
        if values is None:
            return None
        return sum(values.values()) if value is None or name in self._no_value else values.get(value, 0)
