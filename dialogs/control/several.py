"""Several Kamailios as one controller: an order goes to the one that has the dialog. Knows addresses; knows no table and no page."""

from collections.abc import Callable, Coroutine
from time import monotonic

from dialogs.config import Proxy
from dialogs.control.controller import Answer, Target
from dialogs.control.kamailio import Kamailio
from dialogs.engine.sockets import split_address

BACK_OFF = 1.0
"Seconds for which a proxy that could not be reached is not asked; doubled each time."

BACK_OFF_MAX = 30.0


class Known:
    """One proxy, and how it did lately."""

    def __init__(self, proxy: Proxy, kamailio: Kamailio) -> None:
        self.proxy = proxy
        self.kamailio = kamailio
        self.hosts = {split_address(socket.partition(":")[2]) for socket in proxy.sockets}
        self.waits = 0.0
        self.until = 0.0


class Kamailios:
    """The proxies of `[[proxy]]`."""

    name = "kamailio"

    def __init__(self, proxies: tuple[Proxy, ...], timeout: float, extra_headers: str = "", clock: Callable[[], float] = monotonic) -> None:
        """Take them in the order of the configuration; ValueError for an address that is none. clock: seconds."""
        self.known = [Known(proxy, Kamailio(proxy.url, timeout, extra_headers)) for proxy in proxies]
        self._clock = clock

    async def end(self, target: Target, reason: str) -> Answer:
        """Ask the proxy that the call went through; of two, the one that the caller met first."""
        for host in target.hosts:
            for known in self.known:
                if split_address(host) in known.hosts:
                    return await self._try(known, lambda kamailio: kamailio.end(target, reason))
        return Answer(accepted=False, detail="this call went through no proxy of [[proxy]]")

    async def release(self, proxy: str, number: tuple[int, int], reason: str) -> Answer:
        """Ask the proxy of this name."""
        for known in self.known:
            if known.proxy.name == proxy:
                return await self._try(known, lambda kamailio: kamailio.release(proxy, number, reason))
        return Answer(accepted=False, detail=f"there is no [[proxy]] {proxy!r}")

    async def bridge(self, first: str, second: str) -> Answer:
        """Ask the first proxy that can be reached; one that may have acted is the last."""
        answer = Answer(accepted=False, detail="there is no [[proxy]]")
        for known in self.known:
            answer = await self._try(known, lambda kamailio: kamailio.bridge(first, second))
            if answer.accepted or answer.unsure:
                break
        return answer

    async def _try(self, known: Known, ask: Callable[[Kamailio], Coroutine[None, None, Answer]]) -> Answer:
        name, now = known.proxy.name, self._clock()
        if now < known.until:
            return Answer(accepted=False, detail=f"{name}: it could not be reached lately; asked again in {known.until - now:.0f} s")
        answer = await ask(known.kamailio)
        if answer.unreached:
            known.waits = min(known.waits * 2 or BACK_OFF, BACK_OFF_MAX)
            known.until = self._clock() + known.waits
        else:
            known.waits = 0.0
        return Answer(answer.accepted, f"{name}: {answer.detail}", answer.unsure, answer.unreached)
