"""Waiting for a condition, with an end. Knows nothing of what is waited for."""

import time
from collections.abc import Callable


def wait_until[Answer](ask: Callable[[], Answer], what: str, *, seconds: float = 60.0, every: float = 0.02) -> Answer:
    """Ask until the answer is true and return it; TimeoutError names `what` did not come."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return answer
