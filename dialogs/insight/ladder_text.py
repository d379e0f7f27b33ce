"""A ladder as plain text, for mails and tickets. Knows ladders; knows no page. Wire text in it is printable already (dialogs.sip.text)."""

from dialogs.insight.ladder import Ladder, Step, repeat_words

LANE = 26
"Characters from one column to the next."

TIME = 14
"Characters before the first column."


def draw_text(ladder: Ladder) -> str:
    """Return the ladder with times in seconds after its first message."""
    count = len(ladder.columns)
    lines = [_heads([host.name for host in ladder.columns]), _heads([host.address for host in ladder.columns])]
    for step in ladder.steps:
        if step.gap_ns:
            lines.append(f"{'':{TIME}}{_rails(count)}  {step.gap_ns / 1e9:.1f} s later")
        lines.append(f"{(step.at_ns - ladder.start_ns) / 1e9:+{TIME - 2}.3f}  {_arrow(step, count)}")
    if ladder.left_out:
        lines.append(f"{ladder.left_out} messages in the middle are left out.")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _heads(names: list[str]) -> str:
    return " " * (TIME - LANE // 2) + "".join(f"{name[: LANE - 2]:^{LANE}}" for name in names)


def _rails(count: int) -> str:
    return ("|" + " " * (LANE - 1)) * (count - 1) + "|"


def _arrow(step: Step, count: int) -> str:
    left, right = sorted((step.source, step.destination))
    words = " ".join(filter(None, (step.summary, repeat_words(step), step.note and f"({step.note})")))
    rails = list(_rails(count))
    if left == right:
        return f"{''.join(rails)}  {words} (to itself, column {left + 1})"
    room = (right - left) * LANE - 1
    shaft = f" {words[: room - 6]} ".center(room - 1, "-")
    rails[left * LANE + 1 : right * LANE] = f"{shaft}>" if step.source < step.destination else f"<{shaft}"
    return "".join(rails)
