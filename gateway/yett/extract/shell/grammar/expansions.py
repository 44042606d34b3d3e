"""`$name`, `${name:-word}`, `$(program)`, `$((sum))`, backticks, `<(program)`, `$'text'` to parts of a word."""

from __future__ import annotations

from abc import abstractmethod

from yett.extract.shell.grammar.nodes import Arith, Lit, Param, Part, Proc, Seq, Sub, Word
from yett.extract.shell.grammar.scanner import (
    MAX_DEPTH,
    NAME,
    NAME_START,
    Scanner,
    ShellSyntaxError,
    TooMuch,
    unescape,
)

_SPECIAL_PARAMS = frozenset("@*#?-$!0123456789")
_PARAM_OPS = (":-", ":=", ":+", ":?", "##", "%%", "//", "/#", "/%", "^^", ",,")


class Expansions(Scanner):
    """Reads expansions at `self.i`. Words and the grammar are subclasses, because each contains the others."""

    @abstractmethod
    def seq(self, stop: frozenset[str]) -> Seq:
        """Commands up to a closing word or operator (the grammar's)."""

    @abstractmethod
    def double_quoted(self, parts: list[Part]) -> None:
        """The text behind a double quote, up to the closing one (the lexer's)."""

    def dollar(self, quoted: bool) -> Part | list[Part] | None:
        """At `$`. None (and one character on) if it stands for itself."""
        src, n, start = self.src, self.n, self.i
        self.fuel.burn()
        self.i += 1
        self.skip_continuations()
        i = self.i
        if i >= n:
            return None
        c = src[i]
        if c in NAME_START:
            j = i + 1
            while j < n and src[j] in NAME:
                j += 1
            name = src[i:j]
            while src.startswith("\\\n", j):
                j += 2
                k = j
                while j < n and src[j] in NAME:
                    j += 1
                name += src[k:j]
            self.i = j
            return Param(name, "", None, quoted, src[start:j])
        if c in _SPECIAL_PARAMS:
            self.i = i + 1
            return Param(c, "", None, quoted, "$" + c)
        if c == "(":
            if (end := self.peek("((")) >= 0:
                arith = self.arithmetic(end, "))")
                if arith is not None:
                    return Arith(arith, quoted, src[start : self.i])
                self.i = i
            self.i = i + 1
            body = self.nested(frozenset(")"))
            if self.i >= n or src[self.i] != ")":
                raise ShellSyntaxError(start)
            self.i += 1
            return Sub(body, quoted, src[start : self.i])
        if c == "{":
            return self.parameter(start, quoted)
        if c == "[":
            arith = self.arithmetic(i + 1, "]")
            if arith is None:
                self.i = start + 1
                return None
            return Arith(arith, quoted, src[start : self.i])
        if not quoted and c == "'":
            return Lit(self.ansi_c(i + 1), True)
        if not quoted and c == '"':
            self.i = i + 1
            parts: list[Part] = []
            self.double_quoted(parts)
            return parts
        self.i = start + 1
        return None

    def nested(self, stop: frozenset[str]) -> Seq:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooMuch("depth")
        # a substitution has here-documents of its own, read before those of the line it stands in
        pending, self.pending = self.pending, []
        body = self.seq(stop)
        self.pending = pending
        self.depth -= 1
        return body

    def parameter(self, start: int, quoted: bool) -> Part:
        """At the `{` of `${`."""
        src, n = self.src, self.n
        self.i += 1
        self.skip_continuations()
        if self.i < n and src[self.i] in " \t\n|":
            # bash 5.3 and mksh: `${ command; }` and `${| command; }` run a command in this shell.
            self.i += 1
            body = self.nested(frozenset("}"))
            if self.i >= n or src[self.i] != "}":
                raise ShellSyntaxError(start)
            self.i += 1
            return Sub(body, quoted, src[start : self.i])
        op = ""
        flags = ""
        if self.i < n and src[self.i] == "(":
            # zsh: `${(f)x}` splits or quotes the value, `(e)` and `(%%)` expand it once more
            end = src.find(")", self.i, self.i + 16)
            if end < 0:
                raise ShellSyntaxError(start)
            flags = src[self.i + 1 : end]
            self.i = end + 1
        if self.i < n and src[self.i] in "!#" and self.i + 1 < n and src[self.i + 1] not in "}:-=+?%/":
            op = "!" if src[self.i] == "!" else "#len"
            self.i += 1
        i = self.i
        if src.startswith("{", i):
            # `${{ … }}`: a template's placeholder, to be filled in by whoever runs this
            j = src.find("}}", i)
            if j < 0:
                raise ShellSyntaxError(start)
            self.i = j + 2
            return Param("", "template", None, quoted, src[start : self.i])
        if i < n and src[i] in NAME_START:
            j = i
            while j < n and src[j] in NAME:
                j += 1
        else:
            if i >= n or src[i] not in _SPECIAL_PARAMS:
                raise ShellSyntaxError(start)
            j = i + 1
            while j < n and src[j] in "0123456789":
                j += 1
        name = src[i:j]
        self.i = j
        self.skip_continuations()
        subscript: Word | None = None
        if self.i < n and src[self.i] == "[":
            self.i += 1
            subscript = self.until("]", quoted)
        self.skip_continuations()
        if self.i < n and src[self.i] == "}":
            self.i += 1
            if flags:
                again = (Lit("P", True),) if "e" in flags or "%" in flags else (Lit("Q", True),)
                return Param(name, "@", again, quoted, src[start : self.i], subscript)
            return Param(name, op, None, quoted, src[start : self.i], subscript)
        rest = src[self.i : self.i + 2]
        if rest in _PARAM_OPS:
            op += rest
        elif rest[:1] and rest[0] in "-=+?#%/^,@:*":
            op += rest[0]
        else:
            raise ShellSyntaxError(start)
        self.i += len(op.removeprefix("!").removeprefix("#len"))
        arg = self.until("}", quoted)
        if flags and ("e" in flags or "%" in flags):
            raise ShellSyntaxError(start)
        return Param(name, "template" if flags else op, arg, quoted, src[start : self.i], subscript)

    def until(self, closing: str, quoted: bool) -> Word:
        """Parts up to an unquoted closing brace or bracket, which is consumed."""
        src, n = self.src, self.n
        parts: list[Part] = []
        start = self.i
        text = ""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooMuch("depth")
        while self.i < n:
            c = src[self.i]
            if c == closing:
                self.i += 1
                if text:
                    parts.append(Lit(text, quoted))
                self.depth -= 1
                return tuple(parts)
            if c not in "\\'\"$`" or (c == "'" and quoted):
                text += c
                self.i += 1
                continue
            self.fuel.burn()
            if c == "\\":
                following = src[self.i + 1 : self.i + 2]
                if following != "\n":
                    if text:
                        parts.append(Lit(text, quoted))
                        text = ""
                    parts.append(Lit(following, True))
                self.i += 2
                continue
            if text:
                parts.append(Lit(text, quoted))
                text = ""
            if c == "'":
                j = src.find("'", self.i + 1)
                if j < 0:
                    raise ShellSyntaxError(self.i)
                parts.append(Lit(src[self.i + 1 : j], True))
                self.i = j + 1
            elif c == '"':
                self.i += 1
                self.double_quoted(parts)
            else:
                part = self.dollar(quoted) if c == "$" else self.backtick(quoted)
                if part is None:
                    text += "$"
                elif isinstance(part, list):
                    parts.extend(part)
                else:
                    parts.append(part)
        raise ShellSyntaxError(start)

    def arithmetic(self, start: int, closing: str) -> Word | None:
        """From `start` to `closing`; None (position unchanged) if it does not close, so it is no arithmetic."""
        src, n = self.src, self.n
        if not self.continued and src.find(closing, start) < 0:
            return None
        back = self.i
        self.i = start
        parts: list[Part] = []
        text = ""
        level = 0
        opening, shut = ("(", ")") if closing == "))" else ("[", "]")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooMuch("depth")
        while self.i < n:
            c = src[self.i]
            if c == shut and level == 0:
                end = self.peek(closing)
                if end < 0:
                    break
                self.i = end
                self.depth -= 1
                if text:
                    parts.append(Lit(text, True))
                return tuple(parts)
            if c in "$`":
                self.fuel.burn()
                if text:
                    parts.append(Lit(text, True))
                    text = ""
                try:
                    part = self.dollar(True) if c == "$" else self.backtick(True)
                except ShellSyntaxError:
                    break
                if part is None:
                    text += "$"
                elif isinstance(part, list):
                    parts.extend(part)
                else:
                    parts.append(part)
                continue
            if c == "\\":
                text += src[self.i + 1 : self.i + 2]
                self.i += 2
                continue
            level += (c == opening) - (c == shut)
            text += c
            self.i += 1
            if not len(text) & 15:
                self.fuel.burn()
        self.depth -= 1
        self.i = back
        return None

    def backtick(self, quoted: bool) -> Sub:
        r"""At a backtick: find its end, undo one level of `\\`, `` \` `` and `\$`, and parse what is left."""
        src, n, start = self.src, self.n, self.i
        self.fuel.burn(4)
        i = start + 1
        body = ""
        while True:
            j = i
            while j < n and src[j] not in "`\\":
                j += 1
            body += src[i:j]
            if j >= n:
                raise ShellSyntaxError(start)
            if src[j] == "`":
                break
            following = src[j + 1 : j + 2]
            if following in "`\\$" or (quoted and following == '"'):
                body += following
            else:
                body += "\\" + following
            i = j + 2
            self.fuel.burn()
        self.i = j + 1
        if self.depth >= MAX_DEPTH:
            raise TooMuch("depth")
        inner = type(self)(body, self.fuel, self.depth + 1)
        seq = inner.seq(frozenset())
        if inner.i < inner.n:
            raise ShellSyntaxError(start)
        return Sub(seq, quoted, src[start : self.i])

    def process(self, start: int) -> Proc:
        reads = self.src[start] == "<"
        self.i = start + 2
        body = self.nested(frozenset(")"))
        if self.i >= self.n or self.src[self.i] != ")":
            raise ShellSyntaxError(start)
        self.i += 1
        return Proc(body, reads, self.src[start : self.i])

    def ansi_c(self, start: int) -> str:
        """The text of `$'…'` from behind its opening quote; `i` ends up behind the closing one."""
        src, n, i = self.src, self.n, start
        out: list[str] = []
        while True:
            j = i
            while j < n and src[j] not in "'\\":
                j += 1
            out.append(src[i:j])
            if j + (src[j : j + 1] == "\\") >= n:
                raise ShellSyntaxError(start)
            if src[j] == "'":
                self.i = j + 1
                return "".join(out)
            self.fuel.burn()
            text, i = unescape(src, j + 1)
            out.append(text)
