"""The walk from arguments to facts. See the package for the story; here is how it is done.

Every string becomes an `_Item`: the text, where it stands, how it was reached and what it is declared to be.
Items wait in a queue; reading one may put more there (a decoded layer, a shell's inline Python, a string of
that Python). The queue, the `Budget` and `MAX_NESTING` bound the work; what does not fit is named in `limits`.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from yett.extract import code as code_analyser
from yett.extract import (
    contacts,
    decode,
    infer,
    patches,
    paths,
    secrets,
    shell,
    signals,
    sql,
    urls,
    views,
    windows,
)
from yett.extract.budget import MAX_NESTING, Budget, Nested, OverBudget
from yett.extract.facts import CodeFact, Command, Facts, Text
from yett.extract.found import MAX_FACTS, Found
from yett.extract.patterns import ScanFailed, probe
from yett.extract.result import ShellResult
from yett.model import Json, ToolCall, ToolSpec

MAX_LEAVES = 2_000
MAX_DEPTH = 64
MAX_TEXT = 1 << 16
"""Characters of one string that are analysed; longer is cut and said so."""
BLOB = 128
"""Characters from which on a text without words is taken for something encoded."""
SHORT = 80
"""Longest prose that is also looked at for fragments of SQL and shell: a title may end up in a query."""
GUESSED_CODE = 100
"""Steps that a text costs which is taken for a program by its looks alone, and one more for each 16 characters that
are read: forty in one call are no coincidence."""
GUESSED_COMMAND = 80
"""The same for a command line, by its length too."""
NESTED_PROGRAM = 6
"""Characters for a step of a program within another: each level is read anew, so nesting must not be for nothing."""
MAX_COMMANDS = 500
"""Commands of one call; the judgement of each may ask all others."""
LONG = 400
"""Longest that is so looked at where it has no two words in a row."""

_PLAIN_KEY = probe(r"^[A-Za-z0-9_. -]{0,20}[A-Za-z0-9_. -]{0,20}$")
_NO_PROSE = probe(r"[;&|`$<>(){}\\*]|\s-{1,2}[a-zA-Z]|(?:^|\s)[~.]{0,2}/\w|\n")
"""What a command line has and a sentence that begins with `find` or `head` mostly has not."""
_SENTENCE = probe(r"(?:^|\s)[A-Za-z][a-z']+,? [A-Za-z]?[a-z]+(?:[\s.,:;!?)]|$)")
"""Two plain words in a row, which a payload in a title or a comment does not have."""
_ENCODED = probe(r"^[A-Za-z0-9+/_-]+={0,2}\s*$")
_EMBEDDED_PATH = probe(r"(?:^|[\s=:\"'<>(;|&`,])(?:~|/|\.\.|[A-Za-z]:[\\/]|\\\\)")

T = TypeVar("T")


@lru_cache(maxsize=8192)
def _plain_key(name: str) -> bool:
    """Whether a member's name is plainly that; the same few names stand in every call of a tool."""
    return "__" not in name and "." not in name and bool(_PLAIN_KEY.search(name.encode("utf-8", "replace")))


class _Item(msgspec.Struct, frozen=True):
    text: str
    pointer: str
    kind: str
    name: str = ""
    chain: tuple[str, ...] = ()
    depth: int = 0
    key: bool = False
    declared: bool = True
    via: str = ""


