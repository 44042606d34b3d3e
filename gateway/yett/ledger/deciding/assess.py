"""The session stage: what a call means after everything that came before it.

`assess` is pure. It measures the call (where it goes, what it carries out, what it deletes, pays, raises)
against a `Snapshot`, and answers a `Verdict` of stage `session` that can only tighten:

1. hard rules over labels and origins (an address that came out of a poisoned document; a secret on its way
   to a place nobody named; acting after the audit trail was touched; repeated denials);
2. combined risk: past risk turns an acting call into a hold, never a harmless one into a denial.

Budgets are charged by what was measured, and checked in `commit`, where nobody can come in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from yett.extract.facts import Facts
from yett.extract.views import tokens as words_of
from yett.ledger.deciding.planned import objection, step_after
from yett.ledger.deciding.strain import (
    EDITING,
    MAX_TARGETS,
    MAX_TEXTS,
    OUTWARD,
    TRUSTED,
    evidence,
    injected,
    stands_in_order,
    strings,
    weigh,
    written,
)
from yett.ledger.memory.measure import ACTING, Measure
from yett.ledger.memory.session import HOLD_AT, combined_permille, joined
from yett.ledger.memory.taint import normalise
from yett.ledger.view import Snapshot
from yett.model import AdmittedCall, Effect, Json, Origin, Reason, Risk, ToolSpec, Verdict, strictest
from yett.policy.words.intent import DELEGATED

FLOOR: Final = {Effect.ALLOW: 0, Effect.HOLD: 500, Effect.DENY: 950}
"""Least session risk of a call, by what the session stage said of it."""
SUSPICION: Final = {Effect.ALLOW: 0, Effect.HOLD: 100, Effect.DENY: 500}
"""What another stage's word adds to the session risk, 0..1000."""
TARGET_NAMES: Final = frozenset(
    [
        "to",
        "cc",
        "bcc",
        "recipient",
        "recipients",
        "channel",
        "email",
        "url",
        "uri",
        "address",
        "addresses",
        "iban",
        "account",
        "user",
        "participants",
    ]
)
"""Arguments that name a destination when no manifest says so."""
CHOSEN: Final = frozenset({Origin.MANDATE, Origin.PROMPT, Origin.CONFIG})
"""Of destinations that a person chose for this errand: however many they are, none of them spreads anything."""
LOOKS: Final = frozenset({"read"})
"""What a call that only looks does; one of an undescribed tool may do less."""
HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are no destination: what stays on the machine goes nowhere."""
MAX_PARENTS: Final = 6
"""Pages above a page that are looked up."""
MAX_CARRIED: Final = 20_000
"""Characters of a call's texts that are searched for secret values."""
ADDRESSES: Final = frozenset({"email", "wallet", "iban"})
"""Contacts that stand beside secrets and are none."""
PRIVILEGES: Final = frozenset(
    [
        "role",
        "roles",
        "admin",
        "privilege",
        "privileges",
        "permission",
        "permissions",
        "sudo",
        "iam",
        "acl",
        "firewall",
        "policy",
    ]
)
"""Words of a tool's name that say that it changes who may do what."""
RAISING: Final = frozenset(
    {
        *("accounts", "account_change", "permission_change", "setuid", "firewall", "credentials"),
        *("privileged", "cloud_privilege", "elevation"),
    }
)
"""Flags of commands that change who may do what; to need privileges, as a restart does, changes none."""
PROBING: Final = 5
"""Denials of one principal within ten minutes after which acting calls are held."""


