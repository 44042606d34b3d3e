"""PowerShell: a script cut into its commands and method calls, constant strings put together.

The lexer follows the language specification (Microsoft, "PowerShell Language Specification 3.0", chapter 2) for
comments, backticks, the four kinds of strings, variables and nested `$( … )`, `( … )`, `{ … }`. The parser keeps no
grammar of expressions: it collects, at every nesting level, what stands in the position of a command and what is
called as a method, and folds `+`, `-f`, `-join`, `-replace`, `[char]` and `.Replace()` of constants, because those are
what hides commands. What it can't know stays as written and is marked dynamic.
"""

from __future__ import annotations

from typing import NamedTuple

from yett.extract.patterns import pattern
from yett.extract.windows.lexer import MAX_COMMANDS, Token, TooMuch, tokens
from yett.extract.windows.values import (
    AUTOMATIC,
    MAX_TEXT,
    Value,
    character,
    combined,
    decode_base64,
    indexed,
    looked_up,
)
from yett.extract.words import words

MAX_DEPTH = 40


class Line(NamedTuple):
    """One command or method call."""

    words: tuple[str, ...]
    dynamic: bool
    """The command's name is not known."""
    piped: bool
    method: bool
    redirects: tuple[tuple[str, str], ...] = ()
    inserted: bool = False
    """An argument has variables put in whose values are not known."""
    unknown: bool = False
    """An argument is worked out at run time."""
    built: bool = False
    """The command's name, or code that it is given, is put together from pieces."""


_PROGRAM = pattern(r"(?i)^[^\"<>|]*\.(?:exe|com|bat|cmd)$")
_HEX = pattern(r"^0x[0-9a-fA-F]{1,8}$")
MAX_WITHIN = 16_384
"""Characters of `$(…)` in strings, each counted as often as it is read anew."""
MAX_NAME = 512
"""Of a member of a member of …, which would double with each."""
KEYWORDS = words(
    "if else elseif for foreach while do until switch function filter param begin process end try catch finally trap return break continue exit throw "
    "in class enum using data dynamicparam workflow parallel sequence hidden static"
)


