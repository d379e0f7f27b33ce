"""Which database is asked for calls: the product's own, or that of an opened capture file. Knows aliases; knows no file's content and no request.

A capture file's calls are in a database of their own, in a folder of their own: what is searched, shown or counted elsewhere cannot meet them, and
deleting them is deleting the folder. For a request below `/files/ID/` the alias stands in a context variable, and the router sends the tables of calls
there: the pages themselves know nothing of it.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models

PREFIX = "file-"
DATABASE = "calls.sqlite3"
TABLES = frozenset({"dialogrow", "profileentry", "order", "orderrequest", "alert"})
"What a capture file's database holds."

_here: ContextVar[str] = ContextVar("capture file", default="")


class Router:
    """Sends the tables of calls where the request is."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        """Return the capture file's database for its tables while one is open, else nothing: the default."""
        alias = _here.get()
        return alias if alias and model._meta.app_label == "dashboard" and model._meta.model_name in TABLES else None

    db_for_write = db_for_read

    def allow_relation(self, one: models.Model, other: models.Model, **hints: Any) -> bool | None:
        """Leave it to Django: both in the same database."""
        return None


def folder(ident: str) -> Path:
    """Return where an opened capture file has everything."""
    return Path(settings.VAR) / "files" / ident


def messages_folder(alias: str) -> Path:
    """Return the message store beside a database."""
    return (folder(alias.removeprefix(PREFIX)) if alias.startswith(PREFIX) else Path(settings.VAR)) / "messages"


def connect(ident: str) -> str:
    """Return the alias of a capture file's database; known to Django from now on."""
    alias = PREFIX + ident
    if alias not in connections.settings:
        plain = copy.deepcopy(connections.settings[DEFAULT_DB_ALIAS])
        options = {"timeout": 10, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}
        connections.settings[alias] = plain | {"ENGINE": "django.db.backends.sqlite3", "NAME": folder(ident) / DATABASE, "OPTIONS": options}
    return alias


def forget(ident: str) -> None:
    """Have Django forget a capture file's database."""
    alias = PREFIX + ident
    if alias in connections.settings:
        connections[alias].close()
        del connections.settings[alias]


@contextmanager
def inside(ident: str) -> Iterator[str]:
    """Have calls read from a capture file's database."""
    token = _here.set(connect(ident))
    try:
        yield PREFIX + ident
    finally:
        _here.reset(token)
