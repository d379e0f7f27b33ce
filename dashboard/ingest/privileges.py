"""Gives up root once the taps are open. Knows users and files; knows no tap and no page."""

import os
import pwd
import sys
from collections.abc import Iterable
from pathlib import Path


class PrivilegeError(RuntimeError):
    """Root cannot be given up; the text says why and what to do."""


def successor(checkout: Path) -> pwd.struct_passwd:
    """Return whom to become: the checkout's owner, or nobody when that is root too."""
    owner = checkout.stat().st_uid
    return pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")


def give_up_root(checkout: Path, writable: Path) -> str:
    """Become the successor for good; `writable` and what is in it becomes theirs. Returns their name, "" when this was not root.

    Raises PrivilegeError, before anything is changed, when the successor could not read the program.
    """
    if os.geteuid() != 0:
        return ""
    user = successor(checkout)
    blocked = unreadable(user, [checkout, Path(os.__file__).parent, Path(sys.prefix)])
    if blocked is not None:
        raise PrivilegeError(f"{user.pw_name} may not read {blocked}: put Dialtap and its Python where others may read, or start it as its owner")
    hand_over(writable, user.pw_uid, user.pw_gid)
    _become(user)
    return user.pw_name


def leave_root(checkout: Path, writable: Path) -> list[str]:
    """Give up root where that is possible; return what the user should know of it, a sentence each."""
    try:
        user = give_up_root(checkout, writable)
    except PrivilegeError as error:
        return [f"still root: {error}"]
    return [f"gave up root, now {user}"] if user else []


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
