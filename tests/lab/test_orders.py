"""An order by Kamailio's own RPC: what `dlg_extra_hdrs` adds stands on the wire, on both BYEs."""

import asyncio

import pytest

from dialogs.control import Kamailio, Target

from .kinds import ENDLESS
from .lab import Lab
from .waiting import wait_until

pytestmark = pytest.mark.lab

EXTRA = "X-Ended-By: dialtap\r\nX-Ticket: 4711\r\n"


def bye_of(messages: str) -> list[str]:
    """Return the header lines of the BYE in a phone's log."""
    return messages[messages.index("BYE sip:") :].replace("\r", "").partition("\n\n")[0].splitlines()


def test_extra_headers_stand_on_both_byes(lab: Lab) -> None:
    call = ENDLESS.place(lab)
    (dialog,) = wait_until(lambda: [one for one in lab.proxy.dialogs() if (one["call-id"], one["state"]) == (call.call_id, 4)], "the answer")
    target = Target(call.call_id, dialog["caller"]["tag"], dialog["callee"]["tag"], dialog["h_entry"], dialog["h_id"], did_seen=True, state=4)
    answer = asyncio.run(Kamailio(lab.proxy.rpc_url, extra_headers=EXTRA).end(target, "lab"))
    assert (answer.accepted, answer.detail) == (True, "Kamailio took dlg.end_dlg")
    assert [phone.exit_code() for phone in call.phones] == [0, 0]
    wanted = ["X-Ended-By: dialtap", "X-Ticket: 4711", 'Reason: SIP;cause=200;text="lab"']
    assert [[line for line in bye_of(phone.messages()) if line in wanted] for phone in call.phones] == [wanted, wanted]
