"""From a record to the rows it changes: the one definition of what every record means.

`plan` is a pure function. A commit plans its record, writes the hash of the session that results into it,
appends it to the log and installs the plan; a replay plans the same record and must come to the same hash
(`apply`). So memory, the stored projection and the log cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from yett.errors import LedgerError
from yett.ledger.memory import session, taint
from yett.ledger.memory.budget import Account
from yett.ledger.memory.session import Clock, Session
from yett.ledger.projection import rows
from yett.ledger.projection.epoch import plan_epoch
from yett.ledger.projection.rows import Approval, Credential, Decided, Frozen, Mandate, Principal, Revoked
from yett.ledger.projection.state import Attempt, Body, Change, State, attempt_key
from yett.ledger.tokens.mandate import Claims

_SPREADING: Final = frozenset({"untrusted", "novel", "secret"})
_NOTHING: Final[Body] = {}
_replace: Final = msgspec.structs.replace


def plan(state: State, event: str, body: Body) -> list[Change]:
    """The rows a record changes. Unknown events change nothing: the log holds others' too."""
    planner = _PLANNERS.get(event)
    return planner(state, body) if planner is not None else []


def session_of(changes: list[Change]) -> Session | None:
    """The session's row, if the record changes one: a decision and an outcome do."""
    for _, _, row in changes:
        if isinstance(row, Session):
            return row
    return None


def apply(state: State, event: str, body: Body, index: int, leaf: bytes) -> None:
    """Plans and installs one record of the log.

    Raises:
        LedgerError: STATE_MISMATCH, if the record says its session came out otherwise.
    """
    changes = plan(state, event, body)
    expected = body.get("session")
    if isinstance(expected, dict) and "after" in expected:
        found = session_of(changes)
        if found is None or found.hash != expected["after"]:
            raise LedgerError(
                "STATE_MISMATCH",
                f"record {index} does not lead to the session state it states",
                remedy="verify the log with yett-verify; if it holds, this version replays differently",
            )
    at = body.get("at")
    state.install(changes, at if isinstance(at, int) else 0)
    state.applied = index + 1
    state.leaf = leaf


# -- one planner an event ------------------------------------------------------------------------------


def _plan_session(state: State, body: Body) -> list[Change]:
    tenant, name = body["tenant"], body["principal"]
    owner = state.principal(tenant, name)
    at = body["at"]
    row = state.blank_session(body["id"], tenant, name, body["agent"])
    parent = state.sessions.get(body["parent"]) if body.get("parent") else None
    if parent is not None:
        aged = parent.clock.aged(at)
        row = _replace(
            row,
            lineage=parent.lineage,
            labels=session.with_labels(row.labels, set(parent.labels)),
            taint=parent.taint,
            clock=Clock(fast=max(row.clock.fast, aged.fast), slow=max(row.clock.slow, aged.slow), at=at),
            plan=parent.plan,
            # The steps of an ordered plan are made where it was pinned: nothing of it is left to do here.
            step=parent.step if parent.step < 0 else len(parent.plan),
        )
    index = row.taint
    for kind, packed in body.get("values", []):
        index = index.plus(kind, taint.from_text(packed))
    labels = session.with_labels(row.labels, set(body.get("labels", ())))
    row = _replace(row, parent=body.get("parent") or "", opened=at, version=1, labels=labels, taint=index)
    owner = _replace(
        owner,
        account=owner.account.charged((("cap:sessions", 1),), at),
        clock=owner.clock.struck(session.OPENING_RISK, at),
    )
    return [("session", row.id, row), ("principal", owner.key, owner)]


