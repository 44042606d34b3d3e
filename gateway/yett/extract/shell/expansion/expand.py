"""Words to fields: what a word becomes when the shell expands it, as far as the program itself tells.

A variable that the program sets to something it spells out is known; everything else keeps its source text
(`$TAG`) and makes the field *unknown*. A variable may have several possible values (assigned in a branch or
by `for x in a b`): callers expand once a `choice`, so that each value is seen at least once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from yett.extract.patterns import pattern as compiled
from yett.extract.shell.expansion.braces import MAX_WORDS as MAX_FIELDS
from yett.extract.shell.expansion.braces import braces
from yett.extract.shell.expansion.patterns import is_glob, pattern
from yett.extract.shell.grammar.nodes import Arith, Array, Lit, Node, Param, Part, Proc, Seq, Sub, Word
from yett.extract.shell.grammar.scanner import Fuel, TooMuch, integer, is_name
from yett.extract.words import encodable

MAX_CHOICES = 8
"""Values of one variable that are followed; more make it unknown."""
_MAX_VALUE = 16_384

_DIGITS = frozenset("0123456789")
_GLOB = frozenset("*?[")
_ENVIRONMENT = {
    "HOME": "~", "PWD": ".", "SHELL": "/bin/bash", "BASH": "/bin/bash", "0": "bash", "TMPDIR": "/tmp",
}  # fmt: skip
"""What these hold on any host, near enough to follow them."""
_WORD = compiled(
    r"[$`]\(?(?:nproc|getconf _NPROCESSORS_ONLN|date(?: -u)? ['\"]?\+[%A-Za-z0-9_.:-]+['\"]?"
    r"|git rev-parse (?:--short(?:=\d+)? )?HEAD|uname -[smr]|id -[ug])[)`]"
)
"""Prints a number, a date or a hash, which is as good as a literal wherever it stands."""
_TOP = compiled(r"\$\(git rev-parse --show-toplevel\)")
_NUMBERS = frozenset(("?", "#", "$", "RANDOM", "SECONDS", "LINENO", "UID", "EUID", "PPID", "SRANDOM"))


class Field(NamedTuple):
    """One argument: its text, and how sure that text is."""

    text: str
    unknown: bool = False
    """Part of the text is only the source of an expansion (`$TAG`)."""
    glob: bool = False
    """Unquoted `*`, `?` or `[…]`: stands for file names."""
    resolved: bool = False
    """Known, but through a variable or a substitution."""
    quoted: bool = False
    proc: Proc | None = None
    """The program behind it, if it is `<(…)` or `>(…)`."""
    code: bool = False
    """Its literal text holds a substitution, which bash runs if it evaluates the text again."""
    holes: tuple[tuple[int, int], ...] = ()
    """Where in an unknown text the sources of expansions stand; none: it is one from end to end."""


class Value(NamedTuple):
    text: str
    unknown: bool = False
    code: bool = False
    holes: tuple[tuple[int, int], ...] = ()

    def spans(self, at: int) -> tuple[tuple[int, int], ...]:
        """The holes of a text that this value stands in at `at`."""
        whole = ((0, len(self.text)),) if self.unknown else ()
        return tuple((at + a, at + b) for a, b in self.holes or whole)

    def joined(self, tail: Value) -> Value:
        unknown, code = self.unknown or tail.unknown, self.code or tail.code
        return Value(self.text + tail.text, unknown, code, self.spans(0) + tail.spans(len(self.text)))


class State:
    """What the shell remembers between commands."""

    __slots__ = ("aliases", "arrays", "cwd", "functions", "outermost", "positional", "unsure", "vars")

    def __init__(self) -> None:
        self.vars: dict[str, tuple[Value, ...]] = {}
        self.arrays: dict[str, list[Field]] = {}
        self.functions: dict[str, Node] = {}
        self.aliases: dict[str, str] = {}
        self.positional: list[Field] | None = None
        self.cwd: str | None = None
        self.outermost = True
        """Not a shell that another program starts, which may give it arguments."""
        self.unsure = False
        """A variable was set whose name is not known."""

    def known(self, name: str) -> bool:
        """Whether the program has, or may have, set a variable."""
        return self.unsure or name in self.vars or name in self.arrays

    def copy(self) -> State:
        other = State()
        other.vars = dict(self.vars)
        other.arrays = dict(self.arrays)
        other.functions = dict(self.functions)
        other.aliases = dict(self.aliases)
        other.positional = self.positional
        other.cwd = self.cwd
        other.outermost = self.outermost
        other.unsure = self.unsure
        return other

    def assign(self, name: str, values: tuple[Value, ...], certain: bool) -> None:
        if not is_name(name):
            self.unsure = True
        if not certain and name in self.vars:
            merged = dict.fromkeys(self.vars[name] + values)
            values = tuple(merged)
        if len(values) > MAX_CHOICES:
            values = (Value("$" + name, True),)
        self.vars[name] = values


class Expander:
    """Expands words against a `State`. Pure, but for `${x:=word}`.

    Args:
        state: the variables.
        output: the text a program prints if it can be computed, else None.
        fuel: shared with the parser.
    """

    def __init__(self, state: State, output: Callable[[Seq], str | None], fuel: Fuel) -> None:
        self.state = state
        self.output = output
        self.fuel = fuel
        self.choice = 0
        self.calling = 0
        """Functions whose output is being computed, within one another."""
        self.choices = 1
        """How many choices the words expanded since it was last set to 1 would need."""

    def fields(self, word: Word) -> list[Field]:
        """The word after every expansion but that of file names."""
        if len(word) == 1 and isinstance(first := word[0], Lit):
            text = first.text
            if first.quoted:
                return [Field(text, False, False, False, True, None, holds_code(text))]
            if "{" not in text:
                return [Field(text, False, not _GLOB.isdisjoint(text) and is_glob(text))]
        out: list[Field] = []
        for braced in braces(word, self.fuel):
            self._expand(braced, True, out)
            if len(out) > MAX_FIELDS:
                raise TooMuch("expansions")
        return out

    def one(self, word: Word) -> Field:
        """The word as one field: no braces, no splitting (assignments, redirections, here-documents)."""
        if not word:
            return Field("")
        out: list[Field] = []
        self._expand(word, False, out)
        return out[0] if out else Field("")

    # -- parts -------------------------------------------------------------------------------------

    def _expand(self, word: Word, splitting: bool, out: list[Field]) -> None:
        text = ""
        started = unknown = glob = resolved = quoted = code = False
        proc: Proc | None = None
        holes: list[tuple[int, int]] = []
        located = True
        alone = len(word) == 1
        for part in word:
            self.fuel.burn()
            if isinstance(part, Lit):
                text += part.text
                started = True
                if part.quoted:
                    quoted = True
                    code = code or holds_code(part.text)
                glob |= not part.quoted and not _GLOB.isdisjoint(part.text)
                continue
            if isinstance(part, Proc):
                text += part.source
                proc, started = part, True
                continue
            if isinstance(part, Array):
                text += " ".join(f.text for w in part.words for f in self.fields(w))
                started = True
                continue
            if isinstance(part, Param) and self._is_list(part):
                items = self._list(part, alone)
                located = located and items is not None and not any(item.unknown for item in items)
                if items is not None and not items and not alone:
                    continue
                if items is not None and splitting:
                    for k, item in enumerate(items):
                        if k:
                            out.append(
                                Field(text, unknown, glob and is_glob(text), resolved, quoted, None, code)
                            )
                            text, unknown, glob, resolved, quoted = "", False, False, False, False
                            holes = []
                        text += item.text
                        unknown |= item.unknown
                        code |= item.code
                        glob |= item.glob
                        resolved = started = True
                    continue
                if items is not None:
                    text += " ".join(item.text for item in items)
                    unknown |= any(item.unknown for item in items)
                    code |= any(item.code for item in items)
                    started = True
                    continue
            value = self._value(part, alone)
            resolved = True
            is_quoted = part.quoted
            quoted |= is_quoted
            unknown |= value.unknown
            code |= value.code
            if len(text) + len(value.text) > _MAX_VALUE:
                raise TooMuch("expansions")
            if splitting and not is_quoted and value.holes and not text and alone:
                out += self._apart(value)
                return
            holes += value.spans(len(text))
            if is_quoted or not splitting or value.unknown:
                text += value.text
                started |= bool(value.text) or is_quoted
                continue
            pieces = self._split(value.text)
            if pieces is None:
                text += value.text
                unknown = started = True
                located = False
                continue
            glob |= not _GLOB.isdisjoint(value.text)
            for k, piece in enumerate(pieces):
                if k and started:
                    out.append(Field(text, unknown, glob and is_glob(text), resolved, quoted, None, code))
                    text, unknown, quoted, started, holes = "", False, False, False, []
                    self.fuel.burn()
                text += piece
                started |= bool(piece)
        if started or (not splitting):
            spans = tuple(holes) if unknown and located else ()
            out.append(Field(text, unknown, glob and is_glob(text), resolved, quoted, proc, code, spans))

    def _apart(self, value: Value) -> list[Field]:
        """The words of a value that is known in part: `$CMD` that is `tool --dir $(mktemp -d)`."""
        if "IFS" in self.state.vars:
            return [Field(value.text, True, resolved=True, code=value.code)]
        words: list[Field] = []
        text, unknown, at = "", False, 0
        for start, end in (*value.holes, (len(value.text), len(value.text))):
            for k, piece in enumerate(value.text[at:start].replace("\t", " ").replace("\n", " ").split(" ")):
                if k and text:
                    words.append(Field(text, unknown, not unknown and is_glob(text), resolved=True))
                    text, unknown = "", False
                text += piece
            text += value.text[start:end]
            unknown |= end > start
            at = end
            self.fuel.burn()
        return [*words, Field(text, unknown, not unknown and is_glob(text), resolved=True)] if text else words

    def _split(self, text: str) -> list[str] | None:
        """At IFS, keeping an empty first or last piece where a delimiter stood; None if IFS is unknown."""
        ifs = " \t\n"
        if values := self.state.vars.get("IFS"):
            if len(values) > 1 or values[0].unknown:
                return None
            ifs = values[0].text
        if not ifs or not text:
            return [text]
        for char in ifs:
            if char != ifs[0] and char in text:
                text = text.replace(char, ifs[0])
        pieces = text.split(ifs[0])
        if len(pieces) > MAX_FIELDS:
            raise TooMuch("expansions")
        inner = [p for p in pieces[1:-1] if p]
        return [pieces[0], *inner, pieces[-1]] if len(pieces) > 1 else pieces

    @staticmethod
    def _is_list(part: Param) -> bool:
        if part.op not in ("", ":", "!"):
            return False
        if part.name in ("@", "*"):
            return part.op != "!"
        return part.subscript is not None and part.op == "" and _literal(part.subscript) in ("@", "*")

    def _list(self, part: Param, alone: bool) -> list[Field] | None:
        """`$@`, `${array[@]}`; None if unknown."""
        if part.subscript is not None:
            return self.state.arrays.get(part.name)
        items = self.state.positional
        if items is None:
            # `who$@ami`: without arguments it is nothing, and adjacent to text that is how it is meant
            return None if alone or part.quoted else []
        if part.op == ":":
            start = integer(_literal(part.arg or ()))
            return None if start is None else items[max(start - 1, 0) :]
        return items

    def _value(self, part: Part, alone: bool) -> Value:
        if isinstance(part, Param):
            return self._parameter(part, alone)
        if isinstance(part, Sub):
            text = self.output(part.body)
            if text is None and not self.state.functions and not self.state.aliases:
                source = encodable(part.source)
                if _TOP.fullmatch(source):
                    return Value(".")
                if _WORD.fullmatch(source):
                    return Value(part.source)
            return Value(part.source, True) if text is None else _computed(text.rstrip("\n"))
        if isinstance(part, Arith):
            number = arithmetic(self.one(part.parts))
            return Value(part.source, True) if number is None else Value(str(number))
        raise TypeError(type(part))

    def _lookup(self, name: str, alone: bool) -> Value | None:
        """The value of a variable under the current choice; None if the program never sets it."""
        values = self.state.vars.get(name)
        if values is not None:
            if len(values) > self.choices:
                self.choices = len(values)
            return values[min(self.choice, len(values) - 1)]
        if name[:1] in _DIGITS and name != "0":
            if self.state.positional is not None:
                k = int(name[:4]) - 1
                if k < len(self.state.positional):
                    field = self.state.positional[k]
                    return Value(field.text, field.unknown, field.code)
                return Value("")
            return None if alone else Value("")
        if name in self.state.arrays:
            items = self.state.arrays[name]
            return Value(items[0].text, items[0].unknown, items[0].code) if items else Value("")
        known = _ENVIRONMENT.get(name)
        return None if known is None else Value(known)

    def _parameter(self, part: Param, alone: bool) -> Value:
        name, op = part.name, part.op
        unknown = Value(part.source, True)
        if op == "template":
            return unknown
        if name == "IFS" and "IFS" not in self.state.vars and not op:
            return Value(" \t\n")
        if name in _NUMBERS and not op:
            return Value(part.source)
        if op.startswith("!"):
            target = self._lookup(name, True)
            if op != "!" or target is None or target.unknown:
                return unknown
            pointed = self._lookup(target.text, True)
            return unknown if pointed is None else pointed
        if part.subscript is not None:
            return self._element(part)
        value = self._lookup(name, alone or part.quoted)
        if op == "":
            return unknown if value is None else value
        arg = self.one(part.arg) if part.arg else Field("")
        if op in (":-", "-", ":=", "="):
            if value is None or (not value.text and op[0] == ":"):
                result = Value(arg.text, arg.unknown, arg.code)
                if op.endswith("=") and name not in self.state.vars:
                    self.state.assign(name, (result,), True)
                return result
            return value
        if op in (":+", "+"):
            if value is None:
                return Value(part.source, True)
            return Value(arg.text, arg.unknown, arg.code) if value.text or op == "+" else Value("")
        if op in (":?", "?"):
            return unknown if value is None else value
        if value is None or value.unknown or arg.unknown:
            if op == ":" and value is None and name == "PATH" and arg.text.replace(" ", "") in ("0:1", ":1"):
                return Value("/")  # `${PATH:0:1}`: a slash without writing one
            return unknown
        return transform(
            value.text.replace("~", "/root", 1) if name == "HOME" else value.text, op, arg, unknown
        )

    def _element(self, part: Param) -> Value:
        items = self.state.arrays.get(part.name)
        index = integer(self.one(part.subscript or ()).text)
        if items is None or part.op or index is None or not 0 <= index < len(items):
            return Value(part.source, True)
        item = items[index]
        return Value(item.text, item.unknown, item.code)


def _computed(text: str) -> Value:
    return Value(text, False, holds_code(text))


def holds_code(text: str) -> bool:
    return "$(" in text or "`" in text or "${ " in text


def _literal(word: Word) -> str:
    return "".join(p.text for p in word if isinstance(p, Lit))


def transform(text: str, op: str, arg: Field, unknown: Value) -> Value:
    """`${x#…}`, `${x/…}`, `${x:…}`, `${x^^}` on a known value."""
    if op == "#len":
        return Value(str(len(text)))
    if op in ("#", "##", "%", "%%"):
        matcher = pattern(arg.text)
        if matcher is None or len(text) > 512:
            return unknown
        cuts = range(len(text) + 1)
        if op in ("##", "%"):
            cuts = range(len(text), -1, -1)
        for k in cuts:
            piece = text[:k] if op[0] == "#" else text[k:]
            if matcher.fullmatch(piece):
                return Value(text[k:] if op[0] == "#" else text[:k])
        return Value(text)
    if op in ("/", "//", "/#", "/%"):
        old, _, new = arg.text.partition("/")
        if is_glob(old) or not old:
            return unknown
        return Value(text.replace(old, new) if op == "//" else text.replace(old, new, 1))
    if op == ":":
        first, _, last = arg.text.partition(":")
        start, length = integer(first.strip()), integer(last.strip())
        if start is None or (last.strip() and length is None):
            return unknown
        start = max(len(text) + start, 0) if start < 0 else start
        if length is None:
            return Value(text[start:])
        return Value(text[start:length] if length < 0 else text[start : start + length])
    if op in ("^^", ",,") and not arg.text:
        return Value(text.upper() if op == "^^" else text.lower())
    if op in ("^", ",") and not arg.text:
        return Value((text[:1].upper() if op == "^" else text[:1].lower()) + text[1:])
    if op == "@" and arg.text in ("U", "L", "u"):
        return Value(
            text.upper() if arg.text == "U" else text.lower() if arg.text == "L" else text.capitalize()
        )
    return unknown


def arithmetic(field: Field) -> int | None:
    """A number, or a sum of numbers; anything else is not worth following."""
    text = field.text.replace(" ", "")
    if field.unknown or len(text) > 64 or not text:
        return None
    total, sign, digits = 0, 1, ""
    for char in text + "+":
        if char in _DIGITS:
            digits += char
        elif char in "+-" and digits and len(digits) < 12:
            total += sign * int(digits)
            sign, digits = (1 if char == "+" else -1), ""
        else:
            return None
    return total