class Reader:
    """Walks the tokens once, collecting commands; `variables` holds what constants they were given."""

    def __init__(self, source: str) -> None:
        self._tokens = tokens(source)
        self._index = 0
        self.lines: list[Line] = []
        self.variables: dict[str, str] = {}
        self.partly: dict[str, str] = {}
        """What is written of the values of the other variables."""
        self._within = 0
        self._fed = Value("", False)
        """The constant that the next command of the pipeline is given."""
        self._statements(0, "")

    def _peek(self, ahead: int = 0) -> Token | None:
        position = self._index + ahead
        return self._tokens[position] if position < len(self._tokens) else None

    def _statements(self, depth: int, closer: str, *, table: bool = False) -> Value:
        """Statements up to the closing bracket; the value of the last one, if it is a constant expression.

        In a `table` (`@{name = value; …}`) each begins with a name that is not run.
        """
        if depth > MAX_DEPTH:
            raise TooMuch("too_deep")
        value = Value("", False)
        piped = False
        self._fed = value
        while (token := self._peek()) is not None:
            if token.kind == closer:
                self._index += 1
                return value
            if (
                token.kind == "nl"
                or (token.kind == "op" and token.text in ("&&", "||", ","))
                or token.kind in (")", "}", "]")
            ):
                self._index += 1
                piped = False
                continue
            if token.kind == "op" and token.text == "|":
                self._index += 1
                piped = True
                self._fed = value
                continue
            following = self._peek(1) if table else None
            if following is not None and following.kind == "op" and following.text == "=":
                self._index += 2
                continue
            value = self._statement(depth, piped)
            piped = False
        return value

    def _statement(self, depth: int, piped: bool) -> Value:
        token = self._peek()
        assert token is not None
        if (token.kind == "op" and token.text == "&") or (token.kind == "word" and token.text == "."):
            following = self._peek(1)
            if following is not None and (following.spaced or token.text == "&" or following.kind != "word"):
                self._index += 1
                return self._command(depth, piped, invoked=True)
        if token.kind == "word" and token.text == "!":
            self._index += 1
            return self._expression(depth)
        if token.kind == "word" and (token.text.lower() in KEYWORDS):
            self._index += 1
            if token.text.lower() in ("function", "filter", "class", "using", "enum"):
                following = self._peek()
                if following is not None and following.kind == "word":
                    self._index += 1
            return Value("", False)
        if token.kind == "word" and not token.text[0].isdigit() and not token.text.startswith(("-", "::")):
            return self._command(depth, piped, invoked=False)
        if token.kind == "op" and token.text == "%":
            return self._command(depth, piped, invoked=False)
        following = self._peek(1)
        if (
            token.kind == "text"
            and _PROGRAM.search(token.text)
            and following is not None
            and following.spaced
            and following.kind in ("word", "text", "mixed")
        ):
            # a line of cmd, told for PowerShell by what it hands on
            return self._command(depth, piped, invoked=True)
        return self._expression(depth)

    def _expression(self, depth: int) -> Value:
        """An expression statement: an assignment, a value, a chain of method calls."""
        token = self._peek()
        following = self._peek(1)
        if (
            token is not None
            and token.kind == "var"
            and following is not None
            and following.kind == "op"
            and following.text in ("=", "+=")
        ):
            self._index += 2
            before = self.variables.get(token.text, "") if following.text == "+=" else ""
            ahead = self._peek()
            if ahead is None:
                return Value("", False)
            value = self._statement(depth, piped=False)
            self.variables.pop(token.text, None)
            self.partly.pop(token.text, None)
            if token.text.startswith("alias:"):
                self.lines.append(Line(("set-alias", token.text, value.text), False, False, False))
            if value.known:
                self.variables[token.text] = (before + value.text)[:MAX_TEXT]
            elif value.partly and not before:
                self.partly[token.text] = value.text[:MAX_TEXT]
            return value
        value = self._list(depth)
        while (token := self._peek()) is not None and token.kind not in ("nl", ")", "}", "]"):
            if token.kind == "op":
                if token.text == "|" or token.text in ("&&", "||"):
                    break
                operator = token.text.lower()
                self._index += 1
                following = self._peek()
                if following is None or following.kind in ("nl", ")", "}", "]"):
                    break
                value = combined(value, operator, self._list(depth))
            elif token.kind == "word" and token.text.startswith("-"):
                self._index += 1
            else:
                other = self._operand(depth)
                value = other if not value.known else Value(value.text, False)
        return value

    def _list(self, depth: int) -> Value:
        """Operands joined by commas, which bind tighter than any other operator."""
        value = self._operand(depth)
        while (token := self._peek()) is not None and token.kind == "op" and token.text == ",":
            self._index += 1
            if (following := self._peek()) is None or following.kind in ("nl", ")", "}", "]"):
                break
            value = combined(value, ",", self._operand(depth))
        return value

    def _operand(self, depth: int) -> Value:
        token = self._peek()
        if token is None:
            return Value("", False)
        self._index += 1
        value = Value(token.text, False)
        if token.kind == "text":
            value = Value(token.text, True)
        elif token.kind == "mixed":
            value = self._interpolated(token.text)
        elif token.kind == "var":
            following = self._peek()
            indexed = following is not None and following.kind == "[" and not following.spaced
            value = self._variable(token.text, indexed=indexed)
        elif token.kind == "word":
            if token.text == "!":
                return self._operand(depth)
            if token.text[0].isdigit():
                value = Value(str(int(token.text, 16)) if _HEX.match(token.text) else token.text, True)
        elif token.kind in ("(", "$(", "@("):
            value = self._statements(depth + 1, ")")
        elif token.kind in ("{", "@{"):
            self._statements(depth + 1, "}", table=token.kind == "@{")
            value = Value("{}", token.kind == "{")
        elif token.kind == "[":
            return self._type(depth)
        elif token.kind == "op" and token.text in ("-join", "-split"):
            inner = self._operand(depth)
            joined = token.text == "-join"
            text = "".join(inner.items or (inner.text,)) if joined else inner.text
            return Value(text, inner.known, () if joined else inner.items, built=joined)
        return self._suffix(value, depth)

    def _variable(self, name: str, *, indexed: bool = False) -> Value:
        bare = name.removeprefix("script:").removeprefix("global:").removeprefix("local:")
        known = self.variables.get(bare)
        if known is None and (bare == "env:comspec" or indexed):
            known = AUTOMATIC.get(bare.removeprefix("env:"))
        if known is not None:
            return Value(known, True)
        return Value(self.partly.get(bare, f"${name}"), False, partly=True)

    def _type(self, depth: int) -> Value:
        """`[char]65`, `[type]::Method(…)`."""
        parts = []
        level = 1
        while (token := self._peek()) is not None:
            self._index += 1
            if token.kind == "[":
                level += 1
            elif token.kind == "]":
                level -= 1
                if level == 0:
                    break
            elif token.kind == "nl":
                break
            parts.append(token.text)
        name = "".join(parts).lower()
        following = self._peek()
        if following is not None and following.kind == "word" and following.text.startswith("::"):
            self._index += 1
            member, _, chain = following.text[2:].partition(".")
            full = f"[{name.removeprefix('system.')}]::{member}"
            if chain:
                self.lines.append(Line((full,), False, False, True))
                return self._call(chain.rpartition(".")[2], depth, Value(full, False))
            return self._call(full, depth, Value(full, False))
        if (following is not None and following.kind in ("text", "mixed", "var", "(", "$(", "[", "@(")) or (
            following is not None and following.kind == "word" and following.text[0].isdigit()
        ):
            inner = self._operand(depth)
            if name.startswith("char") and inner.known:
                letters = tuple(character(item) for item in inner.items)
                return Value("".join(letters) or character(inner.text), True, letters, built=True)
            return inner
        self.lines.append(Line((f"[{name.removeprefix('system.')}]",), False, False, True))
        return Value(f"[{name}]", False)

    def _suffix(self, value: Value, depth: int) -> Value:
        """Member access, indexing and method calls that follow an operand."""
        while (following := self._peek()) is not None and not following.spaced:
            if (
                following.kind == "word"
                and following.text.startswith((".", "::"))
                and len(following.text) > 1
            ):
                self._index += 1
                owner, _, name = following.text.lstrip(".:").rpartition(".")
                if owner:
                    value = Value(f"{value.text}.{owner}", False)
                if following.text.startswith("::"):
                    name = f"[{value.text[-MAX_NAME:].strip('$')}]::{name}"
                value = self._call(name, depth, value)
            elif following.kind == "word" and following.text in (".", "::"):
                self._index += 1
                part = self._peek()
                if part is not None and part.kind in ("text", "mixed", "var", "word", "("):
                    chosen = self._operand(depth) if part.kind != "word" else Value(part.text, True)
                    if part.kind == "word":
                        self._index += 1
                    value = self._call(chosen.text if chosen.known else "?", depth, value)
            elif following.kind == "[":
                self._index += 1
                index = self._statements(depth + 1, "]")
                value = indexed(value, index)
            else:
                break
        return value

    def _call(self, name: str, depth: int, owner: Value) -> Value:
        following = self._peek()
        member = f".{name}" if not name.startswith("[") else name
        if following is None or following.kind != "(" or following.spaced:
            words = [member, owner.text[:512]]
            if following is not None and following.kind == "op" and following.text == "=":
                words.append("=")
            self.lines.append(Line(tuple(words), name == "?", False, True))
            if name.startswith("["):
                return self._suffix(Value(f"{owner.text[-MAX_NAME:]}.{name}".lstrip("."), False), depth)
            if name.lower() in ("source", "path", "fullname", "definition", "providerpath"):
                return owner
            return Value(f"{owner.text[-MAX_NAME:]}.{name}", False)
        self._index += 1
        start = self._index
        argument = self._statements(depth + 1, ")")
        words = [member]
        words += [
            t.text for t in self._tokens[start : self._index] if t.kind in ("text", "mixed", "word", "var")
        ][:64]
        if (argument.known or argument.partly) and argument.text and argument.text not in words:
            words.append(argument.text)
        if not name.startswith("["):
            words.append(owner.text[:512])
        self.lines.append(Line(tuple(words), name == "?", False, True))
        low = name.lower()
        if low == "replace" and owner.known:
            pair = argument.items
            if argument.known and len(pair) == 2:
                return Value(owner.text.replace(pair[0], pair[1])[:MAX_TEXT], True, built=True)
        if low in ("tostring", "trim", "tolower", "toupper", "invoke", "tochararray") and owner.known:
            if low == "trim" and argument.known:
                return owner._replace(text=owner.text.strip(argument.text), built=True)
            return owner._replace(items=tuple(owner.text)) if low == "tochararray" else owner
        if low.endswith("::join") and argument.known and len(argument.items) > 1:
            return Value(argument.items[0].join(argument.items[1:]), True, built=True)
        if low.endswith("::frombase64string") and argument.known:
            return Value(argument.text, True, ("base64",))
        if low.endswith("getstring") and argument.items[:1] == ("base64",):
            decoded = decode_base64(argument.text, wide="unicode" in (owner.text + low).lower())
            if decoded is not None:
                return Value(decoded, True, built=True)
        return self._suffix(Value(owner.text if not name.startswith("[") else argument.text, False), depth)

    def _interpolated(self, text: str) -> Value:
        """A double-quoted string with the variables that are known put in."""
        if "$(" in text:
            self._inner(text)
        out, last, known = [], 0, True
        for match in _INTERPOLATED.finditer(text):
            name = (match.group(1) or match.group(2) or "").lower()
            value = self._variable(name)
            known = known and value.known
            put = value.text if value.text != f"${name}" else match.group(0)
            out.append(text[last : match.start()] + put)
            last = match.end()
        whole = "$(" not in text
        return Value(("".join(out) + text[last:])[:MAX_TEXT], known and whole, partly=whole)

    def _inner(self, text: str) -> None:
        """Commands in `"… $(command) …"`."""
        start = text.find("$(")
        while start >= 0:
            stop, level = start + 2, 1
            while stop < len(text) and level:
                level += {"(": 1, ")": -1}.get(text[stop], 0)
                stop += 1
            body = text[start + 2 : stop - 1]
            self._within += len(body)
            if self._within > MAX_WITHIN:
                raise TooMuch("too_long")
            if len(body) < len(text):
                saved, position = self._tokens, self._index
                self._tokens, self._index = tokens(body), 0
                self._statements(MAX_DEPTH // 2, "")
                self._tokens, self._index = saved, position
            start = text.find("$(", stop)

    def _command(self, depth: int, piped: bool, *, invoked: bool) -> Value:
        """A command and its arguments up to the end of the pipeline element."""
        if len(self.lines) >= MAX_COMMANDS:
            raise TooMuch("too_long")
        place = len(self.lines)
        fed = self._fed if piped else Value("", False)
        words: list[str] = []
        redirects: list[tuple[str, str]] = []
        name = value = Value("", True)
        inserted = unknown = built = False
        listed = False
        while (token := self._peek()) is not None:
            if (
                token.kind == "nl"
                or token.kind in (")", "}", "]")
                or (token.kind == "op" and token.text in ("|", "&&", "||", ";"))
            ):
                break
            if token.kind == "op" and token.text == "&" and words:
                break
            if token.kind == "op" and token.text in (">", ">>"):
                self._index += 1
                target = self._operand(depth)
                redirects.append((token.text, target.text))
                if words and words[-1] in ("1", "2", "*"):
                    words.pop()
                continue
            if token.kind == "op" and token.text == ",":
                self._index += 1
                listed = True
                continue
            if token.kind == "op" and token.text in ("=",) and len(words) == 1 and not token.spaced:
                self._index += 1
                continue
            apart = token.spaced or listed or not words
            listed = False
            if token.kind in ("word", "op"):
                value = self._word(depth)
            elif token.kind == "{":
                self._index += 1
                begin = self._index
                self._statements(depth + 1, "}")
                text = " ".join(t.text for t in self._tokens[begin : self._index - 1])
                value = Value("{" + text[:MAX_TEXT] + "}", True)
            else:
                value = self._operand(depth)
                apart = apart or token.kind == "(" or (token.kind == "$(" and invoked)
            if apart:
                words.append(value.text)
            else:
                words[-1] += value.text
            if len(words) == 1:
                whole = name.known and value.known
                partly = (name.known or name.partly) and (value.known or value.partly)
                partly = partly or (token.kind == "mixed" and apart)
                name = Value(words[0], whole, partly=partly, built=name.built or value.built)
            else:
                inserted = inserted or value.partly
                unknown = unknown or not (value.known or value.partly)
                built = built or value.built
        if len(words) == 1 and fed.known and words[0].lower() in _RUN_CODE:
            words += ["/c", fed.text] if words[0].lower().startswith("cmd") else [fed.text]
            built = fed.built
        if words:
            dynamic = not name.known and not (name.partly and _NAMED.search(words[0]))
            built = name.built or (built and words[0].lower() in _RUN_CODE)
            line = Line(tuple(words), dynamic, piped, False, tuple(redirects), inserted, unknown, built)
            self.lines.insert(place, line)
        elif redirects:
            self.lines.insert(place, Line(("",), False, piped, False, tuple(redirects)))
        if unknown and not (name.text.lower() == "join-path" and (value.known or value.partly)):
            return Value(" ".join(words), False)
        return looked_up(words)

    def _word(self, depth: int) -> Value:
        """A bare word with what is written against it: `a$b'c'`."""
        token = self._peek()
        assert token is not None
        self._index += 1
        text, known, partly, quoted = token.text, True, True, False
        while (
            (following := self._peek()) is not None
            and not following.spaced
            and following.kind in ("word", "text", "mixed", "var", "op")
            and following.text not in ("|", ",", "&", ";", ">", ">>", "&&", "||")
        ):
            if following.kind in ("op", "word"):
                self._index += 1
                text += following.text
                continue
            part = self._operand(depth)
            text += part.text
            known = known and part.known
            partly = partly and (part.known or part.partly)
            quoted = quoted or following.kind == "text"
        return Value(text, known, partly=partly and not known, built=quoted and "\\" not in text)


_NAMED = pattern(r"[\\/][^\\/$*?\[\])]+$|^\$profile$")
_RUN_CODE = words(
    "invoke-expression iex powershell powershell.exe pwsh cmd cmd.exe invoke-command icm start-process saps start"
)
_INTERPOLATED = pattern(r"\$(?:\{([^}]+)\}|([A-Za-z_]\w*(?::\w+)?))")
