"""A scrape through Django's whole stack, and what it says, sample by sample."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from dialogs.config import Config, Control, Dialog, Peer, Rpc, Tap
from tests.dashboard.ingest.test_loop import Running
from tests.dashboard.rpc.asking import Answer, ask

PEERS = (Peer("edge-1", ("192.0.2.2",), "proxy"), Peer("gw-3", ("192.0.2.3",), "trunk"))
NOWHERE = "http://127.0.0.1:9/RPC"
CONFIG = Config(
    tap=Tap(hep=""),
    peer=PEERS,
    dialog=Dialog(profiles_with_value=("caller",)),
    control=Control(controller="kamailio", kamailio_url=NOWHERE, reconcile_seconds=1, verify_seconds=0.6),
    rpc=Rpc(rate=0),
)

type Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def get(path: str, **who: Any) -> Answer:
    """Get a page as a program does."""
    return await ask(b"", method="GET", path=path, **who)


def series(text: str) -> Series:
    """Return every sample of a scrape. AssertionError where one is there twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def value(found: Series, name: str, **labels: str) -> float | None:
    """Return one sample's value, None where it is not there."""
    return found.get((name, frozenset(labels.items())))


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    """An ingest that listens for HEP, with peers and a proxy that does not answer."""
    async with Running(folder, config=CONFIG) as ingest:
        yield ingest
