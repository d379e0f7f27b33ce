"""The alphabet of a sipp scenario: send, receive, pause, label. Knows sipp's XML; knows no call.

A step is a piece of XML; `scenario()` joins steps. sipp fills in what stands in brackets (`[branch]`, `[last_Via:]`, `[$name]`).
"""

import re

type Milliseconds = int | tuple[int, int]
"A fixed time, or the two ends of a random one."

SDP = """v=0
o=lab 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv"""
SDP_ON_HOLD = SDP.replace("2353687637", "2353687638").replace("sendrecv", "sendonly")

FIRST_RETRANSMISSION_MS = 500
"RFC 3261's T1: sipp repeats what is sent with `retransmit=True` after this, then ever more slowly."


def send(*lines: str, body: str = "", retransmit: bool = False) -> str:
    """Send a message; empty lines are left out, Content-Length is added."""
    ending = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n"
    message = "\n".join(line for line in lines if line) + "\n" + ending
    attributes = f' retrans="{FIRST_RETRANSMISSION_MS}"' if retransmit else ""
    return f"  <send{attributes}>\n    <![CDATA[\n\n{message}\n\n    ]]>\n  </send>\n"


def request(method: str, *, optional: bool = False, goto: int = 0, within_ms: int = 0, otherwise: int = 0, remember: str = "") -> str:
    """Wait for a request; go on at label `goto`, or at `otherwise` when it has not come in time. `remember`: steps of `header()`."""
    return _receive(f'request="{method}" rrs="true"', optional, goto, within_ms, otherwise, remember)


def response(code: int, *, optional: bool = False, challenge: bool = False, routed: bool = False, within_ms: int = 0, otherwise: int = 0) -> str:
    """Wait for a response; a `challenge` is kept for the next `[authentication]`. `routed`: requests follow its route. The rest is as in `request`."""
    routes = ' rrs="true"' if routed or 200 <= code < 300 else ""  # sipp keeps the first it sees, which in a fork may be another branch's
    attributes = f'response="{code}"{routes}' + (' auth="true"' if challenge else "")
    return _receive(attributes, optional, 0, within_ms, otherwise, "")


def header(name: str, variable: str, occurrence: int = 1) -> str:
    """Keep a header's value of the message being received as `[$variable]`."""
    return f'      <ereg regexp=".*" search_in="hdr" header="{name}:" occurrence="{occurrence}" check_it="true" assign_to="{variable}"/>\n'


def pause(duration: Milliseconds) -> str:
    """Wait, without looking at what comes in."""
    if isinstance(duration, tuple):
        return f'  <pause distribution="uniform" min="{duration[0]}" max="{duration[1]}"/>\n'
    return f'  <pause milliseconds="{duration}"/>\n'


def label(number: int) -> str:
    """Name this place, for `goto`."""
    return f'  <label id="{number}"/>\n'


def goto(number: int) -> str:
    """Go on at a label."""
    return f'  <nop next="{number}"/>\n'


def scenario(name: str, *steps: str) -> str:
    """Return the whole XML document."""
    text = "".join(steps)
    variables = ",".join(sorted(set(re.findall(r'assign_to="(\w+)"', text))))
    used = f'  <Reference variables="{variables}"/>\n' if variables else ""  # sipp refuses a variable that is named only once
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="{name}">\n{text}{used}</scenario>\n'


def _receive(attributes: str, optional: bool, goto_label: int, within_ms: int, otherwise: int, actions: str) -> str:
    attributes += ' optional="true"' if optional else ""
    attributes += f' next="{goto_label}"' if goto_label else ""
    attributes += f' timeout="{within_ms}" ontimeout="{otherwise}"' if within_ms else ""
    if not actions:
        return f"  <recv {attributes}/>\n"
    return f"  <recv {attributes}>\n    <action>\n{actions}    </action>\n  </recv>\n"
