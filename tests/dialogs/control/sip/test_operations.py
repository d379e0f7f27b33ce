"""Operations without I/O: what a BYE's answers mean, challenges, numbers."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.control.sip.digest import ROUNDS, Credentials, Digest
from dialogs.control.sip.hangup import Hangup
from dialogs.control.sip.operations import Answer, HangupResult, Heard, LegResult, ask, end_leg, listen
from dialogs.control.sip.requests import bye
from dialogs.control.sip.syntax import Unsendable

from .samples import IDENTITY, TO_CALLEE, Play, prepared, request
from .test_dialog import CALLEE, call

CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="1"'
STALE = 'WWW-Authenticate: Digest realm="r", nonce="2", stale=true'


def digest() -> Digest:
    return Digest((Credentials("alice", "secret", "r"),), lambda: "c")


@pytest.mark.parametrize(
    ("said", "result"),
    [
        ("200 OK", LegResult("released", 200, "200 OK", cseq=42)),
        ("202 Accepted", LegResult("released", 202, "202 Accepted", cseq=42)),
        ("481 Gone", LegResult("released", 481, "481 Gone", cseq=42)),
        ("408 Timeout", LegResult("no answer", 408, "408 Timeout", cseq=42)),
        ("403 Forbidden", LegResult("refused", 403, "403 Forbidden", cseq=42)),
        ("302 Moved", LegResult("refused", 302, "302 Moved", cseq=42)),
        ("500 Error", LegResult("refused", 500, "500 Error", cseq=42)),
        (Answer(None, "no answer", "no answer in time", 42), LegResult("no answer", 0, "no answer in time", cseq=42)),
        (Answer(None, "not sent", "not in allow"), LegResult("not sent", 0, "not in allow")),
    ],
    ids=str,
)
def test_answer_to_a_bye_says_what_became_of_the_leg(said: object, result: LegResult):
    play = Play([said])
    assert play.run(end_leg(TO_CALLEE, IDENTITY, digest())) == result
    assert play.shown == [("bye", "begun"), ("bye", "done" if result.outcome == "released" else "failed")]


def test_challenge_is_answered_with_the_next_number():
    play = Play([("401 Unauthorized", CHALLENGE), ("407 Proxy", CHALLENGE.replace("WWW", "Proxy")), ("401 Unauthorized", STALE), "200 OK"])
    assert play.run(end_leg(TO_CALLEE, IDENTITY, digest())) == LegResult("released", 200, "200 OK", challenged=True, cseq=45)
    assert [one.cseq for one in play.sent] == [42, 43, 44, 45]
    last = request(play.sent[-1].data)
    assert [len(last.headers(name)) for name in ("authorization", "proxy-authorization")] == [1, 1]
    assert 'nonce="2"' in last.headers("authorization")[0]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([("401 No", CHALLENGE.replace('"r"', '"other"'))], '401 No: no credentials for realm "other"'),
        ([("401 No", CHALLENGE), ("401 No", CHALLENGE)], '401 No: the credentials for realm "r" were not accepted'),
        ([("407 No",)], "407 No: 407 without a challenge that can be answered"),
    ],
    ids=["unknown", "wrong", "none"],
)
def test_challenge_that_cannot_be_answered_is_refused_in_words(script: list[object], words: str):
    result = Play(script).run(end_leg(TO_CALLEE, IDENTITY, digest()))
    assert (result.outcome, result.words, result.challenged) == ("refused", words, len(script) > 1)


def test_rounds_are_bounded():
    play = Play([("401 No", CHALLENGE), *[("401 No", STALE)] * ROUNDS])
    assert play.run(end_leg(TO_CALLEE, IDENTITY, digest())).outcome == "refused"
    assert len(play.sent) == ROUNDS + 1


@given(seen=st.integers(0, 2**31 - 10), rounds=st.integers(0, ROUNDS))
def test_our_numbers_never_repeat_one_that_was_seen(seen: int, rounds: int):
    play = Play([*[("401 No", STALE)] * rounds, "200 OK"])
    result = play.run(end_leg(msgspec.structs.replace(TO_CALLEE, cseq=seen), IDENTITY, digest()))
    numbers = [one.cseq for one in play.sent]
    assert numbers == sorted(set(numbers))
    assert min(numbers) > seen
    assert result.cseq == max(numbers)


def test_stored_bytes_are_sent_and_a_challenge_goes_on_from_their_number():
    stored = prepared(bye(msgspec.structs.replace(TO_CALLEE, cseq=50), IDENTITY, "before the crash"), b"old")
    play = Play([("401 No", CHALLENGE), "200 OK"])
    result = play.run(end_leg(TO_CALLEE, IDENTITY, digest(), stored=stored))
    assert (play.sent[0], play.sent[1].cseq, result.cseq) == (stored, 52, 52)


def test_leg_that_no_request_can_be_written_for_is_not_sent():
    broken = msgspec.structs.replace(TO_CALLEE, target="*")
    assert Play([]).run(end_leg(broken, IDENTITY, digest())) == LegResult("not sent", words="remote target: expected a SIP URI, got '*'")
    assert Play([]).run(end_leg(TO_CALLEE, IDENTITY, digest(), reason="a\r\nb")).outcome == "not sent"


RELEASED, REFUSED = LegResult("released"), LegResult("refused")


@pytest.mark.parametrize(
    ("caller", "callee", "outcome"),
    [
        (RELEASED, RELEASED, "both legs released"),
        (REFUSED, RELEASED, "one leg only: callee"),
        (RELEASED, REFUSED, "one leg only: caller"),
        (REFUSED, REFUSED, "not confirmed"),
        (RELEASED, None, "leg released: caller"),
        (None, REFUSED, "not confirmed"),
    ],
)
def test_hangup_says_what_became_of_the_call(caller: LegResult | None, callee: LegResult | None, outcome: str):
    assert HangupResult(caller, callee).outcome == outcome


def test_hangup_asks_the_sides_that_it_can():
    hangup = Hangup.of(call(callee=msgspec.structs.replace(CALLEE, contact="")), reason="x", sent={"caller": 99})
    assert (set(hangup.dialogs), hangup.unsendable) == ({"caller"}, {"callee": "no Contact of the callee was seen"})
    operations = hangup.operations(IDENTITY, {"caller": digest()})
    leg = Play(["200 OK"]).run(operations["caller"])
    assert hangup.result({"caller": leg}) == HangupResult(
        LegResult("released", 200, "200 OK", cseq=100), LegResult("not sent", words="no Contact of the callee was seen")
    )
    assert set(Hangup.of(call(), "callee").dialogs) == {"callee"}


def test_reply_of_another_kind_is_nothing():
    asking, listening = ask(bye(TO_CALLEE, IDENTITY), "bye"), listen(1)
    next(asking)
    next(listening)
    with pytest.raises(StopIteration) as end:
        asking.send(Heard(None))
    assert end.value.value == Answer(None, "not sent", "not asked")
    with pytest.raises(StopIteration) as end:
        listening.send(None)
    assert end.value.value == Heard(None)


def test_unsendable_is_a_value_error():
    assert issubclass(Unsendable, ValueError)
