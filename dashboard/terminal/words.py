"""What people read: states, times and lengths in words, and wire texts that cannot harm a terminal. Knows no answer of the door and no colour."""

import json
import time

STATES = {1: "Setting up", 2: "Ringing", 3: "No ACK", 4: "In call", 5: "Ended"}
STATE_WORDS = {number: words.lower().replace(" ", "-") for number, words in STATES.items()}
"One word each, for `--state` and for programs that split lines at blanks."


def safe(value: object) -> str:
    """Return a value as printable text: control characters and marks that turn the writing direction are escapes."""
    written = str(value)
    if written.isprintable():
        return written
    from dialogs.sip.text import text  # noqa: PLC0415 -- slow import

    return text(written.encode("utf-8", "surrogatepass"))


def safe_json(line: str) -> str:
    """Return the same JSON with what is unprintable in its texts written as escapes."""
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)


def length(seconds: int) -> str:
    """Return seconds as 0:00:00."""
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def moment(seconds: int) -> str:
    """Return epoch seconds as a date and time in UTC; nothing for 0, Kamailio's "not yet"."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds)) if 0 < seconds < 1 << 37 else ""
