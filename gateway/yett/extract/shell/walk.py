"""Nodes to commands: runs a parsed program without running it.

Keeps the variables, functions, aliases and working directory that the program itself sets, follows every
branch, every loop body once for each known value of its variable, and every function where it is called
(functions never called are looked at too: something else may call them). What a command is, once its fields
are known, is decided in `resolve`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from yett.extract.shell import builtins, outputs, redirections
from yett.extract.shell.draft import Analysis, Context, Draft
from yett.extract.shell.expansion.expand import MAX_CHOICES, Expander, Field, State, Value
from yett.extract.shell.grammar.assignments import assignment, literal
from yett.extract.shell.grammar.nodes import (
    AndOr,
    Arith,
    ArithCommand,
    Array,
    Assign,
    Background,
    Case,
    Function,
    Group,
    If,
    Lit,
    Loop,
    Node,
    Param,
    Pipe,
    Proc,
    Redir,
    Seq,
    Simple,
    Sub,
    Test,
    Word,
)
from yett.extract.shell.grammar.parse import Parser, parse
from yett.extract.shell.grammar.scanner import NAME, NAME_START, ShellSyntaxError, TooMuch
from yett.extract.shell.resolve import check_environment, resolve

_DECLARING = frozenset(("declare", "local", "typeset", "readonly", "export"))
_COPIERS = frozenset(("cp", "mv", "ln", "install", "link", "tee", "/bin/cp", "/bin/mv", "/bin/ln"))
MAX_CALLS = 12
"""Function calls within one another."""
_ROUNDS = 6
"""Times that a loop's body is walked: each lets a value move on by one variable."""


