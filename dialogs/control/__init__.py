"""Who can act on calls: controllers, and the choice of one from `[control]`. Knows no table, no page and not whether an order may exist."""

from dialogs.config import Control
from dialogs.control.controller import Answer, Controller, Target
from dialogs.control.dryrun import DryRun
from dialogs.control.kamailio import Kamailio

__all__ = ["Answer", "Controller", "DryRun", "Kamailio", "Target", "build"]


def build(control: Control, extra_headers: str = "") -> Controller | None:
    """Return the configured controller, None for "none"; ValueError for a name or an address that cannot be used.

    `extra_headers`: what `[dialog] dlg_extra_hdrs` adds to the requests that come of an order.
    """
    if control.controller == "none":
        return None
    if control.controller == "dryrun":
        return DryRun()
    if control.controller == "kamailio":
        return Kamailio(control.kamailio_url, control.timeout, extra_headers)
    raise ValueError(f'control.controller: expected "none", "kamailio" or "dryrun", got {control.controller!r}')
