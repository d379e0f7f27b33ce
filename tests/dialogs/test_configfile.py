"""The configuration file: what is taken, and the one line that each mistake gets."""

import pytest

from dialogs.config import Config, Control, Limit, Peer, Rule
from dialogs.configfile import ConfigError, find, load, parse


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value).removeprefix("dialtap.toml")


def test_empty_file_is_the_defaults():
    assert parse("") == Config()


def test_no_file_is_the_defaults():
    assert load(None) == Config()


def test_values_are_taken():
    config = parse("""
        [dialog]
        flavour = "ims_dialog"
        sockets = ["udp:192.0.2.1:5060", "tls:[2001:db8::1]:5061", "tcp:192.0.2.1"]
        early_timeout = 30

        [[rule]]
        when = '$tU =~ "^00" and not $fU == "x"'
        do = [{ set_profile = ["caller", "$fu"] }]

        [[peer]]
        name = "edge"
        kind = "proxy"
        addresses = ["192.0.2.1", "192.0.2.1:5060", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5060"]

        [control]
        timeout = 2
        protect = ["112"]
    """)
    assert (config.dialog.flavour, config.dialog.early_timeout, config.dialog.noack_timeout) == ("ims_dialog", 30, 60)
    assert config.dialog.sockets == ("udp:192.0.2.1:5060", "tls:[2001:db8::1]:5061", "tcp:192.0.2.1")
    assert config.rule == (Rule(when='$tU =~ "^00" and not $fU == "x"', do=({"set_profile": ["caller", "$fu"]},)),)
    assert config.peer == (Peer("edge", ("192.0.2.1", "192.0.2.1:5060", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5060"), "proxy"),)
    assert (config.control.timeout, config.control.protect) == (2.0, ("112",))


@pytest.mark.parametrize(("written", "value"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_switch_takes_kamailios_numbers(written, value):
    assert parse(f"[dialog]\nsend_bye = {written}").dialog.send_bye is value


@pytest.mark.parametrize("written", ['["caller", "trunk"]', '"caller ; trunk"', '" caller;trunk ;"'])
def test_list_takes_kamailios_text(written):
    assert parse(f"[dialog]\nprofiles_with_value = {written}").dialog.profiles_with_value == ("caller", "trunk")


@pytest.mark.parametrize("written", ["[5060, 5080]", '"5060 ; 5080"'])
def test_list_of_numbers_takes_kamailios_text(written):
    assert parse(f"[tap]\nports = {written}").tap.ports == (5060, 5080)


@pytest.mark.parametrize(
    "written", ['do = [{ set_profile = ["total"] }]', 'do = [{ set_profile = "total" }]', 'do = { set_profile = "total" }', 'do.set_profile = "total"']
)
def test_rule_takes_an_action_without_its_lists(written):
    assert parse(f"[[rule]]\n{written}").rule == (Rule(do=({"set_profile": ["total"]},)),)


def test_listeners_may_be_none_and_any_port():
    config = parse('[tap]\nhep = ""\n[web]\nbind = "[::1]:0"\ntime_zone = "Europe/Berlin"\nallowed_hosts = ["noc.example.net"]')
    assert (config.tap.hep, config.web.bind) == ("", "[::1]:0")


SECTIONS = "dialog, tap, control, rpc, web, history, events, cdr, privacy, metrics, rule, limit, peer, proxy, credential, webhook"

MISTAKES = [
    # what cannot be read
    ("[dialog\n", ":1: Expected ']' at the end of a table declaration at column 8"),
    ("[dialog]\nflavour = = 1", ":2: Invalid value at column 11"),
    # unknown words name the nearest right one
    ("[dialog]\ndefault_timout = 3", ":2: [dialog] default_timout: no such key; did you mean default_timeout?"),
    ("[dialog]\nhep = 3", ":2: [dialog] hep: no such key; did you mean hep in [tap]?"),
    ("[web]\naddresses = 3", ":2: [web] addresses: no such key; did you mean addresses in [[peer]]?"),
    ("[control]\nzzz = 3", f":2: [control] zzz: no such key; there are {', '.join(Control.__struct_fields__)}"),
    ("[dialgo]\n", ":1: [dialgo]: no such section; did you mean [dialog]?"),
    ("[[peers]]\n", ":1: [peers]: no such section; did you mean [[peer]]?"),
    ("kamailio_url = 1", ": [kamailio_url]: no such section; did you mean kamailio_url in [control]?"),
    ("[zzz]\n", f":1: [zzz]: no such section; there are {SECTIONS}"),
    # wrong types say what was expected and what was found
    ("[dialog]\n\n# why\nearly_timeout = 'soon'", ':4: [dialog] early_timeout: expected a whole number, got "soon"'),
    ("[dialog]\nearly_timeout = true", ":2: [dialog] early_timeout: expected a whole number, got true"),
    ("[dialog]\nearly_timeout = 1.5", ":2: [dialog] early_timeout: expected a whole number, got 1.5"),
    ("[dialog]\nsend_bye = 2", ":2: [dialog] send_bye: expected true or false, got 2"),
    ("[dialog]\nflavour = ['dialog']", ":2: [dialog] flavour: expected a text in quotes (\"...\"), got ['dialog']"),
    ("[dialog]\nsockets = 5060", ':2: [dialog] sockets: expected a list of texts (["a", "b"] or "a ; b"), got 5060'),
    ("[tap]\nports = '5060 ; sip'", ':2: [tap] ports: expected a list of whole numbers ([5060, 5080]), got "5060 ; sip"'),
    ("[control]\ntimeout = 'long'", ':2: [control] timeout: expected a number, got "long"'),
    ("[[rule]]\ndo = 3", ':2: [[rule]] 1 do: expected a list of actions ([{set_profile = ["caller", "$fu"]}]), got 3'),
    ("[[rule]]\ndo = [3]", ':2: [[rule]] 1 do: expected a list of actions ([{set_profile = ["caller", "$fu"]}]), got [3]'),
    ("web = 3", ": [web]: expected a table [web], got 3"),
    ("[rule]\n", ":1: [rule]: expected tables [[rule]], got a table"),
    ("peer = [3]", ": [[peer]] 1: expected tables [[peer]], got 3"),
    ("[[peer]]\nname = 'a'", ":1: [[peer]] 1: addresses is missing"),
    # values that cannot be meant
    ("[dialog]\nflavour = 'sip'", ':2: [dialog] flavour: expected "dialog" or "ims_dialog", got "sip"'),
    ("[dialog]\nsockets = ['192.0.2.1:5060']", ':2: [dialog] sockets: expected "TRANSPORT:ADDRESS:PORT" such as "udp:192.0.2.1:5060", got "192.0.2.1:5060"'),
    ("[dialog]\nsockets = 'udp:proxy:5060'", ':2: [dialog] sockets: expected "TRANSPORT:ADDRESS:PORT" such as "udp:192.0.2.1:5060", got "udp:proxy:5060"'),
    ("[dialog]\nsockets = 'udp:192.0.2.1:0'", ':2: [dialog] sockets: expected "TRANSPORT:ADDRESS:PORT" such as "udp:192.0.2.1:5060", got "udp:192.0.2.1:0"'),
    ("[dialog]\ndefault_timeout = 0", ":2: [dialog] default_timeout: expected at least 1, got 0"),
    ("[dialog]\nhash_size = 1000", ":2: [dialog] hash_size: expected a power of two, got 1000"),
    ("[dialog]\nprofiles_no_value = 'a b'", ':2: [dialog] profiles_no_value: expected a profile name of letters, digits and _, got "a b"'),
    ("[dialog]\nprofiles_no_value = 'a;a'", ':2: [dialog] profiles_no_value: profile "a" is declared twice'),
    ("[dialog]\nprofiles_with_value = 'a'\nprofiles_no_value = 'a'", ':3: [dialog] profiles_no_value: profile "a" is declared twice'),
    ("[[rule]]\n[[rule]]\non = 'ended'", ':3: [[rule]] 2 on: expected "created" or "early" or "confirmed" or "request" or "end" or "failed", got "ended"'),
    ("[[rule]]\nwhen = '$fU =='", ':2:15: [[rule]] 1 when: expected a "text", a function, a number, a variable such as $fU, got the end'),
    ("[[rule]]\n[[rule]]\nwhen = \"$fU = '1'\"", ":3:13: [[rule]] 2 when: expected == != =~ !~ < > <= >=, and, or, the end, got ="),
    ("[[rule]]\nwhen = '''\n$tU\nand $fx'''", ":4:5: [[rule]] 1 when: $fx is no variable known here; did you mean $fu?"),
    ('[[rule]]\nwhen = "$fU == \\"1\\" $tU"', ":2: [[rule]] 1 when: expected and, or, the end, got $tU"),
    ("[[rule]]\nwhen = '$tU =~ $fU'", ':2:13: [[rule]] 1 when: what follows =~ must be a "regular expression", no variable'),
    ("[[rule]]\ndo = [\n{set_profil = 'a'}]", ":3:2: [[rule]] 1 do: set_profil is not known; did you mean set_profile?"),
    ("[[rule]]\ndo = [{set_flag = 1}, {set_flag = 32}]", ":2:24: [[rule]] 1 do: expected a flag from 0 to 31, got 32"),
    ("[[rule]]\ndo = {log = 'a $dlg(to_url)'}", ":2:16: [[rule]] 1 do: $dlg(to_url) is not known; did you mean to_uri?"),
    ('[[rule]]\ndo = {log = "\\u0024fx"}', ":2: [[rule]] 1 do: $fx is no variable known here; did you mean $fu?"),
    ("[[peer]]\nname = 'a'\naddresses = ['192.0.2.1']\n[[peer]]\nname = 'a'\naddresses = '192.0.2.2'", ':5: [[peer]] 2 name: there is another peer "a"'),
    ("[[peer]]\nname = 'a'\naddresses = []", ":3: [[peer]] 1 addresses: expected at least one address, got none"),
    ("[[peer]]\nname = 'a'\nkind = 'box'\naddresses = ['::1']", ':3: [[peer]] 1 kind: expected "proxy" or "trunk" or "pbx" or "phone", got "box"'),
    ("[tap]\nports = [0]", ":2: [tap] ports: expected 1 to 65535, got 0"),
    ("[tap]\nhep = '0.0.0.0'", ':2: [tap] hep: expected "HOST:PORT", or "" for none, got "0.0.0.0"'),
    ("[tap]\nhep_allow = ['192.0.2.1/24']", ':2: [tap] hep_allow: expected an address or a network such as "192.0.2.0/24", got "192.0.2.1/24"'),
    (
        "[tap]\nhep = '0.0.0.0:9060'",
        ':1: [tap] hep_allow: needed because hep = "0.0.0.0:9060" is reachable from other machines: the networks whose HEP is taken (or hep_key_file)',
    ),
    ("[control]\nkamailio_url = 'kamailio'", ':2: [control] kamailio_url: expected an address such as "http://127.0.0.1:8060/RPC", got "kamailio"'),
    ("[control]\ncontroller = 'kamailio'", ':1: [control] kamailio_url: needed with controller = "kamailio", such as "http://127.0.0.1:8060/RPC"'),
    (
        "[control]\ncontroller = 'kamailio, then sip'\nkamailio_url = 'http://127.0.0.1:8060/RPC'",
        ':1: [control] allow: needed with controller = "kamailio, then sip": the networks that may be sent to, such as "192.0.2.0/24"',
    ),
    ("[control]\nallow = 'all'", ':2: [control] allow: expected an address or a network such as "192.0.2.0/24", got "all"'),
    ("[control]\nhosts = '192.0.2.1 ; 192.0.2.2'", ":2: [control] hosts: expected one address of each family at most"),
    ("[control]\ntransports = 'ws'", ':2: [control] transports: expected "udp" or "tcp" or "tls", got "ws"'),
    ("[control]\nbridge_controller = 'anna'", ':2: [control] bridge_controller: expected a SIP URI such as "sip:controller@example.net", got "anna"'),
    ("[[proxy]]\nname = 'a'\nurl = 'http://a/'\nsockets = []", ":4: [[proxy]] 1 sockets: expected at least one address, got none"),
    ("[[proxy]]\nname = 'a'\nurl = 'a'\nsockets = []", ':3: [[proxy]] 1 url: expected an address such as "http://127.0.0.1:8060/RPC", got "a"'),
    ("[[credential]]\nuser = 'a'", ":1: [[credential]] 1 password_file: expected either password_file or password_variable"),
    ("[web]\nallowed_hosts = '*'", ':2: [web] allowed_hosts: expected a host name, not "*": it would open the live feed to every site, got "*"'),
    ("[web]\ntime_zone = 'Mars/North'", ':2: [web] time_zone: expected a time zone such as "Europe/Berlin", got "Mars/North"'),
    ("[web]\ntime_zone = '../etc'", ':2: [web] time_zone: expected a time zone such as "Europe/Berlin", got "../etc"'),
    ("[history]\nrecords_days = -1", ":2: [history] records_days: expected at least 0, got -1"),
    ("[metrics]\nallow = ['192.0.2.5/24']", ':2: [metrics] allow: expected an address or a network such as "192.0.2.0/24", got "192.0.2.5/24"'),
    ("[metrics]\nprofile_values = -1", ":2: [metrics] profile_values: expected 0 to 1000, got -1"),
    ("[metrics]\nready_seconds = 1", ":2: [metrics] ready_seconds: expected 2 to 3600, got 1"),
    ('[tap]\nnode = "a\\nb"', ':2: [tap] node: expected a name of at most 64 characters, got "a\\nb"'),
    (f"[dialog]\nflavour = '{'x' * 99}'", f':2: [dialog] flavour: expected "dialog" or "ims_dialog", got "{"x" * 59}...'),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_mistake_is_one_line(text, expected):
    assert mistake(text) == expected
    assert "\n" not in mistake(text)


@pytest.mark.parametrize("key", ["hep", "hep_tcp"])
def test_hep_from_elsewhere_may_have_a_key_instead(key, monkeypatch):
    monkeypatch.delenv("DIALTAP_HEP_KEY", raising=False)
    assert parse(f'[tap]\n{key} = "0.0.0.0:9060"\nhep_key_file = "hep.key"').tap.hep_key_file == "hep.key"
    with pytest.raises(ConfigError, match=f'needed because {key} = "0.0.0.0:9060"'):
        parse(f'[tap]\n{key} = "0.0.0.0:9060"')
    monkeypatch.setenv("DIALTAP_HEP_KEY", "secret")
    assert parse(f'[tap]\n{key} = "0.0.0.0:9060"').tap.hep_allow == ()


def test_hep_from_elsewhere_names_its_senders():
    config = parse('[tap]\nhep = "0.0.0.0:9060"\nhep_allow = "192.0.2.0/24 ; 2001:db8::1"')
    assert (config.tap.hep, config.tap.hep_allow) == ("0.0.0.0:9060", ("192.0.2.0/24", "2001:db8::1"))


def test_file_is_named_as_it_was_given(tmp_path):
    file = tmp_path / "my.toml"
    file.write_text("\ufeff[dialog]\nflavour = 1\n", encoding="utf-8")  # as Windows editors save it
    with pytest.raises(ConfigError, match=r"my\.toml:2: \[dialog\] flavour: expected a text in quotes"):
        load(file)


def test_missing_file_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: No such file or directory$"):
        load(tmp_path / "none.toml")


def test_file_that_is_no_text_says_so(tmp_path):
    file = tmp_path / "my.toml"
    file.write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match=r"my\.toml: not UTF-8 text \(byte 2\)$"):
        load(file)


def test_find_prefers_the_chosen_file(tmp_path):
    assert find(tmp_path) is None
    (tmp_path / "dialtap.toml").touch()
    assert find(tmp_path) == tmp_path / "dialtap.toml"
    assert find(tmp_path, str(tmp_path / "other.toml")) == tmp_path / "other.toml"


BLOCK = ':2: [dialog] dlg_extra_hdrs: expected header lines that no proxy writes itself, each ended by \\r\\n, such as "X-Ended-By: dialtap\\r\\n", got '


@pytest.mark.parametrize(
    "written",
    [
        "X-A: 1",
        r"X-A: 1\n",
        r"X-A: 1\r\n\r\nBYE",
        r"X-A: 1\r\n\r\n",
        r"X-A: 1\r\n folded\r\n",
        r"X-A: 1\rX-B: 2\r\n",
        r"no header\r\n",
        r"Route : <sip:x>\r\n",
        r"v: SIP/2.0/UDP h\r\n",
    ],
)
def test_extra_headers_are_whole_lines_that_harm_no_request(written):
    assert mistake(f'[dialog]\ndlg_extra_hdrs = "{written}"') == f'{BLOCK}"{written}"'


@pytest.mark.parametrize("written", ["", r"X-A: 1\r\n", r"X-A: 1\r\nX-B:\r\n"])
def test_extra_headers_are_taken(written):
    assert parse(f'[dialog]\ndlg_extra_hdrs = "{written}"').dialog.dlg_extra_hdrs == written.replace(r"\r\n", "\r\n")


def test_limits_are_taken():
    (limit,) = parse('[[limit]]\nname = "fraud"\nprofile = "caller"\nwarn = 5\ncritical = 8\nend = "newest"').limit
    assert limit == Limit("fraud", profile="caller", warn=5, critical=8, end="newest")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[[limit]]\nprofile = 'x'", "[[limit]] 1: name is missing"),
        ("[[limit]]\nname = 'x'\nend = 'all'", '[[limit]] 1 end: expected "" or "newest" or "oldest", got "all"'),
        ("[[limit]]\nname = 'x'\nexpiry = true\nwhen = '$fU =='", "[[limit]] 1 when: column 7: expected"),
        ("[[limit]]\nname = 'x'\nprofile = 'p'\nwarn = 5\ncritical = 3", "[[limit]] 1 critical: expected at least warn (5), got 3"),
        ("[control]\nreconcile_seconds = 0.5", "[control] reconcile_seconds: expected 1 to 3600, or 0 for never, got 0.5"),
    ],
)
def test_mistakes_in_limits_are_named(written, words):
    assert words in mistake(written)
