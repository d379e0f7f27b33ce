"""Whom the screen asks: another machine's API over HTTP, or this machine's database. Knows where answers come from; knows no screen.

Both give the entries of `dashboard.api.table` by their names. Django is imported by who asks the database, in the thread that asks first: the screen
is there before it.
"""

import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from dashboard.terminal.errors import Failure

PATHS = {
    "live-stream": ("GET", "/live/stream"),
    "call": ("GET", "/calls/{uid}"),
    "messages": ("GET", "/calls/{uid}/messages"),
    "ladder": ("GET", "/calls/{uid}/ladder.{kind}"),
    "pcap": ("GET", "/calls/{uid}/messages.pcapng"),
    "end": ("POST", "/calls/{uid}/end"),
}
"The entries that the screen asks, as in the table; a test compares them."

CONNECT_SECONDS, SILENCE_SECONDS = 5.0, 15.0
"The stream says something every 5 s."

BEGINNING = threading.Lock()
NAME = re.compile(r'filename="([\w+.-]{1,200})"')


class Unreachable(Failure):
    """Nobody answers: ask again."""

    code = 3


class Refused(Failure):
    """The answer is no; asking again does not help."""


class Taken(bytes):
    """A file's bytes, with the name that it has."""

    name: str = "dialtap"


class Source(Protocol):
    """What answers. Both raise Unreachable and Refused."""

    where: str
    "For people."

    def follow(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield frames of the live calls until there is nobody."""
        ...

    def ask(self, name: str, **said: str) -> Any:
        """Return the answer of an entry: a JSON object, or a file as Taken."""
        ...


class Http:
    """The API of a Dialtap at an address."""

    def __init__(self, url: str, token: str) -> None:
        self.where = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        self._client = httpx.Client(base_url=f"{self.where}/api/v1", headers=headers, timeout=limits, trust_env=False)

    def follow(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield frames as they come."""
        method, path = PATHS["live-stream"]
        try:
            with self._client.stream(method, path, params=dict(query)) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    raise _refused(answer)
                for line in answer.iter_lines():
                    yield json.loads(line)
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(f"{self.where} does not answer ({str(error) or type(error).__name__})") from error
        raise Unreachable(f"{self.where} has ended the answer")

    def ask(self, name: str, **said: str) -> Any:
        """Return an entry's answer."""
        method, path = PATHS[name]
        places = {key: quote(value, safe="") for key, value in said.items() if f"{{{key}}}" in path}
        more = {key: value for key, value in said.items() if key not in places}
        given: dict[str, Any] = {"params": more} if method == "GET" else {"json": more}
        try:
            answer = self._client.request(method, path.format(**places), **given)
        except httpx.HTTPError as error:
            raise Unreachable(f"{self.where} does not answer ({str(error) or type(error).__name__})") from error
        if answer.status_code != httpx.codes.OK:
            raise _refused(answer)
        return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else _taken(answer)


def _taken(answer: httpx.Response) -> Taken:
    taken = Taken(answer.content)
    named = NAME.search(answer.headers.get("content-disposition", ""))
    taken.name = named[1] if named else taken.name
    return taken


def _refused(answer: httpx.Response) -> Failure:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"what answers there is no API of Dialtap ({answer.status_code})"
    busy = answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    return Unreachable(str(detail)) if busy else Refused(str(detail))


class Local:
    """This machine's database, through the same table as the API."""

    where = "this machine"

    def follow(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield frames, a look every quarter of a second."""
        _begin()
        from dashboard.api.following import TICK_SECONDS  # noqa: PLC0415 -- Django

        following = self._ask("live-stream", dict(query))
        while True:
            frame = self._database(lambda: following.look(time.time_ns()))
            if frame is not None:
                yield frame
            time.sleep(TICK_SECONDS)

    def ask(self, name: str, **said: str) -> Any:
        """Return an entry's answer."""
        _begin()
        from dashboard.api.answers import File  # noqa: PLC0415 -- Django

        answer = self._ask(name, said)
        if not isinstance(answer, File):
            return answer
        taken = Taken(b"".join(piece.encode() if isinstance(piece, str) else piece for piece in answer.pieces))
        taken.name = answer.name
        return taken

    def _ask(self, name: str, said: dict[str, Any]) -> Any:
        from dashboard.api.answers import Problem  # noqa: PLC0415 -- Django
        from dashboard.api.asker import owner  # noqa: PLC0415 -- Django
        from dashboard.api.asking import ask  # noqa: PLC0415 -- Django
        from dashboard.api.table import BY_NAME  # noqa: PLC0415 -- Django

        def asked() -> Any:
            try:
                return ask(BY_NAME[name], owner(), said)
            except Problem as problem:
                raise Refused(str(problem)) from problem

        return self._database(asked)

    @staticmethod
    def _database(work: Any) -> Any:
        from django.db import DatabaseError, close_old_connections  # noqa: PLC0415 -- Django

        try:
            return work()
        except DatabaseError as error:
            close_old_connections()
            raise Unreachable(f"the database does not answer ({error}): has ./dialtap run been started here, with this DIALTAP_VAR?") from error


def _begin() -> None:
    """Set Django up, once, whichever thread comes first. Raises Refused for a configuration that is wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    import django  # noqa: PLC0415 -- Django
    from django.apps import apps  # noqa: PLC0415 -- Django
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 -- Django

    from dialogs.configfile import ConfigError  # noqa: PLC0415 -- with Django only

    with BEGINNING:
        if apps.ready:
            return
        try:
            django.setup()
        except (ConfigError, ImproperlyConfigured) as error:
            raise Refused(str(error)) from error
