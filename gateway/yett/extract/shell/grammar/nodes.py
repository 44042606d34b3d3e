"""What a shell program is made of, as the parser hands it on.

A *word* is a list of parts, because a shell word is a concatenation: literal text, quoted text, parameters,
substitutions. A *node* is a command in the grammar's sense. Nothing here knows what a word will expand to
(`expand`) or what a program does (`programs`).
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Lit(NamedTuple):
    """Literal text; unquoted text is still subject to braces, globs and tildes."""

    text: str
    quoted: bool


class Param(NamedTuple):
    """`$name`, `${name<op>arg}`. `op` starts with `!` for indirection and is `#len` for a length."""

    name: str
    op: str
    arg: Word | None
    quoted: bool
    source: str
    subscript: Word | None = None


class Sub(NamedTuple):
    """`$(…)`, backticks, `${ …; }`: the output of a program as text."""

    body: Seq
    quoted: bool
    source: str


class Proc(NamedTuple):
    """`<(…)` or `>(…)`: a program behind a file name."""

    body: Seq
    reads: bool
    source: str


class Arith(NamedTuple):
    """`$((…))`: an arithmetic expression, in which bash evaluates variables' values again."""

    parts: Word
    quoted: bool
    source: str


class Array(NamedTuple):
    """`name=(a b c)`."""

    words: tuple[Word, ...]


Part: TypeAlias = Lit | Param | Sub | Proc | Arith | Array
Word: TypeAlias = tuple[Part, ...]


class Here:
    """A here-document, whose body is read only when its line has ended."""

    __slots__ = ("delimiter", "quoted", "strip", "word")

    def __init__(self, delimiter: str, quoted: bool, strip: bool) -> None:
        self.delimiter = delimiter
        self.quoted = quoted
        self.strip = strip
        self.word: Word = ()


class Redir(NamedTuple):
    """`op` without its file descriptor, which is `fd` (empty = the operator's own)."""

    op: str
    target: Word
    here: Here | None = None
    fd: str = ""


class Assign(NamedTuple):
    name: str
    value: Word
    append: bool = False
    subscript: Word | None = None


class Simple(NamedTuple):
    assigns: tuple[Assign, ...]
    words: tuple[Word, ...]
    redirs: tuple[Redir, ...]


class Pipe(NamedTuple):
    items: tuple[Node, ...]


class AndOr(NamedTuple):
    """`a && b || c`: the first always runs, the others may."""

    items: tuple[Node, ...]


class Background(NamedTuple):
    body: Node


class Seq(NamedTuple):
    items: tuple[Node, ...]


class Group(NamedTuple):
    """`{ …; }` or `( … )`."""

    body: Seq
    subshell: bool
    redirs: tuple[Redir, ...] = ()


class If(NamedTuple):
    tests: tuple[Seq, ...]
    bodies: tuple[Seq, ...]
    redirs: tuple[Redir, ...] = ()


class Loop(NamedTuple):
    """while, until: `test` and `body`; for, select: `name` over `words` (None = the positionals)."""

    test: Seq | None
    name: str
    words: tuple[Word, ...] | None
    body: Seq
    redirs: tuple[Redir, ...] = ()


class Case(NamedTuple):
    word: Word
    patterns: tuple[Word, ...]
    bodies: tuple[Seq, ...]
    redirs: tuple[Redir, ...] = ()


class Function(NamedTuple):
    name: str
    body: Node


class Test(NamedTuple):
    """`[[ … ]]`: its words in order, operators included."""

    words: tuple[Word, ...]
    redirs: tuple[Redir, ...] = ()


class ArithCommand(NamedTuple):
    """`(( … ))` and the head of `for (( … ))`."""

    parts: Word
    redirs: tuple[Redir, ...] = ()


Node: TypeAlias = (
    Simple | Pipe | AndOr | Background | Seq | Group | If | Loop | Case | Function | Test | ArithCommand
)
