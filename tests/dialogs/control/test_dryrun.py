"""The controller that sends nothing."""

import pytest

from dialogs.control import Answer, DryRun, Target
from dialogs.control.dryrun import KEPT

TARGET = Target("id@host", "a", "b", 1, 2, did_seen=True, state=4)


@pytest.mark.asyncio
async def test_dryrun_accepts_and_remembers() -> None:
    controller = DryRun()
    assert await controller.end(TARGET, "why") == Answer(accepted=True, detail="dry run: nothing was sent")
    assert controller.calls == [(TARGET, "why")]


@pytest.mark.asyncio
async def test_dryrun_accepts_a_release() -> None:
    answer = await DryRun().release("", (7, 9), "stuck")
    assert answer == Answer(accepted=True, detail="dry run: the proxy was not asked to end 7:9: stuck")


@pytest.mark.asyncio
async def test_dryrun_forgets_the_oldest() -> None:
    controller = DryRun()
    for number in range(KEPT + 5):
        await controller.end(TARGET, str(number))
    assert [controller.calls[0][1], len(controller.calls)] == ["5", KEPT]
