"""Capture files in every form: pcap and pcapng, microseconds and nanoseconds, both byte orders. Knows formats; knows no frame."""

import random
import struct
from pathlib import Path

from tests.dialogs.taps import frames as file_parts

FORMS = ("pcap", "pcap-big", "pcap-ns", "pcap-ns-big", "pcapng", "pcapng-big", "pcapng-ns")
Frames = list[tuple[int, bytes]]
"Time in ns, frame."

RESOLUTION_NS = file_parts.option(9, b"\x09")


def write(path: Path, form: str, link_type: int, frames: Frames, *, snaplen: int = 0, lost_tail: int = 0) -> None:
    """Write a capture; `snaplen` cuts every frame, `lost_tail` bytes are missing at the file's end."""
    order = ">" if form.endswith("-big") else "<"
    made = _pcapng if form.startswith("pcapng") else _pcap
    written = made(frames, link_type, order, "-ns" in form, snaplen)
    path.write_bytes(written[: len(written) - lost_tail])


def _pcap(frames: Frames, link_type: int, order: str, nanoseconds: bool, snaplen: int) -> bytes:
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262_144, link_type)]
    for at_ns, frame in frames:
        kept = frame[: snaplen or None]
        seconds, fraction = divmod(at_ns, 1_000_000_000)
        out += [struct.pack(order + "IIII", seconds, fraction // unit, len(kept), len(frame)), kept]
    return b"".join(out)


def _pcapng(frames: Frames, link_type: int, order: str, nanoseconds: bool, snaplen: int) -> bytes:
    out = [file_parts.section(order), file_parts.interface(link_type, RESOLUTION_NS if nanoseconds else b"", order)]
    for at_ns, frame in frames:
        kept = frame[: snaplen or None]
        ticks = at_ns if nanoseconds else at_ns // 1000
        head = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(kept), len(frame))
        out.append(file_parts.block(6, head + kept, order))
    return b"".join(out)


def swapped_within(frames: Frames, window: int, chance: random.Random) -> Frames:
    """Return the frames, each up to `window` places from where it was; the times stay in order."""
    keys = [place + chance.uniform(0, window) for place in range(len(frames))]
    mixed = [frame for _, (_, frame) in sorted(zip(keys, frames, strict=True), key=lambda pair: pair[0])]
    return [(at_ns, frame) for (at_ns, _), frame in zip(frames, mixed, strict=True)]
