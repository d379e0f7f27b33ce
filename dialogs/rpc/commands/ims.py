"""The commands of ims_dialog: `dlg2.*` (reference 13.2), there with `flavour = "ims_dialog"` only. Knows records; knows no transport."""

from collections.abc import Iterator

from dialogs.engine.listing import ims_dialog
from dialogs.rpc.commands.acting import end_dlg
from dialogs.rpc.commands.listings import INVALID
from dialogs.rpc.host import Host
from dialogs.rpc.registry import PAUSE, Gradual, Value, command
from dialogs.rpc.walk import walk

IMS = "ims_dialog"


@command("dlg2.list", permission="read", flavour=IMS)
def ims_list(host: Host) -> Gradual:
    """Print all dialogs.

    One struct: the size of the hash table, and the dialogs.
    """
    size = host.config.dialog.hash_size
    return Gradual({"Size": size}, "Dialogs", _dialogs(host, size))


def _dialogs(host: Host, size: int) -> Iterator[Value]:
    for record in walk(host):
        if record is None:
            yield PAUSE
        else:
            fields = ims_dialog(record, size)
            yield {"Dialog": fields | {"dlg_outs": tuple(fields["dlg_outs"])}}


@command("dlg2.end_dlg", permission="control", flavour=IMS, need=INVALID)
def ims_end_dlg(host: Host, h_entry: int, h_id: int, headers: str = "") -> Iterator[Value]:
    """End a given dialog based on [h_entry] [h_id]."""
    return end_dlg(host, h_entry, h_id, headers)


@command("dlg2.end_all_active_dlg", permission="control", flavour=IMS)
def ims_end_all(host: Host) -> None:
    """End all active dialogs."""
    host.order("end_all_active_dlg", ())
