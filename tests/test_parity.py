"""The parity page: every name of Kamailio's two dialog modules has one row, and what a row says is there is there, and nothing else."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from dialogs.config import Config, Dialog, Rule
from dialogs.engine.rules import MOMENTS, RuleError, compile_condition, compile_rules, compile_template
from dialogs.engine.rules.actions import ACTIONS
from dialogs.engine.rules.conditions import FUNCTIONS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "kamailio-parity.md").read_text()
KEYS = {field.name for field in msgspec.structs.fields(Dialog)}


def words(text: str) -> list[str]:
    """Return the names of a list written as a text."""
    return text.split()


DIALOG_PARAMETERS = words("""
enable_stats hash_size rr_param dlg_flag timeout_avp default_timeout early_timeout noack_timeout end_timeout dlg_extra_hdrs lreq_callee_headers
dlg_match_mode detect_spirals db_url db_mode db_update_period db_fetch_rows db_skip_load table_name call_id_column from_uri_column from_tag_column
to_uri_column to_tag_column from_cseq_column to_cseq_column from_route_column to_route_column from_contact_column to_contact_column from_sock_column
to_sock_column h_id_column h_entry_column state_column start_time_column timeout_column sflags_column toroute_name_column vars_table_name
vars_h_id_column vars_h_entry_column vars_key_column vars_value_column profiles_with_value profiles_no_value bridge_controller bridge_contact ruri_pvar
initial_cbs_inscript send_bye wait_ack xavp_cfg ka_timer ka_interval ka_failed_limit timeout_noreset timer_procs track_cseq_updates enable_dmq
dmq_peer_id enable_dmq_ka_iflags_sync event_callback h_id_start h_id_step keep_proxy_rr dlg_filter_mode bye_early_code bye_early_reason
dlg_ctxiuid_mode debug_variables dlg_mode
""")
IMS_PARAMETERS = words("""
hash_size rr_param dlg_flag timeout_avp default_timeout dlg_extra_hdrs dlg_match_mode db_url db_mode db_update_period db_fetch_rows detect_spirals
profiles_with_value profiles_no_value bridge_controller ruri_pvar dbg_list
""")
DIALOG_FUNCTIONS = words("""
dlg_manage set_dlg_profile unset_dlg_profile is_in_profile get_profile_size dlg_setflag dlg_resetflag dlg_isflagset dlg_bye dlg_refer dlg_refer_did
dlg_refer_cid dlg_bridge dlg_get is_known_dlg dlg_set_timeout dlg_set_timeout_by_profile dlg_set_property dlg_reset_property dlg_set_ruri
dlg_remote_profile dlg_db_load_callid dlg_db_load_extra dlg_req_within dlg_get_var dlg_set_var dlg_set_state dlg_update_state dlg_update_contact
dlg_update_socket dlg_remove_dialogs_from_node dlg.var_sets dlg.var_get dlg.var_gete dlg.var_getw dlg.var_rm dlg.var_is_null dlg_set_timeout_id *_static
dlg_req_within4
""")
IMS_FUNCTIONS = words("""
set_dlg_profile unset_dlg_profile is_in_profile get_profile_size dlg_setflag dlg_resetflag dlg_isflagset dlg_terminate dlg_get is_known_dlg
""")
DIALOG_STATISTICS = words("active_dialogs early_dialogs processed_dialogs expired_dialogs failed_dialogs")
IMS_STATISTICS = words("active early expired processed")
DLG_KEYS = words("""
h_id h_entry ref state to_rs from_rs dflags sflags callid to_uri to_tag toroute to_cseq from_uri from_tag lifetime start_ts from_cseq to_contact
from_contact to_bindaddr from_bindaddr
""")
CONTEXT_KEYS = words("on flags timeout timeout_bye timeout_route timeout_route_id set dir")
PLAIN = words("$DLG_count $DLG_status $DLG_lifetime $dlg_var(key)")
VARIABLES = [*PLAIN, *(f"$dlg({key})" for key in DLG_KEYS), *(f"$dlg_ctx({key})" for key in CONTEXT_KEYS)]
EVENTS = words("dialog:start dialog:end dialog:failed dialog:timeout")
CALLBACKS = words("""
LOADED CREATED EARLY CONFIRMED_NA CONFIRMED REQ_WITHIN RESPONSE_FWDED RESPONSE_WITHIN SPIRALED FAILED TERMINATED TERMINATED_CONFIRMED EXPIRED RPC_CONTEXT
MI_CONTEXT DESTROY
""")
COMMANDS = words("""
dlg.briefing dlg.list dlg.dump_file dlg.list_ctx dlg.list_match dlg.list_match_ctx dlg.dlg_list dlg.dlg_list_ctx dlg.end_dlg dlg.profile_get_size
dlg.profile_list dlg.bridge_dlg dlg.terminate_dlg dlg.set_state dlg.stats_active dlg.is_alive dlg2.list dlg2.end_dlg dlg2.end_all_active_dlg
""")
FOREIGN = words("""
$DLG_did dlg.stats dlg.profile_get_values dlg_list dlg_list_ctx dlg_end_dlg dlg_terminate_dlg profile_get_size profile_list_dlgs dlg_bridge
""")

MODULES = {
    "Parameters": (DIALOG_PARAMETERS, IMS_PARAMETERS),
    "Script functions": (DIALOG_FUNCTIONS, IMS_FUNCTIONS),
    "Statistics": (DIALOG_STATISTICS, IMS_STATISTICS),
}
SECTIONS = {section: list(dict.fromkeys(dialog + ims)) for section, (dialog, ims) in MODULES.items()} | {
    "Pseudo-variables": VARIABLES,
    "Event routes": EVENTS,
    "Callbacks": CALLBACKS,
    "RPC commands": COMMANDS,
    "Names in use that neither module has now": FOREIGN,
}
VERDICTS = re.compile(r"the same([,;] .+)?|here: .+|later: not yet\b.*|no sense: .+")
NOT_A_WORD_OF_RULES = set(
    words("""
