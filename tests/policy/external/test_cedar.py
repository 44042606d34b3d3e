"""A layer that Cedar decides: what it is asked, what counts as an answer, and what does not load."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from policy_helpers import BANK, judged, loaded, pay

pytest.importorskip("cedarpy")

from yett.errors import PolicyError
from yett.model import Effect, Verdict
from yett.policy import PolicySet, testing

SCHEMA = """
action "send_money" appliesTo {
  principal: [Yett::Agent], resource: [Yett::Tool],
  context: {
    arguments: { recipient: String, amount: decimal, subject: String, note?: String },
    origins: { recipient: String, amount: String, subject: String, note?: String },
    call: Yett::Call,
  },
};
action "read_file" appliesTo {
  principal: [Yett::Agent], resource: [Yett::Tool],
  context: { arguments: { path: String }, origins: { path: String }, call: Yett::Call },
};
"""
POLICIES = """
@id("pay-known")
permit(principal, action == Action::"send_money", resource)
when { context.origins.recipient == "prompt" && context.arguments.amount.lessThanOrEqual(decimal("500.00")) };

@id("pay-large") @effect("hold") @approvers("treasury, board")
permit(principal, action == Action::"send_money", resource)
when { context.arguments.amount.greaterThan(decimal("100.00")) };

@id("read") permit(principal in Yett::Group::"staff", action == Action::"read_file", resource);

