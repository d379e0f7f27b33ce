"""What changed since the last write: which calls, and their new messages. Knows events and snapshots; knows no database and no clock."""

from collections.abc import Callable, Iterable

from dashboard.history.messages import StoredMessage
from dashboard.history.rows import Change, Notice
from dashboard.ingest.keeping import Keeping
from dashboard.ingest.moments import Moments
from dialogs.engine import Called, Created, Engine, Event, Forgotten, Said, Seen
from dialogs.engine.snapshot import CallSnapshot
from dialogs.insight import PeerNames, why

MAX_BYTES = 64 << 20
"Message bytes that may wait for the recorder; beyond, messages are not stored, counted. The calls themselves are never left out."

NOTICES = 100
"What rules said, kept of one tick; beyond, it is logged only, and counted. A rule that speaks of every message must not fill the table."

WORDS = {"terminate": "a rule asked to end this call: ending by rule is off ({})"}
"What becomes of a kind's text; other kinds say theirs."


class Pending:
    """Collects the events of a tick and turns them into the recorder's changes."""

    def __init__(self, engine: Engine, peers: PeerNames, ended_by: Callable[[CallSnapshot], str]) -> None:
        """`ended_by` names the operator whose order ended a call, "" for nobody."""
        self.engine = engine
        self.peers = peers
        self.ended_by = ended_by
        self.keeping = Keeping(engine.config.dialog, engine)
        self.moments = Moments()
        self.messages_lost = 0
        self.notices_lost = 0
        self._messages: dict[str, list[StoredMessage]] = {}
        self._last: dict[str, CallSnapshot] = {}
        "Calls that the engine let go of before they were written."

        self._bytes = 0
        self._notices: dict[str, list[Notice]] = {}
        self._noticed = 0
        self._begun: set[str] = set()

    def take(self, events: Iterable[Event]) -> None:
        """Note what these events touched."""
        for event in events:
            if isinstance(event, Seen):
                self._store(event)
                continue
            self.moments.take(event)
            if isinstance(event, Forgotten):
                if event.evicted or event.uid in self._messages or self.moments.awaits(event.uid):
                    self._last[event.uid] = self.engine.view(event.call)
                    self._messages.setdefault(event.uid, [])
            elif not isinstance(event, Called):
                self._messages.setdefault(event.uid, [])
                if isinstance(event, Created):
                    self._begun.add(event.uid)
                if isinstance(event, Said) and event.kind != "log":
                    self._note(event)

    def touch(self, uid: str) -> None:
        """Have a call written again although nothing was seen of it: an order about it was closed."""
        self._messages.setdefault(uid, [])

    def _store(self, event: Seen) -> None:
        waiting = self._messages.setdefault(event.uid, [])
        packet = event.packet
        self._bytes += len(packet.data)
        if self._bytes > MAX_BYTES:
            self.messages_lost += 1
            return
        waiting.append(
            StoredMessage(packet.at_ns, str(packet.source), str(packet.destination), packet.transport, event.copy == "repeat", packet.data),
        )

    def _note(self, event: Said) -> None:
        self._noticed += 1
        if self._noticed > NOTICES:
            self.notices_lost += 1
            return
        text = WORDS.get(event.kind, "{}").format(event.text)
        self._notices.setdefault(event.uid, []).append(Notice(event.at_ns, event.kind, text))

    @property
    def waiting(self) -> int:
        """How many calls were touched since the last tick."""
        return len(self._messages)

    @property
    def bytes(self) -> int:
        """Bytes of messages since the last tick."""
        return self._bytes

    @property
    def full(self) -> bool:
        """Whether so much waits that a source which can wait should."""
        return self._bytes > MAX_BYTES // 2

    def changes(self, now_ns: int = 0, *, last: bool = False) -> list[Change]:
        """Return one change a touched call, and begin anew. `last`: nothing will come after it."""
        for uid in self.moments.last() if last else self.moments.due(now_ns):
            self.touch(uid)
        touched, self._messages, self._bytes = self._messages, {}, 0
        made = (self._change(uid, messages) for uid, messages in touched.items())
        changes = [change for change in made if change is not None]
        self._last.clear()
        self._notices, self._noticed = {}, 0
        self._begun.clear()
        self.moments.clear()
        return changes

    def _change(self, uid: str, messages: list[StoredMessage]) -> Change | None:
        call = self.engine.snapshot(uid) or self._last.get(uid)
        if call is None:
            return None
        return Change(
            snapshot=call,
            path=self.peers.path(call.hosts),
            peers=tuple(self.peers.names(call.hosts)),
            evidence=why(call),
            ended_by=self.ended_by(call),
            engine=self.keeping.of(call),
            messages=messages,
            notices=self._notices.get(uid, ()),
            moments=self.moments.of(call),
            begun=uid in self._begun,
        )
