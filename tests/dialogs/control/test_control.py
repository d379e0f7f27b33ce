"""The choice of a controller from `[control]`, and the target that a call is."""

import pytest

from dialogs.config import Control
from dialogs.control import DryRun, Kamailio, Target, build
from dialogs.engine.snapshot import CallSnapshot, LegView


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (Control(), type(None)),
        (Control(controller="dryrun"), DryRun),
        (Control(controller="kamailio", kamailio_url="http://127.0.0.1:8060/RPC"), Kamailio),
    ],
)
def test_build_follows_the_configuration(control: Control, expected: type) -> None:
    assert type(build(control)) is expected


def test_build_passes_address_and_timeout() -> None:
    controller = build(Control(controller="kamailio", kamailio_url="http://127.0.0.1:8060/RPC", timeout=1.5), "X-A: 1\r\n")
    assert isinstance(controller, Kamailio)
    assert (controller.url, controller.timeout, controller.extra_headers) == ("http://127.0.0.1:8060/RPC", 1.5, "X-A: 1\r\n")


@pytest.mark.parametrize(
    ("control", "message"),
    [
        (Control(controller="asterisk"), r"""^control\.controller: expected "none", "dryrun", "kamailio", "sip" or "kamailio, then sip", got 'asterisk'$"""),
        (Control(controller="kamailio"), r"^control\.kamailio_url: expected http://HOST:PORT/PATH$"),
    ],
)
def test_build_refuses_what_cannot_work(control: Control, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(control)


def leg(side: str, tag: str) -> LegView:
    return LegView(side=side, uri="sip:a@b", name="", tag=tag, contact="", cseq=1, route_set=(), address="")


def test_target_of_a_call() -> None:
    call = CallSnapshot(
        uid="0" * 16, node="n", tap="interface:any", call_id="id@host", h_entry=7, h_id=8, did_seen=True, request_uri="sip:b@c", state=4,
        init_ns=1, ring_ns=0, start_ns=2, end_ns=0, last_ns=3, end_code=0, end_reason="", ended_by="", last_event="ACK",
        caller=leg("caller", "ft"), callee=leg("callee", "tt"), forks=(), hosts=(), transitions=(), attempts=(), profiles=(),
        messages=3, repeats=0, repeated="", incomplete=(),
    )  # fmt: skip
    assert Target.of(call) == Target("id@host", "ft", "tt", 7, 8, did_seen=True, state=4)
