"""What an SDP body (RFC 8866) says of the media, in values and in words. Knows bytes; knows no call.

Only what people ask for is read: kinds, codecs, where media is wanted, and in which direction. Never raises on wire data.
"""

import re
from typing import NamedTuple

from dialogs.sip import text

LONGEST = 16384
"Bytes of a body that are read."

MOST = 16
"Media, and codecs of one, that are kept."

STATIC = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "13": "CN", "18": "G729", "26": "JPEG", "31": "H261", "34": "H263"}
"Payload types with a meaning of their own (RFC 3551)."

NO_SPEECH = frozenset({"telephone-event", "cn"})
DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
WORDS = {"sendonly": "sends only", "recvonly": "receives only", "inactive": "held: neither sends nor receives"}
NOWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - hold as RFC 2543 wrote it, nothing is bound
MEDIA = re.compile(r"m=(\S{1,20}) +(\d{1,5})\S* +\S+ *(.*)")
RTPMAP = re.compile(r"a=rtpmap:(\d{1,3}) +([^/\s]{1,24})")


class Media(NamedTuple):
    """One m= section."""

    kind: str
    '"audio", "video", "image".'

    host: str
    "Where the sender of this body wants it; empty when it does not say."

    port: int
    "0: this media is refused or switched off."

    codecs: tuple[str, ...]
    direction: str
    "As the sender of the body sees it: sendrecv, sendonly, recvonly or inactive."

    @property
    def sends(self) -> bool:
        """Whether its sender will send."""
        return self.port > 0 and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether its sender wants to hear."""
        return self.port > 0 and self.direction in ("sendrecv", "recvonly") and self.host not in NOWHERE

    @property
    def speech(self) -> frozenset[str]:
        """Its codecs in lower case, without tones and comfort noise."""
        return frozenset(codec.lower() for codec in self.codecs) - NO_SPEECH

    @property
    def words(self) -> str:
        """The section in words: "audio: opus, PCMA; to 192.0.2.17:30000; sends only"."""
        if not self.port:
            return f"{self.kind}: refused or switched off (port 0)"
        held = "held the old way (0.0.0.0)" if self.host in NOWHERE else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        parts = (", ".join(self.codecs) or "no codec", held or f"to {host or 'an address that is not given'}:{self.port}", WORDS.get(self.direction, ""))
        return f"{self.kind}: {'; '.join(filter(None, parts))}"


def read(body: bytes) -> tuple[Media, ...]:
    """Return the media of a body, also where it is a part of a multipart one; () when there is no SDP in it."""
    found: list[Media] = []
    host, direction = "", "sendrecv"
    for line in lines_of(body):
        media = MEDIA.match(line)
        if media:
            if len(found) == MOST:
                break
            formats = media[3].split()[:MOST]
            found.append(Media(media[1], host, int(media[2]), tuple(formats), direction))
        elif line.startswith("c="):
            at = line.split()[-1].partition("/")[0][:64]
            host, found = (host, [*found[:-1], found[-1]._replace(host=at)]) if found else (at, found)
        elif line[2:] in DIRECTIONS and line.startswith("a="):
            direction, found = (direction, [*found[:-1], found[-1]._replace(direction=line[2:])]) if found else (line[2:], found)
        elif found and (named := RTPMAP.match(line)):
            found[-1] = found[-1]._replace(codecs=tuple(named[2] if codec == named[1] else codec for codec in found[-1].codecs))
    return tuple(media._replace(codecs=tuple(dict.fromkeys(STATIC.get(codec, codec) for codec in media.codecs))) for media in found)


def lines_of(body: bytes) -> list[str]:
    """Return the lines of the SDP in a body."""
    body = body[:LONGEST]
    start = 0 if body.startswith(b"v=0") else body.find(b"\nv=0") + 1
    if not start and not body.startswith(b"v=0"):
        return []
    lines = [text(line.rstrip(b"\r")) for line in body[start:].split(b"\n")]
    return lines[: next((number for number, line in enumerate(lines) if line.startswith("--")), len(lines))]


def audio(body: bytes) -> Media | None:
    """Return the first audio section, None without any."""
    return next((media for media in read(body) if media.kind == "audio"), None)