@id("not-after-secrets") forbid(principal, action, resource) when { context.call.labels.contains("read_secret") };
"""
ENTITIES = [
    {"uid": {"type": "Yett::Group", "id": "desk"}, "attrs": {}, "parents": [{"type": "Yett::Group", "id": "staff"}]},
    {"uid": {"type": "Yett::Group", "id": "staff"}, "attrs": {}, "parents": []},
]  # fmt: skip
GIVEN = {"origins": {"A": "prompt"}}


def deciding(
    folder: Path, policies: str = POLICIES, schema: str = SCHEMA, entities: Any = ENTITIES, tests: str = ""
) -> PolicySet:
    (folder / "p.cedar").write_text(policies)
    (folder / "s.cedarschema").write_text(schema)
    (folder / "e.json").write_text(json.dumps(entities))
    layer = "policy: external\ncedar: {policies: p.cedar, schema: s.cedarschema, entities: e.json}\n" + tests
    return loaded(folder, BANK + "rules: [{id: all, allow: '*', free: true}]", layer)


def answer(verdict: Verdict) -> tuple[str, str]:
    """Effect, and the rule of Cedar or the code."""
    said = next((r for r in verdict.reasons if (r.rule or "").startswith("external/")), verdict.reasons[0])
    rule = (said.rule or "").removeprefix("external/")
    return verdict.effect.value, said.code if rule in ("", "cedar") else rule


@pytest.mark.parametrize(
    ("call", "given", "expected"),
    [
        (pay(10), GIVEN, ("allow", "pay-known")),
        (pay(99.5), GIVEN, ("allow", "pay-known")),
        (pay(200), GIVEN, ("hold", "pay-large")),
        (pay(200), {}, ("hold", "pay-large")),
        (pay(10), {}, ("deny", "CEDAR_DENIES")),
        (pay(10, note="x"), GIVEN, ("allow", "pay-known")),
        (pay(10), GIVEN | {"labels": ["read_secret"]}, ("deny", "not-after-secrets")),
        (pay(10, note=None), GIVEN, ("allow", "pay-known")),
        ({"tool": "read_file", "args": {"path": "a"}, "groups": ["desk"]}, {}, ("allow", "read")),
        ({"tool": "read_file", "args": {"path": "a"}, "groups": ["other"]}, {}, ("deny", "CEDAR_DENIES")),
        ({"tool": "read_file", "args": {"path": "a\n\"}'"}, "groups": ["staff"]}, {}, ("allow", "read")),
    ],
)
def test_permits_holds_and_forbids(
    tmp_path: Path, call: dict[str, Any], given: dict[str, Any], expected: tuple[str, str]
) -> None:
    verdict = judged(deciding(tmp_path), call, given)
    assert answer(verdict) == expected
    if expected[0] == "hold":
        assert verdict.approvers == ("board", "treasury")


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (pay(0.12345), GIVEN),  # more digits than a decimal has
        (pay(10**15), GIVEN),
        ({"tool": "read_file", "args": {"path": "a"}, "groups": ["staff"]}, {"limits": ["time"]}),
    ],
)
def test_what_does_not_fit_the_schema_or_is_not_understood_is_denied(
    tmp_path: Path, call: dict[str, Any], given: dict[str, Any]
) -> None:
    assert judged(deciding(tmp_path), call, given).effect is Effect.DENY


def test_an_argument_cannot_pose_as_an_entity(tmp_path: Path) -> None:
    tools = "policy: t\ntools: {put: {does: [write], args: {doc: {type: any, role: content}}}}\n"
    open_schema = """action "put" appliesTo { principal: [Yett::Agent], resource: [Yett::Tool],
      context: { arguments: { doc: { owner: Yett::Group } }, origins: { doc: String }, call: Yett::Call } };"""
    (tmp_path / "p.cedar").write_text(
        'permit(principal, action, resource) when { context.arguments.doc.owner == Yett::Group::"a" };'
    )
    (tmp_path / "s").write_text(open_schema)
    policy = loaded(
        tmp_path,
        tools + "rules: [{id: all, allow: put, free: true}]",
        "policy: external\ncedar: {policies: p.cedar, schema: s}",
    )
    for doc in (
        {"owner": {"__entity": {"type": "Yett::Group", "id": "a"}}},
        {"__extn": {"fn": "decimal", "arg": "1.0"}},
        {"owner": [None]},
        {"owner": "a"},
        ["a"],
        5,
    ):
        assert judged(policy, {"tool": "put", "args": {"doc": doc}}).effect is Effect.DENY


@pytest.mark.parametrize(
    "said",
    [
        SimpleNamespace(decision="Allow", diagnostics=SimpleNamespace(errors=[], reasons=["policy0"])),
        SimpleNamespace(decision=None, diagnostics=SimpleNamespace(errors=[], reasons=[])),
        SimpleNamespace(decision=True, diagnostics=SimpleNamespace(errors=[], reasons=[])),
        "Allow",
        None,
        RuntimeError("x"),
        type("PanicException", (BaseException,), {})("x"),
    ],
    ids=repr,
)
def test_whatever_is_not_an_answer_is_a_deny(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    policy = deciding(tmp_path)

    def asked(*_: object) -> Any:
        if isinstance(said, BaseException):
            raise said
        return said

    monkeypatch.setattr("cedarpy.is_authorized", asked)
    effect, code = answer(judged(policy, pay(10), GIVEN))
    assert effect == "deny"
    assert code in ("CEDAR_FAILED", "CEDAR_REFUSES")


@pytest.mark.parametrize("errors", [["while evaluating policy `policy3`: overflow"], []])
def test_an_allow_with_an_error_or_without_a_policy_is_a_deny(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    from cedarpy import Decision

    policy = deciding(tmp_path)
    diagnostics = SimpleNamespace(errors=errors, reasons=["policy0"] if errors else [])
    monkeypatch.setattr(
        "cedarpy.is_authorized", lambda *_: SimpleNamespace(decision=Decision.Allow, diagnostics=diagnostics)
    )
    assert answer(judged(policy, pay(10), GIVEN)) == ("deny", "CEDAR_REFUSES")


def test_an_overflow_in_a_forbid_does_not_let_a_permit_through(tmp_path: Path) -> None:
    policies = (
        POLICIES + "forbid(principal, action, resource) when { context.call.now * 9223372036854775807 > 5 };"
    )
    assert answer(judged(deciding(tmp_path, policies), pay(10), GIVEN)) == ("deny", "CEDAR_REFUSES")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"policies": POLICIES.replace("context.origins.recipient", "context.origins.recipent")}, "recipent"),
        ({"policies": POLICIES.replace("decimal(", "demical(")}, "demical"),
        ({"policies": POLICIES.replace('Action::"send_money"', 'Action::"sent_money"')}, "sent_money"),
        ({"policies": "permit(principal"}, "unexpected"),
        ({"policies": ""}, "no policies"),
        ({"policies": "permit(principal == ?principal, action, resource);"}, "templates"),
        ({"policies": '@effect("hold") forbid(principal, action, resource);'}, "only a permit can hold"),
        ({"policies": '@effect("ask") permit(principal, action, resource);'}, "only a permit can hold"),
        ({"policies": '@approvers("a") permit(principal, action, resource);'}, "only a hold has approvers"),
        ({"schema": "action"}, "unexpected"),
        ({"schema": SCHEMA.replace("Yett::Call", "Yett::Cal")}, "Cal"),
        ({"entities": [{"uid": {"type": "Yett::Team", "id": "a"}, "attrs": {}, "parents": []}]}, "entity"),
        ({"entities": {}}, "entity"),
        (
            {
                "entities": [
                    {
                        "uid": {"type": "Yett::Agent", "id": "a"},
                        "attrs": {"tenant": "", "principal": "", "agent": ""},
                        "parents": [],
                    }
                ]
            },
            "comes with the call",
        ),
    ],
)
def test_what_does_not_fit_does_not_load(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    with pytest.raises(PolicyError, match=why) as refused:
        deciding(tmp_path, **change)
    assert refused.value.code == "CEDAR_INVALID"
    assert "p1.yaml:2" in str(refused.value.path)


def test_files_and_the_library_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for layer, code in (
        ("cedar: {policies: none, schema: none}", "FILE_UNREADABLE"),
        ("cedar: {policies: p0.yaml}", "POLICY_INVALID"),
        ("cedar: {policies: 5, schema: 5}", "POLICY_INVALID"),
        ("cedar: {policies: p0.yaml, schema: p0.yaml}\nopa: {url: 'http://x', path: a/b}", "CEDAR_INVALID"),
    ):
        with pytest.raises(PolicyError) as refused:
            loaded(tmp_path, BANK + "rules: [{id: a, allow: read_file}]", "policy: x\n" + layer)
        assert refused.value.code == code
    monkeypatch.setitem(__import__("sys").modules, "cedarpy", None)
    with pytest.raises(PolicyError, match="CEDAR_MISSING"):
        deciding(tmp_path)


def test_the_policys_own_tests_run_and_its_digest_covers_the_files(tmp_path: Path) -> None:
    call = "{tool: send_money, args: {recipient: A, amount: 10, subject: x}}"
    tests = f"tests: [{{allow: {call}, given: {{origins: {{A: prompt}}}}}}, {{deny: {call}}}]"
    policy = deciding(tmp_path, tests=tests)
    assert [result.passed for result in testing.run(policy, None)] == [True, True]
    assert deciding(tmp_path, POLICIES.replace("500.00", "501.00"), tests=tests).digest != policy.digest
    with pytest.raises(PolicyError, match="TEST_FAILED"):
        deciding(tmp_path, tests=tests.replace("deny:", "hold:"))


def test_changed_cedar_policies_count_as_wider(tmp_path: Path) -> None:
    pytest.importorskip("z3")
    from yett.policy.analysis.diff import diff

    policy = deciding(tmp_path)
    assert diff(policy, deciding(tmp_path)).relation == "equal"
    assert diff(policy, deciding(tmp_path, POLICIES.replace("500.00", "400.00"))).relation == "wider"


def test_only_a_policy_that_reads_whether_facts_are_cut_may_allow_what_is(tmp_path: Path) -> None:
    """The word in a comment, a name or a text is not looking at it."""
    cut = {"limits": ["time"]}
    call = {"tool": "read_file", "args": {"path": "a"}}
    grounds = "rules: [{id: all, allow: '*', free: true, when: facts.truncated or not facts.truncated}]"

    def allowed(policies: str) -> bool:
        (tmp_path / "p.cedar").write_text(policies)
        (tmp_path / "s.cedarschema").write_text(SCHEMA)
        (tmp_path / "e.json").write_text("[]")
        layer = "policy: external\ncedar: {policies: p.cedar, schema: s.cedarschema, entities: e.json}\n"
        return judged(loaded(tmp_path, BANK + grounds, layer), call, cut).effect is Effect.ALLOW

    every = '@id("truncated") permit(principal, action, resource)'
    assert not allowed(f"// also what is truncated\n{every};")
    assert not allowed(f'{every} when {{ context.call.server != "truncated" }};')
    assert allowed(f"{every} when {{ context.call.truncated || !context.call.truncated }};")
