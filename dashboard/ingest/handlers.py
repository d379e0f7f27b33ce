"""Who is told what the engine says: the configured handlers hear callbacks, the log hears the rules. Knows events; changes nothing.

A handler is somebody else's code: the one broad `except` of the project stands here. One that raises is logged, counted and passed over,
and the calls go on.
"""

from collections.abc import Callable, Iterable, Sequence

import structlog
from django.utils.module_loading import import_string

from dialogs.engine import Called, Event, Said

Handler = Callable[[Sequence[Called]], None]

logger = structlog.get_logger(__name__)


class HandlerError(ValueError):
    """A handler cannot be loaded; the text names it and says why."""


class Handlers:
    """The configured handlers, in order."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Load them. Raises HandlerError."""
        self.handlers = [(path, load(path)) for path in paths]
        self.failures = 0

    def tell(self, events: Sequence[Event]) -> None:
        """Pass on what these events hold for handlers and log."""
        if self.handlers and (called := [event for event in events if isinstance(event, Called)]):
            self._call(called)
        for event in events:
            if isinstance(event, Said):
                log = logger.warning if event.kind == "alert" else logger.info
                log(event.text, rule=event.kind, call=event.uid)

    def _call(self, called: Sequence[Called]) -> None:
        for path, handler in self.handlers:
            try:
                handler(called)
            except Exception:
                self.failures += 1
                logger.exception("handler failed", handler=path, failures=self.failures)


def load(path: str) -> Handler:
    """Return the function at this dotted path. Raises HandlerError."""
    try:
        handler: Handler = import_string(path)
    except ImportError as error:
        raise HandlerError(f"[dialog] handlers: {path}: {error}") from error
    if not callable(handler):
        raise HandlerError(f"[dialog] handlers: {path} is no function")
    return handler
