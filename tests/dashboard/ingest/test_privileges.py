"""Giving up root."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.ingest.privileges import give_up_root, hand_over, leave_root, pass_on_reading, successor, unreadable

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
def test_readable_folders_pass():
    assert unreadable(pwd.getpwnam("nobody"), [Path("/usr"), Path("/")]) is None


@root_only
def test_folder_that_is_closed_to_others_is_named(tmp_path):
    tmp_path.chmod(0o700)
    assert unreadable(pwd.getpwnam("nobody"), [Path("/usr"), tmp_path]) == tmp_path


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
{patch}
print(*privileges.leave_root(Path({checkout!r}), Path({var!r}), captures={captures}))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(os.getresuid(), os.getresgid(), os.getgroups(), status["CapEff"].strip(), status["CapPrm"].strip())
print(os.access({secret!r}, os.R_OK, effective_ids=True), os.access({secret!r}, os.W_OK, effective_ids=True))
"""


def given_up(tmp_path, patch, captures=False):
    """Return what a child prints that leaves root; `patch` is code that runs before."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    code = GIVE_UP.format(root=str(ROOT), patch=patch, checkout="/", var=str(tmp_path / "var"), secret=str(secret), captures=captures)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.splitlines() or done.stderr


@root_only
def test_root_is_given_up_for_good(tmp_path):
    user = pwd.getpwnam("nobody")
    printed = given_up(tmp_path, "privileges.unreadable = lambda user, paths: None  # wherever this machine's Python lies")
    assert printed == ["gave up root, now nobody", f"{(user.pw_uid,) * 3} {(user.pw_gid,) * 3} [] {0:016x} {0:016x}", "False False"]
    assert (tmp_path / "var").stat().st_uid == user.pw_uid


@root_only
def test_right_to_read_is_all_that_is_kept_where_the_program_is_closed_to_others(tmp_path):
    user = pwd.getpwnam("nobody")
    printed = given_up(tmp_path, "privileges.unreadable = lambda user, paths: Path('/closed')")
    assert printed == [
        "gave up root, now nobody, who may still read every file: /closed is closed to others",
        f"{(user.pw_uid,) * 3} {(user.pw_gid,) * 3} [] {4:016x} {4:016x}",
        "True False",
    ]


KEPT = {
    "capture": ("None", "capture", 1 << 13, "False"),
    "both": ("Path('/closed')", "capture and read every file: /closed is closed to others", 1 << 13 | 4, "True"),
}


@root_only
@pytest.mark.parametrize(("blocked", "rights", "mask", "reads"), KEPT.values(), ids=KEPT)
def test_right_to_capture_is_kept_where_an_interface_is_open(tmp_path, blocked, rights, mask, reads):
    user = pwd.getpwnam("nobody")
    printed = given_up(tmp_path, f"privileges.unreadable = lambda user, paths: {blocked}", captures=True)
    assert printed == [
        f"gave up root, now nobody, who may still {rights}",
        f"{(user.pw_uid,) * 3} {(user.pw_gid,) * 3} [] {mask:016x} {mask:016x}",
        f"{reads} False",
    ]


@root_only
def test_root_that_cannot_be_given_up_is_said(tmp_path):
    patch = "privileges.unreadable = lambda user, paths: Path('/closed'); privileges.sys.platform = 'other'"
    assert given_up(tmp_path, patch)[0].startswith("still root: Dialtap or its Python lies where only root may read")
    assert not (tmp_path / "var").exists()


@root_only
def test_capabilities_that_are_not_there_cannot_be_taken(tmp_path):
    patch = "privileges.keep_capabilities = lambda: None; privileges.unreadable = lambda user, paths: Path('/closed')"
    assert given_up(tmp_path, patch)[0] == "gave up root: capabilities cannot be limited: Operation not permitted"


PASSED_ON = """
before, answer = subprocess.run(["cat", {secret!r}], capture_output=True).returncode, privileges.pass_on_reading()
status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout.splitlines()
child = dict(line.split(":", 1) for line in status)
print(before, answer, subprocess.run(["cat", {secret!r}], capture_output=True).returncode)
print(child["CapEff"].strip(), child["CapPrm"].strip(), child["CapInh"].strip())
"""
READING = f"{4:016x} {4:016x} {4:016x}"
NO_RIGHT = " ".join([f"{0:016x}"] * 3)


@root_only
@pytest.mark.parametrize(
    ("blocked", "captures", "printed"),
    [
        ("Path('/closed')", False, ["1 True 0", READING]),
        ("Path('/closed')", True, ["1 True 0", READING]),  # the right to capture stays with this process
        ("None", True, ["1 False 1", NO_RIGHT]),
        ("None", False, ["1 False 1", NO_RIGHT]),
    ],
    ids=["reads", "reads and captures", "captures", "nothing"],
)
def test_right_to_read_alone_is_passed_on_to_programs_where_it_was_kept(tmp_path, blocked, captures, printed):
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    patch = f"import subprocess; privileges.unreadable = lambda user, paths: {blocked}"  # imported while this Python can still be read
    code = GIVE_UP.format(root=str(ROOT), patch=patch, checkout="/", var=str(tmp_path / "var"), secret=str(secret), captures=captures)
    done = subprocess.run([sys.executable, "-c", code + PASSED_ON.format(secret=str(secret))], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-2:] == printed, done.stderr


@root_only
def test_root_passes_nothing_on():
    assert pass_on_reading() is False  # what it starts is root anyway


def test_other_systems_pass_nothing_on(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert pass_on_reading() is False
