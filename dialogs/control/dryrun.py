"""A controller that sends nothing and remembers what it was asked: for trying out, and for tests. Knows no transport."""

from dialogs.control.controller import Answer, Target

KEPT = 1000


class DryRun:
    """Accepts everything and does nothing."""

    name = "dryrun"

    def __init__(self) -> None:
        self.calls: list[tuple[Target, str]] = []
        "(target, reason) of the newest orders, oldest first."

    async def end(self, target: Target, reason: str) -> Answer:
        """Remember the order and accept it."""
        self.calls.append((target, reason))
        del self.calls[:-KEPT]
        return Answer(accepted=True, detail="dry run: nothing was sent")

    async def release(self, proxy: str, number: tuple[int, int], reason: str) -> Answer:
        """Accept it."""
        return Answer(accepted=True, detail=f"dry run: {proxy or 'the proxy'} was not asked to end {number[0]}:{number[1]}: {reason}")

    async def bridge(self, first: str, second: str) -> Answer:
        """Accept it."""
        return Answer(accepted=True, detail=f"dry run: {first} and {second} were not connected")
