"""What explains a call, in sentences with their proof."""

import msgspec
import pytest

from dialogs.config import Peer
from dialogs.insight.case import Case, Sentence, seconds
from dialogs.insight.explain import explain
from tests.dialogs.insight.cases import RECORDINGS, drawn, recorded
from tests.dialogs.ladder import address

PEERS = (Peer("edge-1", (str(address("proxy")),), "proxy"), Peer("gw-2", (str(address("trunk")),), "trunk"))
ANSWERED = "alice -> bob INVITE\nbob -> alice 200\nalice -> bob ACK\n"
HOPS = "alice -> proxy INVITE\nproxy -> trunk INVITE branch=z\n"
UP = "trunk -> proxy 200 branch=z\nproxy -> alice 200\n"
REINVITE = "alice -> bob INVITE cseq=2 to=b\nbob -> alice 200 cseq=2\nalice -> bob ACK cseq=2"
IN_CALL = ("good", "In call.", "It was answered after 0.01 s.")


def sdp(direction: str = "", host: str = "8.8.8.8", port: int = 30000, codecs: str = "0 8") -> str:
    return f"v=0\r\nc=IN IP4 {host}\r\nm=audio {port} RTP/AVP {codecs}\r\n" + (f"a={direction}\r\n" if direction else "")


def told(case: Case) -> list[tuple[str, str, str]]:
    """Return (tone, lead, proof as it is read) of each sentence."""
    return [(one.tone, one.lead, read(one)) for one in explain(case)]


def read(sentence: Sentence) -> str:
    parts = [f" ({part})" if isinstance(part, int) else part if part[:1] in ".,;:" else f" {part}" for part in sentence.proof]
    return "".join(parts).strip()


