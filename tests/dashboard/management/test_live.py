"""`live` and `ingest` as processes: what they print, serve, refuse, and how they end."""

import json
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.dialogs.taps.sniffing import links, need_namespace
from tests.lab.namespace import Namespace

ROOT = Path(__file__).resolve().parents[3]
BASIC = str(ROOT / "tests" / "recordings" / "basic" / "capture.pcap")
PASSWORD = "for this test only"


class Process:
    """A command of manage.py with a var folder of its own; its output is read line by line."""

    def __init__(self, var, *arguments, stdin=subprocess.DEVNULL, **environment):
        env = os.environ | {"DIALTAP_VAR": str(var), "DIALTAP_CONFIG": os.devnull, "DJANGO_SETTINGS_MODULE": "dashboard.settings"} | environment
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        self.process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=ROOT)
        self.lines = []

    def line(self, pattern):
        """Read on until a line matches; returns the match."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern} not in {self.lines}: {self.process.stderr.read()}")

    def end(self, number=signal.SIGTERM):
        """Ask it to end; returns (exit code, stderr)."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture
def start(tmp_path):
    """Starts commands and makes sure that they end."""
    started = []

    def starting(*arguments, **environment):
        started.append(Process(tmp_path / "var", *arguments, **environment))
        return started[-1]

    yield starting
    for process in started:
        process.process.kill()
        process.process.communicate()


def get(url, seconds=60.0):
    """Return (status, body) of a page as soon as the server answers at all."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 -- our own server
                return answer.status, answer.read()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def rows(var, query, seconds=60.0):
    """Return what the database answers as soon as it is something."""
    end = time.monotonic() + seconds
    while True:
        with closing(sqlite3.connect(var / "dialtap.sqlite3")) as database:
            try:
                found = database.execute(query).fetchall()
            except sqlite3.OperationalError:  # not migrated yet
                found = []
        if found:
            return found
        assert time.monotonic() < end, f"nothing came of {query}"
        time.sleep(0.05)


def test_live_serves_pages_and_records_calls(start, tmp_path):
    live = start("live", "--pcap", BASIC, "--speed", "10", "--bind", "127.0.0.1:0")
    url = live.line(r"Dialtap serves (http://127\.0\.0\.1:\d+/)")[1]
    live.line("listens to file:capture.pcap")
    live.line(r"first administrator: admin, password \S{16} \(shown once\)")
    assert get(f"{url}healthz")[0] == 200
    assert b"Sign in" in get(url)[1]
    assert rows(tmp_path / "var", "select from_user from dashboard_dialogrow where state = 5") == [("alice",)]
    assert live.end() == (0, "")


def test_ingest_records_without_pages(start, tmp_path):
    ingest = start("ingest", "--pcap", BASIC, "--speed", "max")
    ingest.line("listens to file:capture.pcap")
    assert rows(tmp_path / "var", "select to_user, recorded from dashboard_dialogrow where state = 5") == [("5011", 1)]
    assert rows(tmp_path / "var", "select count(*) from auth_user") == [(0,)]
    assert ingest.end(signal.SIGINT) == (0, "")


def test_pages_and_ingest_share_a_database_from_processes_of_their_own(start, tmp_path):
    web, ingest = start("live", "--web-only", "--bind", "127.0.0.1:0", DIALTAP_ADMIN_PASSWORD=PASSWORD), start("ingest", "--pcap", BASIC, "--speed", "max")
    url = web.line(r"Dialtap serves (http://127\.0\.0\.1:\d+/)")[1]
    ingest.line("listens to file:capture.pcap")
    ((uid,),) = rows(tmp_path / "var", "select uid from dashboard_dialogrow where state = 5")
    page = signed_in(url)
    assert [page(address)[0] for address in ("", "taps/", f"call/{uid}/message/1/")] == [200] * 3
    assert "Recording capture.pcap" in page("taps/")[1]
    assert [line for line in web.lines if "listens" in line] == []
    assert ingest.end() == (0, "")
    assert page(f"call/{uid}/")[0] == 200
    assert web.end()[0] == 0


@need_namespace
def test_interface_is_found_again_by_a_process_that_gave_up_root(start, tmp_path):
    again = ("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up")
    namespace = Namespace()
    with namespace:
        links(*again)
        ingest = start("ingest", "--interface", "v1", "--hep", "127.0.0.1:9060")  # a network of its own
        ingest.line(r"gave up root, now \w+, who may still capture")
        error = "select error from dashboard_tapstatus where name = 'interface:v1' and error {} ''"
        rows(tmp_path / "var", error.format("="))
        links("link delete v0")
        assert rows(tmp_path / "var", error.format("!="))[0][0].startswith("v1: The interface went down, since 20")
        links(*again)
        rows(tmp_path / "var", error.format("="))
        code, errors = ingest.end()
    namespace.close()
    assert (code, "tap back" in errors) == (0, True)


def signed_in(url):
    """Return what asks for pages as the administrator."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def page(address, form=None):
        with opener.open(url + address, urllib.parse.urlencode(form).encode() if form else None, timeout=30) as answer:
            return answer.status, answer.read().decode()

    get(url)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page("login/")[1])[1]
    page("login/", {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token})
    return page


