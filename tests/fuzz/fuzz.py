"""Coverage-guided fuzzing of everything that reads what an attacker wrote: no crash, no hang, no growth.

    python tests/fuzz/fuzz.py TARGET [corpus folder] [-max_total_time=600] [-max_len=2048]
    python tests/fuzz/fuzz.py keep TARGET CORPUS     # add what a run found to seeds/TARGET.jsonl

Targets: shell, windows, sql, fragment (a value read where a query would take it), probes (what of a parsed or
unparsed statement was pasted in), python, javascript, scripts (every other language), canonical, call (the whole way
from arguments to facts), mcp (messages of client and server against a gate that refuses every call), policy (a policy
file from its bytes to its own tests), expression (a condition, compiled and evaluated).
Needs `atheris`; run by hand or nightly. `test_seeds.py` replays the kept seeds in every test run.
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

SEEDS = Path(__file__).with_name("seeds")
KEPT = 300
"""Seeds kept of one target, spread evenly over their lengths."""


def shell(text: str) -> None:
    """One text as a program, and as an argument vector."""
    from yett.extract import shell as analyser
    from yett.extract.budget import Budget

    analyser.looks_like(text)
    analyser.analyse(text, "/x", budget=Budget(milliseconds=60_000))
    analyser.analyse_argv(text.split("\0"), "/x", budget=Budget(milliseconds=60_000))


def windows(text: str) -> None:
    """One text as a cmd and as a PowerShell line."""
    from yett.extract import windows as analyser
    from yett.extract.budget import Budget

    analyser.looks_like(text)
    for dialect in ("cmd", "powershell"):
        analyser.analyse(text, "/x", dialect=dialect, budget=Budget(milliseconds=60_000))


def sql(text: str) -> None:
    """One text as a declared statement and as a value that may be a fragment."""
    from yett.extract import sql as analyser
    from yett.extract.budget import Budget

    analyser.looks_like(text)
    for declared in (True, False):
        analyser.analyse(text, "/x", declared=declared, budget=Budget(milliseconds=60_000))


def fragment(text: str) -> None:
    """One text as a value, read at each place of a statement, raw and as an application would have normalised it."""
    from yett.extract.budget import Budget
    from yett.extract.sql import fragment as reader
    from yett.extract.sql import structure
    from yett.extract.words import encodable

    text = encodable(text)
    low = reader.normalise(text)
    for value in (text.lower(), low):
        structure.readings(value)
        structure.flags(value)
        structure.prose(value)
        structure.condition(value)
    reader.flags_of(text, Budget(milliseconds=60_000))
    reader.markup(text)


def probes(text: str) -> None:
    """One text as a whole statement of three dialects, and pasted into a query as a string and as a number."""
    from yett.extract.budget import Budget
    from yett.extract.sql import dialects, splice
    from yett.extract.sql import probes as reader
    from yett.extract.words import encodable

    text = encodable(text)
    for source in (
        text,
        f"SELECT a FROM t WHERE b = '{text}' AND c = 1",
        f"SELECT a FROM t WHERE b = {text} ORDER BY c",
    ):
        splice.spliced(source)
        for dialect in ("mysql", "postgres", "tsql"):
            parsed = dialects.parse(source, dialect, Budget(milliseconds=60_000))
            if parsed is not None:
                reader.flags(parsed[1], source)


def python(text: str) -> None:
    """One text as a Python program."""
    _code(text, "python")


def javascript(text: str) -> None:
    """One text as a JavaScript program."""
    _code(text, "javascript")


def scripts(text: str) -> None:
    """One text as a program of each language that is read by its tokens."""
    for language in ("perl", "ruby", "php", "lua", "r", "go", "script"):
        _code(text, language)


def _code(text: str, language: str) -> None:
    from yett.extract import code as analyser
    from yett.extract.budget import Budget

    analyser.looks_like(text)
    analyser.analyse(text, "/x", language=language, budget=Budget(milliseconds=60_000))


def canonical(text: str) -> None:
    """One text as JSON: refused by name, or its canonical form reads back as itself."""
    from yett import canonical as form
    from yett.errors import InvalidCall

    try:
        value = form.parse(text.encode("utf-8", "surrogateescape"))
    except InvalidCall:
        return
    encoded = form.encode(value)
    assert form.encode(form.parse(encoded)) == encoded


def call(text: str) -> None:
    """One text as an argument whose name says nothing, and as a key: never raises, whatever it is."""
    from yett.errors import InvalidCall
    from yett.extract import extract
    from yett.model import ToolCall

    try:
        text.encode()
    except UnicodeEncodeError:
        return  # refused before extraction, by `canonical.check`
    facts = extract(
        ToolCall(tool="note", arguments={"value": text, "deep": [{text[:64]: text}]}), None, len(text)
    )
    broken = [limit for limit in facts.limits if limit.startswith("parser:")]
    if broken:
        raise InvalidCall("ANALYSER_CRASHED", ", ".join(broken))


def mcp(text: str) -> None:
    """Lines as messages, the server's begin with `<`; a gate that refuses all lets no call through, however written."""
    from yett.proxy.mcp.actions import Action, Judge, Report, ToServer
    from yett.proxy.mcp.catalogue import Catalogue, Unpinned
    from yett.proxy.mcp.core import Session
    from yett.proxy.mcp.sse import Events
    from yett.sdk.decider import ask, tell
    from yett.sdk.scripted import ScriptedDecider

    decider = ScriptedDecider(allow=[])
    decider.clock = _noon
    core = Session("s", "1", Catalogue(Unpinned("s"), decider.visible, _noon), clock=_noon)
    for line in text.encode("utf-8", "surrogateescape").split(b"\n")[:64]:
        waiting: list[Action] = (
            core.server_message(line[1:]) if line[:1] == b"<" else core.client_message(line)
        )
        for _ in range(1_000):
            if not waiting:
                break
            action = waiting.pop()
            if isinstance(action, ToServer):
                assert json.loads(action.data).get("method") != "tools/call", action.data
            elif isinstance(action, Judge):
                waiting += core.judged(action.token, ask(decider, action.call, clock=_noon))
            elif isinstance(action, Report):
                error = tell(decider, action.outcome)
                waiting += core.reported(action.token, error) if action.token else []
    with contextlib.suppress(ValueError):  # what is too large is refused
        Events(1 << 16).feed(text.encode("utf-8", "surrogateescape"))