class Walker:
    """Walks nodes with one shell's state."""

    def __init__(self, analysis: Analysis, state: State, calls: tuple[str, ...] = ()) -> None:
        self.analysis = analysis
        self.state = state
        self.expander = Expander(state, self.output, analysis.fuel)
        self.calls = calls
        self.called: dict[int, Node] = {}
        """The function bodies that were walked, by identity (and kept, so that none is used again)."""
        self.defined: list[tuple[Walker, Node]] = []
        self.traps: list[Callable[[], None]] = []

    # -- entry points ------------------------------------------------------------------------------

    def program(self, source: str, ctx: Context) -> None:
        """Parse and walk a whole program, then the functions in it that nothing called."""
        self.analysis.budget.spend(1, len(source))
        self.analysis.texts.append(source)
        seq, failed = parse(source, self.analysis.fuel)
        if failed:
            self.analysis.opaque["has_error"] = None
        self.walk(seq, ctx)
        while self.traps:
            self.traps.pop()()
        below = ctx._replace(via="function", certain=False)
        while self.defined:
            walker, body = self.defined.pop()
            if id(body) not in self.called:
                self.called[id(body)] = body
                walker.walk(body, below)

    def inline(
        self,
        field: Field,
        ctx: Context,
        positional: list[Field] | None = None,
        zero: Field | None = None,
    ) -> None:
        """A text that a command hands to a shell: in a shell of its own, whose `$0` is `zero`."""
        if field.unknown and "inline_dynamic" not in ctx.opaque:
            ctx = ctx._replace(opaque=(*ctx.opaque, "inline_dynamic"))
        ctx = ctx._replace(dialect="posix")
        state = self.state.copy()
        state.outermost = False
        state.positional = positional
        for name, value in ctx.env:
            state.assign(name, (Value(value, "$" in value or "`" in value),), True)
        if zero is not None:
            state.vars["0"] = (Value(zero.text, zero.unknown, zero.code),)
        self.nest(state).program(field.text, ctx)

    def evaluate(self, field: Field, ctx: Context) -> None:
        """A text that this very shell evaluates."""
        self.analysis.budget.spend(1, len(field.text))
        self.analysis.texts.append(field.text)
        if ctx.depth > MAX_CALLS:
            raise TooMuch("depth")
        seq, failed = parse(field.text, self.analysis.fuel)
        if failed:
            self.analysis.opaque["has_error"] = None
        self.walk(seq, ctx._replace(depth=ctx.depth + 1))

    def later(self, field: Field, ctx: Context) -> None:
        self.traps.append(partial(self.evaluate, field, ctx))

    def nest(self, state: State, calling: str = "") -> Walker:
        """A walker of a subshell, or of a function or alias being called."""
        other = Walker(self.analysis, state, (*self.calls, calling) if calling else self.calls)
        other.called, other.defined, other.traps = self.called, self.defined, self.traps
        return other

    def output(self, seq: Seq) -> str | None:
        return outputs.of(seq, self.expander)

    def programs(self, node: Node) -> list[str]:
        """The literal program names in a node, in order: enough to say where a pipe's bytes come from."""
        return [name for word in outputs.heads(node) if (name := literal(word).rpartition("/")[2])]

    # -- nodes -------------------------------------------------------------------------------------

    def walk(self, node: Node, ctx: Context) -> None:
        self.analysis.fuel.burn()
        if isinstance(node, Simple):
            self.simple(node, ctx)
        elif isinstance(node, Seq):
            for item in node.items:
                self.walk(item, ctx)
        elif isinstance(node, Pipe):
            self.pipe(node, ctx)
        elif isinstance(node, AndOr):
            self.walk(node.items[0], ctx)
            for item in node.items[1:]:
                self.walk(item, ctx._replace(certain=False))
        elif isinstance(node, Background):
            self.nest(self.state.copy()).walk(node.body, ctx)
        elif isinstance(node, Function):
            self.state.functions[node.name] = node.body
            self.defined.append((self, node.body))
        else:
            self.compound(node, ctx)

    def compound(self, node: Node, ctx: Context) -> None:
        redirs: tuple[Redir, ...] = node.redirs  # type: ignore[union-attr]
        if redirs:
            ctx = self.compound_redirections(redirs, ctx)
        maybe = ctx._replace(certain=False)
        if isinstance(node, Group):
            walker = self.nest(self.state.copy()) if node.subshell else self
            walker.walk(node.body, ctx)
        elif isinstance(node, If):
            self.walk(node.tests[0], ctx)
            for part in (*node.tests[1:], *node.bodies):
                self.walk(part, maybe)
        elif isinstance(node, Loop):
            self.loop(node, ctx)
        elif isinstance(node, Case):
            for word in (node.word, *node.patterns):
                self.visit(word, ctx)
            for body in node.bodies:
                self.walk(body, maybe)
        elif isinstance(node, Test):
            for word in node.words:
                self.visit(word, ctx)
            fields = [Field("[["), *(self.expander.one(w) for w in node.words)]
            builtins.subscripts(self, fields, ctx)
        elif isinstance(node, ArithCommand):
            self.visit(node.parts, ctx)
            self.arithmetic(node.parts, ctx)

    def pipe(self, node: Pipe, ctx: Context) -> None:
        upstream = ctx.piped_from
        text: str | None = ctx.input
        for k, item in enumerate(node.items):
            here = ctx
            if k:
                here = ctx._replace(piped_from=upstream, stdin=text, fed=True, guessed=False, from_file=False)
            before = len(self.analysis.ran)
            self.nest(self.state.copy()).walk(item, here)
            emitted = [program for program in self.analysis.ran[before:] if program]
            upstream = tuple(dict.fromkeys((*upstream, *emitted)))[-16:]
            if k + 1 < len(node.items):
                text = outputs.of(item, self.expander, text if k else ctx.input)

    def loop(self, node: Loop, ctx: Context) -> None:
        """A loop's body, and again while it gives variables values that what stands before the assignment did not see."""
        maybe = ctx._replace(certain=False)
        if node.name:
            self.loop_variable(node, ctx)
        seen: set[str] = set()
        for _ in range(_ROUNDS + len(self.state.positional or ())):
            before, arguments = dict(self.state.vars), self.state.positional
            if node.test is not None:
                self.walk(node.test, maybe)
            self.walk(node.body, maybe)
            changed = {n for n, values in self.state.vars.items() if n in before and _told(values, before[n])}
            if changed <= seen and self.state.positional in (arguments, []):
                return
            seen |= changed
        raise TooMuch("expansions")

    def loop_variable(self, node: Loop, ctx: Context) -> None:
        name = node.name
        if node.words is None:
            self.state.assign(name, (Value("$" + name, True),), True)
            return
        values: list[Value] = []
        for word in node.words:
            self.visit(word, ctx)
            for choice in self.choices():
                self.expander.choice = choice
                values += [Value(f.text, f.unknown, f.code) for f in self.expander.fields(word)]
        self.expander.choice = 0
        distinct = tuple(dict.fromkeys(values)) or (Value("$" + name, True),)
        self.state.vars.pop(name, None)
        self.state.assign(name, distinct, True)

    def choices(self) -> Iterator[int]:
        """Choice numbers for what the caller expands between two of them."""
        self.expander.choices = 1
        choice = 0
        while choice < min(self.expander.choices, MAX_CHOICES):
            yield choice
            choice += 1

    # -- words -------------------------------------------------------------------------------------

    def visit(self, word: Word, ctx: Context) -> None:
        """Walk the programs inside a word's expansions."""
        for part in word:
            if isinstance(part, Lit):
                continue
            if isinstance(part, (Sub, Proc)):
                self.analysis.fuel.burn()
                below = ctx._replace(via="substitution", stdin=None, fed=False, piped_from=(), guessed=False)
                self.nest(self.state.copy()).walk(part.body, below)
            elif isinstance(part, Param):
                if part.arg is not None:
                    self.visit(part.arg, ctx)
                if part.subscript is not None:
                    self.visit(part.subscript, ctx)
                    self.arithmetic(part.subscript, ctx)
                if part.op == "@" and part.arg and literal(part.arg) == "P":
                    # `${x@P}` expands the value as a prompt, substitutions included
                    self.reevaluate(self.expander.one((part._replace(op="", arg=None),)), ctx, "eval")
            elif isinstance(part, Arith):
                self.visit(part.parts, ctx)
                self.arithmetic(part.parts, ctx)
            elif isinstance(part, Array):
                for inner in part.words:
                    self.visit(inner, ctx)

    def arithmetic(self, parts: Word, ctx: Context) -> None:
        """bash evaluates the *values* of variables in arithmetic: one that holds a substitution runs it."""
        names: list[str] = []
        for part in parts:
            if isinstance(part, Lit):
                names += _names(part.text)
            elif isinstance(part, Param):
                names.append(part.name)
        for name in names:
            for value in self.state.vars.get(name, ()):
                if value.code:
                    self.reevaluate(Field(value.text, value.unknown, code=True), ctx, "arithmetic_data")

    def reevaluate(self, field: Field, ctx: Context, reason: str) -> None:
        """Data that bash expands again: follow the substitutions in it, and say that it happens."""
        if field.unknown and reason == "eval":
            self.opaque(reason, ctx)
            return
        if not field.code:
            return
        self.opaque(reason, ctx)
        if ctx.depth > MAX_CALLS:
            raise TooMuch("depth")
        parser = Parser(field.text, self.analysis.fuel)
        try:
            parts = parser.expansions()
        except ShellSyntaxError:
            return  # bash would refuse it as well; that it is evaluated has been said
        self.visit(parts, ctx._replace(depth=ctx.depth + 1))

    def opaque(self, reason: str, ctx: Context, argv: list[Field] | None = None) -> None:
        """A command that stands for what cannot be known."""
        draft = Draft(self.analysis, "", argv or [], ctx)
        draft.effects.add("exec")
        draft.opaque[reason] = None
        draft.emit(ctx)

    # -- simple commands ---------------------------------------------------------------------------

    def simple(self, node: Simple, ctx: Context) -> None:
        for assign in node.assigns:
            self.visit(assign.value, ctx)
            if assign.subscript is not None:
                self.visit(assign.subscript, ctx)
                self.arithmetic(assign.subscript, ctx)
        for word in node.words:
            if len(word) != 1 or not isinstance(word[0], Lit):
                self.visit(word, ctx)
        for redir in node.redirs:
            self.visit(redir.here.word if redir.here is not None else redir.target, ctx)
        if not node.words:
            for assign in node.assigns:
                self.assign(assign, ctx)
            if node.redirs:
                self.bare_redirections(node.redirs, ctx)
            return
        if literal(node.words[0]) in _DECLARING:
            for word in node.words[1:]:
                if isinstance(word[-1], Array) and (declared := assignment(word)) is not None:
                    self.assign(declared, ctx)
        for choice in self.choices():
            self.expander.choice = choice
            argv: list[Field] = []
            for word in node.words:
                argv += self.expander.fields(word)
            here = redirections.stdin(self, node.redirs, ctx) if node.redirs else ctx
            env = tuple((a.name, self.expander.one(a.value).text) for a in node.assigns)
            if env:
                here = here._replace(env=(*here.env, *env))
            if not argv:
                if node.redirs:
                    self.bare_redirections(node.redirs, ctx)
                continue
            redirs = node.redirs
            self.command(argv, here, partial(redirections.add, self, redirs=redirs) if redirs else None)
            if redirs or argv[0].text in _COPIERS:
                self.remember(node, argv, here)
        self.expander.choice = 0

    def remember(self, node: Simple, argv: list[Field], ctx: Context) -> None:
        """What the command leaves on disk, if it can be said."""
        disk = self.analysis.disk
        name = argv[0].text.rpartition("/")[2]
        written = [r for r in node.redirs if r.op in (">", ">>", ">|", "&>") and r.fd in ("", "1")]
        bare = node._replace(redirs=outputs.inputs(node.redirs))
        text = outputs.of(bare, self.expander, ctx.input) if written else None
        for redir in written:
            target = self.expander.one(redir.target).text
            disk.store(target, text, redir.op == ">>")
            if text and target.startswith(("/", "~")) and target.endswith(".sh"):
                # a script that is run from there, by somebody else maybe
                self.inline(Field(text), ctx._replace(via="file", depth=ctx.depth + 1, stdin=None))
        paths = [f.text for f in argv[1:] if not f.text.startswith("-")]
        if name == "tee":
            for path in paths:
                disk.store(path, ctx.input, any(f.text in ("-a", "--append") for f in argv))
        elif name in _COPIERS:
            for source in paths[:-1]:
                disk.copy(source, paths[-1])

    def command(
        self,
        argv: list[Field],
        ctx: Context,
        redirect: Callable[[Draft], None] | None = None,
        *,
        functions: bool = True,
    ) -> None:
        """One command with known fields: a function, a builtin that changes the state, or a program."""
        name = argv[0].text
        if self.state.cwd is not None and ctx.cwd is None:
            ctx = ctx._replace(cwd=self.state.cwd)
        if functions and name in self.state.functions and not argv[0].unknown:
            self.call(name, argv, ctx, redirect)
            return
        alias = self.state.aliases.get(name) if functions else None
        if alias is not None and name not in self.calls:
            other = self.nest(self.state, name)
            other.evaluate(Field(alias + "".join(" " + quote(f.text) for f in argv[1:])), ctx)
            return
        handler = builtins.HANDLERS.get(name)
        if handler is not None and not argv[0].unknown and handler(self, argv, ctx, redirect):
            return
        resolve(self, argv, ctx, redirect)

    def call(
        self, name: str, argv: list[Field], ctx: Context, redirect: Callable[[Draft], None] | None
    ) -> None:
        body = self.state.functions[name]
        self.called[id(body)] = body
        if name in self.calls or len(self.calls) >= MAX_CALLS:
            draft = Draft(self.analysis, name, argv, ctx, redirect)
            draft.flags.add("recursion")
            draft.emit(ctx)
            return
        if redirect is not None:
            draft = Draft(self.analysis, ":", [Field(":")], ctx, redirect)
            draft.emit(ctx)
        saved, self.state.positional = self.state.positional, argv[1:]
        self.nest(self.state, name).walk(body, ctx._replace(via="function"))
        self.state.positional = saved

    def assign(self, assign: Assign, ctx: Context) -> None:
        """A variable of this shell; a dangerous one is a command, because it changes others."""
        if assign.value and isinstance(assign.value[0], Array):
            items = [f for word in assign.value[0].words for f in self.expander.fields(word)]
            if assign.append:
                items = self.state.arrays.get(assign.name, []) + items
            self.state.arrays[assign.name] = items
            return
        values: list[Value] = []
        for choice in self.choices():
            self.expander.choice = choice
            field = self.expander.one(assign.value)
            values.append(Value(field.text, field.unknown, field.code, field.holes))
        self.expander.choice = 0
        if assign.subscript is not None:
            self.state.arrays.pop(assign.name, None)
            self.state.vars[assign.name] = (Value("$" + assign.name, True),)
            return
        if assign.append:
            old = self.state.vars.get(assign.name, (Value(""),))
            values = [o.joined(v) for o in old for v in values]
        if any(len(v.text) > 65_536 for v in values):
            raise TooMuch("expansions")
        self.state.assign(assign.name, tuple(dict.fromkeys(values)), ctx.certain)
        self.exported(assign.name, values[0].text, ctx, "")

    def exported(self, name: str, value: str, ctx: Context, program: str) -> None:
        argv = [Field(program), Field(f"{name}={value}")] if program else [Field(f"{name}={value}")]
        draft = Draft(self.analysis, program or "export", argv, ctx)
        draft.env = ((name, value),)
        check_environment(draft, draft.env)
        if "dangerous_env" in draft.flags:
            draft.effects.add("config")
            draft.emit(ctx)

    def bare_redirections(self, redirs: tuple[Redir, ...], ctx: Context) -> None:
        """`> file` without a command empties the file: `: > file`."""
        draft = Draft(self.analysis, ":", [Field(":")], ctx, lambda d: redirections.add(self, d, redirs))
        draft.path = ""
        draft.emit(ctx)

    def compound_redirections(self, redirs: tuple[Redir, ...], ctx: Context) -> Context:
        for redir in redirs:
            self.visit(redir.here.word if redir.here is not None else redir.target, ctx)
        self.bare_redirections(redirs, ctx)
        return redirections.stdin(self, redirs, ctx)


def quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _told(now: tuple[Value, ...], before: tuple[Value, ...]) -> bool:
    """Whether a variable has a new value that could be a word of a command: no number."""
    return now is not before and any(value not in before and not value.text.isdigit() for value in now)


def _names(text: str) -> list[str]:
    names: list[str] = []
    name = ""
    for char in text + " ":
        if char in NAME:
            name += char
        elif name:
            if name[0] in NAME_START:
                names.append(name)
            name = ""
    return names
