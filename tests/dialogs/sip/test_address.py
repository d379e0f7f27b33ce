"""URIs, name-addrs and comma lists."""

import pytest

from dialogs.sip import URI, Address, split_list

URIS = {
    "sip:alice@example.org": ("sip", "alice", "example.org", 0),
    "sip:alice:pw@example.org:5070;transport=tcp?x=1": ("sip", "alice", "example.org", 5070),
    "SIPS:[2001:db8::1]:5061": ("sips", "", "2001:db8::1", 5061),
    "sip:a@b@example.org": ("sip", "a@b", "example.org", 0),
    "tel:+15550100;phone-context=x": ("tel", "+15550100", "", 0),
    "example.org": ("", "", "example.org", 0),
    "sip:h:99999999": ("sip", "", "h", 0),
    "sip:h:x": ("sip", "", "h", 0),
    "": ("", "", "", 0),
}


@pytest.mark.parametrize(("text", "parts"), URIS.items())
def test_uri_parts(text, parts):
    assert URI.parse(text) == parts


ADDRESSES = {
    b"<sip:a@b>;tag=1": ("", "sip:a@b", "1"),
    b'"Al \\"ice\\"" <sip:a@b>;tag=1;x=2': ('Al "ice"', "sip:a@b", "1"),
    b"Alice <sip:a@b;tag=no>": ("Alice", "sip:a@b;tag=no", ""),
    b"sip:a@b;tag=1": ("", "sip:a@b", "1"),
    b'"<x>;tag=no" <sip:a@b> ; TAG = 1 ;other="a;tag=b"': ("<x>;tag=no", "sip:a@b", "1"),
    b'<sip:a@b>;other="a;tag=b"': ("", "sip:a@b", ""),
    b'"unclosed <sip:a@b>': ("", '"unclosed <sip:a@b>', ""),
    b"<sip:a@b": ("", "sip:a@b", ""),
    b"": ("", "", ""),
    b"<sip:a@b>;x": ("", "sip:a@b", ""),
    "<sip:ü@b>".encode("latin-1"): ("", "sip:ü@b", ""),
    "ü <sip:a@b>".encode(): ("ü", "sip:a@b", ""),
    b"\x1b[31m <sip:a@b>": ("\\x1b[31m", "sip:a@b", ""),
}


@pytest.mark.parametrize(("value", "expected"), ADDRESSES.items())
def test_address_parts(value, expected):
    assert Address.parse(value) == expected


LISTS = {
    b"<sip:a>": [b"<sip:a>"],
    b"<sip:a>, <sip:b>": [b"<sip:a>", b"<sip:b>"],
    b'"x, y" <sip:a?q=1,2>,<sip:b>': [b'"x, y" <sip:a?q=1,2>', b"<sip:b>"],
    b'"a\\", b" <sip:a>,, >b': [b'"a\\", b" <sip:a>', b">b"],
    b" , ": [],
}


@pytest.mark.parametrize(("value", "items"), LISTS.items())
def test_comma_list_splits_outside_of_quotes_and_brackets(value, items):
    assert split_list(value) == items
