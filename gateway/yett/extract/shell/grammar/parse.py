"""Words to commands: the shell grammar by recursive descent.

More lenient than bash where bash would refuse (an empty `then`, a function body that is a simple command),
because a program that parses here and fails there does no harm, while the reverse would hide a command.
Where it has to give up, `parse` says so and still returns what it understood, line by line.
"""

from __future__ import annotations

import string

from yett.extract.shell.grammar.assignments import assignment, literal
from yett.extract.shell.grammar.lexer import Lexer
from yett.extract.shell.grammar.nodes import (
    AndOr,
    ArithCommand,
    Assign,
    Background,
    Case,
    Function,
    Group,
    If,
    Lit,
    Loop,
    Node,
    Pipe,
    Redir,
    Seq,
    Simple,
    Test,
    Word,
)
from yett.extract.shell.grammar.scanner import MAX_DEPTH, Fuel, ShellSyntaxError, TooMuch, is_name

_OPERATORS = ("&>>", "<<<", "<<-", "&>", ">>", "<<", "<&", ">&", "<>", ">|", "<", ">")
_COMPOUND = frozenset(("{", "if", "while", "until", "for", "select", "case", "[[", "function"))
_CLOSING = frozenset(("then", "do", "done", "fi", "else", "elif", "esac", "}"))
_PLACEHOLDER = frozenset(string.ascii_letters + string.digits + " _-.|/")
_MAX_PLACEHOLDER = 40
_KEYWORDS = _COMPOUND | _CLOSING | frozenset(("!", "time", "coproc", "in"))


def parse(source: str, fuel: Fuel, depth: int = 0) -> tuple[Seq, bool]:
    """The program, and whether part of it could not be understood (and was skipped to the next line).

    Raises:
        TooMuch: out of fuel, or constructs too deep within one another.
    """
    items: list[Node] = []
    parser = Parser(source, fuel, depth)
    failed = False
    while True:
        start = parser.i
        try:
            items.extend(parser.seq(frozenset()).items)
        except ShellSyntaxError:
            failed = True
            for unfinished in parser.salvaged:
                items.extend(unfinished)
        if parser.i >= parser.n:
            return Seq(tuple(items)), failed
        # A closing word or an operator without an opening one, or a line that makes no sense.
        failed = True
        newline = source.find("\n", max(parser.i, start))
        if newline < 0:
            return Seq(tuple(items)), True
        fuel.burn(4)
        rest = source[newline + 1 :]
        if len(rest) * 8 > fuel.left * 64:
            raise TooMuch("steps")
        fuel.burn(len(rest) >> 6)
        parser = Parser(rest, fuel, depth)
        source = rest


