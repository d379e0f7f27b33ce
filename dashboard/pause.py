"""A pause that an event ends early. Knows events; knows no loop that rests."""

import asyncio


async def pause(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, after so many seconds at the latest."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