def assess(
    view: Snapshot,
    admitted: AdmittedCall,
    facts: Facts,
    risk: Risk,
    spec: ToolSpec | None = None,
) -> Verdict:
    """The session stage's verdict on a call.

    Args:
        view: the snapshot that the policy was evaluated with.
        spec: the tool's manifest entry, if there is one: it says which arguments are targets.
    """
    if view.frozen:
        reason = _reason("FROZEN", f"{view.frozen} is frozen by an operator")
        return Verdict(stage="session", effect=Effect.DENY, reasons=(reason,))
    measured = measure(view, admitted, facts, spec)
    found = [*_rules(view, measured), *_by_risk(view, measured, risk)]
    if (against := objection(view.row, view.hasher, admitted)) is not None:
        found.append((Effect.HOLD, _reason(*against)))
    return Verdict(
        stage="session",
        effect=strictest(*(effect for effect, _ in found)) if found else Effect.ALLOW,
        reasons=tuple(reason for _, reason in found),
    )


def measure(view: Snapshot, admitted: AdmittedCall, facts: Facts, spec: ToolSpec | None) -> Measure:
    """What the call does. `commit` records it; the snapshot keeps the last one so that it is done once."""
    if view.measured is not None and view.measured[0] == admitted.digest:
        return view.measured[1]
    measured = _measure(view, admitted, facts, spec)
    view.measured = (admitted.digest, measured)
    return measured


def _measure(view: Snapshot, admitted: AdmittedCall, facts: Facts, spec: ToolSpec | None) -> Measure:
    does = set(facts.does)
    networked = False
    deletes = 1 if "delete" in does else 0
    privilege = 1 if "admin" in does and _raises(admitted.call.tool, facts) else 0
    raised = bool(privilege)
    for command in facts.commands:
        effects = command.effects
        if effects:
            networked = networked or "network" in effects
            deletes += len(command.deletes) if "delete" in effects else 0
            privilege += 1 if "privilege" in effects else 0
            raised = raised or ("privilege" in effects and not RAISING.isdisjoint(command.flags))
    outward = bool(does & OUTWARD) or networked
    acting = outward or bool(does & ACTING)
    carries = (outward or (does <= LOOKS and _fetches(view, facts))) and _carries_secret(view, facts)
    # What takes a secret along acts and goes out, although its tool only looks.
    outward, acting = outward or carries, acting or carries
    values = list(_targets(view, admitted.call.arguments, facts, spec)) if acting or facts.urls else []
    unseen = len(values) > MAX_TARGETS
    weakest = Origin.MANDATE
    hashes: set[int] = set()
    origins: list[tuple[str, Origin]] = []
    for value in values[:MAX_TARGETS]:
        origin = view.origin(value)
        origins.append((value, origin))
        if origin.rank > weakest.rank and not (weakest is Origin.UNTRUSTED and origin is Origin.NOVEL):
            weakest = origin
        if origin is Origin.UNTRUSTED:
            weakest = Origin.UNTRUSTED
        hashes.add(view.hasher.whole(value))
    if unseen:
        # Nobody looks at the rest: otherwise colleagues before it would hide whom a text names.
        weakest = Origin.UNTRUSTED
    targets = tuple(sorted(hashes))
    led = [value for value, origin in origins if origin is Origin.UNTRUSTED and injected(view, [value])]
    # Whoever writes an address into a file has sent nothing to it yet.
    noted = written(facts) if does <= EDITING else set()
    unnamed = {view.hasher.whole(value) for value, origin in origins if origin not in CHOSEN}
    charges = _charges(view, facts, does, outward, weakest, targets, unnamed, deletes, privilege, carries)
    labels = []
    if "exec" in does:
        labels.append("exec_done")
    if raised:
        labels.append("priv_changed")
    if "persist" in does and "read_untrusted" in view.labels:
        labels.append("persist_taint")
    tool = admitted.call.tool
    return Measure(
        does=tuple(sorted(does)),
        targets=targets if acting else (),
        outward=outward,
        weakest=weakest.value,
        led=bool(led) or (unseen and injected(view, ())),
        ordered=any(stands_in_order(view, value) for value in led if value not in noted),
        carries_secret=carries,
        explained=_is_explained(view, tool, targets),
        strain=weigh(evidence(view, admitted, facts, spec, origins, does=does)),
        charges=charges,
        counts=((tool, 1), *((name, 1) for name in sorted(does) if name != tool)),
        labels=tuple(labels),
        step=step_after(view.row, view.hasher, admitted),
    )


