"""What was not seen of a call, in words."""

import pytest

from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.engine.unseen import ANSWERS_ONLY, CALLEE_ONLY, CALLER_ONLY, ENCRYPTED, GUESSED, LATE, NO_ANSWER, NO_BYE, NO_FINAL, REQUESTS_ONLY
from tests.dialogs.ladder import feed, packets

CALLER, CALLEE = ENCRYPTED.values()
ANSWERED = "alice -> bob INVITE\nbob -> alice 200\nalice -> bob ACK\n"
LATER = "\n+2s\nalice -> bob OPTIONS callid=later"
SEEN = {
    "all": (ANSWERED, ()),
    "nothing came back": ("alice -> bob INVITE\nalice -> bob CANCEL", ()),
    "refused": ("alice -> bob INVITE\nbob -> alice 486", ()),
    "caller's side": ("alice -> bob INVITE\nalice -> bob ACK", (NO_ANSWER, CALLER_ONLY)),
    "caller's side, with its end": ("alice -> bob INVITE\nalice -> bob ACK\nalice -> bob 200 of=BYE reverse", (NO_ANSWER, CALLER_ONLY)),
    "callee's side": ("bob -> alice 180\nbob -> alice 200\nbob -> alice BYE reverse" + LATER, (LATE, CALLEE_ONLY)),
    "callee rings": ("bob -> alice 180" + LATER, (LATE,)),
    "requests": ("alice -> bob INVITE\nalice -> bob ACK\nbob -> alice BYE reverse", (NO_ANSWER, REQUESTS_ONLY)),
    "answers": ("bob -> alice 200\nalice -> bob 200 of=BYE reverse" + LATER, (LATE, NO_BYE, ANSWERS_ONLY)),
    "caller's answers": ("alice -> bob INFO cseq=2\nalice -> bob 200 of=INFO reverse" + LATER, (GUESSED, CALLER_ONLY)),
    "refusal": ("alice -> bob INVITE\nalice -> bob ACK branch=INVITE1", (NO_FINAL,)),
}


def shown(engine):
    """Return what was not seen of the one call."""
    (call,) = engine.all_calls()
    return engine.snapshot(call.uid).incomplete


@pytest.mark.parametrize(("ladder", "expected"), SEEN.values(), ids=SEEN)
def test_part_that_was_not_seen_is_said(ladder, expected):
    engine = Engine(Config())
    feed(engine, packets(ladder))
    assert shown(engine) == expected


TLS_VIA = "Via:SIP/2.0/TLS_phone;branch=z9hG4bKtls"
SIDES = {
    "caller by Via": (f"proxy -> bob INVITE {TLS_VIA}", (CALLER,)),
    "caller by WebSocket's Via": ("proxy -> bob INVITE Via:sip_/_2.0_/_wss_phone;branch=z9hG4bKtls", (CALLER,)),
    "caller by Contact": ("proxy -> bob INVITE contact=sip:alice@h;transport=tls", (CALLER,)),
    "caller by sips": ("proxy -> bob INVITE contact=sips:alice@h", (CALLER,)),
    "caller by Record-Route": ("proxy -> bob INVITE route=<sip:p;lr>,<sip:p;transport=TLS;lr>", (CALLER,)),
    "callee by Contact": ("alice -> proxy INVITE\nproxy -> alice 200 contact=sip:bob@h;transport=tls", (CALLEE,)),
    "callee by Record-Route": ("alice -> proxy INVITE\nproxy -> alice 200 route=<sip:p;transport=tls;lr>,<sip:p;lr>", (CALLEE,)),
    "only the caller": (f"proxy -> bob INVITE {TLS_VIA} route=<sip:p;transport=tls>\nbob -> proxy 200 route=<sip:p;transport=tls> {TLS_VIA}", (CALLER,)),
    "both": (f"a -> b INVITE {TLS_VIA}\nb -> a 200 contact=sip:bob@h;transport=wss", (CALLER, CALLEE)),
    "joined by an answer": (f"bob -> proxy 180 {TLS_VIA} contact=sips:bob@h route=<sip:p;transport=tls>" + LATER, (LATE, CALLER)),
    "answered when joined": ("bob -> proxy 180 route=<sip:p;transport=tls>\nbob -> proxy 200 route=<sip:p;transport=tls>" + LATER, (LATE, CALLEE_ONLY)),
    "others": ("a -> b INVITE contact=sip:alice@h;transport=tls-ish Via:x Via:SIP/2.0/TCP_h route=<sip:p;transport=tcp>", ()),
}


@pytest.mark.parametrize(("ladder", "expected"), SIDES.values(), ids=SIDES)
def test_encrypted_leg_is_said(ladder, expected):
    engine = Engine(Config())
    feed(engine, packets(ladder))
    assert shown(engine) == expected


READ = {  # transports of the packets, by which the tap does see TLS
    "both hops": (("tls", "udp", "udp", "tls"), ()),
    "first hop last": (("udp", "tls", "udp", "tls"), ()),
    "none": (("udp",) * 4, (CALLER,)),
    "a copy of no TLS": (("udp", "tcp", "udp", "udp"), (CALLER,)),
}


@pytest.mark.parametrize(("transports", "expected"), READ.values(), ids=READ)
def test_encrypted_leg_that_the_tap_reads_is_not_missing(transports, expected):
    drawn = packets(
        f"proxy -> bob INVITE branch=p {TLS_VIA}\nalice -> proxy INVITE branch=a\n"
        "bob -> proxy 200 branch=p route=<sip:p;transport=tls;lr>\nproxy -> alice 200 branch=a route=<sip:p;transport=tls;lr>"
        if transports[0] == "udp"
        else "alice -> proxy INVITE\nproxy -> bob INVITE branch=p\nbob -> proxy 200 branch=p route=<sip:p;transport=tls;lr>\nproxy -> alice 200",
    )
    drawn = [packet.changed(transport=transport) for packet, transport in zip(drawn, transports, strict=True)]
    engine = Engine(Config())
    feed(engine, drawn)
    assert shown(engine)[:1] == expected


def test_message_that_says_tls_of_its_own_hop_was_decrypted():
    engine = Engine(Config())
    drawn = packets("alice -> bob INVITE contact=sip:a@h;transport=tls\nbob -> alice 200 contact=sip:b@h;transport=tls")
    feed(engine, [packet.changed(data=packet.data.replace(b"2.0/UDP", b"2.0/TLS"), transport="tcp") for packet in drawn])
    assert shown(engine) == ()


def test_message_without_via_hides_nothing():
    engine = Engine(Config())
    drawn = packets("alice -> bob INVITE\nbob -> alice 200")
    feed(engine, [packet.changed(data=packet.data.replace(b"Via:", b"X:")) for packet in drawn])
    assert shown(engine) == ()
