"""Wire bytes for people: decoding that never fails and never lets a control character through. Knows no SIP."""


def text(raw: bytes) -> str:
    """Return wire bytes as printable text: UTF-8, else Latin-1; anything unprintable (control, RTL marks) as an escape.

    RFC 3261, 25.1 demands UTF-8, old phones send Latin-1.
    """
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        decoded = raw.decode("latin-1")
    if decoded.isprintable():
        return decoded
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in decoded)
