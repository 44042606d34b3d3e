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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from yett import expr
from yett.errors import PolicyError
from yett.expr import nodes
from yett.model import CAPABILITIES, MAX_DELAY_MS, Effect, Json, Obligation, ToolSpec
from yett.policy import scope, source
from yett.policy.manifest import Toolbox
from yett.policy.shape import Case, Layer, OpaConfig, Rule, Selector, any_glob, is_glob
from yett.policy.source import Document

if TYPE_CHECKING:
    from yett.policy.cedar import Cedar

Path = tuple[str | int, ...]

DOCUMENT_KEYS = {
    "policy", "layer", "because", "use", "tools", "server", "manifest", "data", "labels", "stages", "requires", "rules", "tests",
    "opa", "cedar", "shadow", "log",
}  # fmt: skip
_RULE_KEYS = {
    "id", "allow", "hold", "deny", "when", "because", "approvers", "require", "oblige", "free", "shadow", "after",
}  # fmt: skip
_SELECTOR_KEYS = {"tool", "does", "server", "agent", "principal"}
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
_OBLIGATIONS = {"redact": "", "cap": "bytes", "delay": "ms"}
"""What an enforcement point can be obliged to, and the one number each takes."""


def refuse(document: Document, path: Path, message: str, remedy: str | None = None) -> NoReturn:
    raise PolicyError("POLICY_INVALID", message, path=document.where(*path), remedy=remedy)


def check_document(document: Document) -> dict[str, Json]:
    """The top of a document, with nothing unknown in it."""
    value = document.value
    if not isinstance(value, dict):
        refuse(document, (), "a policy document is a mapping", "start with `policy: NAME`")
    _only(document, value, DOCUMENT_KEYS, (), "a policy document")
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
    shadow = _flag(document, value, "shadow", ())
    entries = value.get("rules", [])
    if not isinstance(entries, list):
        refuse(document, ("rules",), "`rules` is a list")
    rules = []
    known: dict[str, str] = {}
    stages, ensures = _stages(document, value.get("stages", {}), toolbox)
    compiler = _RuleReader(document, toolbox, data, labels, stages)
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
    opa = _opa(document, value.get("opa"))
    cedar = _cedar(document, value.get("cedar"))
    deciding = [what for what, there in (("rules", rules), ("opa", opa), ("cedar", cedar)) if there]
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
        tier=str(value.get("layer", "")),
        rules=tuple(rules),
        cases=tuple(_cases(document, value.get("tests", []))),
        data=data,
        where=document.where(),
        shadow=shadow,
        opa=opa,
        cedar=cedar,
        stages=stages,
        ensures=ensures,
        source=value,
    )


