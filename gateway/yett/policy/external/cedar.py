"""A layer that Cedar policies decide (https://www.cedarpolicy.com), in this process. It can only tighten.

Always against a schema: `load` refuses policies that do not fit it, and a call whose request does not fit it is a
deny, like anything else but a plain answer. Who asks is a `Yett::Agent` in its groups, the action is the tool's
name, the resource a `Yett::Tool`; the context is `{arguments, origins, call}`, of which `PRELUDE` declares the
last. Cedar knows permit and forbid: a permit with `@effect("hold")` asks a person, `@approvers("group, …")` whom.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from yett import canonical
from yett.errors import PolicyError
from yett.model import Effect, Json, Reason
from yett.policy.layer import STAGE, LayerVerdict
from yett.policy.scope import Scope, origin_of

PRELUDE: Final = """
namespace Yett {
  entity Group in [Group];
  entity Agent in [Group] = { tenant: String, principal: String, agent: String };
  entity Toolset in [Toolset];
  entity Tool in [Toolset];
  type Call = {
    server: String, does: Set<String>, size: Long, truncated: Bool, now: Long,
    hosts: Set<String>, programs: Set<String>, secrets: Set<String>,
    risk: Long, findings: Set<String>, sessionRisk: Long, labels: Set<String>,
  };
}
"""
"""What every schema starts from."""
_ESCAPES: Final = frozenset({"__entity", "__extn", "__expr"})
"""Keys by which Cedar's JSON means something else than a record."""


@dataclass(frozen=True)
class Cedar:
    """Policies, schema and entities that fit together."""

    id: str
    policies: Any
    schema: Any
    entities: Any
    names: Mapping[str, str]
    """By Cedar's number of a policy: its `@id`, or that."""
    holds: Mapping[str, frozenset[str]]
    """Permits that ask a person: their approver groups."""
    minds_limits: bool
    """The policies look at whether the facts are complete."""
    remote: bool = False

    def judge(self, layer: str, scope: Scope) -> LayerVerdict:
        """Cedar's word on a call; a deny if there is none."""
        try:
            return self._asked(layer, scope)
        except _Failed as failed:
            return _verdict(layer, Effect.DENY, "CEDAR_REFUSES", str(failed))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as problem:  # noqa: BLE001 - a panic of the native library is no Exception
            return _verdict(layer, Effect.DENY, "CEDAR_FAILED", f"Cedar failed ({type(problem).__name__})")

    def _asked(self, layer: str, scope: Scope) -> LayerVerdict:
        if scope.facts.truncated and not self.minds_limits:
            return _verdict(layer, Effect.DENY, "FACTS_TRUNCATED", "the arguments are not fully understood")
        from cedarpy import Decision, is_authorized

        request, agent = _request(scope)
        entities = self.entities.with_added_json_str(json.dumps([agent]))
        answer = is_authorized(request, self.policies, entities, self.schema)
        # The errors quote the arguments, so they stay here.
        if answer.diagnostics.errors or answer.decision not in (Decision.Allow, Decision.Deny):
            raise _Failed("the call does not fit the schema, or a policy could not be evaluated")
        reasons = sorted(answer.diagnostics.reasons)
        if answer.decision is Decision.Deny:
            rule = self.names[reasons[0]] if reasons else ""
            return _verdict(layer, Effect.DENY, "CEDAR_DENIES", "Cedar denies", rule)
        if not reasons:
            raise _Failed("Cedar allows without a policy that does")
        holding = [number for number in reasons if number in self.holds]
        if not holding:
            return _verdict(layer, Effect.ALLOW, "CEDAR_ALLOWS", "Cedar allows", self.names[reasons[0]])
        groups = tuple(self.holds[number] for number in holding if self.holds[number])
        rule = self.names[holding[0]]
        return _verdict(layer, Effect.HOLD, "CEDAR_HOLDS", "Cedar asks a person", rule, groups)


class _Failed(Exception):
    """No usable answer."""


