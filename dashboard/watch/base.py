"""What all screens have: the application's things, the line of keys, saving a call, the list of keys. Knows textual; knows no call."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from dashboard.watch.sources import Taken

if TYPE_CHECKING:
    from dashboard.watch.app import Watch

KEYS = """\
In the list                           In a call
  Up Down PgUp PgDn Home End            Up Down ...   the message
  Enter      open the call              Enter F6 R    its text, as on the wire
  F3 / F7 F  filter: words or a query   Left Right    what does not fit
  F6 R       its first message          F2 S          save it as pcapng here
  F2 S       save it as pcapng here     e             end it
  F5 r       newest first; what ended   Esc q         back
             goes                     In a message
  p          freeze, and go on          Up Down ...   read on
  e          end the call               n p           the next, the previous
  Esc        all calls again            Esc q Enter   back
  F1 h ?     these keys
  q Ctrl-C   leave

  . setting up  o ringing  ! no ACK  * in call  - ended  x failed, expired

Filters are the pages': 4417 today 14:00..14:10
  state = "early" and to ~ "+252" and duration > 60
"""


def hints(*pairs: tuple[str, str]) -> Text:
    """Return the last line of a screen: keys and what they do."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for key, words in pairs:
        text.append(f" {key} ", "reverse")
        text.append(f"{words} ")
    return text


class Base(Screen[None]):
    """What all screens have."""

    @property
    def shared(self) -> "Watch":
        """What all screens share."""
        return self.app  # type: ignore[return-value]

    async def save(self, uid: str) -> None:
        """Write a call's messages into the folder that we were started in; a file that is there stays."""
        taken = await self.shared.ask("pcap", uid=uid)
        if taken is None:
            return
        try:
            self.shared.say(f"saved: {written(taken)}")
        except OSError as error:
            self.shared.say(f"{error.filename}: {error.strerror}", "bold red")

    def tell(self) -> None:
        """Show what is being said."""
        for line in self.query(".said").results(Static):
            line.update(self.shared.saying or Text())


def written(taken: Taken) -> Path:
    """Write a file here under its name, and return that. Raises OSError, also where there is one already."""
    path = Path(Path(taken.name).name)
    with path.open("xb") as file:
        file.write(taken)
    return path


class HelpScreen(Base):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter,f1,h,question_mark", "app.pop_screen")]

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(Text(KEYS), markup=False)
        yield Static(hints(("Esc", "Back")), classes="line", markup=False)
