"""Digest authentication as its client does it (RFC 7616, RFC 8760; RFC 3261, 22). Knows challenges and credentials; knows no transport.

No library does it for SIP without bringing its own stack: httpx and requests answer for their HTTP requests only (the URI is a path, no
auth-int, no SHA-512-256), `sippy` and the bindings of pjsip and baresip are whole user agents.
"""

import hashlib
import re
from collections.abc import Callable
from secrets import token_hex

import msgspec

from dialogs.control.sip.syntax import Unsendable, quoted
from dialogs.sip import Response, text

ALGORITHMS = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
"Names of RFC 8760 -> hashlib's."

HEADERS = ((b"www-authenticate", "Authorization"), (b"proxy-authenticate", "Proxy-Authorization"))
PARAMETER = re.compile(r'([A-Za-z0-9\-_]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)')
ROUNDS = 4
"Challenges answered for one request: a 407 of each proxy on the way, a 401 behind them, one stale nonce."

CHALLENGES_MAX = 16
NONCES_MAX = 256


class Credentials(msgspec.Struct, frozen=True):
    """A user of a realm."""

    user: str
    password: str
    realm: str = ""
    'As it is challenged; "" for any realm.'

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, realm={self.realm!r})"


class Challenge(msgspec.Struct, frozen=True):
    """One `Digest` challenge."""

    header: str
    "Under which it is answered: Authorization or Proxy-Authorization."

    realm: str
    nonce: str
    algorithm: str = "MD5"
    "As it was written."

    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    userhash: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """What one answer is given for: a header and a realm."""
        return self.header, self.realm


def challenges(response: Response) -> list[Challenge]:
    """Return the Digest challenges of a 401 or 407 that we can answer, in order; another scheme or algorithm is passed over."""
    found = []
    for name, header in HEADERS:
        for value in response.values(name)[:CHALLENGES_MAX]:
            scheme, _, rest = text(value).partition(" ")
            if scheme.lower() == "digest" and (challenge := _challenge(header, rest)) is not None:
                found.append(challenge)
    return found


def _challenge(header: str, rest: str) -> Challenge | None:
    given = {name.lower(): _unquoted(value) for name, value in PARAMETER.findall(rest)}
    algorithm = given.get("algorithm", "MD5")
    qop = tuple(word.strip().lower() for word in given.get("qop", "").split(",") if word.strip())
    if algorithm.lower().removesuffix("-sess") not in ALGORITHMS or "nonce" not in given or (qop and not {"auth", "auth-int"} & set(qop)):
        return None
    return Challenge(
        header=header,
        realm=given.get("realm", ""),
        nonce=given["nonce"],
        algorithm=algorithm,
        qop=qop,
        opaque=given.get("opaque"),
        stale=given.get("stale", "").lower() == "true",
        userhash=given.get("userhash", "").lower() == "true",
    )


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


class Rejected(Exception):
    """A challenge that cannot be answered, in words for people."""


class Digest:
    """Answers the challenges of one request after another. Not of several at once: each order has its own, and its own nonce counts."""

    def __init__(self, credentials: tuple[Credentials, ...] = (), token: Callable[[], str] = token_hex) -> None:
        """Take the users that we may be (the first with the very realm counts, then the first for any), and where client nonces come from."""
        self._credentials = credentials
        self._token = token
        self._counts: dict[str, int] = {}

    def answer(self, response: Response, given: dict[tuple[str, str], Challenge]) -> dict[tuple[str, str], Challenge]:
        """Return all challenges to answer in the next request: those given so far, and this response's; one for each header and realm.

        Of several algorithms for one realm the first that we know counts (RFC 8760, 2.4). Rejected, in words, when the password was wrong
        (challenged again without `stale`), when no credentials are known, when nothing can be answered.
        """
        asked: dict[tuple[str, str], Challenge] = {}
        for challenge in challenges(response):
            asked.setdefault(challenge.place, challenge)
        if not asked:
            raise Rejected(f"{response.status} without a challenge that can be answered")
        for challenge in asked.values():
            if self._user(challenge.realm) is None:
                raise Rejected(f'no credentials for realm "{challenge.realm}"')
            if challenge.place in given and not challenge.stale:
                raise Rejected(f'the credentials for realm "{challenge.realm}" were not accepted')
        return given | asked

    def lines(self, answered: dict[tuple[str, str], Challenge], method: str, uri: str, body: bytes) -> tuple[str, ...]:
        """Return the header lines that answer these challenges; every nonce is counted on."""
        cnonce = self._token()
        return tuple(f"{challenge.header}: {self._line(challenge, method, uri, body, cnonce)}" for challenge in answered.values())

    def _user(self, realm: str) -> Credentials | None:
        exact = [user for user in self._credentials if user.realm == realm]
        return next(iter(exact or [user for user in self._credentials if not user.realm]), None)

    def _line(self, challenge: Challenge, method: str, uri: str, body: bytes, cnonce: str) -> str:
        user = self._user(challenge.realm)
        if user is None:
            raise Unsendable(f'no credentials for realm "{challenge.realm}"')
        count = self._counts[challenge.nonce] = self._counts.pop(challenge.nonce, 0) + 1
        while len(self._counts) > NONCES_MAX:
            del self._counts[next(iter(self._counts))]
        return authorization(challenge, user, method, uri, body, cnonce, count)


def authorization(challenge: Challenge, user: Credentials, method: str, uri: str, body: bytes, cnonce: str, count: int) -> str:
    """Return the value of the header that answers a challenge. `auth` is chosen before `auth-int`, none where none was offered (RFC 2069)."""
    qop = "auth" if "auth" in challenge.qop else "auth-int" if challenge.qop else ""
    shown = hashed(challenge.algorithm, f"{user.user}:{challenge.realm}") if challenge.userhash else user.user
    parts = [
        f"username={quoted(shown)}",
        f"realm={quoted(challenge.realm)}",
        f"nonce={quoted(challenge.nonce)}",
        f"uri={quoted(uri)}",
        f'response="{response_of(challenge, user, qop, method, uri, body, cnonce, count)}"',
        f"algorithm={challenge.algorithm}",
    ]
    if qop or challenge.algorithm.lower().endswith("-sess"):
        parts.append(f"cnonce={quoted(cnonce)}")
    if qop:
        parts += [f"qop={qop}", f"nc={count:08x}"]
    if challenge.opaque is not None:
        parts.append(f"opaque={quoted(challenge.opaque)}")
    if challenge.userhash:
        parts.append("userhash=true")
    return "Digest " + ", ".join(parts)


def response_of(challenge: Challenge, user: Credentials, qop: str, method: str, uri: str, body: bytes, cnonce: str, count: int) -> str:
    """Return the response of RFC 7616, 3.4.1, in hexadecimal."""
    algorithm = challenge.algorithm
    secret = hashed(algorithm, f"{user.user}:{challenge.realm}:{user.password}")
    if algorithm.lower().endswith("-sess"):
        secret = hashed(algorithm, f"{secret}:{challenge.nonce}:{cnonce}")
    asked = f"{method}:{uri}"
    if qop == "auth-int":
        asked += f":{hashed(algorithm, body)}"
    middle = f"{count:08x}:{cnonce}:{qop}:" if qop else ""
    return hashed(algorithm, f"{secret}:{challenge.nonce}:{middle}{hashed(algorithm, asked)}")


def hashed(algorithm: str, data: str | bytes) -> str:
    """Return the hash that an algorithm's name means, with or without -sess, in hexadecimal."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return hashlib.new(ALGORITHMS[algorithm.lower().removesuffix("-sess")], raw, usedforsecurity=False).hexdigest()
