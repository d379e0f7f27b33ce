"""How settings are read from the environment and the first run's files. Knows no Django, so that settings may import it."""

import contextlib
import os
import secrets
import socket
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog

from dialogs.config import Web
from dialogs.configfile import ConfigError

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})
WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 -- compared with, not bound

SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"  # readers never wait for the recorder
SQLITE_BUSY_SECONDS = 10

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

Settings = dict[str, Any]


def env_bool(name: str) -> bool:
    """Return whether a switch of the environment is on; ConfigError when it is neither."""
    text = os.environ.get(name, "").strip().lower()
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise ConfigError(f"{name}: expected 1 or 0, got {text!r}")


def env_path(name: str, default: Path) -> Path:
    """Return a folder of the environment, absolute."""
    text = os.environ.get(name, "")
    return Path(text).expanduser().absolute() if text else default


def secret_key(path: Path) -> str:
    """Return the key in this file; the first run writes it, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent) as draft:  # mode 0600
            draft.write(secrets.token_urlsafe(50) + "\n")
            draft.flush()
            with contextlib.suppress(FileExistsError):  # another process was faster, and its key is as good
                path.hardlink_to(draft.name)  # unlike a rename, never replaces
    return path.read_text().strip()


def host_of(bind: str) -> str:
    """Return the host of `host:port`, without brackets."""
    return bind.rpartition(":")[0].strip("[]")


def allowed_hosts(web: Web) -> list[str]:
    """Return the host names under which the pages may be reached: the configured ones, and the one that is bound (or this machine's name)."""
    host = host_of(web.bind)
    own = socket.gethostname() if host in WILDCARDS else host
    own = f"[{own}]" if ":" in own else own
    return list(dict.fromkeys([*web.allowed_hosts, own]))


def database(url: str, file: Path) -> Settings:
    """Return Django's entry for `postgres://user:password@host:port/name?option=value`, or for the embedded SQLite file without a URL."""
    if not url:
        options = {"timeout": SQLITE_BUSY_SECONDS, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_PRAGMAS}
        file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)  # calls are nobody else's business
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": options}
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ConfigError(f"DIALTAP_DATABASE_URL: expected postgres://..., got {parts.scheme!r}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def printable(text: str) -> str:
    """Return text with what could move a terminal's cursor or forge a line (control characters, bidirectional marks) escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def log_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """Render one log event as `time LEVEL logger: what key=value`; a traceback follows, indented so that none of its lines looks like an event."""
    head = f"{event.pop('timestamp')} {event.pop('level', 'info').upper()} {event.pop('logger', 'dialtap')}: {event.pop('event')}"
    traceback = event.pop("exception", "")
    line = printable(" ".join([head, *(f"{key}={value}" for key, value in event.items())]))
    return "\n".join([line, *(f"  {printable(text)}" for text in traceback.split("\n") if text)])


def logging_config(level: str) -> Settings:
    """Return the logging set-up: everything, structlog's and the standard library's, as plain lines on stderr."""
    if level not in LEVELS:
        raise ConfigError(f"DIALTAP_LOG: expected {', '.join(LEVELS)}, got {level!r}")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
        structlog.stdlib.ExtraAdder(allow=["status_code"]),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, log_line],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},  # Django's own handlers would print each line twice
            "django.server": {"handlers": [], "propagate": True},
            "daphne": {"level": "WARNING"},  # not a line per request
            "httpx": {"level": "WARNING"},
        },
    }
