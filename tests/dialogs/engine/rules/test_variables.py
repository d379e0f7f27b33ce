"""Pseudo-variables under Kamailio's names."""

import pytest

from dialogs.engine.rules import RuleError, compile_template
from tests.dialogs.engine.rules.moments import INVITE, moment
from tests.dialogs.ladder import run

VALUES = {
    "$fu": "sip:alice@example.org",
    "$fU": "alice",
    "$fd": "example.org",
    "$ft": "x",
    "$fn": "Al",
    "$tu": "sip:0049@example.org",
    "$tU": "0049",
    "$td": "example.org",
    "$tt": "y",
    "$tn": "Bo",
    "$ru": "sip:00491@gw.example",
    "$rU": "00491",
    "$rd": "gw.example",
    "$rm": "INVITE",
    "$rs": None,
    "$rr": None,
    "$ci": "c",
    "$cs": "3",
    "$ct": "<sip:alice@h>",
    "$ua": "phone",
    "$ai": "sip:+4930@example.org",
    "$hdr(x-customer)": "7",
    "$hdr(x-none)": None,
    "$si": "192.0.2.1",
    "$sp": "5060",
    "$Ri": "192.0.2.2",
    "$Rp": "5070",
    "$pr": "udp",
    "$TS": "10",
    "$DLG_count": "1",
    "$DLG_status": "4",
    "$DLG_lifetime": "3",
    "$dlg_var(queue)": "sales",
    "$dlg_var(none)": None,
    "$dlg(callid)": "c",
    "$dlg(start_ts)": "7",
    "$dlg(init_ts)": "1",
    "$dlg(from_tag)": "x",
    "$dlg(to_tag)": None,
    "$dlg(ref)": "1",
    "$dlg(dflags)": "0",
    "$dlg(from_bindaddr)": "192.0.2.1:5060",
    "$dlg(to_rs)": None,
    "$dlg(req_uri)": "sip:00491@gw.example",
    "$dlg(state)": "1",
    "$dlg(sflags)": "8",
    "$dlg_ctx(set)": "1",
    "$dlg_ctx(dir)": "1",
    "$dlg_ctx(timeout)": "21600",
    "$dlg_ctx(flags)": "8",
    "$dlg(from_cseq)": "3",
    "$dlg_ctx(timeout_bye)": "0",
}


@pytest.mark.parametrize(("name", "value"), VALUES.items())
def test_variable_has_its_value(name, value):
    assert compile_template(name)(moment()) == value


def test_did_is_the_cookie_of_the_dialog():
    now = moment()
    now.subject.h_entry, now.subject.h_id = 3614, 8948
    assert compile_template("$DLG_did")(now) == "e1e.4f22"


def test_answer_has_status_and_reason():
    answer = moment(b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n", downstream=False)
    assert compile_template("$rs $rr $dlg_ctx(dir)")(answer) == "486 Busy Here 2"


def test_lifetime_is_none_before_the_answer():
    now = moment()
    now.subject.start_ns = 0
    assert compile_template("$DLG_lifetime")(now) == "0"


IDENTITIES = {b"sip:a@b;x=1": "sip:a@b", b'"A" <sip:a@b>': "sip:a@b"}


@pytest.mark.parametrize(("header", "uri"), IDENTITIES.items())
def test_preferred_identity_stands_in_for_the_asserted(header, uri):
    data = INVITE.replace(b"P-Asserted-Identity: <sip:+4930@example.org>", b"P-Preferred-Identity: " + header)
    assert compile_template("$ai")(moment(data)) == uri
    assert compile_template("$ai")(moment(data.replace(b"P-Preferred", b"X-Preferred"))) is None


TEMPLATES = {"$fU at $fd!": "alice at example.org!", "plain": "plain", "<$hdr(x-none)>": "<>", "": "", "$fU$fd": "aliceexample.org"}


@pytest.mark.parametrize(("template", "text"), TEMPLATES.items())
def test_template_fills_variables(template, text):
    assert compile_template(template)(moment()) == text


def test_unknown_variable_is_named():
    with pytest.raises(RuleError, match=r"\$nope is no variable known here; there are \$fu"):
        compile_template("a $nope")


def test_both_views_know_the_same_keys():
    engine, _ = run("alice -> bob INVITE route=<sip:p;lr>\nbob -> alice 200\nalice -> bob ACK")
    (call,), (record,) = engine.all_calls(), engine.all_records()
    keys = (
        "callid",
        "state",
        "from_uri",
        "to_uri",
        "from_tag",
        "to_tag",
        "from_contact",
        "to_contact",
        "from_rs",
        "to_rs",
        "from_cseq",
        "req_uri",
        "ref",
        "start_ts",
    )
    assert {key: str(call.field(key)) for key in keys} == {key: str(record.field(key)) for key in keys}