dlg_manage dlg_update_state dlg_bye dlg_bridge dlg_refer dlg_refer_did dlg_refer_cid dlg_terminate
dlg.var_get dlg.var_gete dlg.var_getw dlg.var_is_null dlg_get_var dlg_set_var dlg_set_timeout_id
""")
)
"Functions that are there without being an action or a function: the engine does them, an operator orders them, a variable reads them, RPC has them."


class Row(NamedTuple):
    """One row of the page, for one name."""

    name: str
    module: str
    verdict: str

    @property
    def there(self) -> bool:
        return self.verdict.startswith(("the same", "here: "))


def rows(section: str) -> list[Row]:
    """Return the rows of a section, one a name."""
    found = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, section
    lines = [line.strip("| ").split(" | ") for line in found[1].splitlines() if line.startswith("| `")]
    return [Row(name, cells[1] if len(cells) > 2 else "", cells[-1]) for cells in lines for name in re.findall(r"`([^`]+)`", cells[0])]


def named(kind: str, verdict: str) -> list[str]:
    """Return the names that a verdict gives as this kind: "action `set_var`", "keys `a` and `b`"."""
    return [name for words in re.findall(rf"\b{kind}s? ((?:`\w+`(?: and )?)+)", verdict) for name in re.findall(r"`(\w+)`", words)]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_name_has_one_row(section):
    assert Counter(row.name for row in rows(section)) == Counter(SECTIONS[section])


def test_page_has_no_other_section():
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == list(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_has_a_verdict(section):
    assert [row for row in rows(section) if not VERDICTS.fullmatch(row.verdict)] == []


@pytest.mark.parametrize("section", MODULES)
def test_row_names_its_modules(section):
    dialog, ims = MODULES[section]
    expected = {name: "both" if name in dialog and name in ims else "dialog" if name in dialog else "ims_dialog" for name in SECTIONS[section]}
    assert {row.name: row.module for row in rows(section)} == expected


def test_parameters_are_keys_where_the_page_says_so_and_nowhere_else():
    listed = rows("Parameters")
    said = {row.name for row in listed if row.verdict.startswith("the same") or row.name in named("key", row.verdict)}
    assert said == {row.name for row in listed} & KEYS


def test_keys_named_by_a_row_exist():
    assert {key for section in SECTIONS for row in rows(section) for key in named("key", row.verdict)} - KEYS == set()


def test_every_key_of_dialog_is_on_the_page():
    own = re.search(r"^(.+) are Dialtap's own keys\.$", PAGE, re.MULTILINE)
    assert own
    assert {row.name for row in rows("Parameters")} & KEYS | set(re.findall(r"`(\w+)`", own[1])) == KEYS


def compiles(variable: str) -> bool:
    """Return whether rules know a pseudo-variable, in texts and in conditions."""
    try:
        compile_template(f"x {variable} y")
        compile_condition(f"{variable} == 1")
    except RuleError:
        return False
    return True


def test_variables_that_are_there_compile_and_no_others():
    listed = rows("Pseudo-variables") + [row for row in rows("Names in use that neither module has now") if row.name.startswith("$")]
    assert {row.name for row in listed if compiles(row.name)} == {row.name for row in listed if row.there}


def test_variables_of_our_own_compile():
    own = re.search(r"^Not in the original, and here: (.+)$", PAGE, re.MULTILINE)
    assert own
    spelled = re.findall(r"`(\$[^`]+)`", own[1])
    assert [name for name in spelled if compiles(name)] == spelled == ["$dlg(init_ts)", "$dlg(iflags)", "$dlg(req_uri)", "$DLG_did"]


def test_actions_named_by_a_row_exist():
    assert {name for section in SECTIONS for row in rows(section) for name in named("action", row.verdict)} - set(ACTIONS) == set()


def test_functions_named_by_a_row_exist():
    assert {name for section in SECTIONS for row in rows(section) for name in named("function", row.verdict)} - set(FUNCTIONS) == set()


def test_functions_that_are_there_say_by_what():
    there = [row for row in rows("Script functions") if row.there]
    nameless = {row.name for row in there if not re.match(r"here: .*\b(action|function) `", row.verdict)}
    assert nameless - NOT_A_WORD_OF_RULES == set()
    assert {row.name for row in there} >= NOT_A_WORD_OF_RULES


def test_functions_of_rules_are_on_the_page():
    assert {name for row in rows("Script functions") if row.there for name in named("function", row.verdict)} == set(FUNCTIONS)


def test_functions_that_are_not_there_are_no_words_of_rules():
    assert {row.name for row in rows("Script functions") if not row.there} & (set(ACTIONS) | set(FUNCTIONS)) == set()


def test_moments_named_by_a_row_exist():
    assert {name for section in SECTIONS for row in rows(section) for name in named("[Mm]oment", row.verdict)} - set(MOMENTS) == set()


def test_callbacks_and_event_routes_that_are_there_are_told_and_no_others():
    engine = "".join((ROOT / "dialogs" / "engine" / name).read_text() for name in ("callbacks.py", "records.py", "record_table.py"))
    listed = [*rows("Event routes"), *rows("Callbacks")]
    assert {row.name for row in listed if f'"{row.name}"' in engine} == {row.name for row in listed if row.there}


def test_conditions_shown_compile():
    shown = re.findall(r"`when = '([^`]+)'`", PAGE)
    for condition in shown:
        compile_rules(Config(rule=(Rule(when=condition.replace("(...)", '("x")')),)))
    assert len(shown) == 2
