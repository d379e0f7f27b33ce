"""The registry: schema out of annotations, permissions, parameters by position and by name, values and results."""

from pathlib import Path

import pytest

from dialogs.config import Config, Dialog
from dialogs.rpc import COMMANDS, PAUSE, Fault, UnknownCommand, call, result
from dialogs.rpc.commands.server import VERSION
from dialogs.rpc.registry import Parameter, available, positional
from tests.dialogs.rpc.hosts import OURS, Recording

CONTROL = {
    *(
        "dlg.end_dlg",
        "dlg.terminate_dlg",
        "dlg.bridge_dlg",
        "dlg.refer",
        "dlg.set_state",
        "dlg.dump_file",
        "dlg.set_var",
        "dlg.setflag",
        "dlg.resetflag",
        "dlg.set_timeout",
    ),
    *("dlg_end_dlg", "dlg_terminate_dlg", "dlg_bridge", "dlg2.end_dlg", "dlg2.end_all_active_dlg"),
}


@pytest.fixture
def host(tmp_path):
    recording = Recording(OURS / "basic", tmp_path)
    recording.play_until(4)
    return recording.host


def test_annotations_are_the_schema():
    assert COMMANDS["dlg.list_match"].parameters == (Parameter("key", "S"), Parameter("op", "S"), Parameter("value", "S"), Parameter("limit", "d", 0))
    assert COMMANDS["dlg.profile_get_size"].parameters == (Parameter("profile", ".S"), Parameter("value", ".S", None))
    assert [str(parameter) for parameter in COMMANDS["stats.fetch"].parameters + COMMANDS["dlg.end_dlg"].parameters] == [
        *("[names ...]", "h_entry", "h_id", "[headers]"),
    ]


def test_only_commands_that_change_something_need_the_permission_to_control():
    assert {name for name, held in COMMANDS.items() if held.permission == "control"} == CONTROL
    assert {held.permission for held in COMMANDS.values()} == {"read", "control"}


@pytest.mark.parametrize("name", sorted(CONTROL))
def test_who_may_only_look_may_not_control(host, name):
    if not name.startswith("dlg2."):
        with pytest.raises(Fault) as refused:
            list(call(host, name, [1, 2, "x", "y", 1], control=False))
        assert (refused.value.code, refused.value.text) == (403, f"{name} needs the permission to control calls")


@pytest.mark.parametrize("name", [name for name, held in COMMANDS.items() if held.permission == "read" and not held.flavour])
def test_who_may_only_look_may_look(host, name):
    refused = None
    try:
        list(call(host, name, [], control=False))
    except Fault as fault:
        refused = fault.code
    assert refused != 403


def test_every_command_has_help():
    assert [name for name, held in COMMANDS.items() if len(held.help) < 10 or "\n" in held.help] == []


def test_commands_of_ims_dialog_are_there_with_its_flavour_only(host, tmp_path):
    ims = Recording(OURS / "basic", tmp_path, flavour="ims_dialog").host
    assert {held.name for held in available(ims)} - {held.name for held in available(host)} == {"dlg2.list", "dlg2.end_dlg", "dlg2.end_all_active_dlg"}
    with pytest.raises(UnknownCommand):
        call(host, "dlg2.list")


def test_call_yields_values_and_no_pause(host):
    values = list(call(host, "dlg.list"))
    assert [value["state"] for value in values] == [4]
    assert PAUSE not in values


def test_result_is_what_jsonrpc_shows(host):
    assert result("dlg.list", []) == []
    assert result("dlg.dlg_list", []) == {}
    assert result("dlg.dlg_list", [1, 2]) == 2
    assert result("dlg.list", [1, 2]) == [1, 2]


@pytest.mark.parametrize(
    ("params", "exact", "expected"),
    [
        ({"x": "a", "y": "b"}, True, ["a", "b"]),
        ({"value": "b", "profile": "a"}, True, ["b", "a"]),
        ({"value": "b", "profile": "a"}, False, ["a", "b"]),
        ({"profile": "a"}, False, ["a"]),
        ({}, False, []),
    ],
)
def test_parameters_by_name(params, exact, expected):
    assert positional(COMMANDS["dlg.profile_get_size"], params, exact=exact) == expected


def test_unknown_name_of_a_parameter_is_refused():
    with pytest.raises(Fault, match="-32602 Invalid Parameters"):
        positional(COMMANDS["dlg.profile_get_size"], {"profil": "a"}, exact=False)


def test_defaults_are_exact():
    assert Config(dialog=Dialog()).dialog.kamailio_exact


def test_version_is_that_of_the_project():
    assert f'\nversion = "{VERSION}"\n' in (Path(__file__).resolve().parents[3] / "pyproject.toml").read_text()
