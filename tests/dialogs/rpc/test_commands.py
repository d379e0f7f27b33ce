"""What each command answers over a live call, beyond what Kamailio's own recordings show."""

import json

import pytest

from dialogs.rpc import PAUSE, Fault, binrpc, call
from dialogs.rpc.registry import find, steps
from dialogs.sip import text
from tests.dialogs.rpc.hosts import OURS, Recording


@pytest.fixture
def recording(tmp_path):
    """One answered call."""
    found = Recording(OURS / "basic", tmp_path)
    found.play_until(4)
    return found


@pytest.fixture
def host(recording):
    return recording.host


def answer(host, name, *params, strict=False):
    """Return the values of a command, or its fault as kamcmd prints it."""
    try:
        return list(call(host, name, params, strict=strict))
    except Fault as fault:
        return f"{fault.code} - {fault.text}"


def names(host):
    (record,) = host.engine.all_records()
    return text(record.call_id), text(record.caller_tag), text(record.callee_tag)


def number(host):
    (record,) = host.engine.all_records()
    return record.h_entry, record.h_id


MATCHES = [
    (("callid", "sw", "1-"), 1),
    (("callid", "sw", "2-"), 0),
    (("callid", "re", "^1-[0-9]+@127"), 1),
    (("furi", "eq", "sip:alice@lab.example"), 1),
    (("furi", "eq", "sip:ALICE@lab.example"), 0),
    (("furi", "re", "ALICE@"), 1),
    (("turi", "re", "sip:(5|6)011@"), 1),
    (("turi", "re", "a{2,1}"), "500 - Invalid matching value parameter"),
    (("ruri", "sw", "sip:5011@"), 1),
    (("start_ts", "gt", "1"), 1),
    (("start_ts", "lt", "1"), 0),
    (("start_ts", "eq", "1795294353"), 1),
    (("start_ts", "gt", "-1"), 0),
    (("start_ts", "gt", "9" * 50), 0),
    (("callid", "eq", ""), "500 - Invalid matching value parameter"),
]


@pytest.mark.parametrize("name", ["dlg.list_match", "dlg.list_match_ctx"])
@pytest.mark.parametrize(("params", "expected"), MATCHES)
def test_list_match(host, name, params, expected):
    found = answer(host, name, *params)
    assert (found if isinstance(found, str) else len(found)) == ("404 - Not found" if expected == 0 else expected)


def crowd(recording, count):
    """Put so many Call-IDs with one and the same dialog into the engine."""
    _call_id, family = recording.engine._families.popitem()
    recording.engine._families.update((b"%d" % each, family) for each in range(count))


def test_list_match_stops_at_its_limit(recording):
    crowd(recording, 3)
    assert [len(answer(recording.host, "dlg.list_match", "callid", "sw", "1-", limit)) for limit in (0, 1, 2, 3, 4)] == [3, 1, 2, 3, 3]


def test_dump_of_many_dialogs_has_a_line_for_each(recording, tmp_path):
    crowd(recording, 1000)
    assert answer(recording.host, "dlg.dump_file", "x") == []
    assert (tmp_path / "dumps" / "x").read_bytes().count(b"\n") == 1000


def test_pattern_of_a_stranger_takes_linear_time(host):
    host.engine.all_records()[0].from_uri = "a" * 5000 + "!"
    assert answer(host, "dlg.list_match", "furi", "re", "^(a+)+$") == "404 - Not found"


def test_one_dialog_by_call_id_and_tag(host):
    callid, ftag, _ttag = names(host)
    found = answer(host, "dlg.list")
    for name in ("dlg.dlg_list", "dlg.dlg_list_ctx", "dlg_list", "dlg_list_ctx"):
        assert answer(host, name, callid) == answer(host, name, callid, ftag) == found
    assert answer(host, "dlg.dlg_list", callid, "x") == answer(host, "dlg.dlg_list", "x") == []
    assert answer(host, "dlg_list", "x") == "404 - Nu such dialog"
    assert answer(host, "dlg_list") == answer(host, "dlg_list_ctx") == answer(host, "dlg.list_ctx") == found


