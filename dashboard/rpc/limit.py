"""How often each may call. Knows keys and a clock that it is given; knows no request.

The generic cell rate algorithm (ITU-T I.371): one time a key, the moment at which its bucket would be empty again. Each web process counts for itself.
"""

from collections import OrderedDict

MOST = 4096
ROUNDING = 1e-6


class Limiter:
    """Lets each key through `rate` times a second, up to one second's worth at once. Remembers `MOST` keys."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._empty_at: OrderedDict[str, float] = OrderedDict()  # the key used longest ago first
        self.late = 0
        "Calls that were one too many."

        self.forgotten = 0
        "Keys that were dropped for want of room."

    def wait(self, key: str, rate: float, now: float) -> float:
        """Count one call, or return the seconds after which it may be tried again. `rate` 0: no limit. `now`: seconds of any steady clock."""
        if rate <= 0:
            return 0.0
        empty_at = max(self._empty_at.get(key, now), now)
        if (ahead := empty_at + 1 / rate - now) > max(1.0, 1 / rate) + ROUNDING:
            self.late += 1
            return ahead - max(1.0, 1 / rate)
        self._empty_at[key] = empty_at + 1 / rate
        self._empty_at.move_to_end(key)
        if len(self._empty_at) > self._most:
            self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        _, empty_at = self._empty_at.popitem(last=False)
        self.forgotten += empty_at > now
