"""Stored messages: no credentials, frames that can be trusted or are refused."""

import zlib

import msgspec
import pytest
import zstandard

from dashboard.history.messages import MAX_FRAME, Frame, Squeezer, StoredMessage, pack, scrub, unpack, unsqueeze

MESSAGE = StoredMessage(5, "192.0.2.1:5060", "[2001:db8::1]:5060", "udp", repeat=False, data=b"BYE sip:a SIP/2.0\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"A\r\nAuthorization: Digest a=1\r\nX: 1\r\n\r\n", b"A\r\nAuthorization: (not stored)\r\nX: 1\r\n\r\n"),
        (b"A\r\nPROXY-authorization:Digest\r\n\r\n", b"A\r\nPROXY-authorization: (not stored)\r\n\r\n"),
        (b"A\nProxy-Authorization \t: x\nX: 1\n", b"A\nProxy-Authorization \t: (not stored)\nX: 1\n"),
        (b"A\r\nAuthorization: Digest a=1,\r\n response=2,\r\n\tnonce=3\r\nX: 1\r\n", b"A\r\nAuthorization: (not stored)\r\nX: 1\r\n"),
        (b"A\r\nAuthorization\r\n : Digest\r\nX: 1\r\n", b"A\r\nAuthorization\r\n : (not stored)\r\nX: 1\r\n"),
        (b"A\r\nAuthorization:\r\n Digest a=1\r\nX: 1\r\n", b"A\r\nAuthorization: (not stored)\r\nX: 1\r\n"),
        (b"A\rAuthorization: x\rX: 1\r", b"A\rAuthorization: (not stored)\rX: 1\r"),
        (b"A\r\nAuthorization: x", b"A\r\nAuthorization: (not stored)"),
        (b"Authorization: x", b"Authorization: (not stored)"),
        (b"A\r\nAuthorization: 1\r\nAuthorization: 2\r\n", b"A\r\nAuthorization: (not stored)\r\nAuthorization: (not stored)\r\n"),
        (b"A\r\n\r\nINVITE\r\nAuthorization: quoted in a body\r\n", b"A\r\n\r\nINVITE\r\nAuthorization: (not stored)\r\n"),
        (b"A\r\nWWW-Authenticate: Digest nonce=1\r\n", b"A\r\nWWW-Authenticate: Digest nonce=1\r\n"),
        (b"A\r\nX-Authorization: 1\r\nSubject: authorization: x\r\n", b"A\r\nX-Authorization: 1\r\nSubject: authorization: x\r\n"),
        (b"", b""),
    ],
)
def test_scrub_keeps_the_name_and_drops_the_value(data: bytes, expected: bytes) -> None:
    assert scrub(data) == expected


def test_scrub_of_hostile_blanks_is_linear() -> None:
    hostile = (b"\r\nAuthorization" + b" \t" * 5000 + b"\r\n ") * 6
    assert scrub(hostile) == hostile  # no colon, nothing to drop; quadratic matching would take minutes


def test_frame_holds_scrubbed_messages() -> None:
    secret = msgspec.structs.replace(MESSAGE, data=b"BYE x\r\nAuthorization: secret\r\n\r\n", repeat=True)
    got = unsqueeze(Squeezer().squeeze([MESSAGE, secret]))
    assert got == [MESSAGE, msgspec.structs.replace(secret, data=b"BYE x\r\nAuthorization: (not stored)\r\n\r\n")]


def bomb() -> bytes:
    return zstandard.ZstdCompressor().compress(bytes(MAX_FRAME + 1))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x28\xb5",
        zlib.compress(b"x"),
        zstandard.ZstdCompressor().compress(b"not msgpack"),
        zstandard.ZstdCompressor().compress(msgspec.msgpack.encode([[1, b"\xff"]])),
        zstandard.ZstdCompressor().compressobj().compress(b"x"),
        Squeezer().squeeze([MESSAGE])[:-3],
        bomb(),
    ],
    ids=["empty", "cut-magic", "not-zstd", "not-msgpack", "wrong-shape", "unfinished", "cut", "bomb"],
)
def test_unsqueeze_refuses_damage(frame: bytes) -> None:
    assert unsqueeze(frame) is None


def test_pack_is_fixed_size_and_concatenates() -> None:
    first, second = Frame(494000, 0, 17), Frame(494001, 1 << 40, 1 << 20)
    assert len(pack([first])) == 20
    assert unpack(pack([first]) + pack([second])) == [first, second]


def test_unpack_leaves_out_a_cut_record() -> None:
    assert unpack(pack([Frame(1, 2, 3)]) + b"\0" * 19) == [Frame(1, 2, 3)]
