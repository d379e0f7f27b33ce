"""Which calls the demo recording holds, and when: a seeded plan of a steady, busy two minutes. Knows the invented network; starts nothing."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import callers
from .callers import Line
from .demo_network import DESTINATIONS, DEVICES, DIALER, NUMBERS, RING_LIMIT_MS, Destination, Device

SECONDS = 124.0
"When the last call has ended."

RAMP_UP_S, RAMP_DOWN_S = 6.0, 4.0
STEP_S = 0.1
MARGIN_S = 0.5
"What the messages at the end of a call take."


@dataclass(frozen=True)
class Course:
    """One way for a call to go: where to, how the caller behaves, how often."""

    weight: int
    destination: str
    script: Callable[[Line, int], str]
    hold_s: tuple[float, float] = (0, 0)
    "Shortest and longest hold (or ring, for who gives up); short ones are more frequent."


@dataclass(frozen=True)
class PlannedCall:
    """One call of the recording."""

    start_s: float
    end_s: float
    "When it has ended at the latest."

    device: Device
    call_id: str
    number: str
    script: str


def _refused(code: int) -> Callable[[Line, int], str]:
    return lambda line, _hold: callers.is_refused(line, code)


def _waits(line: Line, _hold: int) -> str:
    return callers.waits_for_bye(line)


def _waits_without_ack(line: Line, _hold: int) -> str:
    return callers.never_acknowledges_and_waits(line)


TALK = (5, 75)
COURSES = (
    Course(16, "gw-1", callers.hangs_up, TALK),
    Course(12, "gw-2 slow", callers.hangs_up, TALK),
    Course(14, "gw-3", callers.hangs_up, TALK),
    Course(7, "gw-1 hangs up", _waits),
    Course(5, "gw-1", callers.changes_media, (5, 25)),
    Course(4, "gw-3 challenges", callers.answers_challenge, (8, 40)),
    Course(6, "app-1", callers.hangs_up, (4, 40)),
    Course(6, "desk A", callers.hangs_up, (6, 50)),
    Course(4, "gw-1 busy", _refused(486)),
    Course(3, "gw-2 not found", _refused(404)),
    Course(4, "gw-2 unavailable", _refused(503)),
    Course(4, "gw-3 declines", _refused(603)),
    Course(2, "gw-1 no answer", _refused(408)),
    Course(2, "nobody", _refused(404)),
    Course(6, "gw-1 no answer", callers.gives_up, (4, 15)),
    Course(2, "desk A", callers.gives_up, (1, 3)),
)
NO_ACK_COURSES = (Course(2, "gw-2 no ACK", _waits_without_ack), Course(1, "gw-2 no ACK", callers.never_acknowledges, (6, 24)))
DEAD_TRUNK_COURSES = (Course(1, "gw-2 dead", _refused(408)),)
DIALER_COURSES = (
    Course(5, "gw-1", callers.hangs_up, (8, 50)),
    Course(6, "gw-2 slow", callers.hangs_up, (8, 50)),
    Course(5, "gw-3", callers.hangs_up, (8, 50)),
    Course(2, "gw-1 busy", _refused(486)),
    Course(1, "gw-2 not found", _refused(404)),
)
FILLERS = (Course(1, "app-1", callers.hangs_up, (1, 20)), Course(1, "gw-1 busy", _refused(486)), Course(1, "gw-2 unavailable", _refused(503)))
"What still fits into the last seconds."

STREAMS = ((27, DEVICES, COURSES), (12, (DIALER,), DIALER_COURSES), (2, DEVICES, NO_ACK_COURSES), (1, DEVICES, DEAD_TRUNK_COURSES))
"How many calls at once, from whom, of which courses: each kind of trouble has its own share, so that it can be seen at any moment."


def plan(seed: int = 5) -> list[PlannedCall]:
    """Return the calls in the order of their start; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 -- a plan, no secret
    return sorted((call for at_once, devices, courses in STREAMS for call in _stream(rng, devices, courses, at_once)), key=lambda call: call.start_s)


def _stream(rng: random.Random, devices: tuple[Device, ...], courses: tuple[Course, ...], at_once: int) -> Iterator[PlannedCall]:
    """Keep about so many calls going, from the ramp up to the ramp down."""
    ends: list[float] = []
    for step in range(round((SECONDS - MARGIN_S) / STEP_S)):
        now = step * STEP_S
        ends = [end for end in ends if end > now]
        wanted = at_once * min(1.0, (now + 1) / RAMP_UP_S, (SECONDS - now) / RAMP_DOWN_S)
        if len(ends) >= round(wanted):
            continue
        call = _call(rng, now + rng.uniform(0, STEP_S), rng.choice(devices), courses)
        if call is not None:
            ends.append(call.end_s)
            yield call


def _call(rng: random.Random, start_s: float, device: Device, courses: tuple[Course, ...]) -> PlannedCall | None:
    """Return one call that ends in time, or None when none fits any more."""
    latest = SECONDS - MARGIN_S - rng.uniform(0, RAMP_DOWN_S)
    fitting = [course for course in (*courses, *FILLERS) if start_s + _setup_s(course) + course.hold_s[0] <= latest]
    if not fitting:
        return None
    wanted = [course for course in fitting if course in courses] or fitting
    course = rng.choices(wanted, [course.weight for course in wanted])[0]
    room = latest - start_s - _setup_s(course)
    shortest, longest = course.hold_s
    hold_s = min(room, shortest + (longest - shortest) * rng.random() ** 2)
    if start_s < RAMP_UP_S:
        hold_s *= rng.random()  # as if it had begun long ago: else nobody would hang up for a while
    user, name = rng.choice(device.users)
    number = rng.choice(_numbers(course))
    line = Line(number, user, name, device.domain, device.agent, f"{rng.getrandbits(40):010x}", rng.choice((1, 1, 101, 20_714)), rng.randrange(20, 120))
    holds = 2 if course.script is callers.changes_media else 1
    script = course.script(line, round(hold_s * 1000 / holds))
    return PlannedCall(start_s, start_s + _setup_s(course) + hold_s, device, f"{rng.getrandbits(64):016x}@{device.address}", number, script)


def _setup_s(course: Course) -> float:
    if course.script is callers.gives_up:
        return 2.0  # until it rings; the hold is the ringing
    if course.destination == "nobody":
        return 0.1
    destination: Destination = DESTINATIONS[course.destination]
    longest_ms = destination.longest_setup_ms if course.script is not callers.never_acknowledges else 4000
    return (longest_ms + (destination.hold_ms if course.hold_s == (0, 0) else 0)) / 1000


def _numbers(course: Course) -> tuple[str, ...]:
    if course.script is callers.answers_challenge:
        return NUMBERS[course.destination][1:]  # for the first one the proxy has the password
    return NUMBERS[course.destination]


assert RING_LIMIT_MS < SECONDS * 1000