def _plan_decision(state: State, body: Body) -> list[Change]:
    at, who, told, does = body["at"], body["who"], body["session"], body["does"]
    tenant, name = who["tenant"], who["principal"]
    row = state.sessions.get(told["id"]) or state.blank_session(told["id"], tenant, name, who["agent"])
    owner = state.principal(tenant, name)
    allowed = body["effect"] == "allow"
    # Of a call that is not allowed, no more is remembered than that it was asked for.
    done = does if allowed else _NOTHING
    charges, spent = tuple(map(tuple, done.get("charges", ()))), tuple(map(tuple, done.get("spent", ())))
    caps = _under("cap:", charges)
    labels = done.get("labels")

    fields: dict[str, Any] = {"version": row.version + 1}
    if labels:
        fields["labels"] = session.with_labels(row.labels, set(labels))
    if done.get("targets"):
        fields["targets"] = _newest(row.targets, taint.from_text(done["targets"]))
    if done.get("explained"):
        fields["explained"] = _newest(row.explained, taint.from_text(done["explained"]))
    if done.get("step"):
        fields["step"] = done["step"]
    owed = _under("count:", does.get("counts", ())) + caps + _under("spent:", spent)
    if not allowed:
        owed += (("count:denied" if body["effect"] == "deny" else "count:held", 1),)
    theirs: dict[str, Any] = {"account": owner.account.charged(owed, at)} if owed else {}
    if labels:
        theirs["recent"] = owner.seen(labels, at)
        if "persist_taint" in labels:
            theirs["labels"] = session.with_labels(owner.labels, {"persist_taint", "read_untrusted"})
    if strike := does["strike"]:
        fields["clock"] = row.clock.struck(strike, at)
        theirs["clock"] = owner.clock.struck(strike, at)
        theirs["long"] = owner.long.struck(strike, at, session.PRINCIPAL_HALF_LIFE)
    row, owner = _replace(row, **fields), _replace(owner, **theirs)
    changes: list[Change] = [("session", row.id, row), ("principal", owner.key, owner)]

    destinations = tuple(done.get("accounts", ()))
    if charges:
        for key in {"s:" + row.id, "l:" + row.lineage, *destinations}:
            changes.append(("account", key, state.account(key).charged(caps, at)))
    if allowed:
        changes += _plan_allowed(state, body, charges, spent, destinations)
    if body.get("approval") and body["effect"] == "hold" and "request" in body:
        changes.append(("approval", body["approval"], _request(body)))
    changes += state.expired(at)
    return changes


