"""When each watched peer was last heard of. Knows the configured peers and packets; knows no tap and no clock but the capture's."""

from collections.abc import Iterable

from dialogs.config import Peer
from dialogs.insight import PeerNames
from dialogs.packet import Endpoint, Packet

WATCHED = frozenset(("proxy", "trunk", "pbx"))
"Kinds of peers that are never silent for long; phones are."

MAX_ENDPOINTS = 65_536
"Addresses whose peer is remembered; emptied when full."


class Heard:
    """Notes the packets of the peers that somebody waits for."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        watched = [peer for peer in peers if peer.kind in WATCHED]
        self.last: dict[str, int] = {peer.name: 0 for peer in watched}
        "Name -> capture time of the newest packet from it, 0 before the first."

        self._peers = PeerNames(watched)
        self._names: dict[Endpoint, str] = {}

    def note(self, packets: Iterable[Packet]) -> None:
        """Take packets in; costs nothing where no peer is watched."""
        if not self.last:
            return
        names, last = self._names, self.last
        for packet in packets:
            name = names.get(packet.source)
            if name is None:
                name = self._remember(packet.source)
            if name:
                last[name] = packet.at_ns

    def _remember(self, source: Endpoint) -> str:
        if len(self._names) >= MAX_ENDPOINTS:
            self._names.clear()
        peer = self._peers.peer(str(source))
        name = self._names[source] = peer.name if peer else ""
        return name
