"""Commands that answer figures: dialogs by state, the counters of group `dialog` (reference 4, 5.2). Knows counters; walks no table."""

from collections.abc import Iterator

from dialogs.engine.listing import active_by_state, ims_counters, statistics
from dialogs.rpc.errors import Fault
from dialogs.rpc.host import Host
from dialogs.rpc.registry import Value, command

NOTHING_ASKED = Fault(400, "Please provide which stats to retrieve")


@command("dlg.stats_active", permission="read")
def stats_active(host: Host, local_only: int = 0) -> dict[str, int]:
    """Get stats about active dialogs.

    There are only local ones: `local_only` changes nothing.
    """
    del local_only
    return active_by_state(host.engine.records)


def counters(host: Host) -> tuple[str, dict[str, int]]:
    """Return the group of counters that this flavour has, and them."""
    records = host.engine.records
    return ("dialog_ng", ims_counters(records)) if host.config.dialog.flavour == "ims_dialog" else ("dialog", statistics(records))


def _asked(host: Host, names: tuple[str, ...], separator: str) -> Iterator[tuple[str, str, int]]:
    """Yield (group, name, value) of what is asked for: "all", "GROUP:" or "NAME"; an unknown one is passed over."""
    if not names:
        raise NOTHING_ASKED
    group, values = counters(host)
    for asked in names:
        for name, value in values.items():
            if asked in ("all", f"{group}:", name, f"{group}{separator}{name}"):
                yield group, name, value


@command("stats.get_statistics", permission="read", array=True, need=NOTHING_ASKED)
def get_statistics(host: Host, *names: str) -> Iterator[Value]:
    """get core and modules statistics.

    "all", "dialog:" or the name of one; each as a text "dialog:active_dialogs = 2".
    """
    return (f"{group}:{name} = {value}" for group, name, value in _asked(host, names, " "))


@command("stats.fetch", permission="read", need=NOTHING_ASKED)
def fetch(host: Host, *names: str) -> dict[str, str]:
    """fetch core and modules statistics.

    One struct of texts: {"dialog.active_dialogs": "2"}.
    """
    return {f"{group}.{name}": str(value) for group, name, value in _asked(host, names, ".")}


@command("stats.fetchn", permission="read", need=NOTHING_ASKED)
def fetch_numbers(host: Host, *names: str) -> dict[str, int]:
    """fetch core and modules statistics as numbers."""
    return {f"{group}.{name}": value for group, name, value in _asked(host, names, ".")}


@command("dlg.stats", permission="read")
def stats(host: Host) -> dict[str, int]:
    """Get the five counters of dialogs: processed, failed, active, early, expired."""
    values = statistics(host.engine.records)
    return {name: values[f"{name}_dialogs"] for name in ("processed", "failed", "active", "early", "expired")}