class _RuleReader:
    def __init__(
        self,
        document: Document,
        toolbox: Toolbox,
        data: Mapping[str, Any],
        labels: tuple[str, ...],
        stages: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.document = document
        self.toolbox = toolbox
        self.data = data
        self.labels = labels
        self.stages = stages
        self._types: dict[tuple[tuple[str, ...], bool], dict[str, expr.Type]] = {}
        self._selected: dict[tuple[Selector, Effect], tuple[list[ToolSpec], bool]] = {}

    def read(self, entry: Json, path: Path) -> Rule:
        document = self.document
        _only(document, entry, _RULE_KEYS, path, "a rule")
        effects = [effect for effect in Effect if effect.value in entry]
        if len(effects) != 1:
            refuse(document, path, "a rule says exactly one of `allow`, `hold`, `deny`", "allow: send_money")
        effect = effects[0]
        selector = self.selector(entry[effect.value], (*path, effect.value))
        name = entry.get("id")
        if not isinstance(name, str) or not name:
            refuse(document, path, "a rule needs an `id`: decisions name it")
        tools, opened = self.selected(selector, effect, (*path, effect.value))
        when = self.condition(entry, path, tools, opened)
        approvers = tuple(strings(document, entry.get("approvers", []), (*path, "approvers")))
        if approvers and effect is not Effect.HOLD:
            refuse(
                document,
                (*path, "approvers"),
                "only a `hold` has approvers",
                "make it a hold, or remove them",
            )
        names = _names(when.tree) if when is not None else frozenset()
        return Rule(
            id=name,
            effect=effect,
            selector=selector,
            when=when,
            where=document.where(*path),
            because=str(entry.get("because", "")),
            approvers=approvers,
            obligations=self.obligations(entry, name, effect, path),
            free=self.free(entry, path, tools, opened),
            shadow=_flag(document, entry, "shadow", path),
            minds_limits=when is not None and _minds_limits(when.tree),
            names=names,
        )

    def selector(self, said: Json, path: Path) -> Selector:
        document = self.document
        if isinstance(said, str | list):
            said = {"tool": said}
        _only(document, said, _SELECTOR_KEYS, path, "a selector")
        if not said:
            refuse(document, path, "a selector selects something", 'write "*" for every call')
        does = strings(document, said.get("does", []), (*path, "does"))
        for word in does:
            if word not in CAPABILITIES:
                refuse(
                    document,
                    (*path, "does"),
                    f"unknown capability `{word}`",
                    f"one of {', '.join(CAPABILITIES)}",
                )
        parts = {
            key: tuple(strings(document, said.get(key, []), (*path, key)))
            for key in ("tool", "server", "agent", "principal")
        }
        for key, patterns in parts.items():
            if key in said and not patterns:
                refuse(
                    document, (*path, key), f"an empty `{key}` selects nothing", "remove it or name something"
                )
        if "does" in said and not does:
            refuse(document, (*path, "does"), "an empty `does` selects nothing")
        return Selector(parts["tool"], frozenset(does), parts["server"], parts["agent"], parts["principal"])

    def selected(self, selector: Selector, effect: Effect, path: Path) -> tuple[list[ToolSpec], bool]:
        """Manifests that the rule selects, and whether it can select tools that have none of their own."""
        known = self._selected.get((selector, effect))
        if known is not None:
            return known
        globs = self.toolbox.globs
        for pattern in selector.tools:
            matched = self.toolbox.matching((pattern,))
            covered = any(any_glob((tool.spec.name,), pattern) or is_glob(pattern) for tool in globs)
            if not matched and not covered and pattern != "*":
                refuse(
                    self.document,
                    path,
                    f"no manifest describes a tool `{pattern}`",
                    "add it under `tools:` (yett tools infer proposes it), or correct the name",
                )
        chosen = [
            spec
            for spec in self.toolbox.matching(selector.tools)
            if selector.takes(
                spec.name, spec.server if spec.server else _any_server(selector), frozenset(spec.does), effect
            )
        ]
        loose = [pattern for pattern in selector.tools or ("*",) if pattern not in self.toolbox.named]
        opened = any(spec.open for spec in chosen) or any(
            is_glob(pattern) or any_glob((tool.spec.name,), pattern) for tool in globs for pattern in loose
        )
        result = (chosen, opened)
        self._selected[(selector, effect)] = result
        return result

    def condition(
        self, entry: dict[str, Json], path: Path, tools: list[ToolSpec], opened: bool
    ) -> expr.Program | None:
        document = self.document
        parts = []
        if "after" in entry:
            for label in strings(document, entry["after"], (*path, "after")):
                parts.append(f"session.{label}")
        said = entry.get("when")
        if said is True:
            said = None
        if said is not None:
            if not isinstance(said, str):
                refuse(
                    document,
                    (*path, "when"),
                    "`when` is an expression",
                    "quote it if YAML reads it otherwise",
                )
            parts.append(said)
        if not parts:
            return None
        text = parts[0] if len(parts) == 1 else " and ".join(f"({part}\n)" for part in parts)
        key = (tuple(f"{spec.server}/{spec.name}" for spec in tools), opened)
        types = self._types.get(key)
        if types is None:
            types = scope.types_for(tools, opened, self.data, self.labels)
            self._types[key] = types
        where = document.where(*path, "when")
        program = expr.compile(text, types, where=where)
        scope.check_windows(program.tree, where)
        scope.check_stages(program.tree, self.stages, where)
        return program

    def obligations(
        self, entry: dict[str, Json], rule: str, effect: Effect, path: Path
    ) -> tuple[Obligation, ...]:
        document = self.document
        found = []
        required = entry.get("require", {})
        oblige = entry.get("oblige", {})
        if (required or oblige) and effect is Effect.DENY:
            refuse(document, path, "a `deny` obliges nobody to anything", "remove `require` and `oblige`")
        _only(document, required, {"mandate"}, (*path, "require"), "`require`")
        mandate = required.get("mandate")
        if mandate is not None and mandate is not False:
            if mandate is not True and not isinstance(mandate, dict | str):
                refuse(
                    document,
                    (*path, "require"),
                    "`mandate` is true, a name, or a mapping of what it must say",
                )
            said = (
                {"name": mandate}
                if isinstance(mandate, str)
                else mandate
                if isinstance(mandate, dict)
                else {}
            )
            found.append(Obligation(kind="require_mandate", arguments=said, rule=rule))
        _only(document, oblige, set(_OBLIGATIONS), (*path, "oblige"), "`oblige`")
        for kind, said in oblige.items():
            place = (*path, "oblige", kind)
            if kind == "redact":
                arguments: dict[str, Json] = {"fields": strings(document, said, place)}
            else:
                unit = _OBLIGATIONS[kind]
                number = said.get(unit) if isinstance(said, dict) and set(said) == {unit} else said
                if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                    refuse(document, place, f"`{kind}` takes a number of {unit}", f"{kind}: {{{unit}: 1000}}")
                if kind == "delay" and number > MAX_DELAY_MS:
                    refuse(document, place, f"a delay may be {MAX_DELAY_MS} ms: the permission runs out")
                arguments = {unit: number}
            found.append(Obligation(kind=kind, arguments=arguments, rule=rule))
        return tuple(found)

    def free(
        self, entry: dict[str, Json], path: Path, tools: list[ToolSpec], opened: bool
    ) -> frozenset[str] | None:
        said = entry.get("free", [])
        if said is True:
            return None
        if said is False:
            return frozenset()
        names = strings(self.document, said, (*path, "free"))
        for name in names:
            if not opened and not any(name in spec.args for spec in tools):
                refuse(self.document, (*path, "free"), f"no selected tool has an argument `{name}`")
        return frozenset(names)


def _any_server(selector: Selector) -> str | None:
    """A tool that is the same on every server is selected if it is on any."""
    return selector.servers[0].replace("*", "").replace("?", "x") if selector.servers else None


def _names(tree: nodes.Node) -> frozenset[str]:
    found = set()
    for node in nodes.walk(tree):
        if isinstance(node, nodes.Name):
            found.add(node.name)
        elif isinstance(node, nodes.Call) and not node.library:
            found.add(node.function)
    return frozenset(found)


def _minds_limits(tree: nodes.Node) -> bool:
    return any(
        isinstance(node, nodes.Attr)
        and node.name in ("truncated", "limits")
        and isinstance(node.base, nodes.Name)
        and node.base.name == "facts"
        for node in nodes.walk(tree)
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
            _only(document, move, {"to", "ensures"}, path, "a move")
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


def _opa(document: Document, value: Json) -> OpaConfig | None:
    if value is None:
        return None
    _only(document, value, {"url", "path", "timeout_ms"}, ("opa",), "`opa`")
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
    return OpaConfig(url=url, path=str(path), timeout_ms=timeout)


def _cedar(document: Document, value: Json) -> Cedar | None:
    if value is None:
        return None
    _only(document, value, {"policies", "schema", "entities"}, ("cedar",), "`cedar`")
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
    from yett.policy import cedar  # an extra

    return cedar.load(texts["policies"], texts["schema"], texts["entities"], document.where("cedar"))


def _cases(document: Document, value: Json) -> list[Case]:
    if not isinstance(value, list):
        refuse(document, ("tests",), "`tests` is a list")
    cases = []
    for index, entry in enumerate(value):
        path: Path = ("tests", index)
        _only(document, entry, _TEST_KEYS, path, "a test")
        effects = [effect for effect in Effect if effect.value in entry]
        if len(effects) != 1:
            refuse(document, path, "a test expects exactly one of `allow`, `hold`, `deny`")
        call = entry[effects[0].value]
        if isinstance(call, str):
            call = {"tool": call}
        _only(document, call, _CALL_KEYS, path, "a test's call")
        if not isinstance(call.get("tool"), str) or not isinstance(call.get("args", {}), dict):
            refuse(document, path, "a test's call has a `tool` and `args`")
        given = entry.get("given", {})
        _only(document, given, GIVEN_KEYS, (*path, "given"), "`given`")
        rule = entry.get("rule")
        cases.append(
            Case(effects[0], call, given, rule if isinstance(rule, str) else None, document.where(*path))
        )
    return cases


def strings(document: Document, value: Json, path: Path) -> list[str]:
    """One name, or a list of them."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        refuse(document, path, "a name or a list of names is expected here")
    return list(items)


def _flag(document: Document, value: dict[str, Json], key: str, path: Path) -> bool:
    flag = value.get(key, False)
    if not isinstance(flag, bool):
        refuse(document, (*path, key), f"`{key}` is true or false")
    return flag


def _only(document: Document, value: Json, known: set[str] | frozenset[str], path: Path, what: str) -> None:
    if not isinstance(value, dict):
        refuse(document, path, f"{what} is a mapping")
    for key in value:
        if key not in known:
            refuse(document, (*path, key), f"{what} has no `{key}`", f"known: {', '.join(sorted(known))}")
