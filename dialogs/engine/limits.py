"""What a configured limit may say, and which calls its `when` is about. Knows rules and calls; knows no breach (`dialogs.insight.limits`)."""

from collections.abc import Iterator, Sequence

from dialogs.config import Limit
from dialogs.engine.call import Call
from dialogs.engine.calls import Calls
from dialogs.engine.rules import Moment, RuleError, compile_condition
from dialogs.engine.rules.faked import NOWHERE, faked
from dialogs.packet import Packet
from dialogs.sip import text

FAKED = "INVITE {ruri} SIP/2.0\r\nFrom: <{from_uri}>;tag={from_tag}\r\nTo: <{to_uri}>\r\nCall-ID: {callid}\r\nCSeq: 0 INVITE\r\nUser-Agent: {agent}\r\n"


def mistakes(limits: Sequence[Limit]) -> Iterator[tuple[int, str, str]]:
    """Yield what is wrong with limits: (which one, from 1; key; words)."""
    names = [limit.name for limit in limits]
    for number, limit in enumerate(limits, 1):
        concurrent = bool(limit.warn or limit.critical)
        wrong = (
            ("name", limit.name in names[: number - 1], f'there is another limit "{limit.name}"'),
            ("name", concurrent + bool(limit.duration_seconds) + limit.expiry != 1, "expected one of warn or critical, duration_seconds, expiry"),
            ("profile", bool(limit.profile) != concurrent, "goes with warn or critical, and they with it"),
            ("critical", 0 < limit.critical < limit.warn, f"expected at least warn ({limit.warn}), got {limit.critical}"),
            ("end", bool(limit.end) and not limit.critical, "ends what is beyond critical, which is not given"),
            ("send_bye", limit.send_bye and not limit.duration_seconds, "ends what is beyond duration_seconds, which is not given"),
            ("when", bool(limit.when) and concurrent, "is for duration_seconds and expiry"),
        )
        yield from ((number, key, words) for key, holds, words in wrong if holds)
        try:
            compile_condition(limit.when or "1")
        except RuleError as error:
            yield number, "when", f"column {error.offset + 1}: {error.why}" if error.offset >= 0 else error.why


class Condition:
    """A limit's `when`, ready to be asked about calls."""

    def __init__(self, limit: Limit) -> None:
        """Compile it. Raises RuleError."""
        self._test = compile_condition(limit.when) if limit.when.strip() else None

    def holds(self, call: Call, calls: Calls, now_ns: int) -> bool:
        """Return whether it holds for a call as it is now.

        No message is at hand: the call's own Request-URI, From, To, tag, Call-ID and User-Agent stand in a made-up INVITE, its first and last address in
        the packet.
        """
        if self._test is None:
            return True
        fields = {"ruri": call.request_uri, "from_uri": call.caller.uri, "from_tag": text(call.caller.tag), "to_uri": call.callee.uri}
        invite = faked(FAKED, fields | {"callid": text(call.call_id), "agent": call.user_agent})
        source, destination = (call.hosts[0], call.hosts[-1]) if call.hosts else (NOWHERE, NOWHERE)
        packet = Packet(now_ns, source, destination, "", invite.data)
        return self._test(Moment(invite, packet, call, calls.profiles, calls.answered(), int(call.state), downstream=True))
