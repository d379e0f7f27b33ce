"""Where the ingest's socket is. Knows one key of the configuration; reads no other, so that a mistake elsewhere does not silence a cron job."""

import os
from pathlib import Path

from dashboard.terminal.errors import Usage

ROOT = Path(__file__).resolve().parents[2]
USUAL = "dialtap.sock"
"As `dialogs.config`, which is not read for this word alone."


def socket_path(given: str = "", config: str = "") -> Path:
    """Return the socket: the given one, else `[rpc] socket` of the configuration, else the usual one in the folder of the database."""
    if given:
        return Path(given)
    folder = Path(os.environ.get("DIALTAP_VAR") or ROOT / "var").expanduser()
    return folder / configured(config or os.environ.get("DIALTAP_CONFIG", ""))


def configured(chosen: str) -> str:
    """Return `[rpc] socket` as written, or its default. Raises Usage for a file that cannot be read."""
    file = Path(chosen).expanduser() if chosen else ROOT / "dialtap.toml"
    if not chosen and not file.exists():
        return USUAL
    import tomllib  # noqa: PLC0415 -- slow import

    try:
        rpc = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("rpc", {})
    except OSError as error:
        raise Usage(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise Usage(f"{file}: {error}") from error
    found = rpc.get("socket", USUAL) if isinstance(rpc, dict) else USUAL
    if not isinstance(found, str) or not found:
        raise Usage(f"{file}: [rpc] socket: expected the path of the ingest's socket, got {found!r}")
    return found
