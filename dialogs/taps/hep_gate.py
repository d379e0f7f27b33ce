"""Who may send HEP: networks, a key, and what is said of those who may not. Knows addresses and secrets; opens no socket."""

import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path

from dialogs.taps.addresses import OTHERS
from dialogs.taps.errors import TapError

KEY_VARIABLE = "DIALTAP_HEP_KEY"

MAX_SENDERS = 4096
"Addresses whose right to send is remembered."

MAX_REFUSED = 256
"Addresses that refusals are counted for, each; the rest is counted together."

STRANGER, WRONG_KEY, NO_KEY = "not in hep_allow", "wrong key", "no key"
"Why something is refused."

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
ANYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class Gate:
    """Decides on senders; without networks and without a key only this machine may send."""

    def __init__(self, allow: Iterable[str] = (), key: bytes = b"") -> None:
        """`allow`: networks, "192.0.2.0/24" or "192.0.2.7"; with none, a key alone opens to everybody who has it. Raises TapError."""
        networks = _networks(allow)
        self.key = key
        self.open_to_others = bool(networks or key)
        self.refused = 0
        self._allowed = networks or (ANYWHERE if key else LOOPBACK)
        self._senders: dict[str, bool] = {}
        self._refused: dict[tuple[str, str], int] = {}

    def admits(self, address: str) -> bool:
        """Return whether this address may send; the key is another matter."""
        known = self._senders.get(address)
        if known is None:
            if len(self._senders) >= MAX_SENDERS:
                self._senders.clear()
            known = self._senders[address] = contains(self._allowed, address)
        return known

    def refuse(self, address: str, cause: str) -> None:
        """Count what was not taken."""
        self.refused += 1
        place = (address, cause)
        if place not in self._refused and len(self._refused) >= MAX_REFUSED:
            place = (OTHERS, cause)
        self._refused[place] = self._refused.get(place, 0) + 1

    def counts(self) -> dict[str, int]:
        """Return how much was refused: "192.0.2.7: wrong key" -> 12."""
        return {f"{host}: {cause}": count for (host, cause), count in self._refused.copy().items()}


def read_key(file: str) -> bytes:
    """Return the key that agents must send: the environment's, else the first line of this file; empty without either. Raises TapError."""
    if key := os.environ.get(KEY_VARIABLE, "").strip():
        return key.encode()
    if not file:
        return b""
    try:
        lines = Path(file).expanduser().read_bytes().splitlines()
    except OSError as error:
        raise TapError(f"hep_key_file {file}: {error.strerror}") from error
    key_line = lines[0].strip() if lines else b""
    if not key_line:
        raise TapError(f"hep_key_file {file}: there is no key on its first line")
    return key_line


def contains(networks: Iterable[Network], text: str) -> bool:
    """Return whether an address lies in one of these networks; an IPv4 address mapped into IPv6 is taken for what it is."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise TapError(f"hep_allow: {text!r} is no network, write 192.0.2.0/24 or 2001:db8::/32") from error
    return tuple(networks)
