"""The live table as one browser sees it: which rows it shows, and the fragments that bring it up to date. Knows rows; knows no socket.

A row keeps its place for life. The table is sorted when it is loaded, and whenever somebody asks for it; between that a new call takes the place of
one that has ended, or goes below. So nothing that people look at moves, and the top of the list is not pushed down several times a second.
"""

import time
from collections.abc import Iterable

from django.template.loader import render_to_string

from dashboard.live import frames
from dashboard.live.changes import Changes, Profile, light, profile_mark, sizes_of
from dashboard.live.counters import Counters
from dashboard.live.filter import CallFilter
from dashboard.live.frames import Frame
from dashboard.live.layout import Layout
from dashboard.live.render import Renderer
from dashboard.live.shown import first_profile
from dashboard.models import DialogRow
from dashboard.privacy import CLEAR, Policy

PAGE = 200
LINGER_NS = 8_000_000_000
"How long a call that ended stays in the table, greyed, with its outcome."

SPENT_NS = 20_000_000_000
"How much longer it stays when no new call takes its place: where calls come and go, rows need not be taken away."

SHARE = 20
"Filling up may take one part in this many of the time: with a hundred thousand calls a sorted page costs some tenths of a second."

LOOK_NS = 1_000_000_000
"How often a filter that speaks of durations is asked anew."

MOST_NEW = 1000
"New calls that are counted; the browser then says that there are more."

AFRESH = ("connect", "filter", "sort")
"Snapshots that sort; all others leave the rows where they are."

BODY = "#rows"


def address(uid: str) -> str:
    """Return the selector of a call's row."""
    return f"#call-{uid}"