def load(policies: str, schema: str, entities: str, where: str) -> Cedar:
    """Parse and validate.

    Args:
        policies, schema: in Cedar's own syntax; `PRELUDE` is added to the schema.
        entities: JSON, a list.

    Raises:
        PolicyError: CEDAR_MISSING, CEDAR_INVALID.
    """
    try:
        import cedarpy
    except ImportError:
        raise PolicyError(
            "CEDAR_MISSING",
            "Cedar is not installed",
            path=where,
            remedy="pip install '.[cedar]' in yett's checkout",
        ) from None

    def refuse(message: str, remedy: str | None = None) -> PolicyError:
        return PolicyError("CEDAR_INVALID", message, path=where, remedy=remedy)

    try:
        types = cedarpy.Schema.from_str(schema + PRELUDE)
        parsed = cedarpy.PolicySet.from_str(policies)
        known = cedarpy.Entities.from_json_str(entities, types)
        written = json.loads(cedarpy.policies_to_json_str(policies))
        found = cedarpy.validate_policies(policies, types)
    except ValueError as problem:
        raise refuse(str(problem)) from None
    if not found.validation_passed:
        raise refuse("; ".join(str(error) for error in found.errors[:4]), "make policies and schema fit")
    if not written["staticPolicies"] or written["templates"]:
        raise refuse(
            "there are templates, or no policies", "write at least one `permit`, and no `?principal`"
        )
    if any(entity["uid"]["type"] == "Yett::Agent" for entity in json.loads(str(known))):
        raise refuse("a Yett::Agent comes with the call", "describe groups, not agents")
    names, holds = {}, {}
    for number, policy in written["staticPolicies"].items():
        said = policy.get("annotations", {})
        names[number] = said.get("id") or number
        if not {"effect", "approvers"} & said.keys():
            continue
        if policy["effect"] != "permit" or said.get("effect") != "hold":
            remedy = 'permit with @effect("hold") and perhaps @approvers("group")'
            raise refuse(f"`{names[number]}`: only a permit can hold, and only a hold has approvers", remedy)
        groups = (said.get("approvers") or "").split(",")
        holds[number] = frozenset(group.strip() for group in groups if group.strip())
    minds_limits = _reads(written["staticPolicies"], "truncated")
    texts = canonical.digest("yett/cedar/v1", canonical.encode([policies, schema, entities]))
    return Cedar(f"cedar:{texts}", parsed, types, known, names, holds, minds_limits)


def _reads(written: Json, attribute: str) -> bool:
    """Whether policies, as JSON, read an attribute of this name; a comment or a text that has the word does not."""
    if isinstance(written, dict):
        return written.get("attr") == attribute or any(_reads(part, attribute) for part in written.values())
    return isinstance(written, list) and any(_reads(part, attribute) for part in written)


def _verdict(
    layer: str,
    effect: Effect,
    code: str,
    message: str,
    rule: str = "",
    approvers: tuple[frozenset[str], ...] = (),
) -> LayerVerdict:
    reason = Reason(stage=STAGE, code=code, message=message, rule=f"{layer}/{rule or 'cedar'}")
    return LayerVerdict(effect, (reason,), approvers=approvers)


def _request(scope: Scope) -> tuple[dict[str, Any], Json]:
    """What is asked, and who asks."""
    call, identity = scope.admitted.call, scope.admitted.identity
    facts, risk, history = scope.facts, scope.risk, scope.history
    types = {name: arg.type for name, arg in scope.spec.args.items()} if scope.spec is not None else {}
    given = {name: value for name, value in call.arguments.items() if value is not None}
    context: dict[str, Json] = {
        "arguments": {name: _value(value, types.get(name, "any")) for name, value in given.items()},
        "origins": {name: origin_of(value, history).value for name, value in given.items()},
        "call": {
            "server": call.server or "",
            "does": sorted(facts.does),
            "size": facts.size,
            "truncated": facts.truncated,
            "now": scope.now,
            "hosts": sorted({url.host for url in facts.urls}),
            "programs": sorted({command.program for command in facts.commands}),
            "secrets": sorted({secret.kind for secret in facts.secrets}),
            "risk": risk.score,
            "findings": sorted({finding.id for finding in risk.findings}),
            "sessionRisk": history.risk,
            "labels": sorted(history.labels),
        },
    }
    uid: Json = {
        "type": "Yett::Agent",
        "id": json.dumps([identity.tenant, identity.principal, identity.agent], ensure_ascii=False),
    }
    agent: Json = {
        "uid": uid,
        "attrs": {"tenant": identity.tenant, "principal": identity.principal, "agent": identity.agent},
        "parents": [{"type": "Yett::Group", "id": group} for group in sorted(identity.groups)],
    }
    asked = {
        "principal": uid,
        "action": {"type": "Action", "id": call.tool},
        "resource": {"type": "Yett::Tool", "id": call.tool},
        "context": context,
    }
    return asked, agent


def _value(value: Json, kind: str) -> Json:
    """An argument in Cedar's JSON: a number of type `number` or `money`, or with a fraction, is a decimal."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        if kind not in ("number", "money") and value == int(value):
            return int(value)
        text = format(Decimal(str(value)), "f")
        return text if "." in text else f"{text}.0"
    if isinstance(value, list):
        inner = kind.removeprefix("list[").removesuffix("]") if kind.startswith("list[") else "any"
        return [_value(item, inner) for item in value]
    if isinstance(value, dict) and not _ESCAPES & value.keys():
        return {name: _value(item, "any") for name, item in value.items() if item is not None}
    raise _Failed("an argument holds null in a list, or a key that Cedar keeps for itself")