def _raises(tool: str, facts: Facts) -> bool:
    """Whether an administrative tool changes who may do what; one nobody described, by its name. Sharing does not."""
    if not facts.does_inferred:
        return "share" not in facts.does
    return bool(PRIVILEGES & frozenset(words_of(tool))) and "share" not in facts.does


def session_risk(view: Snapshot, measured: Measure, score: int, verdicts: tuple[Verdict, ...]) -> int:
    """0..1000: the call's risk with everything that came before, and with what the stages said of it.

    It is at least as high as the session stage judged it; what another stage holds or denies is a suspicion more.
    """
    combined = combined_permille(joined(score, measured.strain), *view.clocks)
    said = floor = 0
    for verdict in verdicts:
        if verdict.stage == "session":
            floor = max(floor, FLOOR[verdict.effect])
        else:
            said = max(said, SUSPICION[verdict.effect])
    return max(joined(combined, said), floor)


def _charges(
    view: Snapshot,
    facts: Facts,
    does: set[str],
    outward: bool,
    weakest: Origin,
    targets: tuple[int, ...],
    unnamed: set[int],
    deletes: int,
    privilege: int,
    carries: bool,
) -> tuple[tuple[str, int], ...]:
    charges: list[tuple[str, int]] = []
    if outward:
        charges.append(("out", facts.size))
        if targets and weakest not in TRUSTED:
            charges.append(("out.novel", facts.size))
            if weakest is Origin.UNTRUSTED or view.labels & {"read_secret", "read_untrusted"}:
                charges.append(("out.tainted", facts.size))
        if carries:
            charges.append(("out.secret", facts.size))
        if targets:
            charges.append(("out.destination", facts.size))
        known = _chunks(view.row.targets) if unnamed else set()
        new = sum(1 for target in unnamed if target.to_bytes(6, "big") not in known)
        if new:
            charges.append(("destinations", new))
    if deletes:
        charges.append(("deletes", deletes))
    if privilege:
        charges.append(("privilege", privilege))
    if "pay" in does:
        charges.append(("money", sum(max(0, amount.minor) for amount in facts.amounts)))
    return tuple((what, amount) for what, amount in charges if amount > 0)


def _chunks(packed: bytes) -> set[bytes]:
    return {packed[i : i + 6] for i in range(0, len(packed), 6)}


def _targets(
    view: Snapshot, arguments: dict[str, Json], facts: Facts, spec: ToolSpec | None
) -> Iterator[str]:
    for contact in facts.contacts:
        yield contact.value
    # A page as a whole if a text to the model orders it: anybody can have one below `https://docs.google.com`, and
    # services of this machine obey whoever comes from it.
    ordered = {url.raw for url in facts.urls if stands_in_order(view, url.raw)}
    yield from sorted(ordered)
    for url in facts.urls:
        if url.host not in HERE:
            yield url.host or url.raw
    below = {url.raw for url in facts.urls if _is_below_named(view, url.raw)} - ordered
    for command in facts.commands:
        yield from (host for host in command.hosts if host not in HERE)
    for name, value in arguments.items():
        declared = spec.args.get(name) if spec is not None else None
        if declared.role == "target" if declared is not None else name.lower() in TARGET_NAMES:
            yield from (each for each in strings(value) if each not in below)


def _fetches(view: Snapshot, facts: Facts) -> bool:
    """Whether it asks for an address that no text has named as a whole: the agent may have put anything into it."""
    known = view.row.taint.origin_of
    return any(url.host not in HERE and known(view.hasher.whole(url.raw)) is None for url in facts.urls)


