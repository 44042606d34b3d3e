"""Characters to words: quoting, expansions, here-documents.

Hand-written, because what has to be known here is exactly what general grammars get wrong: a line
continuation inside a word or an operator, `$((` that turns out to be `$( (`, `<<-` bodies, escaped
backticks. It reads every character once (backticks: once a level), jumps over runs of ordinary characters
with `str.find` on a marked copy, and burns `fuel` for every part, so that its cost is linear and capped.

Grammar: POSIX.1-2024 XCU chapter 2, and bash 5.3 where it differs.
"""

from __future__ import annotations

from collections.abc import Callable

from yett.extract.shell.nodes import Arith, Array, Here, Lit, Param, Part, Proc, Seq, Sub, Word

MAX_DEPTH = 32
"""Substitutions, groups and inline programs within one another."""

_UNQUOTED = str.maketrans(dict.fromkeys(" \t\n;&|<>()'\"\\$`", "\0"))
_QUOTED = str.maketrans(dict.fromkeys('"\\$`', "\0"))
_BREAK = frozenset(" \t\n;&|<>()")
_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_NAME = _NAME_START | frozenset("0123456789")
_SPECIAL_PARAMS = frozenset("@*#?-$!0123456789")
_PARAM_OPS = (":-", ":=", ":+", ":?", "##", "%%", "//", "/#", "/%", "^^", ",,")
_ANSI = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_HEX = frozenset("0123456789abcdefABCDEF")


class ShellSyntaxError(Exception):
    """The text is not a shell program, or not one this parser understands; carries the position."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class TooMuch(Exception):
    """Out of fuel or too deep; the argument is the name of the limit."""


class Fuel:
    """Parts and commands one program may still cost, inline programs included."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def burn(self, amount: int = 1) -> None:
        self.left -= amount
        if self.left < 0:
            raise TooMuch("steps")


def is_name(text: str) -> bool:
    return bool(text) and text[0] in _NAME_START and _NAME.issuperset(text)


