"""What a policy says to a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from policy_helpers import BANK, judged, loaded, pay

from yett.history import NoHistory
from yett.model import Effect, Obligation, Risk, ToolCall, Verdict
from yett.policy import testing

KNOWN = """
rules:
  - id: known
    allow: send_money
    when: origin(args.recipient) in ("prompt", "records") and args.amount <= 500
"""
PROMPT = {"origins": {"A": "prompt"}}


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


def test_an_allow_fires_only_when_its_condition_is_true(tmp_path: Path) -> None:
    policy = loaded(tmp_path, BANK + KNOWN)
    assert judged(policy, pay(), PROMPT).effect is Effect.ALLOW
    assert judged(policy, pay(501), PROMPT).effect is Effect.DENY
    assert codes(judged(policy, pay())) == ["NO_RULE_ALLOWS"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"tool": "wire", "args": {}}, "UNKNOWN_TOOL"),
        (pay(cc="B"), "UNKNOWN_ARGUMENT"),
        ({"tool": "send_money", "args": {"recipient": "A", "amount": 1}}, "ARGUMENT_MISSING"),
        (pay("9999"), "ARGUMENT_TYPE"),
        (pay(True), "ARGUMENT_TYPE"),
        (pay(-5), "ARGUMENT_TYPE"),
        (pay(None), "ARGUMENT_TYPE"),
        (pay(recipient=["A"]), "ARGUMENT_TYPE"),
    ],
)
def test_a_call_that_does_not_fit_its_manifest_is_denied(
    tmp_path: Path, call: dict[str, Any], code: str
) -> None:
    policy = loaded(tmp_path, BANK + "rules: [{id: all, allow: '*', free: true}]")
    assert codes(judged(policy, call, PROMPT)) == [code]


def test_null_for_an_optional_argument_is_the_same_as_leaving_it_out(tmp_path: Path) -> None:
    policy = loaded(tmp_path, BANK + "rules: [{id: a, allow: '*', free: true, when: not has(args.note)}]")
    assert judged(policy, pay(note=None)).effect is Effect.ALLOW
    assert judged(policy, pay()).effect is Effect.ALLOW
    assert judged(policy, pay(note="x")).effect is Effect.DENY


def test_deny_beats_hold_beats_allow_whatever_the_order(tmp_path: Path) -> None:
    rules = [
        "  - {id: a, allow: '*', free: true}\n",
        "  - {id: h, hold: send_money, when: args.amount > 100, approvers: [treasury]}\n",
        "  - {id: d, deny: send_money, when: args.amount > 1000}\n",
    ]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        policy = loaded(tmp_path, BANK + "rules:\n" + "".join(rules[i] for i in order))
        assert judged(policy, pay(5)).effect is Effect.ALLOW
        held = judged(policy, pay(500))
        assert (held.effect, held.approvers) == (Effect.HOLD, ("treasury",))
        assert judged(policy, pay(5000)).effect is Effect.DENY


def test_a_missing_fact_fires_a_deny_and_a_hold_but_never_an_allow(tmp_path: Path) -> None:
    base = (
        BANK.replace("send_money:", "send_money:\n    open: true")
        + "rules:\n  - {id: a, allow: '*', free: true}\n"
    )
    for effect in (Effect.HOLD, Effect.DENY):
        policy = loaded(
            tmp_path, base + f"  - {{id: r, {effect.value}: '*', when: args.extra == 'bad'}}\n", check=False
        )
        assert judged(policy, pay()).effect is effect
        assert judged(policy, pay(extra=7)).effect is effect
        assert judged(policy, pay(extra="good")).effect is Effect.ALLOW
    policy = loaded(
        tmp_path, base.replace("free: true}", "free: true, when: args.extra != 'bad'}"), check=False
    )
    assert judged(policy, pay()).effect is Effect.DENY
    assert judged(policy, pay(extra=7)).effect is Effect.DENY


def test_every_layer_must_agree(tmp_path: Path) -> None:
    organisation = BANK + "rules: [{id: a, allow: '*', free: true}]"
    team = "policy: team\nrules:\n  - {id: small, allow: send_money, when: args.amount < 100, free: [recipient]}\n"
    assert judged(loaded(tmp_path, organisation, team), pay(99)).effect is Effect.ALLOW
    assert judged(loaded(tmp_path, organisation, team), pay(100)).effect is Effect.DENY
    assert (
        judged(loaded(tmp_path, organisation, team), {"tool": "read_file", "args": {"path": "x"}}).effect
        is Effect.DENY
    )


def test_incomplete_facts_are_denied_unless_a_rule_looks_at_that(tmp_path: Path) -> None:
    limits = {"limits": ["time"]}
    policy = loaded(tmp_path, BANK + "rules: [{id: a, allow: '*', free: true}]")
    assert codes(judged(policy, pay(), limits)) == ["FACTS_TRUNCATED"]
    policy = loaded(
        tmp_path,
        BANK + "rules:\n  - {id: a, allow: '*', free: true}\n  - {id: h, hold: '*', when: facts.truncated}\n",
    )
    assert judged(policy, pay(), limits).effect is Effect.HOLD
    assert judged(policy, pay()).effect is Effect.ALLOW
    policy = loaded(
        tmp_path,
        BANK + "rules:\n  - {id: a, allow: '*', free: true, when: facts.truncated or not facts.truncated}\n"
        "  - {id: d, deny: send_money, when: args.amount > 5}\n",
    )
    assert judged(policy, pay(5), limits).effect is Effect.ALLOW
    assert judged(policy, pay(6), limits).effect is Effect.DENY


def test_facts_that_are_cut_short_do_not_lose_a_hold(tmp_path: Path) -> None:
    """Whoever could make the reading stop would else have got past the question."""
    policy = loaded(
        tmp_path,
        BANK + "rules:\n  - {id: a, allow: '*', free: true, when: facts.truncated or not facts.truncated}\n"
        "  - {id: h, hold: send_money, when: args.amount > 5, approvers: [treasury]}\n",
    )
    held = judged(policy, pay(6), {"limits": ["time"]})
    assert (held.effect, held.approvers) == (Effect.HOLD, ("treasury",))


def test_a_value_of_more_parts_than_are_looked_at_was_not_seen(tmp_path: Path) -> None:
    tools = "policy: p\ntools:\n  send: {does: [send], args: {to: {role: target, type: list}}}\n"
    policy = loaded(tmp_path, tools + "rules: [{id: a, allow: send, when: seen(args.to)}]")
    known, given = ["ada@shop.example"] * 1001, {"seen": ["ada@shop.example"]}
    assert judged(policy, {"tool": "send", "args": {"to": known[:1000]}}, given).effect is Effect.ALLOW
    stranger = {"tool": "send", "args": {"to": ["eve@far.example", *known]}}
    assert judged(policy, stranger, given).effect is Effect.DENY


def test_where_every_layer_is_a_shadow_nothing_is_allowed(tmp_path: Path) -> None:
    verdict = judged(loaded(tmp_path, BANK + "shadow: true\nrules: [{id: d, deny: send_money}]"), pay())
    assert (verdict.effect, codes(verdict)) == (Effect.DENY, ["NO_POLICY", "SHADOW_RULE_DENIES"])


def test_spending_is_charged_whole_and_rounded_up(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        BANK + "rules:\n  - {id: b, allow: send_money, free: [recipient], "
        'when: \'spent("pay", "24h") + args.amount <= 100\'}\n  - {id: r, allow: read_file}\n',
    )
    verdict = judged(policy, pay(10.5), {"spent": {"pay": 80}})
    assert (verdict.effect, verdict.charges) == (Effect.ALLOW, (("pay", 11),))
    assert judged(policy, pay(20.5), {"spent": {"pay": 80}}).effect is Effect.DENY
    assert judged(policy, {"tool": "read_file", "args": {"path": "x"}}).charges == ()


def test_holds_whose_approvers_have_nobody_in_common_are_a_deny(tmp_path: Path) -> None:
    rules = "rules:\n  - {id: x, hold: '*', approvers: [a, b]}\n  - {id: y, hold: '*', approvers: [%s]}\n"
    assert judged(loaded(tmp_path, BANK + rules % "b"), pay()).approvers == ("b",)
    assert codes(judged(loaded(tmp_path, BANK + rules % "c"), pay()))[0] == "NO_COMMON_APPROVER"


def test_obligations_of_every_rule_that_fires(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        BANK
        + "rules:\n  - {id: a, allow: '*', free: true, require: {mandate: true}, oblige: {redact: [/iban]}}\n",
    )
    assert judged(policy, pay()).obligations == (
        Obligation(kind="require_mandate", rule="a"),
        Obligation(kind="redact", arguments={"fields": ["/iban"]}, rule="a"),
    )


def test_shadow_rules_and_layers_are_reported_and_have_no_effect(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        BANK + "rules:\n  - {id: a, allow: '*', free: true}\n  - {id: s, deny: '*', shadow: true}\n",
        "policy: later\nshadow: true\nrules: [{id: d, deny: '*'}]",
    )
    verdict = judged(policy, pay())
    assert verdict.effect is Effect.ALLOW
    assert {r.code for r in verdict.reasons} == {"RULE_ALLOWS", "SHADOW_RULE_DENIES"}


def test_selection_by_capability_is_strict_in_both_directions(tmp_path: Path) -> None:
    tools = "policy: p\ntools:\n  rs: {does: [read, send]}\n  r: {does: [read]}\n"
    policy = loaded(tmp_path, tools + "rules: [{id: a, allow: {does: read}}]")
    assert judged(policy, {"tool": "r"}).effect is Effect.ALLOW
    assert judged(policy, {"tool": "rs"}).effect is Effect.DENY
    policy = loaded(tmp_path, tools + "rules: [{id: a, allow: '*'}, {id: d, deny: {does: send}}]")
    assert judged(policy, {"tool": "r"}).effect is Effect.ALLOW
    assert judged(policy, {"tool": "rs"}).effect is Effect.DENY


def test_selection_by_caller_and_server(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        "policy: p\nserver: files\ntools: {r: {does: [read]}}\n"
        "rules: [{id: a, allow: {tool: 'r*', agent: 'bot-?', principal: ada, server: files}}]",
    )
    good = {"tool": "r", "server": "files", "agent": "bot-1", "principal": "ada"}
    assert judged(policy, good).effect is Effect.ALLOW
    for change in ({"agent": "bot-12"}, {"principal": "eve"}, {"server": "other"}, {"server": None}):
        assert judged(policy, good | change).effect is Effect.DENY


def test_the_weakest_origin_counts(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        "policy: p\ntools: {mail: {does: [send], args: {to: {role: target, type: 'list[email]'}, "
        "cc: {role: target, type: 'list[email]', optional: true}}}}\n"
        'rules: [{id: a, allow: mail, when: \'origin(targets) in ("prompt", "directory")\'}]',
    )
    given = {"origins": {"a": "prompt", "b": "directory", "c": "untrusted"}}
    assert judged(policy, {"tool": "mail", "args": {"to": ["a", "b"]}}, given).effect is Effect.ALLOW
    assert judged(policy, {"tool": "mail", "args": {"to": ["a"], "cc": ["c"]}}, given).effect is Effect.DENY
    assert judged(policy, {"tool": "mail", "args": {"to": ["a", "x"]}}, given).effect is Effect.DENY
    assert judged(policy, {"tool": "mail", "args": {"to": []}}, given).effect is Effect.DENY


def test_the_clock_and_tables_and_labels(tmp_path: Path) -> None:
    (tmp_path / "vip.yaml").write_text("[A, B]")
    policy = loaded(
        tmp_path,
        BANK + "labels: [month_end]\ndata: {vip: {file: vip.yaml}, limit: {small: 5}}\nrules:\n"
        "  - id: a\n    allow: send_money\n    after: month_end\n"
        "    when: args.recipient in data.vip and args.amount <= data.limit.small and clock.hour in (11, 12)\n",
    )
    given = {"labels": ["month_end"]}
    assert judged(policy, pay(5), given).effect is Effect.ALLOW
    assert judged(policy, pay(5)).effect is Effect.DENY
    assert judged(policy, pay(5, recipient="C"), given).effect is Effect.DENY
    assert judged(policy, pay(5), given | {"now": testing.NOON + 3_600_000}).effect is Effect.DENY


def test_evaluation_never_raises(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path, BANK + "rules: [{id: a, allow: '*', free: true, when: origin(args) == 'prompt'}]"
    )

    class Broken(NoHistory):
        def origin(self, value: str) -> Any:
            raise MemoryError

    admitted = testing.admitted_of(pay())
    from yett.extract.facts import Facts

    verdict = policy.evaluate(admitted, Facts(tool="send_money"), Risk(), Broken(), 0)
    assert (verdict.effect, codes(verdict)) == (Effect.DENY, ["POLICY_FAILED"])
    assert policy.evaluate(None, None, None, None, 0).effect is Effect.DENY  # type: ignore[arg-type]


def test_a_flood_of_tool_names_does_not_fill_the_memory(tmp_path: Path) -> None:
    policy = loaded(tmp_path, "policy: p\ntools: {'*': {open: true}}\nrules: [{id: a, allow: '*'}]")
    for number in range(5000):
        assert judged(policy, {"tool": f"t{number}"}).effect is Effect.ALLOW
    assert len(policy._judge._plans) <= 4096


def test_the_digest_changes_with_meaning_and_not_with_layout(tmp_path: Path) -> None:
    one = loaded(tmp_path, BANK + KNOWN)
    same = loaded(tmp_path, "# a note\n" + BANK.replace("{role: content}", "{role:   'content'}") + KNOWN)
    assert one.digest == same.digest
    assert one.digest != loaded(tmp_path, BANK + KNOWN.replace("500", "501")).digest
    assert one.digest != loaded(tmp_path, BANK.replace("type: money", "type: number") + KNOWN).digest
    assert one.sources[0][1] != same.sources[0][1]


def test_the_call_itself_is_not_touched(tmp_path: Path) -> None:
    admitted = testing.admitted_of(pay())
    before = admitted.call
    assert isinstance(before, ToolCall)
    policy = loaded(tmp_path, BANK + KNOWN)
    from yett.extract.facts import Facts

    policy.evaluate(admitted, Facts(tool="send_money"), Risk(), NoHistory(), 0)
    assert admitted.call is before
    assert admitted.call.arguments == {"recipient": "A", "amount": 10, "subject": "x"}


def test_a_short_number_is_mentioned_with_what_it_counts(tmp_path: Path) -> None:
    text = (
        "policy: p\ntools: {alarm_zone: {does: [write], args: {gallery: {role: selector}, floor: {role: selector}}}}\n"
        "rules:\n  - {id: a, allow: alarm_zone}\n  - {id: h, hold: alarm_zone, when: mentioned(selectors)}\n"
    )
    policy = loaded(tmp_path, text)
    call = {"tool": "alarm_zone", "args": {"gallery": "5", "floor": "2"}}
    assert judged(policy, call, {"mentioned": ["gallery 5"]}).effect is Effect.HOLD
    assert judged(policy, call, {"mentioned": ["zone 2"]}).effect is Effect.HOLD
    assert judged(policy, call, {"mentioned": ["2 zone"]}).effect is Effect.HOLD
    assert judged(policy, call, {"mentioned": ["gallery 2", "page 5"]}).effect is Effect.ALLOW


def test_a_state_is_mentioned_by_its_verb_and_by_what_stands_in_an_object(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        "policy: p\ntools: {alarm_set: {does: [write], args: {options: {role: selector, type: object}}}}\n"
        "rules:\n  - {id: a, allow: alarm_set}\n"
        "  - {id: h, hold: alarm_set, when: any(mentioned(x) for x in selectors)}\n"
        "  - {id: d, deny: alarm_set, when: 'any(origin(x) == \"untrusted\" for x in selectors)'}\n",
    )
    call = {"tool": "alarm_set", "args": {"options": {"mode": "disarmed", "zones": ["hall"]}}}
    assert judged(policy, call, {"mentioned": ["disarm"]}).effect is Effect.HOLD
    assert judged(policy, call, {"mentioned": ["mode", "arm"]}).effect is Effect.ALLOW
    assert judged(policy, call, {"origins": {"hall": "untrusted"}}).effect is Effect.DENY


def test_a_call_without_arguments_is_asked_for_by_its_name(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        "policy: p\ntools: {restart_server: {does: [write]}}\n"
        "rules:\n  - {id: a, allow: restart_server}\n  - {id: h, hold: restart_server, when: not asked}\n",
    )
    call = {"tool": "restart_server", "args": {}}
    assert judged(policy, call, {"labels": ["intent:write", "intent:read"]}).effect is Effect.HOLD
    assert judged(policy, call, {"origins": {"restart": "prompt"}}).effect is Effect.ALLOW
