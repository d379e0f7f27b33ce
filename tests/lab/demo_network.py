"""The invented network of the demo recording: proxy, gateways, customers, numbers. Addresses, domains and numbers are reserved for
documentation and fiction (RFC 5737, RFC 2606, 555-01xx, Ofcom's and BNetzA's drama numbers). Knows scripts; knows no schedule.
"""

from dataclasses import dataclass

from .callees import Callee

PROXY = "192.0.2.10"
NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
RING_LIMIT_MS = 25_000
"The proxy's answer to a callee that rings longer is 408."

DESK_A, DESK_B = "203.0.113.121", "203.0.113.122"


@dataclass(frozen=True)
class Device:
    """One calling device: a phone with one user, or a PBX with many."""

    address: str
    agent: str
    domain: str
    users: tuple[tuple[str, str], ...]
    "User part and display name of each."


@dataclass(frozen=True)
class Destination:
    """One way for a call to go at the far end, reached by numbers of its own."""

    name: str
    address: tuple[str, int]
    script: str
    longest_setup_ms: int
    "From the INVITE to the final answer, at most."

    hold_ms: int = 0
    "How long the callee talks at most, when it is the one who hangs up."


DESK = "Desk Phone 46 (3.2.1)"
DEVICES = (
    Device("203.0.113.101", DESK, "atlas.example", (("alice.meier", "Alice Meier"),)),
    Device("203.0.113.102", DESK, "atlas.example", (("bruno.costa", "Bruno Costa"),)),
    Device("203.0.113.103", "Pocket Softphone 5.4", "atlas.example", (("chiara.rossi", "Chiara Rossi"),)),
    Device("203.0.113.104", "Pocket Softphone 5.4", "atlas.example", (("dmitri.volkov", "Дмитрий Волков"),)),
    Device("203.0.113.105", "Conference Station 8", "atlas.example", (("room-orion", "Room Orion"),)),
    Device("203.0.113.106", DESK, "birch.example", (("emma.novak", "Emma Nováková"),)),
    Device("203.0.113.107", "WebPhone/2.1", "birch.example", (("farid.haddad", "Farid Haddad"),)),
    Device("203.0.113.108", DESK, "birch.example", (("juergen.weiss", "Jürgen Weiß"),)),
    Device("203.0.113.10", "Harbour PBX 18.9", "harbour.example", tuple((f"+1202555{n:04d}", f"Harbour Desk {n - 109}") for n in range(110, 122))),
    Device("203.0.113.20", "Clinic Exchange 7", "clinic.example", tuple((f"+1312555{n:04d}", name) for n, name in (
        (131, "Clinic Reception"), (132, "Dr. Amara Okafor"), (133, "Dr. Lena Fischer"), (134, "Laboratory"), (135, "Night Ward"), (136, ""))),
    ),
)  # fmt: skip
DIALER = Device("203.0.113.40", "Callback Dialer 2.0", "callback.example", (("+12025550142", "Callback Campaign"),))
"The one whose calls at once are too many."

_gw1, _gw2, _gw3 = Callee("Trunk Gateway 4.2", "gw-1"), Callee("SBC 9000/11.3", "gw-2"), Callee("Carrier Edge", "gw-3")
_app, _desk = Callee("Media Application 1.8", "app-1"), Callee(DESK, "desk")
GW1, GW2, GW3, APP = "198.51.100.11", "198.51.100.12", "198.51.100.13", "192.0.2.30"
NO_ACK_PATIENCE_MS = 31_500

DESTINATIONS = {
    one.name: one
    for one in (
        Destination("gw-1", (GW1, 5060), _gw1.answers((300, 1200), (2000, 7000)), 8200),
        Destination("gw-1 hangs up", (GW1, 5062), _gw1.hangs_up((300, 1500), (1500, 6000), (9000, 45_000)), 7500, 45_000),
        Destination("gw-1 busy", (GW1, 5064), _gw1.refuses("486 Busy Here", (600, 1800)), 1800),
        Destination("gw-1 no answer", (GW1, 5066), _gw1.rings_for_ever((500, 2000)), RING_LIMIT_MS + 2000),
        Destination("gw-2 slow", (GW2, 5060), _gw2.answers((3000, 7000), (2000, 5000)), 12_000),
        Destination("gw-2 not found", (GW2, 5062), _gw2.refuses("404 Not Found", (400, 1200)), 1200),
        Destination("gw-2 unavailable", (GW2, 5064), _gw2.refuses("503 Service Unavailable", (200, 600)), 600),
        Destination("gw-2 no ACK", (GW2, 5066), _gw2.is_not_acknowledged((300, 900), (1500, 3000), NO_ACK_PATIENCE_MS), 3900, NO_ACK_PATIENCE_MS),
        Destination("gw-2 dead", (GW2, 5068), _gw2.never_rings(), RING_LIMIT_MS + 500),
        Destination("gw-3", (GW3, 5060), _gw3.answers((800, 2500), (1000, 9000)), 11_500),
        Destination("gw-3 challenges", (GW3, 5062), _gw3.challenges((200, 500), (1500, 5000)), 6000),
        Destination("gw-3 declines", (GW3, 5064), _gw3.refuses("603 Decline", (500, 1200), (3000, 8000)), 9200),
        Destination("app-1", (APP, 5060), _app.answers((40, 120), (200, 600)), 720),
        Destination("desk A", (DESK_A, 5060), _desk.answers_or_is_cancelled((80, 200), 4000), 4200),
        Destination("desk B", (DESK_B, 5060), _desk.answers_or_is_cancelled((80, 200), 9000), 9200),
    )
}

NUMBERS = {
    "gw-1": tuple(f"+1212555{n:04d}" for n in range(150, 166)),
    "gw-1 hangs up": tuple(f"+1617555{n:04d}" for n in range(170, 178)),
    "gw-1 busy": ("+16175550181", "+16175550182"),
    "gw-1 no answer": ("+12125550186", "+12125550187", "+12125550188"),
    "gw-2 slow": tuple(f"+442079460{n:03d}" for n in range(110, 122)),
    "gw-2 not found": ("+442079460990", "+442079460991"),
    "gw-2 unavailable": ("+442079460500", "+442079460501"),
    "gw-2 no ACK": ("+442079460321", "+442079460322", "+442079460323"),
    "gw-2 dead": ("+442079460801", "+442079460802"),
    "gw-3": tuple(f"+493023125{n:03d}" for n in range(210, 224)),
    "gw-3 challenges": ("+493023125301", "+493023125302"),
    "gw-3 declines": ("+493023125401", "+493023125402"),
    "app-1": ("voicemail", "conference", "echo"),
    "desk A": ("helpdesk", "sales"),
    "nobody": ("+19995550100", "0000"),
}
"The numbers behind each destination; those of desk A ring at desk B too, nobody's are unknown to the proxy."

TRUNK_CHALLENGED = NUMBERS["gw-3 challenges"][:1]
"The proxy has the password for these; for the others the caller must have it."