def _noon() -> int:
    return 1_800_000_000_000


def policy(text: str) -> None:
    """One text as a policy file: refused by name, or a policy that judges."""
    from yett.errors import PolicyError
    from yett.policy import PolicySet, parse, source, testing
    from yett.policy.lint import checks
    from yett.policy.manifest import Toolbox, read_tools

    try:
        found = source.parse(text.encode("utf-8", "surrogateescape"), "p.yaml")
        values = [(document, parse.check_document(document)) for document in found]
        tools = [t for d, v in values for t in read_tools(d, v.get("tools") or {}, ("tools",), None)]
        toolbox = Toolbox(tools)
        layers = [parse.read_layer(document, toolbox) for document, _ in values]
        loaded = PolicySet(tuple(layer for layer in layers if layer is not None), toolbox, sources=())
        checks.require_sound(loaded)
        testing.require_passing(loaded)
    except PolicyError:
        return
    assert loaded.digest


def expression(text: str) -> None:
    """One text as a condition: refused by name, or true, false or absent within its limits."""
    from yett import expr
    from yett.errors import PolicyError

    types = {"s": expr.STR, "n": expr.NUM, "b": expr.BOOL, "l": expr.list_of(expr.ANY), "a": expr.ANY}
    values = {"s": "a.example", "n": 3, "b": True, "l": ["x", 1, {"y": None}], "a": {"y": [1, 2.5, "z"]}}
    try:
        program = expr.compile(text, types, where="/x")
    except PolicyError:
        return
    program.evaluate(values)


TARGETS: dict[str, Callable[[str], None]] = {
    each.__name__: each
    for each in (
        shell,
        windows,
        sql,
        fragment,
        probes,
        python,
        javascript,
        scripts,
        canonical,
        call,
        mcp,
        policy,
        expression,
    )
}


def run(target: str, data: bytes) -> None:
    """One input through one target; running out of budget is a fine answer."""
    from yett.extract.budget import OverBudget

    with contextlib.suppress(OverBudget):
        TARGETS[target](data.decode("utf-8", "surrogateescape"))


def seeds(target: str) -> list[bytes]:
    """The kept inputs of a target."""
    path = SEEDS / f"{target}.jsonl"
    if not path.exists():
        return []
    return [base64.b64decode(json.loads(line)) for line in path.read_text().splitlines()]


def keep(target: str, corpus: Path) -> int:
    """Add a corpus to the kept seeds; base64, so that no scanner takes an input for what it looks like."""
    found = {path.read_bytes() for path in corpus.iterdir() if path.is_file()} | set(seeds(target))
    ordered = sorted(found, key=lambda data: (len(data), data))
    spread = ordered[:: -(-len(ordered) // KEPT) or 1]
    SEEDS.mkdir(exist_ok=True)
    lines = [json.dumps(base64.b64encode(data).decode()) for data in spread]
    (SEEDS / f"{target}.jsonl").write_text("\n".join(lines) + "\n")
    return len(spread)


def main() -> None:
    """See the module."""
    if sys.argv[1] == "keep":
        print(keep(sys.argv[2], Path(sys.argv[3])))
        return
    import atheris

    target = sys.argv.pop(1)
    with atheris.instrument_imports(include=["yett.extract", "yett.canonical", "yett.proxy.mcp"]):
        run(target, b"")
    atheris.Setup(sys.argv, lambda data: run(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
