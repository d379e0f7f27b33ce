"""Gives up root once the taps are open. Knows users, files and Linux capabilities; knows no tap and no page."""

import ctypes
import os
import pwd
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_READ_SEARCH = 2
CAP_NET_RAW = 13


class PrivilegeError(RuntimeError):
    """Root cannot be given up; the text says why and what to do."""


def successor(checkout: Path) -> pwd.struct_passwd:
    """Return whom to become: the checkout's owner, or nobody when that is root too."""
    owner = checkout.stat().st_uid
    return pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")


def give_up_root(checkout: Path, writable: Path, *, captures: bool = False) -> str:
    """Become the successor for good; `writable` and what is in it becomes theirs. Returns what was done, in words, "" when this was not root.

    Two rights may be kept, each only where it is needed. To open a packet socket (CAP_NET_RAW), when this process `captures` from an interface: one
    that goes away can be opened again. To read files (CAP_DAC_READ_SEARCH), when Python or the checkout lies in a folder of root's alone: modules
    are still loaded while serving. Raises PrivilegeError where the second cannot be had.
    """
    if os.geteuid() != 0:
        return ""
    user = successor(checkout)
    blocked = unreadable(user, [checkout, Path(os.__file__).parent, Path(sys.prefix), writable.parent])
    kept = {CAP_NET_RAW: "capture"} if captures and sys.platform.startswith("linux") else {}
    if blocked is not None:
        kept[CAP_DAC_READ_SEARCH] = f"read every file: {blocked} is closed to others"
    if kept:
        keep_capabilities()
    hand_over(writable, user.pw_uid, user.pw_gid)
    _become(user)
    if not kept:
        return f"gave up root, now {user.pw_name}"
    limit_capabilities(sum(1 << capability for capability in kept))
    return f"gave up root, now {user.pw_name}, who may still {' and '.join(kept.values())}"


def leave_root(checkout: Path, writable: Path, *, captures: bool = False) -> list[str]:
    """Give up root where that is possible; return what the user should know of it, a sentence each."""
    try:
        done = give_up_root(checkout, writable, captures=captures)
    except PrivilegeError as error:
        return [f"{'still root' if os.geteuid() == 0 else 'gave up root'}: {error}"]
    return [done] if done else []


def keep_capabilities() -> None:
    """Have the next change of user keep what this process may do, until `limit_capabilities`. Raises PrivilegeError."""
    if not sys.platform.startswith("linux") or ctypes.CDLL(None, use_errno=True).prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0):
        raise PrivilegeError("Dialtap or its Python lies where only root may read: put them elsewhere, or start it as their owner")


def limit_capabilities(kept: int) -> None:
    """Drop every capability of this thread, and of those it starts, but the ones of this bit mask (capset(2)). Raises PrivilegeError."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    sets = struct.pack("=6I", kept, kept, 0, 0, 0, 0)  # effective, permitted, inheritable: of bits 0 to 31, then of 32 to 63
    if ctypes.CDLL(None, use_errno=True).capset(header, sets):
        raise PrivilegeError(f"capabilities cannot be limited: {os.strerror(ctypes.get_errno())}")


def pass_on_reading() -> bool:
    """Have programs that this thread starts from now on keep the right to read every file, where this process has it; return whether they do.

    Their Python lies where only that right reaches. Nothing else is passed on (capabilities(7): a right that is inheritable and ambient outlives exec).
    """
    if not sys.platform.startswith("linux"):
        return False
    libc, header, sets = ctypes.CDLL(None, use_errno=True), struct.pack("=Ii", CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    if libc.capget(header, sets):
        return False
    effective, permitted, _, *above = struct.unpack("=6I", sets.raw)
    if not permitted >> CAP_DAC_READ_SEARCH & 1 or os.geteuid() == 0:
        return False
    inheritable = 1 << CAP_DAC_READ_SEARCH
    if libc.capset(header, struct.pack("=6I", effective, permitted, inheritable, *above)):
        return False
    return bool(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0) == 0)


def unreadable(user: pwd.struct_passwd, paths: Iterable[Path]) -> Path | None:
    """Return the first of these folders that the user may not read, tried in a child that is that user."""
    for path in paths:
        child = os.fork()
        if not child:  # pragma: no cover - runs in the child, which coverage does not see
            _become(user)
            os._exit(0 if os.access(path, os.R_OK | os.X_OK) else 1)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status):
            return path
    return None


def hand_over(folder: Path, uid: int, gid: int) -> None:
    """Give a folder and all in it to a user; symbolic links are given themselves, never followed."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, uid, gid)
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(root) / name, uid, gid, follow_symlinks=False)


def _become(user: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = user.pw_dir