def test_password_of_the_environment_is_not_printed(start):
    live = start("live", "--pcap", BASIC, "--bind", "127.0.0.1:0", DIALTAP_ADMIN_PASSWORD=PASSWORD)
    get(live.line(r"Dialtap serves (\S+)")[1])
    code, _ = live.end()
    assert (code, [line for line in live.lines if "password" in line]) == (0, [])


def test_demo_fills_the_table_within_ten_seconds(start, tmp_path):
    live = start("live", "--demo", "--bind", "127.0.0.1:0", DIALTAP_CONFIG="")
    live.line("listens to file:demo.pcap.zst")
    rows(tmp_path / "var", "select count(*) from dashboard_dialogrow where state < 5 having count(*) > 8")
    ((first_ns,), *_, (ninth_ns,)) = rows(tmp_path / "var", "select init_ns from dashboard_dialogrow order by init_ns limit 9")
    assert ninth_ns - first_ns < 10 * 10**9  # on the recording's clock: the machine may be busy
    assert live.end() == (0, "")


def test_capture_piped_in_is_recorded_with_its_times(start, tmp_path):
    with Path(BASIC).open("rb") as capture:
        ingest = start("ingest", "--pcap", "-", stdin=capture)
    ingest.line("listens to file:standard input")
    found = rows(tmp_path / "var", "select to_user, recorded, ended_by, init_ns / 1000000000 from dashboard_dialogrow where state = 5")
    assert found == [("5011", 1, "caller", 1795294351)]
    assert rows(tmp_path / "var", "select error from dashboard_tapstatus where error like '%ended%'") == [("the stream has ended",)]
    assert ingest.end()[0] == 0


