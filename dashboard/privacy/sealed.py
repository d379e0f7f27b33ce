"""Links to what is not shown: a masked number carries its whole as a token that only this server opens. Knows texts; knows no person and no row.

A token is the same for the same text, so that an address can be kept and compared; it tells its length, and nothing else.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

MARK = "~"
LONGEST = 4000
"Characters of a token that are looked at."


def _cipher() -> AESSIV:
    return AESSIV(hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"dialtap sealed").digest())


def seal(text: str, use: str = "") -> str:
    """Return the token of a text; `use`: what it is for, where only such tokens are to be opened."""
    return MARK + base64.urlsafe_b64encode(_cipher().encrypt(text.encode("utf-8", "surrogatepass"), [use.encode()] if use else None)).decode().rstrip("=")


def is_sealed(text: str) -> bool:
    """Return whether this is meant to be a token."""
    return text.startswith(MARK)


def unseal(text: str, use: str = "") -> str:
    """Return what a token stands for; text that is none, or that this server did not make for this use, as it is."""
    if not is_sealed(text) or len(text) > LONGEST:
        return text
    try:
        token = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
        return _cipher().decrypt(token, [use.encode()] if use else None).decode("utf-8", "surrogatepass")
    except (InvalidTag, binascii.Error, ValueError):
        return text


def linked(text: str) -> str:
    """Return what stands for a text in a link: of a masked one its token."""
    return text.sealed if isinstance(text, Masked) else text


class Masked(str):
    """A masked text; in a link stands `sealed` instead."""

    __slots__ = ("_whole",)
    _whole: str

    def __new__(cls, shown: str, whole: str) -> "Masked":
        """`shown` is what people see, `whole` what a link finds."""
        masked = super().__new__(cls, shown)
        masked._whole = whole
        return masked

    @property
    def sealed(self) -> str:
        """The token for a link."""
        return seal(self._whole)