def _under(prefix: str, amounts: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Amounts, as an account names them."""
    named = []
    for what, amount in amounts:
        named.append((prefix + what, amount))
    return tuple(named)


def _plan_allowed(
    state: State,
    body: Body,
    charges: tuple[tuple[str, int], ...],
    spent: tuple[tuple[str, int], ...],
    destinations: tuple[str, ...],
) -> list[Change]:
    who, call = body["who"], body["call"]
    use: Body = body.get("mandate") or {}
    row = Decided(
        id=body["id"],
        tenant=who["tenant"],
        principal=who["principal"],
        agent=who["agent"],
        session=body["session"]["id"],
        tool=call["tool"],
        server=call.get("server"),
        call=call["digest"],
        at=body["at"],
        expires=body["expires"],
        charges=charges,
        spent=spent,
        targets=destinations,
        mandates=tuple(use.get("ids", ())),
        amount=use.get("amount", 0),
        attempt=call.get("attempt", ""),
        sender=use.get("sender", ""),
        ahead=body.get("ahead", False),
    )
    changes: list[Change] = [("decided", row.id, row)]
    if row.attempt:
        changes.append(("attempt", attempt_key(row), Attempt(decision=row.id, call=row.call)))
    for jti in row.mandates:
        known = state.mandates.get(jti)
        if known is None:
            link = next(each for each in reversed(use["chain"]) if each["jti"] == jti)
            known = Mandate(
                jti=jti,
                uses=link["uses"],
                exp=link["exp"],
                iat=link["iat"],
                amount=link.get("amount"),
                tenant=who["tenant"],
            )
        digest = known.digest or (use.get("digest", "") if jti == row.mandates[0] else "")
        changes.append(
            (
                "mandate",
                jti,
                _replace(
                    known, used=known.used + 1, spent=known.spent + row.amount, last=row.id, digest=digest
                ),
            )
        )
    if body.get("approval"):
        approval = state.approvals.get(body["approval"])
        if approval is not None:
            changes.append(("approval", approval.id, _replace(approval, status=rows.USED)))
    return changes


def _request(body: Body) -> Approval:
    who, call, request = body["who"], body["call"], body["request"]
    return Approval(
        id=body["approval"],
        decision=body["id"],
        call=call["digest"],
        action=call["action"],
        tenant=who["tenant"],
        principal=who["principal"],
        agent=who["agent"],
        session=body["session"]["id"],
        tool=call["tool"],
        server=call.get("server"),
        groups=tuple(request["groups"]),
        quorum=request["quorum"],
        causes=tuple(request["causes"]),
        at=body["at"],
        expires=request["expires"],
        risk=body["risk"],
    )


def _newest(known: bytes, added: bytes) -> bytes:
    """Packed hashes with others appended that are not among them; the oldest fall out."""
    have = {known[i : i + 6] for i in range(0, len(known), 6)}
    for place in range(0, len(added), 6):
        item = added[place : place + 6]
        if item not in have:
            known += item
    return known[-6 * session.MAX_TARGETS :]


def _plan_outcome(state: State, body: Body) -> list[Change]:
    decided = state.decided.get(body["decision"])
    row = state.sessions.get(body["session"]["id"])
    if decided is None or row is None:
        return []
    status = body["to"]
    told = _replace(decided, status=status, result=body.get("digest", ""))
    asked_again = decided.mandates or decided.attempt or status == rows.IN_DOUBT
    changes: list[Change] = [("decided", decided.id, told if asked_again else None)]
    index = row.taint
    for kind, packed in body.get("values", []):
        index = index.plus(kind, taint.from_text(packed))
    labels = session.with_labels(row.labels, set(body.get("labels", ())))
    if index.saturated:
        labels = session.with_labels(labels, {"taint_saturated"})
    row = _replace(
        row,
        version=row.version + 1,
        taint=index,
        labels=labels,
        clock=row.clock.struck(body.get("strike", 0), body["at"]),
        stages=_stages(row.stages, body.get("stages", [])),
    )
    changes.append(("session", row.id, row))
    owner = state.principal(row.tenant, row.principal)
    account = owner.account
    if body.get("records"):
        charge = (("cap:records", body["records"]),)
        account = account.charged(charge, body["at"])
        for key in {"s:" + row.id, "l:" + row.lineage}:
            changes.append(("account", key, state.account(key).charged(charge, body["at"])))
    if status == rows.RELEASED:
        caps = _under("cap:", decided.charges)
        given_back = caps + _under("spent:", decided.spent)
        account = account.refunded(given_back, decided.at)
        if caps:
            for key in {"s:" + row.id, "l:" + row.lineage, *decided.targets}:
                base = next((r for t, k, r in changes if t == "account" and k == key), None)
                known = base if isinstance(base, Account) else state.account(key)
                changes.append(("account", key, known.refunded(caps, decided.at)))
        changes += _release(state, decided)
        if decided.attempt:
            changes.append(("attempt", attempt_key(decided), None))
    owner = _replace(
        _learned(owner, body.get("values", []), body["at"]),
        account=account,
        clock=owner.clock.struck(body.get("strike", 0), body["at"]),
        recent=owner.seen(body.get("labels", ()), body["at"]),
    )
    changes.append(("principal", owner.key, owner))
    return changes


def _learned(owner: Principal, values: list[list[str]], at: int) -> Principal:
    """The principal with untrusted and secret values added to its own index, by generations."""
    told = [(kind, packed) for kind, packed in values if kind in _SPREADING]
    if not told:
        return owner
    index, earlier, turned = owner.taint, owner.earlier, owner.turned
    if index.saturated or at - turned >= rows.RECENT_MS:
        index, earlier, turned = taint.Taint(), index, at
    for kind, packed in told:
        index = index.plus(kind, taint.from_text(packed))
    return _replace(owner, taint=index, earlier=earlier, turned=turned)


def _stages(known: tuple[tuple[str, str], ...], moved: list[list[str]]) -> tuple[tuple[str, str], ...]:
    if not moved:
        return known
    table = dict(known)
    for name, place in moved:
        if name in table or len(table) < session.MAX_STAGES:
            table[name] = place
    return tuple(sorted(table.items()))


def _release(state: State, decided: Decided) -> list[Change]:
    changes: list[Change] = []
    for jti in decided.mandates:
        known = state.mandates.get(jti)
        if known is not None:
            changes.append(
                (
                    "mandate",
                    jti,
                    _replace(known, used=known.used - 1, spent=known.spent - decided.amount),
                )
            )
    return changes


def _plan_pinned(state: State, body: Body) -> list[Change]:
    pinned = body.get("pinned")
    if not pinned:
        return []
    who, told = body["who"], body["session"]
    row = state.sessions.get(told["id"]) or state.blank_session(
        told["id"], who["tenant"], who["principal"], who["agent"]
    )
    step = 0 if body.get("ordered") else -1
    kept = tuple((tool, tuple((name, mark) for name, mark in arguments)) for tool, arguments in pinned)
    return [("session", row.id, _replace(row, version=row.version + 1, plan=kept, step=step))]


def _plan_mandate(state: State, body: Body) -> list[Change]:
    op = body["op"]
    if op == "issue":
        return [_issued(body)]
    if op == "revoke":
        scope = body["scope"]
        return [("revoked", scope, Revoked(scope=scope, at=body["at"] // 1000, by=body["by"]))]
    if op == "resolve":
        decided = state.decided.get(body["decision"])
        if decided is None:
            return []
        changes: list[Change] = [("decided", decided.id, _replace(decided, status=body["to"]))]
        if body["to"] == rows.RELEASED:
            changes += _release(state, decided)
        return changes
    return []


def _issued(body: Body) -> Change:
    told = body["mandate"]
    row = Mandate(
        jti=told["jti"],
        uses=told["uses"],
        exp=told["exp"],
        iat=told["iat"],
        amount=told.get("amount"),
        digest=body["digest"],
        claims=msgspec.convert(body["claims"], Claims) if "claims" in body else None,
        tenant=told["tenant"],
        principal=told["principal"],
        agent=told["agent"],
    )
    return "mandate", row.jti, row


def _plan_approval(state: State, body: Body) -> list[Change]:
    known = state.approvals.get(body["id"])
    if known is None:
        return []
    changes: list[Change] = []
    fields: dict[str, Any] = {"status": body["to"], "decided_at": body["at"]}
    if body["op"] == "approve":
        fields["yes"] = (*known.yes, (body["by"], body["principal"]))
        account = state.account("a:" + body["by"])
        changes.append(("account", account.key, account.charged((("approvals", 1),), body["at"])))
    if "claims" in body:
        issued = _issued(body)
        changes.append(issued)
        fields["mandate"] = issued[1]
        if body["claims"].get("call", known.call) != known.call:
            # A narrowed approval permits another call than the one that was held.
            fields["call"] = body["claims"]["call"]
    changes.append(("approval", known.id, _replace(known, **fields)))
    return changes


def _plan_freeze(state: State, body: Body) -> list[Change]:
    scope = body["scope"]
    if body["op"] == "thaw":
        return [("frozen", scope, None)]
    return [
        ("frozen", scope, Frozen(scope=scope, by=body["by"], at=body["at"], reason=body.get("reason", "")))
    ]


def _plan_policy(state: State, body: Body) -> list[Change]:
    meta = _replace(state.meta, policy=body["digest"], policy_id=body["id"])
    return [("meta", "", meta)]


def _plan_clear(state: State, body: Body) -> list[Change]:
    used = body["mandate"]
    spent = Mandate(
        jti=used["jti"], uses=1, used=1, exp=used["exp"], iat=body["at"] // 1000, digest=body["digest"]
    )
    changes: list[Change] = [("mandate", spent.jti, spent)]
    if body["scope"] == "all":
        return [*changes, ("meta", "", _replace(state.meta, lost=False))]
    row = state.sessions.get(body["scope"])
    if row is None:
        return changes
    named = set(body.get("labels", ()))
    # What spread because nobody knew what the session had read, an operator knows now.
    lifted = named if "state_lost" in named.intersection(row.labels) else set()
    labels = tuple(name for name in row.labels if name not in named)
    row = _replace(row, version=row.version + 1, clock=Clock(at=body["at"]), labels=labels)
    changes.append(("session", row.id, row))
    owner = state.principal(row.tenant, row.principal)
    if body.get("owner") != "kept":
        account = _replace(owner.account, version=owner.account.version + 1)
        owner = _replace(owner, clock=Clock(at=body["at"]), account=account)
    elif not lifted:
        return changes
    owner = _replace(owner, recent=tuple(each for each in owner.recent if each[0] not in lifted))
    return [*changes, ("principal", owner.key, owner)]


def _plan_sweep(state: State, body: Body) -> list[Change]:
    changes: list[Change] = [
        (
            "meta",
            "",
            _replace(state.meta, watermark=max(state.meta.watermark, body["watermark"])),
        )
    ]
    changes += [("mandate", jti, None) for jti in body.get("mandates", [])]
    changes += [("revoked", scope, None) for scope in body.get("revoked", [])]
    changes += [("approval", each, None) for each in body.get("approvals", [])]
    return changes


def _plan_credential(state: State, body: Body) -> list[Change]:
    changes: list[Change] = [("credential", each, None) for each in body.get("gone", [])]
    for told in body.get("seen", []):
        row = msgspec.convert(told, Credential)
        changes.append(("credential", row.id, row))
    return changes


_PLANNERS: Final[dict[str, Callable[[State, Body], list[Change]]]] = {
    "session": _plan_session,
    "decision": _plan_decision,
    "outcome": _plan_outcome,
    "plan": _plan_pinned,
    "mandate": _plan_mandate,
    "approval": _plan_approval,
    "freeze": _plan_freeze,
    "epoch": plan_epoch,
    "policy": _plan_policy,
    "clear": _plan_clear,
    "sweep": _plan_sweep,
    "credential": _plan_credential,
}