def test_is_alive_in_either_direction_and_only_when_confirmed(host, tmp_path):
    callid, ftag, ttag = names(host)
    assert answer(host, "dlg.is_alive", callid, ftag, ttag) == answer(host, "dlg.is_alive", callid, ttag, ftag) == ["Alive"]
    assert answer(host, "dlg.is_alive", callid, ftag, "x") == "404 - Dialog not found"
    ringing = Recording(OURS / "basic", tmp_path)
    ringing.play_until(2)
    callid, ftag, _none = names(ringing.host)
    assert answer(ringing.host, "dlg.is_alive", callid, ftag, "any") == "500 - Dialog not in confirmed state"


def test_control_commands_look_up_first_and_have_no_controller(host):
    callid, ftag, ttag = names(host)
    for name in ("dlg.end_dlg", "dlg_end_dlg"):
        assert answer(host, name, *number(host)) == "500 - no controller"
        assert answer(host, name, 1, 2) == "404 - Dialog not found"
    for name in ("dlg.terminate_dlg", "dlg_terminate_dlg"):
        assert answer(host, name, callid, ftag, ttag) == "500 - no controller"
        assert answer(host, name, callid, ftag, "x") == "500 - Couldnt find callid in dialog"
    assert answer(host, "dlg.bridge_dlg", "sip:a", "sip:b") == answer(host, "dlg_bridge", "sip:a", "sip:b") == "500 - no controller"


def test_controller_hears_what_was_ordered(host):
    orders = []
    host.controller = lambda _host, command, arguments, _name: orders.append((command, arguments))
    assert answer(host, "dlg.end_dlg", *number(host), "X: 1\r\n") == []
    assert answer(host, "dlg.terminate_dlg", *names(host)) == []
    assert answer(host, "dlg.bridge_dlg", "sip:a", "sip:b", "sip:p") == []
    assert orders == [
        *(("end_dlg", (*number(host), "X: 1\r\n")), ("terminate_dlg", names(host)), ("bridge_dlg", ("sip:a", "sip:b", "sip:p", "."))),
    ]


def test_set_state_is_refused_with_the_reason(host):
    assert answer(host, "dlg.set_state", *names(host), 5) == "501 - Not supported: the state of a call is what the wire says"
    assert host.engine.all_records()[0].state == 4


def test_variables_are_set_on_record_and_wire_call(recording):
    host, engine = recording.host, recording.engine
    (record,), (wire,) = engine.all_records(), engine.all_calls()
    assert answer(host, "dlg.get_var", *names(host), "k") == "404 - Variable not found"
    assert answer(host, "dlg.set_var", *names(host), "k", "v") == ["Done"]
    assert answer(host, "dlg.get_var", *names(host), "k") == ["v"]
    assert record.variables == wire.variables == {"k": "v"}
    assert (record.dflags & 128, recording.touched) == (128, [wire.uid])
    assert answer(host, "dlg.list")[0]["variables"] == [{"k": "v"}]
    assert answer(host, "dlg.set_var", *names(host), "k") == ["Done"]
    assert record.variables == wire.variables == {}
    assert answer(host, "dlg.set_var", *names(host)) == "400 - Need the callid, from tag, to tag and key"
    assert answer(host, "dlg.set_var", *names(host), "k" * 1025, "v") == "500 - Invalid parameters"
    for each in range(64):
        answer(host, "dlg.set_var", *names(host), str(each), "v")
    assert answer(host, "dlg.set_var", *names(host), "one more", "v") == "500 - Too many variables"


def test_flags_are_set_and_reset(host):
    assert answer(host, "dlg.setflag", *names(host), 3) == ["Done"]
    assert [answer(host, "dlg.isflagset", *names(host), flag) for flag in (2, 3)] == [[0], [1]]
    assert [call_.sflags for call_ in host.engine.all_calls()] == [8]
    assert answer(host, "dlg.resetflag", *names(host), 3) == ["Done"]
    assert answer(host, "dlg.isflagset", *names(host), 3) == [0]
    assert answer(host, "dlg.setflag", *names(host), 32) == "500 - Invalid flag value"
    assert answer(host, "dlg.setflag", *names(host)) == "400 - Need the callid, from tag, to tag and flag"