class LiveTable:
    """One page of the calls that a filter lets through, in an order."""

    def __init__(
        self,
        chosen: CallFilter,
        renderer: Renderer,
        counters: Counters,
        page: int = PAGE,
        layout: Layout | None = None,
        policy: Policy = CLEAR,
        met: tuple[str, ...] = (),
    ) -> None:
        """`met`: the rows of the page that this brings up to date, top first."""
        self.chosen = chosen
        self.policy = policy
        self.page = page
        self.layout = layout or Layout()
        self._wanted = chosen, self.layout
        self._renderer = renderer
        self._counters = counters
        self._shown: list[str] = []  # uids, top first
        self._leaving: dict[str, int] = {}  # uid -> when its place is free
        self._rows: dict[str, DialogRow] = {}  # what is shown, as it was when it came
        self._announced: set[str] = set()  # new since the rows were sorted
        self._sizes: dict[Profile, int] = {}  # as the rows show them
        self._foot = (self.chosen, self.layout, 0)  # what the line below the table says
        self._bare = True  # whether it says that there is no call
        self._rest_until = 0.0
        self._met = met
        self._look_again = 0

    def choose(self, chosen: CallFilter, layout: Layout | None = None) -> None:
        """Show other calls from the next snapshot on; the only method that is called outside the hub's thread."""
        self._wanted = chosen, layout or self.layout

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        """Return the frame that replaces the whole table; calls that ended and still linger stay in it."""
        if self._met:
            self._meet(now_ns)
        wanted, layout = self._wanted
        afresh = (reason in AFRESH and not self._shown) or reason in AFRESH[1:] or self._wanted != (self.chosen, self.layout)
        if wanted.asked.problem is not None and self.chosen.asked.problem is None:
            wanted = self.chosen  # what cannot be understood changes nothing but its own words
        if (wanted, layout) != (self.chosen, self.layout):
            self.chosen, self.layout = wanted, layout
            self._leaving.clear()
        self._leaving = {uid: at_ns for uid, at_ns in self._leaving.items() if at_ns > now_ns}
        if afresh:
            self._announced.clear()
        rows = self._sorted() if afresh else self._settled()
        self._shown = [row.uid for row in rows]
        self._rows = {row.uid: row for row in rows}
        self._sizes = sizes_of(rows)
        body = "".join(self._render(rows, changes, self._sizes, now_ns))
        self._bare = not rows
        self._foot = self._counted(changes)
        problem = render_to_string("live/_problem.html", {"problem": self._wanted[0].asked.problem})
        parts = [frames.fill("#problem", problem), frames.fill(BODY, body), self._empty_fragment(), self._foot_fragment(), self._counters.fragment]
        return Frame(updates=[part for part in parts if part], snapshot=reason)

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        """Return the fragments for what changed since the last tick: replaced, new, gone."""
        frame = Frame()
        if changes:
            self._replace(frame, changes, now_ns)
            self._take_in(frame, changes, now_ns)
            self._resize(frame, changes)
        if self.chosen.timed and now_ns >= self._look_again:
            self._retime(frame, changes, now_ns)
        self._let_go(frame, now_ns)
        self._fill_up(frame, changes, now_ns)
        if self._bare != (not self._shown):
            self._bare = not self._shown
            frame.updates.append(self._empty_fragment())
        if (counted := self._counted(changes)) != self._foot:
            self._foot = counted
            frame.updates.append(self._foot_fragment())
        if self._counters.changed:
            frame.updates.append(self._counters.fragment)
        return frame

    # Which rows

    def _meet(self, now_ns: int) -> None:
        """Take over the rows of the page as it was made a moment ago: what came or ended since then must not push them about."""
        found = dict(DialogRow.objects.filter(pk__in=self._met).values_list("uid", "state"))
        self._shown = [uid for uid in self._met if uid in found]
        self._leaving = {uid: now_ns + LINGER_NS for uid in self._shown if found[uid] == 5}
        self._met = ()

    def _sorted(self) -> list[DialogRow]:
        """Return the page's rows in their order, those that linger among them."""
        start = (self.layout.p - 1) * self.page
        rows = list(light(self.chosen.apply(DialogRow.objects.live())).order_by(*self.layout.order)[start : start + self.page])
        lingering = list(light(DialogRow.objects.ended().filter(pk__in=self._leaving)))
        if self.layout.newest:
            return sorted(rows + lingering, key=lambda row: (-row.init_ns, row.uid))
        return rows + lingering

    def _settled(self) -> list[DialogRow]:
        """Return the rows where they are; those that belong here now take the places of those that went."""
        found = {row.uid: row for row in light(DialogRow.objects.filter(pk__in=self._shown))}
        new = iter([row for row in self._sorted() if row.uid not in found])
        stays = [uid in found and (found[uid].state < 5 or uid in self._leaving) for uid in self._shown]
        rows = [found[uid] if stay else next(new, None) for uid, stay in zip(self._shown, stays, strict=True)]
        return [row for row in (*rows, *new) if row is not None]

    def _free(self, now_ns: int) -> list[str]:
        """Return the rows whose place may be taken, highest first."""
        return [uid for uid in self._shown if self._leaving.get(uid, now_ns + 1) <= now_ns]

    # What a tick brings

    def _replace(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Bring shown rows up to date where they are, and note which of them will leave."""
        changed = set(self._shown) & (changes.rows.keys() | changes.touched)
        missing = changed - changes.rows.keys()
        rows, matching = [changes.rows[uid] for uid in changed - missing], changes.matching(self.chosen)
        if missing:
            rows += light(DialogRow.objects.filter(pk__in=missing))
        for row, fragment in zip(rows, self._render(rows, changes, self._sizes_now(rows, changes), now_ns), strict=True):
            frame.updates.append(frames.replace(address(row.uid), fragment))
            if row.state == 5 or (row.uid in changes.rows and row.uid not in matching):
                self._leaving.setdefault(row.uid, now_ns + LINGER_NS)
            else:
                self._leaving.pop(row.uid, None)

    def _take_in(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Announce the new calls, and put them in where this is the page that they come to."""
        known = set(self._shown)
        oldest = min((self._rows[uid].init_ns for uid in known), default=0) if len(known) >= self.page and self.layout.newest else 0
        unknown = changes.matching(self.chosen) - known
        new = [row for uid, row in changes.rows.items() if uid in unknown and row.init_ns >= oldest and (row.state < 5 or row.end_ns > now_ns - LINGER_NS)]
        for row in new:
            if row.uid not in self._announced and len(self._announced) < MOST_NEW:
                self._announced.add(row.uid)
                frame.new += 1
        if self.layout.newest:
            self._put(frame, new[-self.page :], changes, now_ns)

    def _retime(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Take up and let go of calls that the passing time brings into the filter, or out of it, although they did not change."""
        begun = time.monotonic()
        rows = {row.uid: row for row in self._sorted()}
        for uid in set(self._shown) - rows.keys():
            self._leaving.setdefault(uid, now_ns)
        new = [row for uid, row in rows.items() if uid not in set(self._shown)]
        frame.new += len(new)
        self._put(frame, new, changes, now_ns)
        self._look_again = now_ns + max(LOOK_NS, int(SHARE * (time.monotonic() - begun) * 1e9))

    def _put(self, frame: Frame, rows: list[DialogRow], changes: Changes, now_ns: int) -> None:
        """Give rows a place: that of a call that has gone, else below while there is room."""
        free = self._free(now_ns)
        rows = rows[: len(free) + max(0, self.page - len(self._shown))]
        for row, fragment in zip(rows, self._render(rows, changes, self._sizes_now(rows, changes), now_ns), strict=True):
            fresh = fragment.replace('class="', 'class="new ', 1)
            if free:
                gone = free.pop(0)
                frame.moves.append(frames.exchange(address(gone), fresh))
                self._shown[self._shown.index(gone)] = row.uid
                self._forget(gone)
                frame.gone += 1
            else:
                frame.moves.append(frames.put_below(BODY, fresh))
                self._shown.append(row.uid)
            self._rows[row.uid] = row
            if row.state == 5:
                self._leaving[row.uid] = now_ns + LINGER_NS

    def _resize(self, frame: Frame, changes: Changes) -> None:
        """Bring the sizes up to date in the rows that did not change themselves."""
        if "size" not in self.layout.columns:
            return
        moved = {profile: size for profile, size in changes.sizes.items() if self._sizes.get(profile, size) != size}
        for row in self._rows.values() if moved else ():
            if (profile := first_profile(row)) in moved and profile is not None:
                self._sizes[profile] = moved.pop(profile)
                fragment = self._renderer.size(row, profile, self._sizes[profile], self.policy)
                frame.updates.append(frames.partial(f"[data-mark='{profile_mark(profile)}']", "outerMorph", fragment))

    def _let_go(self, frame: Frame, now_ns: int) -> None:
        """Take away what is at the bottom, which moves nothing, and what nobody took the place of for long."""
        gone = []
        while self._shown and self._leaving.get(self._shown[-1], now_ns + 1) <= now_ns:
            gone.append(self._shown.pop())
        gone += [uid for uid in self._free(now_ns) if self._leaving[uid] + SPENT_NS <= now_ns]
        for uid in gone:
            frame.moves.append(frames.remove(address(uid)))
            self._forget(uid)
            if uid in self._shown:
                self._shown.remove(uid)
        frame.gone += len(gone)

    def _fill_up(self, frame: Frame, changes: Changes, now_ns: int) -> None:
        """Give free places to calls of this page that were cut off until now."""
        begun = time.monotonic()
        if begun < self._rest_until or not (self._free(now_ns) or len(self._shown) < self.page):
            return
        live_shown = len(self._shown) - len(self._leaving)
        if changes.total(self.chosen) - (self.layout.p - 1) * self.page <= live_shown:
            return
        known = set(self._shown)
        # What was written since this tick began the next one announces.
        cut_off = [row for row in self._sorted() if row.uid not in known and row.revision <= changes.revision]
        self._put(frame, cut_off, changes, now_ns)
        ended = time.monotonic()
        self._rest_until = ended + SHARE * (ended - begun)

    def _forget(self, uid: str) -> None:
        self._leaving.pop(uid, None)
        self._rows.pop(uid, None)

    def _sizes_now(self, rows: list[DialogRow], changes: Changes) -> dict[Profile, int]:
        """Return the sizes of the rows' profiles, and note those that the table did not show yet."""
        wanted = {profile for row in rows if (profile := first_profile(row))}
        sizes = changes.sizes if wanted <= changes.sizes.keys() else changes.sizes | sizes_of(rows)
        if len(self._sizes) > 4 * self.page:
            shown = {first_profile(row) for row in self._rows.values()}
            self._sizes = {profile: size for profile, size in self._sizes.items() if profile in shown}
        for profile in wanted:
            self._sizes.setdefault(profile, sizes[profile])
        return sizes

    def _render(self, rows: Iterable[DialogRow], changes: Changes, sizes: dict[Profile, int], now_ns: int) -> list[str]:
        """Return the rows' fragments in the same order."""
        columns, policy = self.layout.columns, self.policy
        return [self._renderer.row(row, changes.orders.get(row.uid), sizes, now_ns, over=changes.is_over(row), columns=columns, policy=policy) for row in rows]

    def _counted(self, changes: Changes) -> tuple[CallFilter, Layout, int]:
        return self.chosen, self.layout, changes.total(self.chosen)

    def _empty_fragment(self) -> str:
        """Return what stands in the place of rows while there are none."""
        return frames.fill("#empty", render_to_string("live/_empty.html", {"chosen": self.chosen}) if self._bare else "")

    def _foot_fragment(self) -> str:
        """Return the line below the table: how many are shown of how many."""
        return frames.fill("#foot", render_to_string("live/_foot.html", foot_context(*self._foot, self.page)))


def foot_context(chosen: CallFilter, layout: Layout, total: int, page: int) -> dict[str, object]:
    """Return what the line below the table says; page and push share it."""
    return {"chosen": chosen, "layout": layout, "total": total, "page": page, "pages": max(1, -(-total // page))}
