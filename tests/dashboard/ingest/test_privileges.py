"""Giving up root."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.ingest.privileges import PrivilegeError, give_up_root, hand_over, leave_root, successor, unreadable

ROOT = Path(__file__).resolve().parents[3]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="giving up root needs root")


def test_checkout_owner_is_the_successor(tmp_path):
    owner = tmp_path.stat().st_uid
    assert successor(tmp_path).pw_name == ("nobody" if owner == 0 else pwd.getpwuid(owner).pw_name)


@root_only
def test_owner_other_than_root_is_the_successor(tmp_path):
    os.chown(tmp_path, pwd.getpwnam("daemon").pw_uid, -1)
    assert successor(tmp_path).pw_name == "daemon"


def test_nothing_to_give_up_for_others(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (give_up_root(tmp_path, tmp_path), leave_root(tmp_path, tmp_path)) == ("", [])


@root_only
def test_program_that_the_successor_cannot_read_keeps_root_and_says_so(tmp_path):
    tmp_path.chmod(0o700)
    with pytest.raises(PrivilegeError, match="nobody may not read"):
        give_up_root(tmp_path, tmp_path / "var")
    assert leave_root(tmp_path, tmp_path / "var")[0].startswith("still root: nobody may not read")
    assert not (tmp_path / "var").exists()


@root_only
def test_readable_folders_pass():
    assert unreadable(pwd.getpwnam("nobody"), [Path("/usr"), Path("/")]) is None


@root_only
def test_folder_is_handed_over_with_all_in_it_and_links_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.touch()
    folder = tmp_path / "var"
    (folder / "messages").mkdir(parents=True)
    (folder / "key").touch()
    (folder / "link").symlink_to(outside)
    nobody = pwd.getpwnam("nobody")
    hand_over(folder, nobody.pw_uid, nobody.pw_gid)
    assert {path.lstat().st_uid for path in (folder, *folder.iterdir())} == {nobody.pw_uid}
    assert outside.stat().st_uid == 0


GIVE_UP = """
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from dashboard.ingest import privileges
privileges.unreadable = lambda user, paths: None  # this machine's Python may lie in root's own folder
print(privileges.leave_root(Path({checkout!r}), Path({var!r})), os.geteuid(), os.getgroups())
"""


@root_only
def test_root_is_given_up_for_good(tmp_path):
    code = GIVE_UP.format(root=str(ROOT), checkout="/", var=str(tmp_path / "var"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    nobody = pwd.getpwnam("nobody").pw_uid
    assert done.stdout.strip() == f"['gave up root, now nobody'] {nobody} []", done.stderr
    assert (tmp_path / "var").stat().st_uid == nobody
