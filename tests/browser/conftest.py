"""Fixtures: one network with a proxy, phones, Dialtap and Chromium in it. Skipped, with the reason, where it cannot be made."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.lab import Lab, missing
from tests.lab.proxy import SIP_PORT

from .desk import absent
from .server import Dialtap

CONFIGURATION = """
[dialog]
sockets = ["udp:{address}:{port}"]
profiles_with_value = ["caller"]

[[peer]]
name = "edge-1"
kind = "proxy"
addresses = ["{address}:{port}"]

[tap]
node = "lab"
hep = ""
ports = [{port}, 5125, 5126, 5127, 5128]

[control]
controller = "{controller}"
kamailio_url = "{rpc}"
reconcile_seconds = 1
allow = ["127.0.0.0/8"]
"""


@dataclass(frozen=True)
class Network:
    """What runs in the test's own network."""

    lab: Lab
    dialtap: Dialtap


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Kamailio, phones on demand, and Dialtap on the loopback interface; the test is inside. Calls are ended through Kamailio."""
    with serving("kamailio") as found:
        yield found


@contextmanager
def serving(controller: str) -> Iterator[Network]:
    """Run all of it with a controller: see `[control]`."""
    if reason := missing() or absent():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="dialtap-browser-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Lab(folder / "lab") as lab:
            configuration = CONFIGURATION.format(address=lab.proxy.address, port=SIP_PORT, rpc=lab.proxy.rpc_url, controller=controller)
            dialtap = Dialtap(folder, configuration, "--interface", "lo")
            try:
                dialtap.start()
                yield Network(lab, dialtap)
            finally:
                dialtap.stop()
                print(dialtap.output())  # shown by pytest when a test failed
