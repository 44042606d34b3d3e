"""Explanations name the rule, the condition, the value, its origin, and the nearest allow."""

from __future__ import annotations

from pathlib import Path

from policy_helpers import BANK, loaded, pay

from yett.extract.facts import Facts
from yett.policy import testing
from yett.policy.explain import Explanation, explain

RULES = """rules:
  - {id: far, allow: send_money, when: args.recipient == 'Z' and args.amount == 1 and args.subject == 'q'}
  - id: near
    allow: send_money
    when: origin(args.recipient) in ("prompt", "records") and args.amount <= 500
  - {id: h, hold: send_money, when: args.amount > 1000}
"""


def told(tmp_path: Path, text: str, amount: int, **given: object) -> Explanation:
    policy = loaded(tmp_path, text)
    admitted = testing.admitted_of(pay(amount))
    facts = Facts(
        tool="send_money", does=frozenset({"pay"}), limits=("time",) if given.pop("cut", False) else ()
    )
    return explain(policy, admitted, facts, testing.risk_of({}), testing.past_of(given), 0)


def test_the_nearest_allow_and_what_it_lacks(tmp_path: Path) -> None:
    found = told(tmp_path, BANK + RULES, 600, origins={"A": "prompt"})
    assert [report.rule for report in found.nearest] == ["near"]
    assert [part.source for part in found.nearest[0].failing] == ["args.amount <= 500"]
    text = "\n".join(found.lines())
    assert "args.amount = 600" in text
    assert "NO_RULE_ALLOWS" in text


def test_the_rule_that_fires_with_values_and_origins(tmp_path: Path) -> None:
    text = "\n".join(told(tmp_path, BANK + RULES, 5, origins={"A": "prompt"}).lines())
    assert text.startswith("ALLOW")
    assert 'args.recipient = "A"  (origin prompt)' in text
    held = told(tmp_path, BANK + RULES, 2000)
    assert held.verdict.effect.value == "hold"
    assert [report.rule for report in held.nearest] == ["near"]
    assert "nearest allow" not in text


def test_incomplete_facts_are_named(tmp_path: Path) -> None:
    found = told(tmp_path, BANK + RULES, 5, origins={"A": "prompt"}, cut=True)
    assert "the facts are complete" in "\n".join(found.lines())


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    text = BANK.replace("subject: {role: content}", "subject: {role: secret}")
    rules = "rules: [{id: d, deny: send_money, when: args.subject == 'x'}]"
    said = "\n".join(told(tmp_path, text + rules, 5).lines())
    assert "args.subject = (secret)" in said


def test_a_call_that_does_not_fit_is_explained_by_that(tmp_path: Path) -> None:
    policy = loaded(tmp_path, BANK + RULES)
    admitted = testing.admitted_of(pay("5"))
    found = explain(policy, admitted, Facts(tool="send_money"), testing.risk_of({}), testing.past_of({}), 0)
    assert "ARGUMENT_TYPE /arguments/amount" in "\n".join(found.lines())
