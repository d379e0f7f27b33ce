"""A ladder as plain text, for mails and tickets. Knows ladders; knows no page. Wire text in it is printable already (dialogs.sip.text)."""

from collections.abc import Iterator

from dialogs.insight.ladder import Ladder, Step, repeat_words

LANE = 26
"Characters from one column to the next."

NARROWEST = 10

TIME = 14
"Characters before the first column."


def draw_text(ladder: Ladder) -> str:
    """Return the ladder with times in seconds after its first message."""
    lines = [*heads(ladder), *(line for _, line in steps(ladder))]
    if ladder.left_out:
        lines.append(f"{ladder.left_out} messages in the middle are left out.")
    return "\n".join(lines) + "\n"


def lane_in(ladder: Ladder, width: int) -> int:
    """Return how wide a lane is in a drawing of so many characters: LANE at most, and never so narrow that no word fits."""
    return max(NARROWEST, min(LANE, (width - TIME - 1) // max(1, len(ladder.columns) - 1)))


def heads(ladder: Ladder, lane: int = LANE) -> list[str]:
    """Return the two lines above the steps: who, and where."""
    return [_heads([host.name for host in ladder.columns], lane), _heads([host.address for host in ladder.columns], lane)]


def steps(ladder: Ladder, lane: int = LANE) -> Iterator[tuple[Step | None, str]]:
    """Yield each line with its step, None for a line that marks a silence."""
    count = len(ladder.columns)
    for step in ladder.steps:
        if step.gap_ns:
            yield None, f"{'':{TIME}}{_rails(count, lane)}  {step.gap_ns / 1e9:.1f} s later"
        yield step, f"{(step.at_ns - ladder.start_ns) / 1e9:+{TIME - 2}.3f}  {_arrow(step, count, lane)}".rstrip()


def _heads(names: list[str], lane: int) -> str:
    return (" " * (TIME - lane // 2) + "".join(f"{name[: lane - 2]:^{lane}}" for name in names)).rstrip()


def _rails(count: int, lane: int) -> str:
    return ("|" + " " * (lane - 1)) * (count - 1) + "|"


def _arrow(step: Step, count: int, lane: int) -> str:
    left, right = sorted((step.source, step.destination))
    words = " ".join(filter(None, (step.summary, repeat_words(step), step.note and f"({step.note})")))
    rails = list(_rails(count, lane))
    if left == right:
        return f"{''.join(rails)}  {words} (to itself, column {left + 1})"
    room = (right - left) * lane - 1
    shaft = f" {words[: room - 6]} ".center(room - 1, "-")
    rails[left * lane + 1 : right * lane] = f"{shaft}>" if step.source < step.destination else f"<{shaft}"
    return "".join(rails)
