"""Progent's policies behave as in Progent, except where the import reports a hole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from policy_helpers import judged, loaded

from yett.errors import PolicyError
from yett.model import Effect
from yett.policy import PolicySet
from yett.policy.importer import Imported, import_progent, read_progent


def imported(tmp_path: Path, policy: dict[str, Any]) -> tuple[PolicySet, Imported]:
    result = import_progent(read_progent(json.dumps(policy), "x"))
    return loaded(tmp_path, result.text), result


def effect(policy: PolicySet, tool: str, **args: Any) -> str:
    return judged(policy, {"tool": tool, "args": args}).effect.value


def holes(result: Imported) -> set[str]:
    return {hole.code for hole in result.holes} - {"UNCHECKED_ARGUMENT"}


def test_enum_bounds_and_patterns(tmp_path: Path) -> None:
    policy, result = imported(
        tmp_path,
        {
            "send_money": [
                [1, 0, {"recipient": {"enum": ["A", "B"]}, "amount": {"maximum": 100}}, 0],
            ],
            "open": [[1, 0, {"url": {"type": "string", "pattern": "^https://a\\.example/[a-z]*$"}}, 0]],
        },
    )
    assert effect(policy, "send_money", recipient="A", amount=5) == "allow"
    assert effect(policy, "send_money", recipient="C", amount=5) == "deny"
    assert effect(policy, "send_money", recipient="A", amount=500) == "deny"
    assert effect(policy, "send_money", recipient="A", amount="5") == "deny"
    assert effect(policy, "open", url="https://a.example/x") == "allow"
    assert effect(policy, "open", url="https://a.example/x?y") == "deny"
    assert effect(policy, "other") == "deny"
    assert holes(result) == {"ABSENT_ARGUMENT"}


def test_priority_decides_whatever_the_effect(tmp_path: Path) -> None:
    policy, _ = imported(
        tmp_path,
        {"t": [[1, 0, {"x": {"const": "vip"}}, 0], [2, 1, {"x": {"pattern": "^v.*$"}}, 0], [3, 0, {}, 0]]},
    )
    assert effect(policy, "t", x="vip") == "allow"
    assert effect(policy, "t", x="vin") == "deny"
    assert effect(policy, "t", x="other") == "allow"


def test_forbid_precedes_allow_at_the_same_priority(tmp_path: Path) -> None:
    policy, _ = imported(tmp_path, {"t": [[1, 0, {}, 0], [1, 1, {"x": {"const": 1}}, 0]]})
    assert effect(policy, "t", x=1) == "deny"
    assert effect(policy, "t", x=2) == "allow"


def test_asking_the_user_is_a_hold(tmp_path: Path) -> None:
    policy, _ = imported(
        tmp_path, {"t": [[1, 1, {"x": {"minimum": 10}}, 2], [2, 0, {"x": {"type": "integer"}}, 0]]}
    )
    assert effect(policy, "t", x=11) == "hold"
    assert effect(policy, "t", x=9) == "allow"
    assert effect(policy, "t", x="9") in ("hold", "deny")


@pytest.mark.parametrize(
    ("rules", "code", "call", "now"),
    [
        ([[1, 0, {"to": {"enum": ["A"]}}, 0]], "ABSENT_ARGUMENT", {}, "deny"),
        ([[1, 0, {"cmd": "good"}, 0]], "PREFIX_MATCH", {"cmd": "good; rm -rf /"}, "deny"),
        (
            [[1, 0, {"url": {"pattern": ".*\\.informations\\.com"}}, 0]],
            "PARTIAL_MATCH",
            {"url": "http://evil.com/?q=.informations.com&x"},
            "deny",
        ),
        ([[1, 0, {"to": {"items": {"enum": ["A"]}}}, 0]], "STRING_FOR_LIST", {"to": "evil"}, "deny"),
        ([[1, 1, {"x": {"format": "email"}}, 0], [2, 0, {}, 0]], "BROKEN_FORBID", {"x": "me"}, "deny"),
        ([[1, 1, {"x": {"pattern": "(?=a)b"}}, 0], [2, 0, {}, 0]], "BROKEN_FORBID", {"x": "me"}, "deny"),
        ([[1, 0, {"x": {"$ref": "#"}}, 0]], "BROKEN_ALLOW", {"x": "me"}, "deny"),
    ],
)
def test_each_hole_is_closed_and_reported(
    tmp_path: Path, rules: list[Any], code: str, call: dict[str, Any], now: str
) -> None:
    result = import_progent({"t": rules, "u": [[1, 0, {}, 0]]})
    policy = loaded(tmp_path, result.text)
    assert code in holes(result)
    assert effect(policy, "t", **call) == now


def test_lists_and_combinations(tmp_path: Path) -> None:
    policy, _ = imported(
        tmp_path,
        {
            "t": [
                [
                    1,
                    0,
                    {
                        "to": {"type": "array", "items": {"enum": ["A", "B"]}, "maxItems": 2},
                        "n": {"anyOf": [{"const": 1}, {"minimum": 10, "not": {"enum": [11]}}]},
                    },
                    0,
                ]
            ]
        },
    )
    assert effect(policy, "t", to=["A"], n=1) == "allow"
    assert effect(policy, "t", to=["A", "C"], n=1) == "deny"
    assert effect(policy, "t", to=["A", "A", "A"], n=1) == "deny"
    assert effect(policy, "t", to=["A"], n=12) == "allow"
    assert effect(policy, "t", to=["A"], n=11) == "deny"


def test_python_files_are_read_as_literals_and_never_run() -> None:
    assert read_progent("security_policy = {'t': [(1, 0, {}, 0)]}", "p.py") == {"t": [(1, 0, {}, 0)]}
    for text in ("import os\nos.abort()", "p = {'t': [(1, 0, {'x': print}, 0)]}", "(", "[1]"):
        with pytest.raises(PolicyError, match="IMPORT_INVALID"):
            read_progent(text, "p.py")


def test_a_malformed_rule_is_an_error_and_not_skipped() -> None:
    for entry in ([1], [1, 2, {}, 0], ["high", 0, {}, 0], "x"):
        with pytest.raises(PolicyError):
            import_progent({"t": [entry]})
    assert Effect.DENY.rank == 2
