"""Shared by the tests of the policy language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yett import policy
from yett.extract.facts import Facts
from yett.model import Verdict
from yett.policy import PolicySet, testing

BANK = """
policy: bank
tools:
  send_money:
    does: [pay]
    args:
      recipient: {role: target, type: iban}
      amount: {role: amount, type: money}
      subject: {role: content}
      note: {role: content, optional: true}
  read_file:
    does: [read]
    args: {path: {role: selector, type: path}}
    result: untrusted
"""


def loaded(folder: Path, *texts: str, check: bool = True) -> PolicySet:
    """The policy set of YAML texts, each a file."""
    files = []
    for index, text in enumerate(texts):
        file = folder / f"p{index}.yaml"
        file.write_text(text)
        files.append(file)
    return policy.load(files, check=check)


def judged(policy_set: PolicySet, call: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> Verdict:
    """The verdict on one call under a given past."""
    given = given or {}
    admitted = testing.admitted_of(call)
    spec = policy_set.spec(call["tool"], call.get("server"))
    facts = Facts(
        tool=call["tool"],
        server=call.get("server"),
        does=frozenset(spec.does if spec else given.get("does", ())),
        limits=tuple(given.get("limits", ())),
    )
    return policy_set.evaluate(
        admitted, facts, testing.risk_of(given), testing.past_of(given), int(given.get("now", testing.NOON))
    )


def pay(amount: object = 10, recipient: object = "A", **more: object) -> dict[str, Any]:
    return {"tool": "send_money", "args": {"recipient": recipient, "amount": amount, "subject": "x", **more}}
