"""A process that serves one long answer at the pace of its readers; prints its port, then of each answer how many pieces went out. For test_pace.py."""

import asyncio
import sys

from dashboard.ingest import pace
from dashboard.ingest.serve import listening, serve

PIECE, PIECES = 64 * 1024, 1000


async def application(scope, receive, send) -> None:
    """Send more than the buffers of a connection hold; over a WebSocket in frames."""
    if scope["type"] == "websocket":
        await frames(receive, send)
        return
    sent = 0
    try:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(receive())
        while sent < PIECES and not gone.done():
            await send({"type": "http.response.body", "body": b"x" * PIECE, "more_body": True})
            sent += 1
        gone.cancel()
        await send({"type": "http.response.body"})
    finally:
        print(sent, flush=True)


async def frames(receive, send) -> None:
    """Send so many frames, each when its reader keeps up."""
    sent = 0
    try:
        await receive()
        await send({"type": "websocket.accept"})
        gone = asyncio.create_task(receive())
        while sent < PIECES and not gone.done():
            await send({"type": "websocket.send", "bytes": b"x" * PIECE, "paced": True})
            sent += 1
        gone.cancel()
        await send({"type": "websocket.close"})
    finally:
        print(sent, flush=True)


def main() -> None:
    pace.WRITE_SECONDS = float(sys.argv[1])
    web, stopping = listening("127.0.0.1:0"), asyncio.Event()
    print(web.getsockname()[1], flush=True)
    serve(application, web, stopping.wait, stopping.set)


if __name__ == "__main__":
    main()