class Extraction:
    """The mutable state of one extraction; use once, from one thread."""

    def __init__(self, call: ToolCall, spec: ToolSpec | None, size: int, budget: Budget) -> None:
        self.call = call
        self.spec = spec
        self.size = size
        self.budget = budget
        self.queue: deque[_Item] = deque()
        self.seen: set[tuple[str, str]] = set()
        self.found = Found()
        self.limits = self.found.limits
        self.does: set[str] = set()
        """What the arguments themselves say that the call does, beside what is inferred from the facts."""

    # -- the arguments -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Read the whole call. Raises `OverBudget` when the budget is gone; what was found stays."""
        self._arguments()
        while self.queue:
            self._read(self.queue.popleft())

    def _arguments(self) -> None:
        members = list(self._first(self.call.arguments.items()))
        stack: list[tuple[Json, str, str, str, int]] = [
            (value, "/" + _escape(name), name, name, 1) for name, value in reversed(members)
        ]
        for name, _ in members:
            self._key(name, "/" + _escape(name))
        self._split_command(self.call.arguments)
        leaves = 0
        while stack:
            value, pointer, top, name, depth = stack.pop()
            leaves += 1
            if leaves > MAX_LEAVES:
                self.limits.add("leaves")
                return
            if depth > MAX_DEPTH:
                self.limits.add("depth")
                continue
            if isinstance(value, str):
                self._add(value, pointer, views.of(self.call.tool, self.spec, top, name), name)
            elif isinstance(value, dict):
                for member, inner in reversed(list(self._first(value.items()))):
                    below = pointer + "/" + _escape(member)
                    self._key(member, below)
                    stack.append((inner, below, top, member, depth + 1))
            elif isinstance(value, list):
                if self._list(value, pointer, top, name):
                    continue
                for index, inner in reversed(list(enumerate(self._first(value)))):
                    stack.append((inner, f"{pointer}/{index}", top, name, depth + 1))
            elif views.of(self.call.tool, self.spec, top, name) == "money":
                self.found.add_amount(value, pointer)

    def _first(self, members: Collection[T]) -> Iterable[T]:
        """The members; of more than can be read only the first, since the call is refused anyway."""
        if len(members) <= MAX_LEAVES:
            return members
        self.limits.add("leaves")
        return itertools.islice(members, MAX_LEAVES // 10)

    def _key(self, name: str, pointer: str) -> None:
        """A member's name is a string like any other, where it is not plainly a name."""
        if len(name) > views.MAX_NAME or not _plain_key(name):
            self.queue.append(_Item(name, pointer, "data", key=True, declared=False))

    def _split_command(self, arguments: dict[str, Json]) -> None:
        """`{command: rm, args: [-rf, /]}` is one command."""
        program = next(
            (
                arguments[name]
                for name in ("command", "cmd", "program", "executable")
                if isinstance(arguments.get(name), str)
            ),
            "",
        )
        rest = next(
            (
                arguments[name]
                for name in ("args", "argv", "arguments", "parameters")
                if isinstance(arguments.get(name), list)
            ),
            None,
        )
        if program and rest and " " not in program.strip() and all(isinstance(word, str) for word in rest):
            self._argv([program, *rest], "/command" if "command" in arguments else "/cmd")

    def _list(self, value: list[Json], pointer: str, top: str, name: str) -> bool:
        """A list of strings under a command's name is an argv; True if it was read as one."""
        if not value or not all(isinstance(word, str) for word in value):
            return False
        kind = views.of(self.call.tool, self.spec, top, name)
        if kind not in ("command", "windows", "argv"):
            return False
        if views.tokens(name)[-1:] in (("commands",), ("steps",), ("lines",), ("scripts",)) or (
            kind != "argv" and all(" " in word for word in value)
        ):
            return False
        for index, word in enumerate(value):
            self._text_only(word, f"{pointer}/{index}")
        self._argv(value, pointer)
        return True

    def _argv(self, argv: list[str], pointer: str) -> None:
        result = self._guard("shell", lambda: shell.analyse_argv(tuple(argv), pointer, budget=self.budget))
        if result is not None:
            self._shell_result(result, pointer, 0)

    def _add(self, text: str, pointer: str, kind: str, name: str) -> None:
        self.queue.append(_Item(text, pointer, kind, name, declared=kind not in ("data", "content", "label")))

    # -- one string --------------------------------------------------------------------------------------

    def _read(self, item: _Item) -> None:
        text = item.text
        if not text:
            return
        if (
            item.kind in ("label", "data")
            and len(text) <= 16
            and not item.chain
            and text.isascii()
            and text.isalnum()
        ):
            # Most values of most calls: a word, a number, a code. No analyser has anything to say of them.
            self.found.texts.append(Text(pointer=item.pointer, value=text, key=item.key))
            return
        mark = (text, item.kind)
        if mark in self.seen:
            if not item.chain:
                self.found.texts.append(Text(pointer=item.pointer, value=text, key=item.key))
            return
        self.seen.add(mark)
        if len(text) > MAX_TEXT:
            self.limits.add("text")
            text = text[:MAX_TEXT]
        data = text.encode("utf-8", "replace")
        self.budget.spend(1, len(data))
        if len(self.found.texts) < MAX_FACTS:
            self.found.texts.append(
                Text(
                    pointer=item.pointer,
                    value=text,
                    chain=item.chain,
                    key=item.key,
                    prose=item.kind == "file"
                    or (
                        item.kind == "content"
                        and (len(text) > LONG or data.count(b"\n") > 1 or bool(_SENTENCE.search(data)))
                    ),
                )
            )
        else:
            self.limits.add("facts")
        if not item.via:
            self._everywhere(item, text, data)
        patch = item.kind != "key" and not item.key and patches.looks_like(text)
        reader = Extraction._patch if patch else _READERS.get(item.kind)
        if reader is not None:
            self._guard("patch" if patch else item.kind, lambda: reader(self, item, text, data))
        if item.depth == 0 or item.via:
            self._layers(item, text, data)

    def _text_only(self, text: str, pointer: str) -> None:
        data = text.encode("utf-8", "replace")
        self.budget.spend(1, len(data))
        self.found.texts.append(Text(pointer=pointer, value=text))
        self._everywhere(_Item(text, pointer, "label"), text, data)

    def _layers(self, item: _Item, text: str, data: bytes) -> None:
        try:
            found = decode.triggers(data)
        except ScanFailed:
            self.limits.add("scan")
            return
        blob = len(text) >= BLOB and not item.chain and bool(_ENCODED.search(data))
        if not found and text.isascii():
            if blob:
                self.found.blobs.append(item.pointer)
            return
        for layer in decode.layers(
            text, self.budget, self.limits, found, skip=views.UNDONE.get(item.kind, frozenset())
        ):
            blob = False
            kind = views.INNER.get(item.kind, item.kind)
            if layer.name and layer.name != item.name:
                kind = views.of("", None, layer.name, layer.name)
                kind = "data" if kind in ("content", "label", "secret") else kind
            elif kind in ("path", "content", "label", "url") and layer.chain[-1] in views.OPAQUE_ENCODINGS:
                kind = "data"
            if kind == "data" and len(text) > decode.MAX_WHOLE and layer.chain[0] in decode.ESCAPES:
                kind = "pieces"
            self.queue.append(
                _Item(
                    layer.value,
                    item.pointer,
                    kind,
                    layer.name or item.name,
                    (*item.chain, *layer.chain),
                    1,
                    item.key,
                    False,
                )
            )
        if blob:
            self.found.blobs.append(item.pointer)

    def _everywhere(self, item: _Item, text: str, data: bytes) -> None:
        """What is looked for in every string, whatever it is declared to be."""
        try:
            self.found.secrets.extend(
                secrets.scan(text, item.pointer, name=item.name)[: MAX_FACTS - len(self.found.secrets)]
            )
            if len(text) > 11:
                for signal in signals.scan(text, item.pointer, chain=item.chain):
                    known = self.found.signals.get((item.pointer, signal.kind))
                    if known is None or known.weight < signal.weight:
                        self.found.signals[item.pointer, signal.kind] = signal
            for contact in contacts.find(text, item.pointer):
                self.found.contacts.setdefault((contact.kind, contact.value), contact)
        except ScanFailed:
            self.limits.add("scan")
        if (
            item.kind != "url"
            and b":" in data
            and (b"/" in data or b"\\" in data or b"data:" in data or b"script:" in data)
        ):
            self.found.add_urls(urls.find(text, item.pointer, chain=item.chain))

    # -- readers, one a kind -----------------------------------------------------------------------------

    def _command(self, item: _Item, text: str, data: bytes) -> None:
        if item.kind == "windows" or windows.looks_like(text):
            result = windows.analyse(
                text, item.pointer, chain=item.chain, declared=item.declared, budget=self.budget
            )
        else:
            result = shell.analyse(
                text, item.pointer, chain=item.chain, declared=item.declared, budget=self.budget
            )
        self._shell_result(result, item.pointer, item.depth)

    def _sql(self, item: _Item, text: str, data: bytes) -> None:
        found = sql.analyse(text, item.pointer, declared=item.declared, chain=item.chain, budget=self.budget)
        self.found.add_statements(found)

    def _layer(self, item: _Item, text: str, data: bytes) -> None:
        """A decoded reading of a SQL value: a fragment may stand in it, a statement need not."""
        if sql.looks_like(text) or sql.looks_like_fragment(text):
            self.found.add_statements(
                sql.analyse(text, item.pointer, declared=False, chain=item.chain, budget=self.budget)
            )

    def _path(self, item: _Item, text: str, data: bytes) -> None:
        if "://" in text and not text.lower().startswith(("file:", "local_file:", "url:")):
            self.found.add_urls(urls.analyse(text, item.pointer, chain=item.chain, declared=True))
            return
        self.found.add_path(
            paths.analyse(text, item.pointer, chain=item.chain, declared=item.declared or bool(item.chain))
        )
        self._embedded_paths(item, text, data)

    def _url(self, item: _Item, text: str, data: bytes) -> None:
        self.found.add_urls(urls.analyse(text, item.pointer, chain=item.chain, declared=not item.via))
        if text[:5].lower() in ("file:", "local", "url:f"):
            self.found.add_path(paths.analyse(text, item.pointer, chain=item.chain, declared=True))
        for name, value in urls.parameters(text):
            # Whoever answers puts it into a query, a command or a path of its own.
            self.queue.append(
                _Item(value, item.pointer, "data", name, ("percent",), 1, declared=False, via="parameter")
            )

    def _code(self, item: _Item, text: str, data: bytes) -> None:
        language = views.language("" if item.via else self.call.tool, item.name)
        if not language and not item.via:
            named = (self.call.arguments.get(name) for name in _LANGUAGE_ARGUMENTS)
            language = next((views.spoken(value) for value in named if isinstance(value, str)), "")
        if language in ("shell", "windows"):
            self._command(
                msgspec.structs.replace(item, kind="windows" if language == "windows" else "command"),
                text,
                data,
            )
            return
        fact, nested = code_analyser.analyse(
            text, item.pointer, language=language, declared=item.declared, budget=self.budget
        )
        self._code_fact(fact, nested, item)

    def _patch(self, item: _Item, text: str, data: bytes) -> None:
        """A patch is no command line, whatever its argument is called."""
        patch = patches.read(text)
        for use, name in patch.files:
            self.found.add_path(paths.analyse(name, item.pointer, declared=True, use=use))
            self.does.add(use)
        if patch.added:
            self.queue.append(
                _Item(patch.added, item.pointer, "file", depth=item.depth, declared=False, via="patch")
            )

    def _contact(self, item: _Item, text: str, data: bytes) -> None:
        kind = (
            "email" if "@" in text else "iban" if text[:2].isalpha() and text[2:4].isdecimal() else "account"
        )
        contact = contacts.analyse(text[:200], item.pointer, kind)
        self.found.contacts.setdefault((contact.kind, contact.value), contact)
        self._data(item, text, data)

    def _money(self, item: _Item, text: str, data: bytes) -> None:
        self.found.add_amount(text, item.pointer)
        self._data(item, text, data)

    def _content(self, item: _Item, text: str, data: bytes) -> None:
        """Prose or a file's body: it is not run, but a short value may break out of what it is put into."""
        if len(text) <= SHORT or (len(text) <= LONG and not (_SENTENCE.search(data) and sql.sentence(text))):
            self._fragments(item, text, data)

    def _data(self, item: _Item, text: str, data: bytes) -> None:
        """A string declared to be nothing: look for every meaning."""
        self._fragments(item, text, data)
        if "\n" in text or len(text) > 8:
            language = code_analyser.looks_like(text)
            if language:
                self.budget.spend(GUESSED_CODE + min(len(text), 16_384) // 16)
                fact, nested = code_analyser.analyse(
                    text, item.pointer, language=language, declared=False, budget=self.budget
                )
                self._code_fact(fact, nested, item)
        if paths.looks_like(text):
            self.found.add_path(paths.analyse(text, item.pointer, chain=item.chain, declared=False))
        elif len(text) < 4096:
            self._embedded_paths(item, text, data)
        if "/" in text:
            self.found.add_urls(urls.bare(text, item.pointer))
        elif views.tokens(item.name)[-1:] and views.tokens(item.name)[-1] in views.HOST:
            self.found.add_urls(urls.host(text, item.pointer))
        if text[:5].lower() == "file:":
            self.found.add_path(paths.analyse(text, item.pointer, chain=item.chain, declared=False))

    def _pieces(self, item: _Item, text: str, data: bytes) -> None:
        """Places of a long text with their escapes undone: no program, but all else may stand there."""
        self._fragments(item, text, data)
        self._embedded_paths(item, text, data)

    def _fragments(self, item: _Item, text: str, data: bytes) -> None:
        if sql.looks_like(text) or sql.looks_like_fragment(text):
            self.found.add_statements(
                sql.analyse(text, item.pointer, declared=False, chain=item.chain, budget=self.budget)
            )
        if windows.looks_like(text):
            self.budget.spend(GUESSED_COMMAND + min(len(text), 16_384) // 16)
            self._shell_result(
                windows.analyse(text, item.pointer, chain=item.chain, declared=False, budget=self.budget),
                item.pointer,
                item.depth,
            )
        elif _NO_PROSE.search(data) and shell.looks_like(text) and not sql.is_condition(text):
            self.budget.spend(GUESSED_COMMAND + min(len(text), 16_384) // 16)
            self._shell_result(
                shell.analyse(text, item.pointer, chain=item.chain, declared=False, budget=self.budget),
                item.pointer,
                item.depth,
            )

    # -- what analysers hand back ------------------------------------------------------------------------

    def _shell_result(self, result: ShellResult, pointer: str, depth: int) -> None:
        self.found.programs.append(result.program)
        for command in result.commands:
            if len(self.found.commands) >= MAX_COMMANDS:
                self.limits.add("facts")
                break
            self.found.commands.append(command)
            for use, names in (
                ("read", command.reads),
                ("write", command.writes),
                ("delete", command.deletes),
            ):
                for name in names:
                    self.found.add_path(
                        paths.analyse(name, pointer, declared=False, use=infer.path_use(command, use, name))
                    )
            self._hashes_named(command, pointer)
            for host in command.hosts:
                if "://" in host:
                    self.found.add_urls(urls.analyse(host, pointer, declared=False))
        self._nested(result.nested, pointer, depth, result.program.declared)

    def _hashes_named(self, command: Command, pointer: str) -> None:
        """Files of password hashes among words that no profile calls a file: almost any program can print one (`date -f`)."""
        if command.program in infer.PRINTS_WORDS:
            return
        known = {*command.reads, *command.writes, *command.deletes}
        for word in command.argv[1:]:
            for name in _split(word) if "shadow" in word else ():
                if name.startswith("/") and name not in known:
                    use = infer.path_use(command, "read", name)
                    fact = paths.analyse(name, pointer, declared=False, use=use)
                    if "shadow" in fact.categories:
                        self.found.add_path(fact)

    def _code_fact(self, fact: CodeFact, nested: tuple[Nested, ...], item: _Item) -> None:
        self.found.code.append(fact)
        use = "delete" if "file_delete" in fact.flags else ""
        for word in fact.strings[:MAX_FACTS]:
            if paths.looks_like(word):
                self.found.add_path(paths.analyse(word, item.pointer, declared=False, use=use or "code"))
            if "://" in word:
                self.found.add_urls(urls.find(word, item.pointer))
        self._nested(nested, item.pointer, item.depth, fact.declared)

    def _nested(self, nested: tuple[Nested, ...], pointer: str, depth: int, declared: bool) -> None:
        for inner in nested:
            if depth + 1 > MAX_NESTING:
                self.limits.add("depth")
                return
            kind = _NESTED.get(inner.kind, "data")
            if kind in ("command", "windows", "code"):
                self.budget.spend(min(len(inner.text), 16_384) // NESTED_PROGRAM)
            self.queue.append(
                _Item(
                    inner.text,
                    inner.pointer or pointer,
                    kind,
                    inner.kind,
                    (),
                    depth + 1,
                    declared=declared and kind != "data",
                    via=inner.via or inner.kind,
                )
            )

    def _embedded_paths(self, item: _Item, text: str, data: bytes) -> None:
        """Paths among other words, kept only where they lead somewhere sensitive or climb."""
        if not _EMBEDDED_PATH.search(data):
            return
        for word in itertools.islice(dict.fromkeys(_split(text)), 64):
            if paths.looks_like(word):
                fact = paths.analyse(word, item.pointer, chain=item.chain, declared=False)
                if fact.categories or fact.climbs:
                    self.found.add_path(fact)

    def _guard(self, name: str, work: Callable[[], T]) -> T | None:
        """Run one analyser; a crash is a limit, and so is its stack or its memory."""
        try:
            return work()
        except (OverBudget, KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001 - a Rust or C extension's panic is no Exception; it must not pass
            self.limits.add(f"parser:{name}")
            return None

    # -- the result --------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        """What was found, immutable."""
        call, found = self.call, self.found
        declared = frozenset(self.spec.does) if self.spec is not None else frozenset()
        does = declared or self.does | infer.does(
            call.tool, call.arguments, found.programs, found.commands, found.statements, found.code
        )
        return found.facts(
            tool=call.tool, server=call.server, does=frozenset(does), inferred=not declared, size=self.size
        )


_BREAKS = str.maketrans(dict.fromkeys("\"'<>(),;|&`=\n\t", " "))


def _split(text: str) -> list[str]:
    return text.translate(_BREAKS).split()


def _escape(name: str) -> str:
    """RFC 6901, section 3."""
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


Reader = Callable[[Extraction, _Item, str, bytes], Any]
_READERS: dict[str, Reader] = {
    "command": Extraction._command,
    "windows": Extraction._command,
    "argv": Extraction._command,
    "sql": Extraction._sql,
    "layer": Extraction._layer,
    "path": Extraction._path,
    "url": Extraction._url,
    "code": Extraction._code,
    "contact": Extraction._contact,
    "money": Extraction._money,
    "secret": Extraction._fragments,
    "content": Extraction._content,
    "label": Extraction._data,
    "pieces": Extraction._pieces,
    "data": Extraction._data,
}
_LANGUAGE_ARGUMENTS = ("language", "lang", "interpreter", "runtime", "kernel")
_NESTED = {
    "perl": "code", "ruby": "code", "php": "code", "lua": "code", "script": "code",
    "shell": "command", "windows": "windows", "sql": "sql", "python": "code", "javascript": "code", "path": "path", "url": "url",
}  # fmt: skip
