"""Steady traffic for a soak: the agent that sends it, and a configuration that counts who calls. Knows no Dialtap."""

import asyncio
import sys

from tests.browser.server import ROOT

CALLERS = """
[dialog]
profiles_with_value = ["caller"]

[[rule]]
on = "created"
do = [{ set_profile = ["caller", "$fu"] }]
"""


async def calls(port: int, rate: int, live: int, seconds: float) -> asyncio.subprocess.Process:
    """Start sending calls by HEP; what was sent is said on stdout. See tests.bench.steady_agent."""
    command = [sys.executable, "-m", "tests.bench.steady_agent", "127.0.0.1", *map(str, (port, rate, live, seconds))]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