def test_lifetime_is_set_and_ends_the_call(recording):
    host = recording.host
    assert answer(host, "dlg.get_timeout", *number(host)) == [21600]
    assert answer(host, "dlg.set_timeout", 5, *number(host)) == ["Done"]
    assert answer(host, "dlg.get_timeout", *number(host)) == [5]
    assert answer(host, "dlg.list")[0]["timeout"] == recording.now_ns // 10**9 + 5
    recording.engine.expire(recording.now_ns + 5 * 10**9)
    assert [record.state for record in recording.engine.all_records()] == []
    assert answer(host, "dlg.get_timeout", 1, 1) == "404 - Dialog not found"
    assert answer(host, "dlg.set_timeout", 0, 1, 1) == "500 - Invalid timeout value"


def test_ended_call_takes_nothing(recording):
    callid, ftag, ttag = names(recording.host)
    recording.play_until(5)
    for name, more in (("dlg.set_var", ("k", "v")), ("dlg.setflag", (1,))):
        assert answer(recording.host, name, callid, ftag, ttag, *more) == "404 - Dialog not found"


def test_profiles_by_their_values(host):
    assert answer(host, "dlg.profile_get_values", "caller") == ["sip:alice@lab.example"]
    assert answer(host, "dlg.profile_get_values", "total") == []
    assert answer(host, "dlg.profile_get_values", "nope") == "404 - Profile not found: nope"
    assert [len(answer(host, "dlg.profile_list", *words)) for words in (("total",), ("total", "x"), ("caller",), ("caller", "sip:alice@lab.example"))] == [
        1
    ] * 4
    assert answer(host, "dlg.profile_list", "caller", "x") == answer(host, "profile_list_dlgs", "caller", "x") == []
    assert [answer(host, "profile_get_size", *words) for words in (("caller",), ("caller", "x"), ("total", "x"))] == [[1], [0], [1]]


def test_counters_in_all_their_dresses(host):
    assert answer(host, "dlg.stats") == [{"processed": 1, "failed": 0, "active": 1, "early": 0, "expired": 0}]
    assert answer(host, "stats.get_statistics", "active_dialogs", "nope") == ["dialog:active_dialogs = 1"]
    assert answer(host, "stats.get_statistics", "all") == answer(host, "stats.get_statistics", "dialog:")
    assert answer(host, "stats.fetchn", "dialog.active_dialogs") == [{"dialog.active_dialogs": 1}]


def test_dump_is_appended_to_a_file_of_our_own_folder(recording, tmp_path):
    assert answer(recording.host, "dlg.dump_file", "calls.json") == answer(recording.host, "dlg.dump_file", "calls.json") == []
    lines = (tmp_path / "dumps" / "calls.json").read_text().splitlines()
    assert lines[0] == lines[1]
    assert [line.count(" ") for line in lines] == [0, 0]
    dialog = json.loads(lines[0])
    assert list(dialog)[:5] == ["h_entry", "h_id", "ref", "call_id", "from_uri"]
    assert (dialog["profiles"], dialog["variables"]) == ({"local": "", "total": "", "caller": "sip:alice@lab.example"}, {})
    assert "duration" not in dialog


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", ".hidden", "", "x" * 101, "a\0b", ".."])
def test_dump_never_leaves_its_folder(recording, tmp_path, name):
    assert answer(recording.host, "dlg.dump_file", name) == "500 - Invalid file name: a plain one of letters, digits, . _ and -"
    assert not (tmp_path / "dumps").exists()


def test_dump_follows_no_link(recording, tmp_path):
    (tmp_path / "dumps").mkdir()
    (tmp_path / "target").write_text("")
    (tmp_path / "dumps" / "link").symlink_to(tmp_path / "target")
    assert answer(recording.host, "dlg.dump_file", "link") == []
    assert (tmp_path / "target").read_text() == ""


def test_briefing_prints_the_callers_tag_twice_as_the_original(host, tmp_path):
    _callid, ftag, ttag = names(host)
    assert answer(host, "dlg.briefing", "FTx") == [dict(zip(("h_entry", "h_id"), number(host), strict=True)) | {"from_tag": ftag, "to_tag": ftag}]
    better = Recording(OURS / "basic", tmp_path, kamailio_exact=False)
    better.play_until(4)
    assert answer(better.host, "dlg.briefing", "T")[0]["to_tag"] == ttag