class Lexer:
    """Reads words at `self.i`. The grammar (`parse.Parser`) is a subclass and lends it `seq`."""

    seq: Callable[[frozenset[str]], Seq]

    def __init__(self, source: str, fuel: Fuel, depth: int = 0) -> None:
        self.src = source
        self.n = len(source)
        self.i = 0
        self.fuel = fuel
        self.depth = depth
        self.marks = source.translate(_UNQUOTED)
        self._quoted_marks = ""
        self.pending: list[Here] = []

    # -- blanks ------------------------------------------------------------------------------------

    def skip_continuations(self) -> None:
        while self.src.startswith("\\\n", self.i):
            self.i += 2

    def peek(self, text: str) -> int:
        """Where `text` ends if it stands here, line continuations between its characters removed; or -1."""
        src, i = self.src, self.i
        if "\\\n" not in src:
            return i + len(text) if src.startswith(text, i) else -1
        for char in text:
            while src.startswith("\\\n", i):
                i += 2
            if i >= self.n or src[i] != char:
                return -1
            i += 1
        return i

    def blanks(self) -> None:
        """Skip spaces, tabs, continuations and a comment; stop at a newline."""
        src, n, i = self.src, self.n, self.i
        while i < n:
            c = src[i]
            if c == " " or c == "\t":
                i += 1
            elif c == "\\" and src.startswith("\\\n", i):
                i += 2
            elif c == "#":
                i = src.find("\n", i)
                if i < 0:
                    i = n
                break
            else:
                break
        self.i = i

    def newlines(self) -> None:
        """Skip blanks, comments and newlines, reading the bodies of here-documents on the way."""
        while True:
            self.blanks()
            if self.i < self.n and self.src[self.i] == "\n":
                self.i += 1
                if self.pending:
                    self.here_documents()
            else:
                return

    # -- words -------------------------------------------------------------------------------------

    def word(self, *, regex: bool = False, command: bool = False) -> Word:
        """One word; empty if there is none here.

        In a `=~` operand (`regex`) operators are ordinary characters; in `command` position `!(` is a
        negated subshell and no pattern.
        """
        src, n, marks = self.src, self.n, self.marks
        parts: list[Part] = []
        text = ""
        group = 0
        self.fuel.burn()
        while self.i < n:
            i = self.i
            j = marks.find("\0", i)
            if j < 0:
                j = n
            if j > i:
                text += src[i:j]
                self.i = i = j
                if i >= n:
                    break
            c = src[i]
            if c in _BREAK:
                if (c == "<" or c == ">") and src.startswith("(", i + 1) and not regex:
                    if text:
                        parts.append(Lit(text, False))
                        text = ""
                    parts.append(self.process(i))
                elif c == "(" and text and text[-1] in "?*+@!" and not (command and text == "!"):
                    group += 1
                    text += c
                    self.i += 1
                elif c == "(" and text.endswith("=") and not parts and self._array_name(text):
                    parts.append(Lit(text, False))
                    text = ""
                    parts.append(self.array())
                elif (regex and c not in " \t\n") or (group > 0 and c != "\n"):
                    group += (c == "(") - (c == ")")
                    text += c
                    self.i += 1
                else:
                    break
            elif c == "\\":
                if i + 1 >= n:
                    text += c
                    self.i = n
                elif src[i + 1] == "\n":
                    self.i += 2
                else:
                    if text:
                        parts.append(Lit(text, False))
                        text = ""
                    parts.append(Lit(src[i + 1], True))
                    self.i += 2
                    self.fuel.burn()
            elif c == "$":
                part = self.dollar(False)
                if part is None:
                    text += "$"
                else:
                    if text:
                        parts.append(Lit(text, False))
                        text = ""
                    if isinstance(part, list):
                        parts.extend(part)
                    else:
                        parts.append(part)
            else:
                if text:
                    parts.append(Lit(text, False))
                    text = ""
                if c == "'":
                    j = src.find("'", i + 1)
                    if j < 0:
                        raise ShellSyntaxError(i)
                    parts.append(Lit(src[i + 1 : j], True))
                    self.i = j + 1
                    self.fuel.burn()
                elif c == '"':
                    self.i += 1
                    self.double_quoted(parts)
                else:
                    parts.append(self.backtick(False))
        if text:
            parts.append(Lit(text, False))
        return tuple(parts)

    @staticmethod
    def _array_name(text: str) -> bool:
        name = text[:-1].removesuffix("+")
        return is_name(name.partition("[")[0])

    def plain(self) -> tuple[str, int]:
        """The word here if it is wholly unquoted literal text (a keyword may be one), and its end."""
        src, n, i = self.src, self.n, self.i
        text = ""
        while True:
            j = self.marks.find("\0", i)
            if j < 0:
                j = n
            text += src[i:j]
            if j >= n or src[j] in _BREAK:
                return text, j
            if src.startswith("\\\n", j):
                i = j + 2
                continue
            return "", i

    def double_quoted(self, parts: list[Part]) -> None:
        """After the opening quote; leaves `i` behind the closing one."""
        if not self._quoted_marks:
            self._quoted_marks = self.src.translate(_QUOTED)
        src, n, marks = self.src, self.n, self._quoted_marks
        text = ""
        any_part = False
        self.fuel.burn()
        while True:
            i = self.i
            j = marks.find("\0", i)
            if j < 0 or j >= n:
                raise ShellSyntaxError(i)
            text += src[i:j]
            self.i = j
            c = src[j]
            if c == '"':
                self.i += 1
                if text or not any_part:
                    parts.append(Lit(text, True))
                return
            if c == "\\":
                following = src[j + 1] if j + 1 < n else ""
                if following in '$`"\\' and following:
                    text += following
                elif following != "\n":
                    text += c + following
                self.i += 2
                self.fuel.burn()
                continue
            part = self.dollar(True) if c == "$" else self.backtick(True)
            if part is None:
                text += "$"
                continue
            if text:
                parts.append(Lit(text, True))
                text = ""
            any_part = True
            if isinstance(part, list):
                parts.extend(part)
            else:
                parts.append(part)

    def expansions(self) -> Word:
        """The whole source as a here-document body or a prompt string: only `$`, backtick, backslash."""
        parts: list[Part] = []
        text = ""
        marks = self.src.translate(_QUOTED)
        src, n = self.src, self.n
        while self.i < n:
            i = self.i
            j = marks.find("\0", i)
            if j < 0:
                j = n
            text += src[i:j]
            self.i = j
            if j >= n:
                break
            c = src[j]
            if c == '"':
                text += c
                self.i += 1
                continue
            self.fuel.burn()
            if c == "\\":
                following = src[j + 1] if j + 1 < n else ""
                if following in "$`\\" and following:
                    text += following
                elif following != "\n":
                    text += c + following
                self.i += 2
                continue
            part = self.dollar(True) if c == "$" else self.backtick(True)
            if part is None:
                text += "$"
                continue
            if text:
                parts.append(Lit(text, True))
                text = ""
            if isinstance(part, list):
                parts.extend(part)
            else:
                parts.append(part)
        if text:
            parts.append(Lit(text, True))
        return tuple(parts)

    # -- expansions --------------------------------------------------------------------------------

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
        if c in _NAME_START:
            j = i + 1
            while j < n and src[j] in _NAME:
                j += 1
            name = src[i:j]
            while src.startswith("\\\n", j):
                j += 2
                k = j
                while j < n and src[j] in _NAME:
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
        body = self.seq(stop)
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
        if i < n and src[i] in _NAME_START:
            j = i
            while j < n and src[j] in _NAME:
                j += 1
        else:
            if i >= n or src[i] not in _SPECIAL_PARAMS:
                raise ShellSyntaxError(start)
            j = i + 1
            while j < n and src[i : j + 1].isdigit():
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
        return Param(name, op, arg, quoted, src[start : self.i], subscript)

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
            if not len(text) & 63:
                self.fuel.burn()
        self.depth -= 1
        self.i = back
        return None

    def backtick(self, quoted: bool) -> Sub:
        r"""At a backtick: find its end, undo one level of `\\`, `` \` `` and `\$`, and parse what is left."""
        src, n, start = self.src, self.n, self.i
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

    def array(self) -> Array:
        """At the `(` of `name=(`."""
        start = self.i
        self.i += 1
        words: list[Word] = []
        while True:
            self.newlines()
            if self.i >= self.n:
                raise ShellSyntaxError(start)
            if self.src[self.i] == ")":
                self.i += 1
                return Array(tuple(words))
            before = self.i
            words.append(self.word())
            if self.i == before:
                raise ShellSyntaxError(before)

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

    # -- here-documents ----------------------------------------------------------------------------

    def here_delimiter(self, strip: bool) -> tuple[Word, Here]:
        """Register the here-document whose delimiter word stands here; its body comes with the newline."""
        start = self.i
        word = self.word()
        if not word:
            raise ShellSyntaxError(start)
        quoted = any(isinstance(p, Lit) and p.quoted for p in word)
        delimiter = "".join(p.text if isinstance(p, Lit) else getattr(p, "source", "") for p in word)
        here = Here(delimiter, quoted, strip)
        self.pending.append(here)
        return word, here

    def here_documents(self) -> None:
        """Just behind a newline: read the bodies that the line before asked for."""
        src, n = self.src, self.n
        for here in self.pending:
            lines: list[str] = []
            self.fuel.burn()
            while self.i < n:
                j = src.find("\n", self.i)
                if j < 0:
                    j = n
                line = src[self.i : j]
                self.i = min(j + 1, n)
                if not here.quoted:
                    # bash joins continued lines before it compares with the delimiter
                    while (len(line) - len(line.rstrip("\\"))) & 1 and self.i < n:
                        j = src.find("\n", self.i)
                        if j < 0:
                            j = n
                        line = line[:-1] + src[self.i : j]
                        self.i = min(j + 1, n)
                        self.fuel.burn()
                if here.strip:
                    line = line.lstrip("\t")
                if line == here.delimiter:
                    break
                lines.append(line + "\n")
            text = "".join(lines)
            if here.quoted:
                here.word = (Lit(text, True),) if text else ()
            else:
                here.word = type(self)(text, self.fuel, self.depth + 1).expansions()
        self.pending.clear()


def unescape(src: str, i: int) -> tuple[str, int]:
    r"""The character of the escape whose backslash stands before `i`, and where it ends (bash `$'…'`)."""
    c = src[i]
    if c in _ANSI:
        return _ANSI[c], i + 1
    if c in "01234567":
        j = i + 1
        while j < i + 3 and j < len(src) and src[j] in "01234567":
            j += 1
        return chr(int(src[i:j], 8) & 0xFF), j
    if c in "xuU":
        most = {"x": 2, "u": 4, "U": 8}[c]
        j = i + 1
        while j < len(src) and j < i + 1 + most and src[j] in _HEX:
            j += 1
        if j > i + 1:
            code = int(src[i + 1 : j], 16)
            return (chr(code) if code < 0x110000 else "\ufffd"), j
        return "\\" + c, i + 1
    if c == "c" and i + 1 < len(src):
        return chr(ord(src[i + 1]) & 0x1F), i + 2
    return "\\" + c, i + 1
