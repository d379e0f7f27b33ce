"""The pace of Python's collector of cycles. Knows the interpreter; knows no call."""

import gc

YOUNG, MIDDLE, OLD = 50_000, 10, 10


def slow_down() -> None:
    """Have the collector look seldom, and never at what is there now.

    What the engine keeps holds no cycles, so looking at tens of thousands of live calls again and again finds nothing and costs a sixth of
    the time. The web's own cycles (tracebacks, requests) still go.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
