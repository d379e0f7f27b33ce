"""Who can act on calls: controllers, and the choice of one from `[control]`. Knows no table, no page and not whether an order may exist."""

from dialogs.config import Control, Proxy
from dialogs.control.controller import Answer, Controller, Target
from dialogs.control.dryrun import DryRun
from dialogs.control.kamailio import Kamailio
from dialogs.control.own import agent_settings
from dialogs.control.several import Kamailios

__all__ = ["Answer", "Controller", "DryRun", "Kamailio", "Kamailios", "Target", "agent_settings", "build"]


def build(control: Control, extra_headers: str = "", proxies: tuple[Proxy, ...] = ()) -> Controller | None:
    """Return the configured controller, None for "none" and for "sip" alone; ValueError for a name or an address that cannot be used.

    `extra_headers`: what `[dialog] dlg_extra_hdrs` adds to the requests that come of an order. Our own user agent: `agent_settings`.
    """
    match control.controller:
        case "none" | "sip":
            return None
        case "dryrun":
            return DryRun()
        case "kamailio" | "kamailio, then sip":
            return Kamailios(proxies, control.timeout, extra_headers) if proxies else Kamailio(control.kamailio_url, control.timeout, extra_headers)
    raise ValueError(f'control.controller: expected "none", "dryrun", "kamailio", "sip" or "kamailio, then sip", got {control.controller!r}')
