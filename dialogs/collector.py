"""The pace of Python's collector of cycles. Knows the interpreter; knows no call."""

import gc

YOUNG, MIDDLE, OLD = 10_000, 4, 2_000
"""How many new objects are looked at once (3 ms), how many such looks until the survivors are (17 ms), how many of those until everything is: half a
second with 100,000 live calls, once in a hundred million objects. All packets wait meanwhile."""


def slow_down() -> None:
    """Have the collector look seldom, and never at what is there now.

    What the engine keeps holds no cycles, so looking at tens of thousands of live calls again and again finds nothing and costs a sixth of
    the time. The web's own cycles (tracebacks, requests) still go.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
