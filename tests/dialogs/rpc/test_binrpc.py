"""BINRPC: the reference's worked bytes, round trips, and what is no packet."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.rpc import Fault, Malformed, binrpc

COOKIE = bytes.fromhex("1A2B")
ENCODED = [
    (0, "00"),
    (7, "10 07"),
    (0x1234, "20 12 34"),
    (-1, "40 FF FF FF FF"),
    (2**31, "40 80 00 00 00"),
    ("abcdef", "71 61 62 63 64 65 66 00"),
    ("", "11 00"),
    ("123456789", "91 0A 31 32 33 34 35 36 37 38 39 00"),
    ({"test": 1}, "03 55 74 65 73 74 00 10 01 83"),
    ({"starting": 0, "all": 3}, "03 95 09 73 74 61 72 74 69 6E 67 00 00 45 61 6C 6C 00 10 03 83"),
    (["total", {"caller": "x"}], "03 61 74 6F 74 61 6C 00 03 75 63 61 6C 6C 65 72 00 21 78 00 83 83"),
    (({"a": 1}, {"a": 2}), "03 25 61 00 10 01 25 61 00 10 02 83"),
    (1.5, "22 05 DC"),
    (None, "91 0E 3C 6E 75 6C 6C 20 73 74 72 69 6E 67 3E 00"),
]


@pytest.mark.parametrize(("value", "encoded"), ENCODED)
def test_values_are_encoded_as_the_reference_says(value, encoded):
    assert binrpc.encode(value) == bytes.fromhex(encoded)


def test_packets_are_those_of_the_reference():
    buffer = bytearray.fromhex("A1 01 0B 1A 2B 91 09 64 6C 67 2E 6C 69 73 74 00 A1")
    packet = binrpc.take(buffer)
    assert (packet.cookie, binrpc.request(packet.body), buffer) == (COOKIE, ("dlg.list", []), b"\xa1")
    assert binrpc.packet(binrpc.REPLY, COOKIE, binrpc.encode(5)) == bytes.fromhex("A1 11 02 1A 2B 10 05")
    assert binrpc.fault(COOKIE, Fault(404, "X")) == bytes.fromhex("A1 31 06 1A 2B 20 01 94 21 58 00")
    assert binrpc.packet(binrpc.REPLY, COOKIE, b"") == bytes.fromhex("A1 11 00 1A 2B")


def test_packet_is_taken_when_it_is_whole():
    whole, buffer = bytes.fromhex("A1 01 0B 1A 2B 91 09 64 6C 67 2E 6C 69 73 74 00"), bytearray()
    for byte in whole[:-1]:
        assert binrpc.take(buffer) is None
        buffer.append(byte)
    assert binrpc.take(buffer) is None
    buffer.append(whole[-1])
    assert binrpc.take(buffer) == binrpc.Packet(COOKIE, whole[5:])


plain = st.integers(0, 2**31 - 1) | st.text(st.characters(exclude_characters="\0", codec="utf-8"))
names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


@given(st.lists(plain | st.dictionaries(names, plain, min_size=1)))
def test_values_come_back(values):
    assert binrpc.values(b"".join(map(binrpc.encode, values))) == values


@pytest.mark.parametrize("data", ["A2", "A0 01", "A1 11 00 00 00", "A1 0C FF FF FF FF 00", "47"])
def test_what_is_no_request_is_malformed(data):
    with pytest.raises(Malformed):
        binrpc.take(bytearray.fromhex(data))


@pytest.mark.parametrize(
    "body",
    [
        *("", "10 05", "71 61", "F1", "21 61 61", "91 FF 61 00", "21 61 00 13", "21 61 00 03", "21 61 00 03 25 61 00", "21 61 00 03 25", "90", "07"),
        *("21 61 00 " + "03 " * 20, "21 61 00 94 00", "21 61 00 F0 00 00 00 00 00 00 09 00 00 00 00 00 00 00 00 00"),
    ],
)
def test_bodies_that_are_none_are_malformed(body):
    with pytest.raises(Malformed):
        binrpc.request(bytes.fromhex(body))


def test_records_of_every_type_are_read():
    body = bytes.fromhex("16 01 22 05 DC 04 10 01 10 02 84 03 10 01 83 40 FF FF FF FF")
    assert binrpc.values(body) == [b"\x01", 1.5, [1, 2], [1], -1]


@given(st.binary(max_size=200))
def test_bytes_of_strangers_are_values_or_malformed(data):
    for read in (binrpc.values, lambda raw: binrpc.take(bytearray(raw))):
        with suppress(Malformed):
            read(data)
