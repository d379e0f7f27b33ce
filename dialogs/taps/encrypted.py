"""What cannot be read, told from what could be: TLS and DTLS records. Knows the first bytes of a record; opens nothing."""

TLS_PORT = 5061
"The port of SIP over TLS. RFC 3261, section 19.1.2"

SIP_PORTS = frozenset((5060, TLS_PORT))
"Where encryption is taken for SIP's when nobody has said which ports are: elsewhere it is the web's, or the keys of media."

MAX_RECORD = 16_384 + 2048
"Length of a TLS record with all that ciphers may add. RFC 5246, section 6.2.3"

_CONTENT_TYPES = frozenset((20, 21, 22, 23))
_DTLS_VERSIONS = frozenset((b"\xfe\xff", b"\xfe\xfd"))


def looks_encrypted(payload: bytes) -> bool:
    """Tell whether a payload begins with a record of TLS (1.0 to 1.3, also under HTTP or WebSocket) or DTLS (1.0, 1.2). RFC 8446, RFC 6347."""
    if len(payload) < 5 or payload[0] not in _CONTENT_TYPES:
        return False
    if payload[1] == 3 and payload[2] <= 4:
        return 0 < payload[3] << 8 | payload[4] <= MAX_RECORD
    return payload[1:3] in _DTLS_VERSIONS and len(payload) >= 13
