"""What a call means, in words: pure functions over a snapshot. Knows snapshots and names of peers; knows no engine, no storage, no screen."""

from dialogs.insight.peers import PeerNames
from dialogs.insight.why import why

__all__ = ["PeerNames", "why"]