def test_named_pipe_without_a_writer_does_not_hold_up_the_start(start, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    live = start("live", "--pcap", str(tmp_path / "pipe"), "--bind", "127.0.0.1:0")
    assert get(f"{live.line(r'Dialtap serves (http://127\.0\.0\.1:\d+/)')[1]}healthz")[0] == 200
    (tmp_path / "pipe").write_bytes(Path(BASIC).read_bytes())
    assert rows(tmp_path / "var", "select from_user from dashboard_dialogrow where state = 5") == [("alice",)]
    assert live.end()[0] == 0


def moved(capture, later):
    """Return a pcap whose packets came later, by the seconds that `later` says of a packet's bytes."""
    found, at = bytearray(capture), 24
    while at < len(found):
        seconds, _, length = struct.unpack_from("<III", found, at)
        struct.pack_into("<I", found, at, seconds + later(capture[at + 16 : at + 16 + length]))
        at += 16 + length
    return bytes(found)


def of_now(capture):
    """Return a pcap whose packets came a moment ago: what is older than a call's lifetime is over before the folder grows."""
    later = int(time.time()) - struct.unpack_from("<I", capture, 24)[0] - 60
    return moved(capture, lambda _: later)


def test_followed_folder_is_recorded_as_it_grows(start, tmp_path):
    folder = tmp_path / "captures"
    folder.mkdir()
    tmp_path.chmod(0o755)
    capture = of_now(Path(BASIC).read_bytes())
    (folder / "a.pcap").write_bytes(capture[:5000])
    ingest = start("ingest", "--follow", str(folder))
    ingest.line(r"listens to folder:.*/captures")
    assert rows(tmp_path / "var", "select to_user, recorded from dashboard_dialogrow where messages > 0") == [("5011", 1)]
    with (folder / "a.pcap").open("ab") as file:
        file.write(capture[5000:])
    assert rows(tmp_path / "var", "select ended_by from dashboard_dialogrow where state = 5 and ended_by <> 'timeout'") == [("caller",)]
    assert ingest.end() == (0, "")


REFUSED = {
    "unknown interface": (("live", "--interface", "nope0"), "nope0"),
    "bad speed": (("live", "--pcap", BASIC, "--speed", "0"), "argument --speed: a number above 0, or max, not '0'"),
    "speed in words": (("ingest", "--pcap", BASIC, "--speed", "fast"), "--speed"),
    "folder without captures": (("live", "--pcap", "docs/screenshots"), "docs/screenshots: no capture in it"),
    "loop of a pipe": (("live", "--pcap", "-", "--loop"), "leave out --loop"),
    "standard input that is empty": (("ingest", "--pcap", "-"), "standard input is empty"),
    "replay of empty standard input": (("replay", "-"), "standard input is empty"),
    "standard input twice": (("replay", "-", "-"), "standard input is empty"),
    "follow of nothing": (("live", "--follow", "missing"), "missing: No such directory"),
    "follow and interface": (("live", "--follow", "tests", "--interface", "lo"), "--interface cannot be used"),
    "demo and follow": (("live", "--demo", "--follow", "tests"), "--demo plays its own recording"),
    "no capture": (("live", "--pcap", "README.md"), "README.md"),
    "demo and pcap": (("live", "--demo", "--pcap", BASIC), "--demo plays its own recording"),
    "ingest without file": (("ingest", "--pcap", "missing.pcap"), "missing.pcap"),
    "replay of no capture": (("replay", "README.md"), "README.md"),
    "replay of nothing": (("replay", "missing.pcap"), "missing.pcap"),
    "replay without moments": (("replay", BASIC, "--at", os.devnull), "no moment"),
    "replay of no file": (("replay",), "dialtap replay: error: the following arguments are required: FILE"),
    "web only with a source": (("live", "--web-only", "--interface", "lo"), "--web-only captures nothing"),
    "unknown option": (("live", "--nonsense"), "--nonsense"),
}


def test_wrong_wish_is_one_clear_line_and_exit_two(tmp_path):
    asked = json.dumps({name: arguments for name, (arguments, _) in REFUSED.items()})
    env = os.environ | {"DIALTAP_VAR": str(tmp_path), "DIALTAP_CONFIG": os.devnull, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    command = [sys.executable, "-m", "tests.dashboard.management.refusing", asked]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env, cwd=ROOT, check=True)
    said = json.loads(done.stdout)
    found = {name: (said[name][0], words in said[name][1], said[name][1].count("\n")) for name, (_, words) in REFUSED.items()}
    assert found == dict.fromkeys(REFUSED, (2, True, 1)), said


def test_port_in_use_names_the_address(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start("live", "--pcap", BASIC, "--bind", address).process
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (
        2,
        f"CommandError: the pages cannot be served on {address}: address already in use; choose another with --bind HOST:PORT\n",
    )


def test_handler_that_cannot_be_loaded_is_one_line(start, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[dialog]\nhandlers = ["nowhere.to.be.found"]\n')
    process = start("live", "--pcap", BASIC, "--config", str(config)).process
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (2, "CommandError: [dialog] handlers: nowhere.to.be.found: No module named 'nowhere'\n")


def test_unknown_key_of_the_configuration_names_the_right_one(start, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("[dialog]\ndefault_timeut = 5\n")
    process = start("live", "--config", str(config)).process
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "default_timeout" in errors, errors.count("\n")) == (2, True, 1)
