"""The end of an observed dialog: which BYEs it takes. Knows snapshots and operations; knows no socket, and not whether an order may exist."""

import msgspec

from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.digest import Digest
from dialogs.control.sip.operations import HangupResult, LegResult, Operation, end_leg
from dialogs.control.sip.requests import Identity, Prepared
from dialogs.control.sip.syntax import Unsendable
from dialogs.engine.snapshot import CallSnapshot

SIDES = ("caller", "callee")


class Hangup(msgspec.Struct, frozen=True):
    """BYEs toward one or both sides of a call, independent of each other."""

    dialogs: dict[str, Dialog]
    'By side: "caller", "callee".'

    unsendable: dict[str, str] = {}
    "Sides that were asked for, and why no request can be written for them."

    reason: str = ""
    stored: dict[str, Prepared] = {}
    "The BYEs that were committed before a crash, by side: the same bytes are sent."

    @classmethod
    def of(cls, call: CallSnapshot, side: str = "both", reason: str = "", *, call_id: bytes = b"", sent: dict[str, int] | None = None) -> "Hangup":
        """Return the end of an observed call. side: "caller", "callee" or "both". sent: the highest CSeq that we have used so far, by side."""
        dialogs, unsendable = {}, {}
        for one in SIDES if side == "both" else (side,):
            try:
                dialogs[one] = Dialog.toward(call, one, call_id=call_id, cseq=(sent or {}).get(one, 0))
            except Unsendable as error:
                unsendable[one] = str(error)
        return cls(dialogs, unsendable, reason)

    def operations(self, identity: Identity, digests: dict[str, Digest]) -> dict[str, Operation[LegResult]]:
        """Return one operation for each side that can be asked; they are to run at the same time."""
        return {side: end_leg(dialog, identity, digests[side], reason=self.reason, stored=self.stored.get(side)) for side, dialog in self.dialogs.items()}

    def result(self, legs: dict[str, LegResult]) -> HangupResult:
        """Return what came of it all."""
        all_legs = {side: LegResult("not sent", words=words) for side, words in self.unsendable.items()} | legs
        return HangupResult(all_legs.get("caller"), all_legs.get("callee"))
