"""Documents -> layers: every field known, every rule compiled against the tools it selects.

The grammar of a document (docs/policy.md has it in full):

    policy: NAME            makes it a layer; without it, a document of `tools:` is a manifest
    layer: TIER             organisation, team, user, task, or any name; for people, order never matters
    use: [FILE…]            manifests beside this file
    tools: {NAME: …}        manifests in place
    data: {NAME: TABLE}     constant tables for conditions, or `{file: NAME.yaml}`
    labels: [NAME…]         session labels of your own
    stages: {NAME: {TOOL: STATE}}   automata: the state after a tool has run well; {to: STATE, ensures: EXPRESSION over result}
    requires: {TOOL: EXPRESSION}    what must hold before a tool runs
    rules: [{id, allow|hold|deny: SELECTOR, when, because, approvers, require, oblige, free, shadow}]
    tests: [{allow|hold|deny: {tool, args, …}, given, rule}]
    opa: {url, path, timeout_ms}
    cedar: {policies, schema, entities}
    shadow: true            judge, report, and have no effect
    log: {preview: false}   keep even redacted previews of arguments out of the log
"""

from __future__ import annotations

from typing import Any

from yett import expr
from yett.model import Effect, Json
from yett.policy import source
from yett.policy.external import cedar, opa
from yett.policy.globs import any_glob
from yett.policy.layer import Case, Engine, Layer
from yett.policy.manifest import Toolbox
from yett.policy.reading import Path, flag, only, refuse, strings
from yett.policy.rules import RuleReader
from yett.policy.source import Document

DOCUMENT_KEYS = {
    "policy", "layer", "because", "use", "tools", "server", "manifest", "data", "labels", "stages", "requires", "rules", "tests",
    "opa", "cedar", "shadow", "log",
}  # fmt: skip
_TEST_KEYS = {"allow", "hold", "deny", "given", "rule", "because"}
_CALL_KEYS = {"tool", "args", "server", "agent", "principal", "groups", "prompt"}
GIVEN_KEYS = {
    "origins",
    "labels",
    "risk",
    "findings",
    "session_risk",
    "spent",
    "count",
    "seen",
    "mentioned",
    "stages",
    "now",
    "limits",
    "secrets",
}


def check_document(document: Document) -> dict[str, Json]:
    """The top of a document, with nothing unknown in it."""
    value = document.value
    if not isinstance(value, dict):
        refuse(document, (), "a policy document is a mapping", "start with `policy: NAME`")
    only(document, value, DOCUMENT_KEYS, (), "a policy document")
    if "policy" not in value and ({"rules", "opa", "cedar", "tests"} & value.keys()):
        refuse(document, (), "a document with rules needs a name", "add `policy: NAME`")
    return value


def read_layer(document: Document, toolbox: Toolbox) -> Layer | None:
    """The layer of a document; None if it only brings manifests."""
    value = check_document(document)
    if "policy" not in value:
        return None
    name = value["policy"]
    if not isinstance(name, str) or not name:
        refuse(document, ("policy",), "`policy` is the layer's name")
    data = _data(document, value.get("data"))
    labels = tuple(strings(document, value.get("labels", []), ("labels",)))
    shadow = flag(document, value, "shadow", ())
    entries = value.get("rules", [])
    if not isinstance(entries, list):
        refuse(document, ("rules",), "`rules` is a list")
    rules = []
    known: dict[str, str] = {}
    stages, ensures = _stages(document, value.get("stages", {}), toolbox)
    compiler = RuleReader(document, toolbox, data, labels, stages)
    written: list[tuple[Path, Json]] = [(("rules", index), entry) for index, entry in enumerate(entries)]
    for path, entry in [*written, *_requirements(document, value.get("requires", {}))]:
        rule = compiler.read(entry, path)
        if rule.id in known:
            refuse(
                document,
                path,
                f"rule `{rule.id}` stands at {known[rule.id]} already",
                "rename it",
            )
        known[rule.id] = rule.where
        rules.append(rule)
    engines = [("opa", _opa(document, value.get("opa"))), ("cedar", _cedar(document, value.get("cedar")))]
    deciding = [what for what, there in (("rules", rules), *engines) if there]
    if not deciding:
        refuse(document, (), "a layer without rules denies everything", "add `rules:`, `opa:` or `cedar:`")
    if len(deciding) > 1:
        refuse(
            document,
            (deciding[1],),
            "a layer is decided by one of rules, OPA and Cedar",
            "make it two documents",
        )
    return Layer(
        id=name,
        rules=tuple(rules),
        cases=tuple(_cases(document, value.get("tests", []))),
        data=data,
        where=document.where(),
        shadow=shadow,
        engine=next((engine for _, engine in engines if engine is not None), None),
        stages=stages,
        ensures=ensures,
        source=value,
    )


def _data(document: Document, value: Json) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse(document, ("data",), "`data` maps names to tables")
    tables: dict[str, Any] = {}
    for name, table in value.items():
        if isinstance(table, dict) and set(table) == {"file"}:
            documents = source.read(document.folder / str(table["file"]))
            if len(documents) != 1:
                refuse(document, ("data", name), "a data file holds one document")
            table = documents[0].value
        tables[name] = table
    return tables


