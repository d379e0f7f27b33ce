"""One stored SIP message, what of it is never stored, and how messages become frames. Knows no files and no tables."""

import re
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import zstandard

MAX_FRAME = 64 << 20
"A frame that claims to hold more bytes than this is damaged."

# The name may be spelled in any case and be followed by blanks or a folded line before its colon; the value goes on while lines begin with a blank.
CREDENTIALS = re.compile(rb"(?i)(?:(?<=[\r\n])|\A)((?:proxy-)?authorization(?:[ \t]|\r?\n[ \t])*:)[^\r\n]*(?:(?:\r\n|\n|\r)[ \t][^\r\n]*)*")
NOT_STORED = rb"\1 (not stored)"


class StoredMessage(msgspec.Struct, frozen=True, array_like=True):
    """A SIP message of a call as it was on the wire, without credentials."""

    at_ns: int
    source: str
    "host:port"

    destination: str
    transport: str
    repeat: bool
    "True for a retransmission."

    data: bytes


class Frame(NamedTuple):
    """Where one tick's messages of one call lie. Length 0 marks messages that were not stored: `offset` is how many until then."""

    segment: int
    "Hours since the epoch at the time of writing."

    offset: int
    length: int


RECORD = struct.Struct(">QQL")
"A frame in the row's `frames` column; records simply follow each other."


def pack(frames: Iterable[Frame]) -> bytes:
    """Return the `frames` column of these frames."""
    return b"".join(RECORD.pack(*frame) for frame in frames)


def unpack(column: bytes) -> list[Frame]:
    """Return the frames of a `frames` column; a cut record at its end is left out."""
    whole = len(column) - len(column) % RECORD.size
    return [Frame(*fields) for fields in RECORD.iter_unpack(column[:whole])]


def scrub(data: bytes) -> bytes:
    """Return the message with the values of Authorization and Proxy-Authorization replaced, in the header and in a body that quotes one."""
    if data.lower().find(b"authorization") < 0:  # `in` takes ten times as long with bytes, see dialogs.sip.headers
        return data
    return CREDENTIALS.sub(NOT_STORED, data)


class Squeezer:
    """Turns messages into compressed frames; keeps its compressor, for one thread."""

    def __init__(self) -> None:
        self.encoder = msgspec.msgpack.Encoder()
        self.compressor = zstandard.ZstdCompressor(level=3)

    def squeeze(self, messages: Sequence[StoredMessage]) -> bytes:
        """Return one zstd frame that holds a msgpack list of the messages, scrubbed."""
        clean = [message if (data := scrub(message.data)) is message.data else msgspec.structs.replace(message, data=data) for message in messages]
        return self.compressor.compress(self.encoder.encode(clean))


def unsqueeze(frame: bytes) -> list[StoredMessage] | None:
    """Return the messages of a frame, None when it is damaged."""
    try:
        if not 0 <= zstandard.frame_content_size(frame) <= MAX_FRAME:
            return None
        return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(frame), type=list[StoredMessage])
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError):
        return None
