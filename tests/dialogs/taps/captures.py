"""Where the recorded captures are, if they are: `DIALTAP_CAPTURES`, else beside the repository."""

import os
from pathlib import Path

import pytest

from dialogs.packet import Packet

REPOSITORY = Path(__file__).parents[3]
CAPTURES = Path(os.environ.get("DIALTAP_CAPTURES", REPOSITORY.parent / "shared" / "captures"))

need_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no captures at {CAPTURES} (DIALTAP_CAPTURES)")


def is_message(packet: Packet) -> bool:
    """Tell whether it begins with a start line, as tshark wants one."""
    line = packet.data.lstrip(b"\r\n").split(b"\r\n", 1)[0].split(b"\n", 1)[0]
    return line.startswith(b"SIP/2.0 ") or line.endswith(b" SIP/2.0")


class as_nobody:  # noqa: N801 -- reads as a sentence
    """For a while this process may read only what everybody may; root's folders above are opened for it."""

    def __init__(self, folder: Path) -> None:
        self.folders = [each for each in (folder, *folder.parents) if each.stat().st_uid == os.geteuid() and not each.stat().st_mode & 1]

    def __enter__(self) -> None:
        self.root = os.geteuid() == 0
        for folder in self.folders:
            folder.chmod(folder.stat().st_mode | 0o055)
        if self.root:
            os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        if self.root:
            os.seteuid(0)
