"""The live table as one browser sees it: which rows it shows, and the fragments that bring it up to date. Knows rows; knows no socket."""

from collections.abc import Iterable

from django.template.loader import render_to_string

from dashboard.live import frames
from dashboard.live.changes import Changes, Profile, light, profile_mark, sizes_of
from dashboard.live.counters import Counters
from dashboard.live.filter import CallFilter
from dashboard.live.frames import Frame
from dashboard.live.render import Renderer
from dashboard.live.shown import first_profile
from dashboard.models import DialogRow

PAGE = 200
LINGER_NS = 8_000_000_000
"How long a call that ended stays in the table, greyed, with its outcome."

LOOK_NS = 1_000_000_000
"How often a filter that speaks of durations is asked anew."

BODY = "#rows"


def address(uid: str) -> str:
    """Return the selector of a call's row."""
    return f"#call-{uid}"


class LiveTable:
    """Newest calls on top; a row that changes stays where it is; a row that ended lingers."""

    def __init__(self, chosen: CallFilter, renderer: Renderer, counters: Counters, page: int = PAGE) -> None:
        self.chosen = chosen
        self.page = page
        self._wanted = chosen
        self._renderer = renderer
        self._counters = counters
        self._shown: dict[str, int] = {}  # uid -> init_ns
        self._leaving: dict[str, int] = {}  # uid -> when it goes
        self._profiles: dict[str, Profile] = {}  # uid -> the profile whose size its row shows
        self._look_again = 0
        self._foot = ""

    def choose(self, chosen: CallFilter) -> None:
        """Show other calls from the next snapshot on; the only method that is called outside the hub's thread."""
        self._wanted = chosen

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        """Return the frame that replaces the whole table; calls that ended and still linger stay in it."""
        if self._wanted != self.chosen and self._wanted.asked.problem is None:
            self.chosen = self._wanted
            self._leaving.clear()
        rows = list(light(self.chosen.apply(DialogRow.objects.live())).order_by("-init_ns", "uid")[: self.page])
        self._leaving = {uid: at_ns for uid, at_ns in self._leaving.items() if at_ns > now_ns}
        rows += light(DialogRow.objects.ended().filter(pk__in=self._leaving))
        rows.sort(key=lambda row: -row.init_ns)
        self._shown = {row.uid: row.init_ns for row in rows}
        self._profiles = {row.uid: profile for row in rows if (profile := first_profile(row))}
        body = "".join(self._render(rows, changes, sizes_of(rows), now_ns))
        empty = render_to_string("live/_empty.html", {"chosen": self.chosen})
        self._foot = self._foot_fragment(changes)
        problem = render_to_string("live/_problem.html", {"problem": self._wanted.asked.problem})
        parts = [frames.fill("#problem", problem), frames.fill(BODY, body), frames.fill("#empty", empty), self._foot, self._counters.fragment]
        return Frame(updates=[part for part in parts if part], snapshot=reason)

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        """Return the fragments for what changed since the last tick: replaced, new, gone."""
        frame = Frame()
        if changes:
            self._replace(frame, changes, now_ns)
            self._insert(frame, changes, now_ns)
            self._resize(frame, changes)
        if self.chosen.timed and now_ns >= self._look_again:
            self._retime(frame, changes, now_ns)
        self._let_go(frame, changes, now_ns)
        if (foot := self._foot_fragment(changes) if changes else self._foot) != self._foot:
            self._foot = foot
            frame.updates.append(foot)
        if self._counters.changed:
            frame.updates.append(self._counters.fragment)
        return frame

    def _replace(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Bring shown rows up to date where they are, and note which of them will leave."""
        changed = self._shown.keys() & (changes.rows.keys() | changes.touched)
        missing = changed - changes.rows.keys()
        rows = [changes.rows[uid] for uid in changed - missing]
        if missing:
            rows += light(DialogRow.objects.filter(pk__in=missing))
        for row, fragment in zip(rows, self._render(rows, changes, changes.sizes or sizes_of(rows), now_ns), strict=True):
            frame.updates.append(frames.replace(address(row.uid), fragment))
            if row.state == 5:
                self._leaving[row.uid] = now_ns + LINGER_NS
            elif row.uid in changes.rows and row.uid not in changes.matching(self.chosen):
                self._leaving.setdefault(row.uid, now_ns + LINGER_NS)
            else:
                self._leaving.pop(row.uid, None)

    def _insert(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Put new calls on top, oldest first, so that the newest ends up highest."""
        oldest = min(self._shown.values(), default=0) if len(self._shown) >= self.page else 0
        new = [row for uid, row in changes.rows.items() if uid in changes.matching(self.chosen) and uid not in self._shown and row.init_ns >= oldest]
        new = [row for row in new if row.state < 5 or row.end_ns > now_ns - LINGER_NS][-self.page :]
        self._leaving |= {row.uid: now_ns + LINGER_NS for row in new if row.state == 5}
        for row, fragment in zip(new, self._render(new, changes, changes.sizes, now_ns), strict=True):
            frame.moves.append(frames.put_on_top(BODY, fragment))
            self._shown[row.uid] = row.init_ns
            if profile := first_profile(row):
                self._profiles[row.uid] = profile
        frame.new += len(new)

    def _retime(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Take up and let go of calls that the passing time brings into the filter, or out of it, although they did not change."""
        self._look_again = now_ns + LOOK_NS
        rows = list(light(self.chosen.apply(DialogRow.objects.live())).order_by("-init_ns", "uid")[: self.page])
        for uid in self._shown.keys() - {row.uid for row in rows}:
            self._leaving.setdefault(uid, now_ns)
        new = [row for row in reversed(rows) if row.uid not in self._shown]
        for row, fragment in zip(new, self._render(new, changes, sizes_of(new), now_ns), strict=True):
            frame.moves.append(frames.put_on_top(BODY, fragment))
            self._shown[row.uid] = row.init_ns
        frame.new += len(new)

    def _resize(self, frame: Frame, changes: Changes) -> None:
        """Bring the sizes up to date in the rows that did not change themselves."""
        for profile in set(self._profiles.values()) & changes.sizes.keys():
            frame.updates.append(frames.partial(f"[data-mark='{profile_mark(profile)}']", "textContent", str(changes.sizes[profile])))

    def _let_go(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Take away what lingered long enough, and what no longer fits below; fill up from the calls that were cut off."""
        gone = [uid for uid, at_ns in self._leaving.items() if at_ns <= now_ns]
        surplus = len(self._shown) - len(gone) - self.page
        if surplus > 0:
            staying = sorted(self._shown.keys() - set(gone), key=lambda uid: self._shown[uid])
            gone += staying[:surplus]
        for uid in gone:
            frame.moves.append(frames.remove(address(uid)))
            for kept in (self._shown, self._leaving, self._profiles):
                kept.pop(uid, None)
        if gone and surplus < 0:
            self._fill_up(frame, changes, now_ns)

    def _fill_up(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Add calls at the bottom that were cut off until now."""
        room = self.page - len(self._shown)
        live_shown = len(self._shown) - len(self._leaving)
        if changes.total(self.chosen) <= live_shown:
            return
        rows = list(light(self.chosen.apply(DialogRow.objects.live())).exclude(pk__in=list(self._shown)).order_by("-init_ns", "uid")[:room])
        for row, fragment in zip(rows, self._render(rows, changes, sizes_of(rows), now_ns), strict=True):
            frame.moves.append(frames.put_below(BODY, fragment))
            self._shown[row.uid] = row.init_ns

    def _render(self, rows: Iterable[DialogRow], changes: Changes, sizes: dict[Profile, int], now_ns: int) -> list[str]:
        """Return the rows' fragments in the same order."""
        return [self._renderer.row(row, changes.orders.get(row.uid), sizes, now_ns, over=changes.is_over(row)) for row in rows]

    def _foot_fragment(self, changes: Changes) -> str:
        """Return the line below the table: how many are shown of how many."""
        context = {"shown": len(self._shown), "total": changes.total(self.chosen), "chosen": self.chosen, "page": self.page}
        return frames.fill("#foot", render_to_string("live/_foot.html", context))
