from pathlib import Path

import pytest

from dialogs.taps import TapError, hep_gate, read_key
from dialogs.taps.hep_gate import STRANGER, WRONG_KEY, Gate


@pytest.mark.parametrize(
    ("allow", "key", "admitted"),
    [
        ((), b"", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]),
        (("192.0.2.0/24",), b"", ["192.0.2.1", "::ffff:192.0.2.1"]),
        (("192.0.2.0/24", "fe80::/10"), b"secret", ["192.0.2.1", "fe80::1%eth0", "::ffff:192.0.2.1"]),
        ((), b"secret", ["127.0.0.1", "127.9.9.9", "192.0.2.1", "::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1", "fe80::1%eth0"]),
    ],
)
def test_gate_admits_whom_networks_or_a_key_let_in(allow: tuple[str, ...], key: bytes, admitted: list[str]) -> None:
    gate = Gate(allow, key)
    asked = ["127.0.0.1", "127.9.9.9", "192.0.2.1", "::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1", "fe80::1%eth0"]
    assert sorted(address for address in asked if gate.admits(address)) == sorted(admitted)
    assert gate.open_to_others == bool(allow or key)


def test_remembered_senders_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hep_gate, "MAX_SENDERS", 3)
    gate = Gate()
    assert [gate.admits(f"127.0.0.{n}") for n in range(9)] == [True] * 9
    assert len(gate._senders) <= 3
    assert not gate.admits("192.0.2.1")


def test_refusals_are_counted_by_sender_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hep_gate, "MAX_REFUSED", 2)
    gate = Gate(key=b"secret")
    for number in range(1500):
        gate.refuse(f"192.0.2.{number % 3}", WRONG_KEY)
    gate.refuse("192.0.2.1", STRANGER)
    assert gate.refused == sum(gate.counts().values()) == 1501
    assert gate.counts() == {
        "192.0.2.0: wrong key": 500,
        "192.0.2.1: wrong key": 500,
        "others: wrong key": 500,
        "others: not in hep_allow": 1,
    }


def test_wrong_network_is_named() -> None:
    with pytest.raises(TapError) as caught:
        Gate(["office"])
    assert str(caught.value) == "hep_allow: 'office' is no network, write 192.0.2.0/24 or 2001:db8::/32"


def test_key_is_the_files_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIALTAP_HEP_KEY", raising=False)
    file = tmp_path / "hep.key"
    file.write_text("secret\r\nnot this\n")
    assert (read_key(str(file)), read_key("")) == (b"secret", b"")
    monkeypatch.setenv("DIALTAP_HEP_KEY", "from outside\n")
    assert (read_key(str(file)), read_key("")) == (b"from outside", b"from outside")


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"", "there is no key on its first line"), (b" \nkey", "there is no key on its first line")]
)
def test_file_without_a_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str) -> None:
    monkeypatch.delenv("DIALTAP_HEP_KEY", raising=False)
    file = tmp_path / "hep.key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TapError) as caught:
        read_key(str(file))
    assert str(caught.value) == f"hep_key_file {file}: {reason}"
