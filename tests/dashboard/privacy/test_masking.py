"""What a masked number looks like, in texts and on the wire."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.privacy.masking import mask, mask_message, mask_name, mask_parties, mask_text, mask_value

KEEP = 4


@pytest.mark.parametrize(
    ("number", "keep", "shown"),
    [
        ("+493012345678", 4, "+493xxxxxxxxx"),
        ("4417", 4, "44xx"),
        ("112", 4, "1xx"),
        ("7", 4, "x"),
        ("alice", 4, "alxxx"),
        ("", 4, ""),
        ("+493012345678", 0, "xxxxxxxxxxxxx"),
        ("+493012345678", 99, "+49301xxxxxxx"),
    ],
)
def test_mask_keeps_a_beginning_and_never_more_than_half(number, keep, shown):
    assert mask(number, keep) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sip:4417@example.net", "sip:44xx@example.net"),
        ("sips:+4930123456;phone-context=x:pw@[2001:db8::1]:5061;user=phone", "sips:+493xxxxxxxxxxxxxxxxxxxxxxxxxx@[2001:db8::1]:5061;user=phone"),
        ("<sip:example.net;lr>", "<sip:example.net;lr>"),
        ("tel:+4930123456;ext=7", "tel:+493xxxxxxx;ext=7"),
        ("sip:5000@x?Referred-By=%3Csip%3A4417%40example.net%3E", "sip:50xx@x?Referred-By=%3Csip%3A44xx%40example.net%3E"),
        ("4417 calls 4930123456, 60 calls at 192.0.2.1:5060", "44xx calls 4930xxxxxx, 60 calls at 192.0.2.1:5060"),
        ("a44170 and 44170 and 4417.", "a44170 and 44170 and 44xx."),
        ("486 Busy Here", "486 Busy Here"),
    ],
)
def test_text_loses_parties_users_and_long_numbers(text, shown):
    assert mask_text(text, KEEP, ["4417", ""]) == shown


def test_value_that_is_a_number_is_masked_and_a_class_is_not():
    assert [mask_value(value, KEEP) for value in ("4417", "252", "gold", "sip:4417@x", "+4930")] == ["44xx", "252", "gold", "sip:44xx@x", "+4xxx"]


def test_parties_are_masked_on_both_sides_of_an_arrow():
    texts = ("4417 -> 5000", "“4417 → +15551234567”: busy", "sip:4417@x → 5000")
    assert [mask_parties(text, KEEP) for text in texts] == ["44xx -> 50xx", "“44xx → +155xxxxxxxx”: busy", "sip:44xx@x → 50xx"]


def test_name_keeps_its_shape():
    assert mask_name("Ann O'Neill 4417") == "xxx x'xxxxx xxxx"


MESSAGE = "\r\n".join(  # noqa: FLY002 -- a message is lines
    [
        "INVITE sip:+15551234567@example.net;user=phone SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK-4417",
        'From: "Ann Onym" <sip:4417@example.net>;tag=a',
        "t: Bob O'Hara <sip:+15551234567@example.net>",
        "Contact: <sip:4417@192.0.2.7:5060>",
        'P-Asserted-Identity: "Ann" <tel:+4930123456>,',
        " <sip:4930123456@example.net>",
        "Remote-Party-ID:",
        " Ann <sip:4417@example.net>;party=calling",
        "X-Caller: 004930123456 9876543210",
        "Call-ID: 15551234567-a@192.0.2.7",
        "CSeq: 4417 INVITE",
        "Content-Length: 40",
        "",
        "v=0",
        "o=4417 123456789 1 IN IP4 192.0.2.7",
        "c=IN IP4 192.0.2.7",
    ]
).encode()
SHOWN = "\r\n".join(  # noqa: FLY002
    [
        "INVITE sip:+155xxxxxxxx@example.net;user=phone SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK-44xx",
        'From: "xxx xxxx" <sip:44xx@example.net>;tag=a',
        "t: xxx x'xxxx <sip:+155xxxxxxxx@example.net>",
        "Contact: <sip:44xx@192.0.2.7:5060>",
        'P-Asserted-Identity: "xxx" <tel:+493xxxxxxx>,',
        " <sip:4930xxxxxx@example.net>",
        "Remote-Party-ID:",
        " xxx <sip:44xx@example.net>;party=calling",
        "X-Caller: 0049xxxxxxxx 9876xxxxxx",
        "Call-ID: 1555xxxxxxx-a@192.0.2.7",
        "CSeq: 44xx INVITE",
        "Content-Length: 40",
        "",
        "v=0",
        "o=44xx 123456789 1 IN IP4 192.0.2.7",
        "c=IN IP4 192.0.2.7",
    ]
).encode()


def test_message_is_masked_everywhere_and_keeps_its_length():
    masked = mask_message(MESSAGE, KEEP)
    assert (masked.decode(), len(masked)) == (SHOWN.decode(), len(MESSAGE))


def test_message_without_a_uri_loses_what_is_known():
    assert mask_message(b"SIP/2.0 486 Busy\r\nReason: 4417 is busy\r\n\r\n", KEEP, ["4417"]) == b"SIP/2.0 486 Busy\r\nReason: 44xx is busy\r\n\r\n"


@given(
    st.binary(max_size=300) | st.lists(st.sampled_from([b"sip:", b"@", b'"', b"<", b"From:", b"\r\n", b" ", b"4417", b"tel:+", b"\xff", b"o="])).map(b"".join)
)
def test_any_bytes_keep_their_length_and_masking_twice_changes_nothing(data):
    masked = mask_message(data, KEEP, ["4417"])
    assert (len(masked), mask_message(masked, KEEP, ["4417"])) == (len(data), masked)


@pytest.mark.parametrize("part", ["sip:", "From:" + " " * 999, '"', '"" ', "4417 ", "a -> ", "\\", "o=", "x-a: ", "%40", "tel:"])
def test_hostile_text_takes_time_in_proportion(part):
    begun = time.process_time()
    text = (part * 65536)[:65536]
    mask_message(text.encode(), KEEP, ["4417"])
    mask_parties(text, KEEP, ["4417"])
    assert time.process_time() - begun < 3  # quadratic patterns take minutes
