"""What can go wrong when a tap is opened: one exception a cause, its text is meant for the person at the terminal."""


class CaptureError(Exception):
    """A file cannot be read as a capture; the text names the file and the reason in one line."""


class NoCapture(CaptureError):
    """A file is empty or something else than a capture: of a folder's files those are left out."""


class TapError(Exception):
    """A live tap cannot be opened; the text says what was wrong and what to do."""
