"""A process that serves `/RPC` over a big node while messages come in; says at its end how long its loop kept somebody waiting. For test_rpc_http.py."""

import asyncio
import json
import tempfile
from pathlib import Path

import django


async def busy(node, stopping: asyncio.Event) -> None:
    """Open the door and let messages come until the end."""
    await node.door.start()
    tasks = [asyncio.create_task(node.watched()), asyncio.create_task(node.traffic())]
    print("ready", flush=True)
    await stopping.wait()
    for task in tasks:
        task.cancel()
    await node.door.stop()
    print(json.dumps({"stall": node.stall, "sent": node.sent}), flush=True)


def main() -> None:
    django.setup()
    from dashboard.asgi import application  # noqa: PLC0415 -- app ready
    from dashboard.ingest.serve import listening, serve  # noqa: PLC0415 -- app ready
    from tests.soak.test_rpc import Node  # noqa: PLC0415 -- app ready

    web, stopping = listening("127.0.0.1:0"), asyncio.Event()
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder))
        print(web.getsockname()[1], flush=True)
        serve(application, web, lambda: busy(node, stopping), stopping.set)


if __name__ == "__main__":
    main()
