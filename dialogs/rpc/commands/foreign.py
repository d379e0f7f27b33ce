"""Names in use that Kamailio's modules do not have any more: those of the old management interface (reference 13.3, appendix B). Knows the commands."""

from collections.abc import Iterator

from dialogs.rpc.commands.acting import bridge_dlg, end_dlg, terminate_dlg
from dialogs.rpc.commands.listings import INVALID, dlg_list_all
from dialogs.rpc.commands.profiles import profile_get_size, profile_list
from dialogs.rpc.errors import Fault
from dialogs.rpc.host import Host
from dialogs.rpc.registry import Loose, Value, command
from dialogs.rpc.shapes import shown
from dialogs.rpc.walk import by_call_id

command("dlg_end_dlg", permission="control", need=INVALID)(end_dlg)
command("dlg_terminate_dlg", permission="control", need=Fault(400, "Need a Callid ,from tag ,to tag"))(terminate_dlg)
command("dlg_bridge", permission="control", need=INVALID)(bridge_dlg)
command("profile_get_size", permission="read")(profile_get_size)
command("profile_list_dlgs", permission="read", array=True, lists=True)(profile_list)


@command("dlg_list", permission="read", array=True, lists=True)
def mi_list(host: Host, callid: Loose | None = None, from_tag: Loose | None = None) -> Iterator[Value]:
    """Print all dialogs, or those of a callid and optionally fromtag."""
    if callid is None:
        return dlg_list_all(host)
    found = by_call_id(host, callid, from_tag)
    if not found:
        raise Fault(404, "Nu such dialog")  # the original's spelling
    return (shown(host, record) for record in found)


@command("dlg_list_ctx", permission="read", array=True, lists=True)
def mi_list_ctx(host: Host, callid: Loose | None = None, from_tag: Loose | None = None) -> Iterator[Value]:
    """Print all dialogs with associated context, or those of a callid and optionally fromtag."""
    return mi_list(host, callid, from_tag)
