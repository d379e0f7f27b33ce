"""Digest authentication against the vectors of RFC 2617, 7616 and 8760, and what servers really send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.control.sip.digest import Challenge, Credentials, Digest, Rejected, authorization, challenges, hashed, response_of
from dialogs.control.sip.syntax import Unsendable

from .samples import response

ALICE = Credentials("alice", "secret")
RFC7616 = {"realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "qop": ("auth", "auth-int")}
MUFASA = Credentials("Mufasa", "Circle of Life")
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
JASON = Credentials("Jäsøn Doe", "Secret, or not?")
JASONS = Challenge("Authorization", "api@example.org", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "SHA-512-256", ("auth",), userhash=True)


def test_response_is_that_of_rfc_2617():
    challenge = Challenge("Authorization", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
    user = Credentials("Mufasa", "Circle Of Life")
    assert response_of(challenge, user, "auth", "GET", "/dir/index.html", b"", "0a4f113b", 1) == "6629fae49393a05397450978507c4ef1"


def test_response_is_that_of_rfc_2069():
    challenge = Challenge("Authorization", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
    user = Credentials("Mufasa", "CircleOfLife")
    assert response_of(challenge, user, "", "GET", "/dir/index.html", b"", "", 1) == "1949323746fe6a43ef61f9606e7febea"  # with its erratum 749


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_response_is_that_of_rfc_7616(algorithm: str, expected: str):
    challenge = Challenge("Authorization", algorithm=algorithm, **RFC7616)
    assert response_of(challenge, MUFASA, "auth", "GET", "/dir/index.html", b"", CNONCE, 1) == expected


def test_sha_512_256_and_userhash_are_those_of_rfc_7616():
    value = authorization(JASONS, JASON, "GET", "/doe.json", b"", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", 1)
    assert 'username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"' in value  # with its erratum 4897
    assert 'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"' in value
    assert value.endswith("userhash=true")


@pytest.mark.parametrize("algorithm", ["MD5-sess", "SHA-256-sess", "SHA-512-256-sess"])
def test_session_variant_binds_the_secret_to_the_nonces(algorithm: str):
    challenge = Challenge("Authorization", "r", "n", algorithm, ("auth",))
    secret = hashed(algorithm, f"{hashed(algorithm, 'alice:r:secret')}:n:c")
    expected = hashed(algorithm, f"{secret}:n:0000000a:c:auth:{hashed(algorithm, 'BYE:sip:x')}")
    assert response_of(challenge, ALICE, "auth", "BYE", "sip:x", b"", "c", 10) == expected


def test_auth_int_covers_the_body():
    challenge = Challenge("Authorization", "r", "n", "MD5", ("auth-int",))
    asked = hashed("MD5", f"INVITE:sip:x:{hashed('MD5', b'v=0')}")
    expected = hashed("MD5", f"{hashed('MD5', 'alice:r:secret')}:n:00000001:c:auth-int:{asked}")
    value = authorization(challenge, ALICE, "INVITE", "sip:x", b"v=0", "c", 1)
    assert value == f'Digest username="alice", realm="r", nonce="n", uri="sip:x", response="{expected}", algorithm=MD5, cnonce="c", qop=auth-int, nc=00000001'


def test_auth_is_chosen_before_auth_int():
    assert "qop=auth," in authorization(Challenge("Authorization", "r", "n", "MD5", ("auth-int", "auth")), ALICE, "BYE", "sip:x", b"", "c", 1)


def test_no_qop_is_answered_as_before_rfc_2617():
    value = authorization(Challenge("Authorization", 'r"1', "n", opaque=""), ALICE, "BYE", "sip:x", b"", "c", 1)
    assert value.startswith('Digest username="alice", realm="r\\"1", nonce="n", uri="sip:x", response="')
    assert value.endswith(', algorithm=MD5, opaque=""')


def challenged(*headers: str, status: int = 401) -> list[Challenge]:
    return challenges(answer(*headers, status=status))


def answer(*headers: str, status: int = 401):
    return response("\r\n".join((f"SIP/2.0 {status} Challenge", *headers, "", "")).encode())


def test_challenges_are_read_as_written():
    found = challenged('WWW-Authenticate: Digest realm="a\\"b, c", nonce = "n=,1", algorithm=sha-256, qop="auth,auth-int" , opaque="o", stale=TRUE')
    assert found == [Challenge("Authorization", 'a"b, c', "n=,1", "sha-256", ("auth", "auth-int"), "o", stale=True)]


@pytest.mark.parametrize(
    "header",
    [
        'WWW-Authenticate: Basic realm="x"',
        'WWW-Authenticate: Digest realm="x"',
        'WWW-Authenticate: Digest realm="x", nonce="n", algorithm=AKAv1-MD5',
        'WWW-Authenticate: Digest realm="x", nonce="n", qop="other"',
        "WWW-Authenticate:",
    ],
)
def test_what_cannot_be_answered_is_passed_over(header: str):
    assert challenged(header) == []
    with pytest.raises(Rejected, match="401 without a challenge that can be answered"):
        Digest((ALICE,)).answer(answer(header), {})


def test_first_known_algorithm_of_a_realm_is_answered():
    headers = [f'WWW-Authenticate: Digest realm="r", nonce="{name}", algorithm={name}' for name in ("TOKEN", "SHA-512-256", "SHA-256", "MD5")]
    given = Digest((ALICE,)).answer(answer(*headers), {})
    assert [challenge.algorithm for challenge in given.values()] == ["SHA-512-256"]


def test_401_and_407_of_one_answer_are_both_answered():
    both = answer(
        'WWW-Authenticate: Digest realm="r", nonce="1"', 'Proxy-Authenticate: Digest realm="r", nonce="2"', 'Proxy-Authenticate: Digest realm="s", nonce="3"'
    )
    digest = Digest((ALICE, Credentials("bob", "x", "s")), lambda: "c")
    lines = digest.lines(digest.answer(both, {}), "BYE", "sip:x", b"")
    assert [line.partition(", uri")[0] for line in lines] == [
        'Authorization: Digest username="alice", realm="r", nonce="1"',
        'Proxy-Authorization: Digest username="alice", realm="r", nonce="2"',
        'Proxy-Authorization: Digest username="bob", realm="s", nonce="3"',
    ]


def test_what_was_answered_before_is_answered_again_with_a_higher_count():
    digest = Digest((ALICE,), lambda: "c")
    first = digest.answer(answer('Proxy-Authenticate: Digest realm="p", nonce="1", qop="auth"', status=407), {})
    assert [line.rpartition("nc=")[2] for line in digest.lines(first, "BYE", "sip:x", b"")] == ["00000001"]
    second = digest.answer(answer('WWW-Authenticate: Digest realm="u", nonce="2", qop="auth"'), first)
    assert [line.rpartition("nc=")[2] for line in digest.lines(second, "BYE", "sip:x", b"")] == ["00000002", "00000001"]


def test_stale_nonce_is_answered_again_and_a_wrong_password_is_not():
    digest = Digest((ALICE,))
    given = digest.answer(answer('WWW-Authenticate: Digest realm="r", nonce="1"'), {})
    given = digest.answer(answer('WWW-Authenticate: Digest realm="r", nonce="2", stale=true'), given)
    assert [challenge.nonce for challenge in given.values()] == ["2"]
    with pytest.raises(Rejected, match='the credentials for realm "r" were not accepted'):
        digest.answer(answer('WWW-Authenticate: Digest realm="r", nonce="3"'), given)


def test_user_of_the_very_realm_counts_before_one_for_any():
    digest = Digest((ALICE, Credentials("bob", "x", "r")), lambda: "c")
    given = digest.answer(answer('WWW-Authenticate: Digest realm="r", nonce="1"'), {})
    assert digest.lines(given, "BYE", "sip:x", b"")[0].startswith('Authorization: Digest username="bob"')


def test_unknown_realm_is_said():
    with pytest.raises(Rejected, match='no credentials for realm "r"'):
        Digest((Credentials("a", "b", "other"),)).answer(answer('WWW-Authenticate: Digest realm="r", nonce="1"'), {})
    with pytest.raises(Unsendable, match='no credentials for realm "r"'):
        Digest().lines({("Authorization", "r"): Challenge("Authorization", "r", "1")}, "BYE", "sip:x", b"")


def test_nonce_counts_are_bounded():
    digest = Digest((ALICE,))
    for number in range(300):
        digest.lines({("Authorization", "r"): Challenge("Authorization", "r", str(number))}, "BYE", "sip:x", b"")
    assert len(digest._counts) == 256


def test_password_is_never_shown():
    assert repr(Credentials("alice", "secret", "r")) == "Credentials(user='alice', realm='r')"


@given(st.binary(max_size=200))
def test_challenges_never_raise(raw: bytes):
    challenges(response(b"SIP/2.0 401 x\r\nWWW-Authenticate: Digest " + raw + b"\r\nProxy-Authenticate: Digest nonce=1, realm=" + raw + b"\r\n\r\n"))
