"""SDP in values and words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.insight import sdp
from dialogs.insight.sdp import Media

TWO = (
    "v=0\r\nc=IN IP4 192.0.2.1\r\na=sendonly\r\nm=audio 30000 RTP/AVP 96 8 0 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
    "m=video 0 RTP/AVP 34\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n"
)
BODIES = {
    "two media": (
        TWO,
        (
            Media("audio", "192.0.2.1", 30000, ("opus", "PCMA", "PCMU", "telephone-event"), "sendonly"),
            Media("video", "2001:db8::1", 0, ("H263",), "inactive"),
        ),
        ["audio: opus, PCMA, PCMU, telephone-event; to 192.0.2.1:30000; sends only", "video: refused or switched off (port 0)"],
    ),
    "bare LF, no address": (
        "v=0\nm=audio 4000 RTP/AVP 0",
        (Media("audio", "", 4000, ("PCMU",), "sendrecv"),), ["audio: PCMU; to an address that is not given:4000"],
    ),
    "held the old way": (
        "v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8",
        (Media("audio", "0.0.0.0", 4000, ("PCMA",), "sendrecv"),),
        ["audio: PCMA; held the old way (0.0.0.0)"],
    ),
    "IPv6, inactive": (
        "v=0\nc=IN IP6 ::1\nm=audio 4000 RTP/AVP 9\na=inactive",
        (Media("audio", "::1", 4000, ("G722",), "inactive"),),
        ["audio: G722; to [::1]:4000; held: neither sends nor receives"],
    ),
    "a part of a multipart body": (
        "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nm=audio 1 RTP/AVP 0\r\n--x\r\nm=audio 2 RTP/AVP 8\r\n--x--",
        (Media("audio", "", 1, ("PCMU",), "sendrecv"),),
        ["audio: PCMU; to an address that is not given:1"],
    ),
    "fax": ("v=0\nm=image 5000 udptl t38", (Media("image", "", 5000, ("t38",), "sendrecv"),), ["image: t38; to an address that is not given:5000"]),
    "no SDP": ("<xml/>", (), []),
    "empty": ("", (), []),
    "no number": ("v=0\nm=audio many RTP/AVP 0\na=rtpmap:0 x/1", (), []),
}  # fmt: skip


@pytest.mark.parametrize(("body", "media", "words"), BODIES.values(), ids=BODIES)
def test_media_are_read_and_said(body, media, words):
    found = sdp.read(body.encode())
    assert (found, [one.words for one in found]) == (media, words)


FLOWS = {
    ("sendrecv", 1, "192.0.2.1"): (True, True),
    ("sendonly", 1, "192.0.2.1"): (True, False),
    ("recvonly", 1, "192.0.2.1"): (False, True),
    ("inactive", 1, "192.0.2.1"): (False, False),
    ("sendrecv", 0, "192.0.2.1"): (False, False),
    ("sendrecv", 1, "0.0.0.0"): (True, False),
}


@pytest.mark.parametrize(("said", "flow"), FLOWS.items())
def test_direction_port_and_address_decide_who_hears(said, flow):
    direction, port, host = said
    media = Media("audio", host, port, ("PCMU",), direction)
    assert (media.sends, media.receives) == flow


def test_speech_leaves_tones_out():
    assert Media("audio", "", 1, ("PCMU", "CN", "telephone-event"), "sendrecv").speech == {"pcmu"}


@given(st.binary(max_size=300))
def test_whatever_comes_never_raises(body):
    assert len(sdp.read(b"v=0\nm=audio 1 RTP/AVP 0\n" + body)) <= sdp.MOST


def test_what_a_stranger_sends_is_bounded():
    body = b"v=0\n" + b"m=audio 1 RTP/AVP " + b" ".join(b"%d" % n for n in range(200)) + b"\n" + b"m=audio 1 RTP/AVP 0\n" * 100
    assert (len(sdp.read(body)), len(sdp.read(body)[0].codecs)) == (sdp.MOST, sdp.MOST)
