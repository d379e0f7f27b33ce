"""The real thing: one Kamailio process and its JSON-RPC. Knows Kamailio's command line; knows no phones."""

import http.client
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .waiting import wait_until

SIP_PORT, WEB_PORT, RPC_PORT = 5060, 8080, 8060
"Fixed: the network is the lab's own."

_CONFIGURATION = Path(__file__).with_name("kamailio.cfg")
_LIMIT = Path(__file__).resolve().parents[2] / "docs" / "examples" / "limit-calls.cfg"


class RpcError(Exception):
    """Kamailio answered an RPC with an error."""


class Proxy:
    """Kamailio with tests/lab/kamailio.cfg, in the calling thread's network namespace."""

    def __init__(
        self,
        folder: Path,
        *,
        address: str = "127.0.0.1",
        hep: str = "",
        ring_limit_ms: int = 120_000,
        everywhere: bool = False,
        web_targets: bool = False,
        limit: bool = False,
    ) -> None:
        """`everywhere`: it also listens on TCP, IPv6 and WebSocket. `limit`: it asks Dialtap how many calls a caller has, docs/examples/limit-calls.cfg.

        `web_targets`: its dialogs have the Contact of a browser with its alias: other than on the wire, but it can hang up on one.
        `hep` "127.0.0.1:9060": where every message is mirrored as HEP3. `ring_limit_ms`: after that the proxy answers 408."""
        self.address = address
        self.sockets = [f"udp:{address}:{SIP_PORT}"]
        "Where it listens for SIP."

        self.rpc_url = f"http://{address}:{RPC_PORT}/RPC"
        self.log = folder / "kamailio.log"
        self._folder = folder
        self._settings = {
            "SIP_SOCKET": f"udp:{address}:{SIP_PORT}",
            "RPC_SOCKET": f"tcp:{address}:{RPC_PORT}",
            "CTL_SOCKET": f'"unixs:{folder}/kamailio.ctl"',
            "FR_INV_TIMER": str(ring_limit_ms),
        } | ({"HEP_URI": f'"sip:{hep}"'} if hep else {})
        if limit:
            shutil.copy(_LIMIT, folder)
            self._settings["LIMIT"] = "1"
        if everywhere:
            more = (f"tcp:{address}:{SIP_PORT}", f"udp:[::1]:{SIP_PORT}", f"tcp:[::1]:{SIP_PORT}", f"tcp:{address}:{WEB_PORT}")
            self.sockets += more
            self._settings |= dict(zip(("TCP_SOCKET", "UDP6_SOCKET", "TCP6_SOCKET", "WEB_SOCKET"), more, strict=True))
        if web_targets:
            self._settings["WEB_TARGETS"] = "1"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        folder = str(self._folder)
        command = ["kamailio", "-f", str(_CONFIGURATION), "-DD", "-E", "-m", "64", "-M", "16", "-P", f"{folder}/kamailio.pid", "-Y", folder]
        for name, value in self._settings.items():
            command += ["-A", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder)
        wait_until(self._answers, "Kamailio's first answer")

    def stop(self) -> None:
        """End it; without effect when it does not run."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)
        self._process = None

    def rpc(self, method: str, *parameters: str | int) -> Any:
        """Return the result of one JSON-RPC call; RpcError carries Kamailio's words."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        connection = http.client.HTTPConnection(self.address, RPC_PORT, timeout=60)
        try:
            connection.request("POST", "/RPC", json.dumps(body), {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read(), strict=False)
        finally:
            connection.close()
        if "error" in answer:
            raise RpcError(f"{method}: {answer['error']}")
        return answer.get("result")

    def dialogs(self) -> list[dict[str, Any]]:
        """Return dlg.list."""
        listed = self.rpc("dlg.list")
        return listed if isinstance(listed, list) else [listed] if listed else []

    def statistics(self) -> dict[str, int]:
        """Return the dialog module's counters: active_dialogs, early_dialogs, expired_dialogs, failed_dialogs, processed_dialogs."""
        lines = [line.partition("=") for line in self.rpc("stats.get_statistics", "dialog:")]
        return {name.strip().removeprefix("dialog:"): int(value) for name, _, value in lines}

    def lead(self, number: str, *targets: str, trunk: bool = False) -> None:
        """Let a called number lead to host:port; to two of them for a fork. `trunk`: the proxy has its password."""
        for table, target in zip(("plan", "fork"), targets, strict=False):
            self.rpc("htable.sets", table, number, target)
        if trunk:
            self.rpc("htable.sets", "trunk", number, "1")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"Kamailio ended: {self.log.read_text(errors='replace')[-3000:]}")
        try:
            return bool(self.rpc("core.uptime"))
        except ConnectionError:
            return False