CASES = {
    "up": (ANSWERED, {}, [IN_CALL]),
    "setting up": ("alice -> bob INVITE", {}, [("plain", "Setting up.", "")]),
    "no ACK": (
        HOPS + UP + "+1s\ntrunk -> proxy 200 branch=z\n",
        {},
        [
            ("warn", "No ACK: the call drops in", "The 200 Word (3) was repeated once (5): alice has sent no ACK."),
            ("plain", "Answered, waiting for the ACK.", "It was answered after 0.02 s."),
        ],
    ),
    "the 200 does not come to the caller": (
        HOPS + "trunk -> proxy 200 branch=z\n+1s\ntrunk -> proxy 200 branch=z\n",
        {},
        [
            ("warn", "No ACK: the call drops in", "The 200 Word (3) was repeated once (4): no ACK has passed edge-1."),
            ("plain", "Answered, waiting for the ACK.", "It was answered after 0.02 s."),
        ],
    ),
    "dropped at 32 s": (
        HOPS + UP + "+32s\ntrunk -> proxy BYE reverse cseq=1 branch=y",
        {},
        [
            ("bad", "Dropped 32 s after the answer: the ACK never came.", "The 200 Word (3): alice has sent no ACK."),
            ("warn", "Caller not confirmed gone.", ""),
            ("plain", "Ended by the callee after 32 s.", "(5) It was answered after 0.02 s."),
        ],
    ),
    "ACK stuck at the proxy": (
        HOPS + UP + "alice -> proxy ACK\n+1s\ntrunk -> proxy 200 branch=z\n+1s\ntrunk -> proxy 200 branch=z\n",
        {},
        [
            ("warn", "The ACK does not arrive.", "Seen first in (5); gw-2 repeated its answer 2 times after it (7)."),
            ("good", "In call.", "It was answered after 0.02 s."),
        ],
    ),
    "a trunk's 503, passed on as 500": (
        HOPS + "trunk -> proxy 503 branch=z\nproxy -> alice 500",
        {},
        [("bad", "gw-2 answered 503 service unavailable.", "It said so in (3); edge-1 passed it on as 500 (4).")],
    ),
    "the proxy gives up": (
        HOPS + "+30s\nproxy -> alice 408",
        {},
        [("warn", "edge-1 gave up: 408 no answer from the network.", "gw-2 has given its INVITE (2) no final answer; see (3).")],
    ),
    "the proxy's own refusal": (
        "alice -> proxy INVITE\nproxy -> alice 503 Retry-After:10",
        {},
        [("bad", "edge-1 itself answered 503 service unavailable.", "The call was sent on to nobody (2), asking to try again after 10 s.")],
    ),
    "busy": ("alice -> bob INVITE\nbob -> alice 486", {}, [("plain", f"{address('bob')} answered 486 busy.", "See (2).")]),
    "slow": (
        HOPS + "+7s\ntrunk -> proxy 180 branch=z\nproxy -> alice 180\n",
        {},
        [
            ("warn", "Slow set-up: 7.0 s until it rang.", "7.0 s of it lie between the INVITE to gw-2 (2) and the 180 Word of gw-2 (3)."),
            ("plain", "Ringing.", "It rang after 7.0 s."),
        ],
    ),
    "lossy": (
        "alice -> bob INVITE\n" + "+1s\nalice -> bob INVITE\n" * 3,
        {},
        [
            ("warn", "3 messages were repeated: packets are lost, or somebody is slow.", f"Most from alice to {address('bob')}: the INVITE (4)."),
            ("plain", "Setting up.", ""),
        ],
    ),
    "scanner": (
        "alice -> bob INVITE User-Agent:friendly-scanner",
        {},
        [("bad", "This is a scanner.", f"Its User-Agent is “friendly-scanner”, sent from {address('alice')}."), ("plain", "Setting up.", "")],
    ),
    "INVITE not seen": (
        "bob -> alice 200\nalice -> bob ACK\n+2s\nalice -> bob OPTIONS",
        {},
        [("plain", "The INVITE was not seen: joined late.", ""), ("good", "In call.", "It was answered after 0.00 s.")],
    ),
    "only one side sends": (
        ANSWERED,
        {1: sdp(), 2: sdp("sendonly")},
        [
            (
                "warn",
                "One-way audio: by SDP the callee hears nothing.",
                "The caller says “audio: PCMU, PCMA; to 8.8.8.8:30000” (1). The callee says “audio: PCMU, PCMA; to 8.8.8.8:30000; sends only” (2).",
            ),
            IN_CALL,
        ],
    ),
    "audio refused": (ANSWERED, {1: sdp(), 2: sdp(port=0)}, [("bad", "No audio: the callee refused it (port 0).", "See (1) and (2)."), IN_CALL]),
    "no common codec": (
        ANSWERED,
        {1: sdp(), 2: sdp(codecs="18 101")},
        [("bad", "No audio: there is no codec that both have.", "PCMU, PCMA meet G729, 101. See (1) and (2)."), IN_CALL],
    ),
    "held": (
        ANSWERED + REINVITE,
        {1: sdp(), 2: sdp(), 4: sdp("sendonly"), 5: sdp("recvonly")},
        [("plain", "The caller holds the callee.", "Its audio is PCMU, PCMA; to 8.8.8.8:30000; sends only (4)."), IN_CALL],
    ),
    "held the old way by the callee": (
        ANSWERED + "bob -> alice INVITE reverse cseq=2 to=b\nalice -> bob 200 reverse cseq=2",
        {1: sdp(), 2: sdp(), 4: sdp(host="0.0.0.0"), 5: sdp()},
        [("plain", "The callee holds the caller.", "Its audio is PCMU, PCMA; held the old way (0.0.0.0) (4)."), IN_CALL],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ladder", "bodies", "expected"), CASES.values(), ids=CASES)
def test_call_is_explained(ladder, bodies, expected):
    assert told(drawn(ladder, bodies, PEERS)) == expected


def test_countdown_ends_32_seconds_after_the_answer():
    case = drawn("alice -> bob INVITE\nbob -> alice 200\n+1s\nbob -> alice 200")
    assert explain(case)[0].until_ns == case.call.start_ns + 32 * 10**9


LIMITS = {
    "a limit was passed": ("486", ("caller=x was over the limit “callers”",), "At that moment caller=x was over the limit “callers”."),
    "no limit was passed": ("486", (), ""),
    "an answer that no limit gives": ("404", ("caller=x was over the limit “callers”",), ""),
}


@pytest.mark.parametrize(("status", "limits", "words"), LIMITS.values(), ids=LIMITS)
def test_refusal_at_our_limit_is_told(status, limits, words):
    (first, *_) = told(drawn(f"alice -> proxy INVITE\nproxy -> alice {status}", peers=PEERS, limits=limits))
    assert (first[1].startswith("Refused at our limit: edge-1 itself answered "), words in first[2]) == (bool(words), True)


def test_reason_that_speaks_of_a_limit_is_quoted():
    case = drawn("alice -> proxy INVITE\nproxy -> alice 503", peers=PEERS)
    spoken = [heard._replace(message=type(heard.message)(*_pieces(heard.data))) if heard.number == 2 else heard for heard in case.messages]
    assert told(case._replace(messages=spoken))[0][1:] == (
        "Refused at our limit: edge-1 itself answered 503 service unavailable.",
        "Its reason says so: “Too many calls”. The call was sent on to nobody (2).",
    )


def _pieces(data: bytes) -> tuple[bytes, int, int, int, bytes]:
    data = data.replace(b"503 Word", b"503 Too many calls")
    return data, data.find(b"\r\n\r\n"), data.find(b"\n") + 1, 503, b""


def test_private_addresses_of_a_public_party_are_told():
    case = drawn(ANSWERED, {1: sdp(host="192.168.1.20"), 2: sdp()})
    caller = msgspec.structs.replace(case.call.caller, address="8.8.8.8:5060", contact="sip:a@192.168.1.20")
    assert told(case._replace(call=msgspec.structs.replace(case.call, caller=caller)))[:2] == [
        (
            "warn",
            "One-way audio is likely: the caller's audio address is private.",
            "It asks for audio at 192.168.1.20 but sends from 8.8.8.8:5060: without a media relay it hears nothing (1).",
        ),
        (
            "warn",
            "The caller's Contact is private.",
            "It is sip:a@192.168.1.20, but the caller sends from 8.8.8.8:5060: what is sent to the Contact is lost unless the proxy mends it.",
        ),
    ]


RECORDED = {
    "basic": ["Ended by the caller after 3.0 s."],
    "callee-hangup": ["Ended by the callee after 2.0 s."],
    "cancel": ["Cancelled by the caller after 1.2 s of ringing."],
    "busy": ["127.0.0.20:5115 answered 486 busy."],
    "fork": ["Forked to 2.", "Ended by the caller after 2.0 s."],
    "trunk-auth407": ["One-way audio: by SDP the caller hears nothing.", "Ended by the caller after 4.8 s."],
}


@pytest.mark.parametrize(("name", "leads"), RECORDED.items())
def test_recorded_call_is_explained(name, leads):
    assert [sentence.lead for sentence in explain(recorded(RECORDINGS / name))] == leads


LAB = {
    "noack": "No ACK: the call drops in",
    "noack-bye": "Its answer was never acknowledged.",
    "dead-callee": "edge-1 gave up: 408 no answer from the network.",
    "server-error": "127.0.0.20:5117 answered 503 service unavailable.",
    "local-404": "edge-1 itself answered 404 no such number.",
    "fork-two-200": "Forked to 2.",
    "control-end-after-reinvite": "The caller holds the callee.",
    "lost-bye": "18 messages were repeated: packets are lost, or somebody is slow.",
    "stuck": "In call.",
}


@pytest.mark.parametrize(("name", "lead"), LAB.items())
def test_call_of_the_lab_is_explained(captures, name, lead):
    assert explain(recorded(captures / name))[0].lead == lead


def test_every_call_of_the_lab_has_an_explanation(captures):
    folders = [path.parent for path in captures.glob("*/capture.pcap")]
    assert [folder.name for folder in folders if not all(one.lead for one in explain(recorded(folder)))] == []
    assert len(folders) > 90


def test_call_without_messages_is_explained_by_its_facts():
    case = drawn("alice -> bob INVITE\nbob -> alice 486")
    assert told(case._replace(messages=())) == [("plain", "Refused: 486 busy.", "")]


DURATIONS = {0: "0.00 s", 312_000_000: "0.31 s", 7_240_000_000: "7.2 s", 41 * 10**9: "41 s", 862 * 10**9: "14:22", 3730 * 10**9: "1:02:10", -5: "0.00 s"}


@pytest.mark.parametrize(("duration", "words"), DURATIONS.items())
def test_duration_reads_as_a_person_says_it(duration, words):
    assert seconds(duration) == words
