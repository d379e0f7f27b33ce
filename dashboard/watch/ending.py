"""The question before a call is ended: which call, why, and yes or no, as `dlg end` asks. Knows the question; whether it may be is the answerer's to say."""

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from dashboard.terminal.words import length, safe
from dashboard.watch.lines import party
from dashboard.watch.rows import Row

if TYPE_CHECKING:
    from dashboard.watch.app import Watch

SURE = "End it? y/N"
REASON = "Why? At least three characters, for the audit log; Enter goes on, Esc leaves it."


class EndScreen(ModalScreen[None]):
    """Reason, the number of a protected call, then one key: only y ends it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "app.pop_screen")]

    def __init__(self, uid: str) -> None:
        super().__init__()
        self.uid = uid
        self.reason = ""
        self.confirm = ""
        self.needed = ""
        self.sure = False

    @property
    def shared(self) -> "Watch":
        """What all screens share."""
        return self.app  # type: ignore[return-value]

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        self.which, self.said = Static(markup=False), Static(markup=False)
        self.box = Input()
        self.box.display = False
        yield Vertical(self.which, self.said, self.box)

    async def on_mount(self) -> None:
        """Say which call it is, and whether it may be ended at all."""
        call = await self.shared.ask("call", uid=self.uid)
        if call is None:
            self.app.pop_screen()
            return
        lasted = length(int(Row(call).lasted(self.shared.now)))
        parties = f"{safe(party(call, 'caller'))} -> {safe(party(call, 'callee'))}"
        self.which.update(Text(f"{parties}\n{call['state_words']} {lasted}  Call-ID {safe(call['call_id'])}", "bold"))
        self.needed = call["may"]["confirm"]
        if refused := call["may"]["end"]:
            self.said.update(Text(f"Refused: {safe(refused)}. Esc goes back.", "red"))
            return
        self._ask(REASON)

    def _ask(self, words: str) -> None:
        self.said.update(Text(words))
        self.box.value = ""
        self.box.display = True
        self.set_focus(self.box)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the reason, then the number that must be typed."""
        given = event.value.strip()
        if not self.reason:
            if len(given) < 3:
                return
            self.reason = given
            if self.needed:
                self._ask(f"A protected number: type {safe(self.needed)} to confirm.")
                return
        else:
            self.confirm = given
        self.box.display = False
        self.said.update(Text(SURE, "bold"))
        self.sure = True
        self.set_focus(None)

    async def on_key(self, event: Key) -> None:
        """Only y ends the call; any other key leaves it."""
        if not self.sure or event.key in ("enter", "escape"):
            return
        self.sure = False
        self.app.pop_screen()
        if event.key not in ("y", "Y"):
            self.shared.say("nothing was done")
            return
        order: dict[str, Any] | None = await self.shared.ask("end", uid=self.uid, reason=self.reason, confirm=self.confirm)
        if order is not None:
            self.shared.orders[self.uid] = order["words"]
            self.shared.say(order["words"])