class Parser(Lexer):
    """The grammar; every method starts at a token and leaves `i` behind what it read."""

    def __init__(self, source: str, fuel: Fuel, depth: int = 0) -> None:
        super().__init__(source, fuel, depth)
        self.salvaged: list[list[Node]] = []
        """What the sequences being read hold so far, outermost first: all there is if one fails."""

    def seq(self, stop: frozenset[str]) -> Seq:
        """Commands up to (not including) a closing word or operator in `stop`, or the end."""
        items: list[Node] = []
        self.salvaged.append(items)
        src, n = self.src, self.n
        while True:
            self.newlines()
            if self.i >= n:
                break
            c = src[self.i]
            if c == ")" or (c == ";" and self.case_end()):
                break
            if c in "tdfe}":
                text, _ = self.plain()
                if text in _CLOSING:
                    if text in stop or not stop:
                        break
                    raise ShellSyntaxError(self.i)
            item = self.and_or()
            self.blanks()
            if self.i >= n:
                items.append(item)
                break
            c = src[self.i]
            if c == "&":
                items.append(Background(item))
                self.i += 1
                continue
            items.append(item)
            if c == ";":
                if self.case_end():
                    break
                self.i += 1
            elif c == ")":
                break
            elif c != "\n" and self.plain()[0] not in stop:
                raise ShellSyntaxError(self.i)
        self.salvaged.pop()
        return Seq(tuple(items))

    def case_end(self) -> bool:
        return self.peek(";;") >= 0 or self.peek(";&") >= 0

    def and_or(self) -> Node:
        first = self.pipeline()
        items = [first]
        while True:
            self.blanks()
            end = self.peek("&&") if self.src.startswith("&", self.i) else self.peek("||")
            if end < 0:
                return first if len(items) == 1 else AndOr(tuple(items))
            self.i = end
            self.newlines()
            items.append(self.pipeline())

    def pipeline(self) -> Node:
        items: list[Node] = []
        while True:
            self.blanks()
            items.append(self.command())
            self.blanks()
            if not self.src.startswith("|", self.i) or self.peek("||") >= 0:
                return items[0] if len(items) == 1 else Pipe(tuple(items))
            end = self.peek("|&")
            self.i = end if end >= 0 else self.i + 1
            self.newlines()

    def command(self) -> Node:
        self.fuel.burn()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooMuch("depth")
        node = self._command()
        self.depth -= 1
        return node

    def _command(self) -> Node:
        src = self.src
        if self.i >= self.n:
            raise ShellSyntaxError(self.i)
        if src[self.i] == "(":
            end = self.peek("((")
            if end >= 0:
                parts = self.arithmetic(end, "))")
                if parts is not None:
                    return ArithCommand(parts, self.redirections())
            self.i += 1
            body = self.seq(frozenset(")"))
            self.expect(")")
            return Group(body, True, self.redirections())
        text, end = self.plain()
        if text in _KEYWORDS:
            if text == "!":
                self.i = end
                self.blanks()
                return self.command() if self.i < self.n and src[self.i] not in "\n;|&)" else Seq(())
            if text == "time":
                node = self.timed(end)
                if node is not None:
                    return node
            elif text == "coproc":
                return self.coprocess(end)
            elif text in _COMPOUND:
                self.i = end
                return self.compound(text)
            elif text in _CLOSING:
                raise ShellSyntaxError(self.i)
        return self.simple()

    def timed(self, end: int) -> Node | None:
        """`time` is a keyword before anything but an option that only the program of that name has."""
        back = self.i
        self.i = end
        self.blanks()
        text, after = self.plain()
        if text == "-p":
            self.i = after
            self.blanks()
            text, after = self.plain()
        if self.i < self.n and not text.startswith("-") and self.src[self.i] not in "\n;|&)":
            return self.command()
        self.i = back
        return None

    def coprocess(self, end: int) -> Node:
        self.i = end
        self.blanks()
        text, after = self.plain()
        if is_name(text) and text not in _KEYWORDS:
            back = self.i
            self.i = after
            self.blanks()
            following, _ = self.plain()
            if not (self.src.startswith("(", self.i) or following in _COMPOUND):
                self.i = back
        return Background(self.command())

    def expect(self, text: str) -> None:
        if text in "()":
            self.blanks()
            if not self.src.startswith(text, self.i):
                raise ShellSyntaxError(self.i)
            self.i += 1
            return
        self.newlines()
        word, end = self.plain()
        if word != text:
            raise ShellSyntaxError(self.i)
        self.i = end

    def compound(self, keyword: str) -> Node:
        if keyword == "{":
            body = self.seq(frozenset("}"))
            self.expect("}")
            return Group(body, False, self.redirections())
        if keyword == "if":
            return self.conditional()
        if keyword in ("while", "until"):
            test = self.seq(frozenset(("do",)))
            body = self.do_block()
            return Loop(test, "", (), body, self.redirections())
        if keyword in ("for", "select"):
            return self.for_loop()
        if keyword == "case":
            return self.case()
        if keyword == "[[":
            return self.test()
        self.blanks()
        name = self.word()
        self.blanks()
        if self.src.startswith("(", self.i):
            self.i += 1
            self.expect(")")
        self.newlines()
        return Function(literal(name), self.command())

    def do_block(self) -> Seq:
        self.newlines()
        if self.src.startswith("{", self.i):
            self.i += 1
            body = self.seq(frozenset("}"))
            self.expect("}")
            return body
        self.expect("do")
        body = self.seq(frozenset(("done",)))
        self.expect("done")
        return body

    def conditional(self) -> Node:
        tests, bodies = [], []
        while True:
            tests.append(self.seq(frozenset(("then",))))
            self.expect("then")
            bodies.append(self.seq(frozenset(("elif", "else", "fi"))))
            self.newlines()
            word, end = self.plain()
            self.i = end
            if word == "elif":
                continue
            if word == "else":
                bodies.append(self.seq(frozenset(("fi",))))
                self.expect("fi")
            elif word != "fi":
                raise ShellSyntaxError(self.i)
            return If(tuple(tests), tuple(bodies), self.redirections())

    def for_loop(self) -> Node:
        self.blanks()
        if (end := self.peek("((")) >= 0:
            head = self.arithmetic(end, "))")
            if head is None:
                raise ShellSyntaxError(self.i)
            self.blanks()
            if self.src.startswith(";", self.i):
                self.i += 1
            body = self.do_block()
            redirs = self.redirections()
            return Seq((ArithCommand(head), Loop(None, "", (), body, redirs)))
        name = literal(self.word())
        self.newlines()
        words: tuple[Word, ...] | None = None
        text, end = self.plain()
        if text == "in":
            self.i = end
            found: list[Word] = []
            while True:
                self.blanks()
                word = self.word()
                if not word:
                    break
                found.append(word)
            words = tuple(found)
        self.blanks()
        if self.src.startswith(";", self.i):
            self.i += 1
        body = self.do_block()
        return Loop(None, name, words, body, self.redirections())

    def case(self) -> Node:
        self.blanks()
        word = self.word()
        self.newlines()
        self.expect("in")
        patterns: list[Word] = []
        bodies: list[Seq] = []
        while True:
            self.newlines()
            text, end = self.plain()
            if text == "esac":
                self.i = end
                return Case(word, tuple(patterns), tuple(bodies), self.redirections())
            if self.src.startswith("(", self.i):
                self.i += 1
                self.blanks()
            while True:
                before = self.i
                patterns.append(self.word())
                self.blanks()
                if self.src.startswith("|", self.i):
                    self.i += 1
                    self.blanks()
                elif self.src.startswith(")", self.i):
                    self.i += 1
                    break
                else:
                    raise ShellSyntaxError(before)
            bodies.append(self.seq(frozenset(("esac",))))
            for operator in (";;&", ";;", ";&"):
                if (end := self.peek(operator)) >= 0:
                    self.i = end
                    break

    def test(self) -> Node:
        """Behind `[[`."""
        words: list[Word] = []
        regex = False
        while True:
            self.newlines()
            if self.i >= self.n:
                raise ShellSyntaxError(self.i)
            text, end = self.plain()
            if text == "]]":
                self.i = end
                return Test(tuple(words), self.redirections())
            c = self.src[self.i]
            if regex:
                regex = False
                words.append(self.word(regex=True))
                continue
            if c in "()|&;" or (c in "<>" and not self.src.startswith("(", self.i + 1)):
                self.i += 1
                continue
            before = self.i
            word = self.word()
            if self.i == before:
                raise ShellSyntaxError(before)
            regex = text == "=~"
            words.append(word)

    # -- simple commands ---------------------------------------------------------------------------

    def redirections(self) -> tuple[Redir, ...]:
        redirs: list[Redir] = []
        while True:
            self.blanks()
            back = self.i
            text, end = self.plain()
            fd = ""
            if text and end < self.n and self.src[end] in "<>" and (text.isdigit() or _is_fd_variable(text)):
                self.i, fd = end, text
            redir = self.redirection(fd)
            if redir is None:
                self.i = back
                return tuple(redirs)
            redirs.append(redir)

    def redirection(self, fd: str) -> Redir | None:
        """At a redirection operator, or None."""
        c = self.src[self.i : self.i + 1]
        if c not in ("<", ">", "&"):
            return None
        for operator in _OPERATORS:
            end = self.peek(operator)
            if end < 0:
                continue
            if operator in ("<", ">") and self.src.startswith("(", end) and not fd:
                return None
            self.i = end
            self.blanks()
            if operator in ("<<", "<<-"):
                target, here = self.here_delimiter(operator == "<<-")
                return Redir(operator, target, here, fd)
            target = self.word()
            if not target:
                raise ShellSyntaxError(self.i)
            return Redir(operator, target, None, fd)
        return None

    def placeholder(self) -> int:
        """Behind a `<name>` as manuals have it, or 0: no shell runs a line with nothing to redirect to."""
        src, i = self.src, self.i
        end = src.find(">", i, i + _MAX_PLACEHOLDER)
        if end < 0 or not _PLACEHOLDER.issuperset(src[i + 1 : end]) or not src[i + 1 : i + 2].isalpha():
            return 0
        behind = end + 1
        while behind < self.n and src[behind] in " \t":
            behind += 1
        closing = "\n;)" if behind == end + 1 else "\n;)|&<>"
        return end + 1 if behind >= self.n or src[behind] in closing else 0

    def simple(self) -> Node:
        assigns: list[Assign] = []
        words: list[Word] = []
        redirs: list[Redir] = []
        src, n = self.src, self.n
        start = self.i
        while True:
            self.blanks()
            if self.i >= n:
                break
            c = src[self.i]
            if c in "\n;|)":
                break
            if c == "(" and (len(words) != 1 or assigns):
                if words:
                    # what stands before the mistake may be meant to run
                    self.salvaged.append([Simple(tuple(assigns), tuple(words), tuple(redirs))])
                raise ShellSyntaxError(self.i)
            if c in "<>&":
                end = self.placeholder()
                if end:
                    words.append((Lit(src[self.i : end], True),))
                    self.i = end
                    continue
                redir = self.redirection("")
                if redir is not None:
                    redirs.append(redir)
                    continue
                if c == "&":
                    break
            if c == "(":
                self.i += 1
                self.expect(")")
                self.newlines()
                return Function(literal(words[0]), self.command())
            word = self.word(command=not words)
            if not word:
                raise ShellSyntaxError(self.i)
            if self.i < n and src[self.i] in "<>" and len(word) == 1 and isinstance(first := word[0], Lit):
                text = first.text
                if not first.quoted and (text.isdigit() or _is_fd_variable(text)):
                    redir = self.redirection(text)
                    if redir is not None:
                        redirs.append(redir)
                        continue
            if not words:
                assign = assignment(word)
                if assign is not None:
                    assigns.append(assign)
                    continue
            words.append(word)
        if self.i == start:
            raise ShellSyntaxError(start)
        return Simple(tuple(assigns), tuple(words), tuple(redirs))


def _is_fd_variable(text: str) -> bool:
    return text.startswith("{") and text.endswith("}") and is_name(text[1:-1])