def _stages(
    document: Document, value: Json, toolbox: Toolbox
) -> tuple[dict[str, dict[str, str]], dict[tuple[str, str], expr.Program]]:
    """Automata, and what a result must say before it moves one."""
    if not isinstance(value, dict):
        refuse(document, ("stages",), "`stages` maps automata to what tools do to them")
    stages: dict[str, dict[str, str]] = {}
    ensures: dict[tuple[str, str], expr.Program] = {}
    for name, table in value.items():
        if not isinstance(table, dict) or not table:
            refuse(
                document, ("stages", name), "an automaton maps tools to states", "refund: {verify: verified}"
            )
        stages[name] = {}
        for tool, said in table.items():
            path = ("stages", name, tool)
            if not toolbox.matching((tool,)) and not any(
                any_glob((g.spec.name,), tool) for g in toolbox.globs
            ):
                refuse(document, path, f"no manifest describes a tool `{tool}`")
            move = {"to": said} if isinstance(said, str) else said
            only(document, move, {"to", "ensures"}, path, "a move")
            condition = move.get("ensures", "True")
            if not isinstance(move.get("to"), str) or not isinstance(condition, str):
                refuse(document, path, "a move says `to: STATE`, and `ensures: EXPRESSION` if it must")
            stages[name][tool] = move["to"]
            if "ensures" in move:
                where = document.where(*path, "ensures")
                ensures[name, tool] = expr.compile(condition, {"result": expr.ANY}, where=where)
    return stages, ensures


def _requirements(document: Document, value: Json) -> list[tuple[Path, Json]]:
    """`requires` as the rules it stands for: what does not hold, or cannot be told, is a deny."""
    if not isinstance(value, dict) or not all(isinstance(said, str) for said in value.values()):
        refuse(document, ("requires",), "`requires` maps tools to expressions", "refund: 'stage(…) == …'")
    return [
        (("requires", tool), {"id": f"requires-{tool}", "deny": tool, "when": f"not ({said}\n)"})
        for tool, said in value.items()
    ]


def _opa(document: Document, value: Json) -> Engine | None:
    if value is None:
        return None
    only(document, value, {"url", "path", "timeout_ms"}, ("opa",), "`opa`")
    url, path, timeout = value.get("url"), value.get("path"), value.get("timeout_ms", 250)
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        refuse(
            document, ("opa", "url"), "`url` is where the OPA server listens", "url: http://127.0.0.1:8181"
        )
    parts = path.split("/") if isinstance(path, str) else []
    if (
        not parts
        or not all(p and p.isascii() and p.replace("_", "").isalnum() for p in parts)
        or len(parts) < 2
    ):
        refuse(document, ("opa", "path"), "`path` is package and rule, slashed", "path: yett/decision")
    if not isinstance(timeout, int) or isinstance(timeout, bool) or not 1 <= timeout <= 10_000:
        refuse(document, ("opa", "timeout_ms"), "`timeout_ms` lies between 1 and 10000")
    opa.require_client(document.where("opa"))
    return opa.Opa(url=url, path=str(path), timeout_ms=timeout)


def _cedar(document: Document, value: Json) -> Engine | None:
    if value is None:
        return None
    only(document, value, {"policies", "schema", "entities"}, ("cedar",), "`cedar`")
    texts = {"entities": "[]"}
    for name, file in value.items():
        if not isinstance(file, str):
            refuse(document, ("cedar", name), f"`{name}` is a file beside this one", "rules.cedar")
        try:
            texts[name] = source.read_bytes(document.folder / file).decode()
        except UnicodeDecodeError:
            refuse(document, ("cedar", name), "the file is not UTF-8")
    if "policies" not in texts or "schema" not in texts:
        refuse(
            document, ("cedar",), "`cedar` has `policies` and `schema`", "write down what a call looks like"
        )
    return cedar.load(texts["policies"], texts["schema"], texts["entities"], document.where("cedar"))


def _cases(document: Document, value: Json) -> list[Case]:
    if not isinstance(value, list):
        refuse(document, ("tests",), "`tests` is a list")
    cases = []
    for index, entry in enumerate(value):
        path: Path = ("tests", index)
        only(document, entry, _TEST_KEYS, path, "a test")
        effects = [effect for effect in Effect if effect.value in entry]
        if len(effects) != 1:
            refuse(document, path, "a test expects exactly one of `allow`, `hold`, `deny`")
        call = entry[effects[0].value]
        if isinstance(call, str):
            call = {"tool": call}
        only(document, call, _CALL_KEYS, path, "a test's call")
        if not isinstance(call.get("tool"), str) or not isinstance(call.get("args", {}), dict):
            refuse(document, path, "a test's call has a `tool` and `args`")
        given = entry.get("given", {})
        only(document, given, GIVEN_KEYS, (*path, "given"), "`given`")
        rule = entry.get("rule")
        cases.append(
            Case(effects[0], call, given, rule if isinstance(rule, str) else None, document.where(*path))
        )
    return cases