FLAT = ["hash", "h_entry", "h_id", "callid", "from_uri", "to_uri", "caller_contact", "callee_contact", "state", "start_time", "duration", "timeout", "profiles"]


def test_older_flat_shape(tmp_path):
    recording = Recording(OURS / "basic", tmp_path, kamailio_exact=False)
    recording.play_until(4)
    entry, serial = number(recording.host)
    (dialog,) = answer(recording.host, "dlg.list")
    assert list(dialog) == FLAT
    assert {type(value) for value in dialog.values()} == {str}
    assert [dialog[key] for key in ("hash", "state", "timeout", "profiles")] == [
        f"{entry}:{serial}",
        "4",
        "21600",
        "local, total, caller=sip:alice@lab.example",
    ]
    assert answer(recording.host, "dlg.profile_list", "total") == [dialog]
    assert answer(recording.host, "dlg.dlg_list", "x") == "404 - Dialog not found"


def test_failed_call_lasted_nothing_in_the_flat_shape_and_since_1970_in_the_originals(tmp_path):
    found = []
    for exact in (True, False):
        recording = Recording(OURS / "busy", tmp_path, kamailio_exact=exact)
        recording.play_until(5)
        found.append(answer(recording.host, "dlg.list")[0])
    assert (found[0]["duration"], found[1]["duration"]) == (found[0]["end_ts"], "0")


def test_ims_dialog_has_its_own_commands(tmp_path):
    recording = Recording(OURS / "basic", tmp_path, flavour="ims_dialog")
    recording.play_until(4)
    ((listing,),) = (answer(recording.host, "dlg2.list"),)
    assert (listing["Size"], listing["Dialogs"][0]["Dialog"]["State"]) == (4096, "Confirmed")
    assert answer(recording.host, "dlg2.end_dlg", *number(recording.host)) == "500 - no controller"
    assert answer(recording.host, "dlg2.end_all_active_dlg") == "500 - no controller"
    assert answer(recording.host, "stats.get_statistics", "dialog_ng:")[0] == "dialog_ng:active = 1"


def test_server_says_who_it_is(recording):
    assert answer(recording.host, "core.version")[0].startswith("dialtap ")
    recording.host.started_ns = recording.now_ns - 90 * 10**9
    uptime = answer(recording.host, "core.uptime")[0]
    assert (list(uptime), uptime["uptime"]) == (["now", "up_since", "uptime"], 90)


def test_help_is_there_for_every_command(host):
    listed = answer(host, "system.listMethods")
    assert listed == answer(host, "help") == sorted(listed)
    assert [name for name in listed if answer(host, "help", name) != answer(host, "system.methodHelp", name)] == []
    assert answer(host, "help", "nope") == "400 - command not found"
    assert answer(host, "system.methodSignature", "dlg.list_match") == ["key op value [limit]"]
    assert answer(host, "system.methodSignature", "nope") == "400 - command not found"


def test_many_dialogs_leave_pauses(recording):
    crowd(recording, 5000)
    for name, params in (
        ("dlg.list", []),
        ("dlg.get_timeout", [1, 2]),
        ("dlg.set_timeout", [9, 1, 2]),
        ("dlg.profile_list", ["total"]),
        ("dlg.briefing", []),
        ("dlg.end_dlg", [1, 2]),
        ("dlg.dump_file", ["x"]),
    ):
        values = steps(recording.host, find(recording.host, name), params)
        assert [next(values) is PAUSE for _ in range(2)] == [True, True]


@pytest.mark.parametrize("raw", ["é1".encode(), "é1".encode("latin-1")])
def test_call_id_is_found_as_listings_show_it(host, raw):
    (family,) = host.engine._families.values()
    host.engine._families[raw] = family
    family.records[0].call_id = raw
    assert len(answer(host, "dlg.dlg_list", text(raw))) == len(answer(host, "dlg.dlg_list", binrpc.decoded(raw))) == 1
