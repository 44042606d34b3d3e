"""Characters to words: quoting, expansions, here-documents.

Hand-written, because what has to be known here is exactly what general grammars get wrong: a line
continuation inside a word or an operator, `$((` that turns out to be `$( (`, `<<-` bodies, escaped
backticks. It reads every character once (backticks: once a level), jumps over runs of ordinary characters
with `str.find` on a marked copy, and burns `fuel` for every part, so that its cost is linear and capped.

Grammar: POSIX.1-2024 XCU chapter 2, and bash 5.3 where it differs.
"""

from __future__ import annotations

from yett.extract.shell.grammar.expansions import Expansions
from yett.extract.shell.grammar.nodes import Array, Here, Lit, Part, Word
from yett.extract.shell.grammar.scanner import BREAK, QUOTED, ShellSyntaxError, is_name

_PLAIN_END = frozenset(" \t\n;|&)")


class Lexer(Expansions):
    """Reads words at `self.i`. The grammar (`parse.Parser`) is a subclass."""

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

    def word(self, *, regex: bool = False, command: bool = False) -> Word:
        """One word; empty if there is none here.

        In a `=~` operand (`regex`) operators are ordinary characters; in `command` position `!(` is a
        negated subshell and no pattern.
        """
        src, n, marks = self.src, self.n, self.marks
        self.fuel.burn()
        start = self.i
        end = marks.find("\0", start)
        if end > start and src[end] in _PLAIN_END and not regex:
            # most words: ordinary characters up to a blank or an operator
            self.i = end
            return (Lit(src[start:end], False),)
        parts: list[Part] = []
        text = ""
        group = 0
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
            if c in BREAK:
                if (c == "<" or c == ">") and src.startswith("(", i + 1) and not regex:
                    if text:
                        parts.append(Lit(text, False))
                        text = ""
                    parts.append(self.process(i))
                elif (
                    c == "("
                    and text
                    and text[-1] in "?*+@!"
                    and not (command and (text == "!" or src.startswith(")", i + 1)))
                ):
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
            if j >= n or src[j] in BREAK:
                return text, j
            if src.startswith("\\\n", j):
                i = j + 2
                continue
            return "", i

    def double_quoted(self, parts: list[Part]) -> None:
        """After the opening quote; leaves `i` behind the closing one."""
        if not self._quoted_marks:
            self._quoted_marks = self.src.translate(QUOTED)
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
        marks = self.src.translate(QUOTED)
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