def _is_below_named(view: Snapshot, url: str) -> bool:
    """Whether a page is one below another that the user named: `https://a.example/b` of `https://a.example`."""
    known = view.row.taint.origin_of
    for _ in range(MAX_PARENTS):
        url = url.rpartition("/")[0]
        if url.count("/") < 2:
            return False
        if known(view.hasher.whole(url)) is Origin.PROMPT:
            return True
    return False


def _carries_secret(view: Snapshot, facts: Facts) -> bool:
    filters = view.secrets
    if not filters:
        return False
    if view.row.taint.secret.full:
        return True
    left = MAX_CARRIED
    addresses = {contact.value for contact in facts.contacts if contact.kind in ADDRESSES}
    for text in facts.texts[:MAX_TEXTS]:
        if len(text.value) < 6:
            continue
        if text.value in addresses and view.origin(text.value) is not Origin.NOVEL:
            continue  # Where something goes is not what is carried there, though it stood beside a password.
        for item in view.hasher.of_secret(text.value[:left]):
            if any(item in secret for secret in filters):
                return True
        left -= len(text.value)
        if left <= 0:
            # What was not searched has to count as carrying: otherwise padding hides it.
            return True
    return len(facts.texts) > MAX_TEXTS


def _is_explained(view: Snapshot, tool: str, targets: tuple[int, ...]) -> bool:
    known = view.row.explained
    if not known or not targets:
        return False
    pairs = _chunks(known)
    return all(pair_hash(view, tool, target).to_bytes(6, "big") in pairs for target in targets)


def pair_hash(view: Snapshot, tool: str, target: int) -> int:
    """What stands for (tool, target) in `Session.explained`."""
    return view.hasher(f"pair\0{normalise(tool)}\0{target}")


def _rules(view: Snapshot, measured: Measure) -> Iterator[tuple[Effect, Reason]]:
    labels = view.labels
    acting = bool(ACTING.intersection(measured.does)) or measured.outward
    if not acting:
        return
    untrusted = measured.weakest == Origin.UNTRUSTED.value
    if measured.ordered and DELEGATED not in labels:
        yield (
            Effect.DENY,
            _reason("TAINTED_TARGET", "its target stands in the orders that a text tries to give the agent"),
        )
    elif measured.led:
        yield (
            Effect.HOLD,
            _reason(
                "AFTER_INJECTION", "its target is from a text, and a text has tried to give the agent orders"
            ),
        )
    if measured.carries_secret and measured.targets and Origin(measured.weakest) not in TRUSTED:
        yield (
            Effect.DENY,
            _reason("SECRET_EGRESS", "it carries values of a secret result to a target that nobody named"),
        )
    elif measured.carries_secret and not measured.targets:
        yield (
            Effect.HOLD,
            _reason("SECRET_EGRESS", "it carries values of a secret result, its target is unknown"),
        )
    if "audit_touched" in labels:
        yield Effect.DENY, _reason("AUDIT_TOUCHED", "this session has touched the audit trail")
    if "state_lost" in labels:
        yield Effect.HOLD, _reason("STATE_LOST", "what came before is not known: a person must confirm")
    if "priv_changed" in labels and measured.outward and untrusted:
        yield (
            Effect.HOLD,
            _reason("PRIVILEGE_EGRESS", "it sends to an untrusted target after privileges changed"),
        )
    if view.count("denied", 600) >= PROBING:
        yield (
            Effect.HOLD,
            _reason("PROBING", "several calls of this principal were denied within ten minutes"),
        )


def _by_risk(view: Snapshot, measured: Measure, risk: Risk) -> Iterator[tuple[Effect, Reason]]:
    combined = combined_permille(joined(risk.score, measured.strain), *view.clocks)
    acting = bool(ACTING.intersection(measured.does)) or measured.outward
    if combined >= HOLD_AT and combined > risk.score and acting:
        yield Effect.HOLD, _reason("SESSION_RISK", f"with what came before, its risk is {combined} of 1000")


def _reason(code: str, message: str) -> Reason:
    return Reason(stage="session", code=code, message=message)
