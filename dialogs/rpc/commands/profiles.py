"""Commands about profiles: sizes, members, values (reference 5.2, 9). Knows profiles and records; knows no transport."""

from collections.abc import Iterator

from dialogs.rpc.errors import Fault
from dialogs.rpc.host import Host
from dialogs.rpc.registry import Loose, Value, command
from dialogs.rpc.walk import members


def known(host: Host, profile: str) -> dict[str | None, int]:
    """Return a profile's values with their sizes. Raises Fault."""
    values = host.engine.records.profiles.sizes.get(profile)
    if values is None:
        raise Fault(404, f"Profile not found: {profile}")
    return values


@command("dlg.profile_get_size", permission="read")
def profile_get_size(host: Host, profile: Loose, value: Loose | None = None) -> int:
    """Returns the number of dialogs belonging to a profile.

    Without a value all of them; a value of a profile without values is ignored.
    """
    known(host, profile)
    return host.engine.records.profiles.size(profile, value) or 0


@command("dlg.profile_list", permission="read", array=True, lists=True)
def profile_list(host: Host, profile: Loose, value: Loose | None = None) -> Iterator[Value]:
    """Lists all the dialogs belonging to a profile.

    A dialog that is in it twice is listed twice.
    """
    known(host, profile)
    plain = host.engine.records.profiles.holds([(profile, None)], profile, value)
    return members(host, profile, None if plain else value)


@command("dlg.profile_get_values", permission="read", array=True)
def profile_get_values(host: Host, profile: Loose) -> Iterator[Value]:
    """Lists the distinct values of a profile, in the order first seen."""
    return iter([value for value in known(host, profile) if value is not None])
