"""The walk from arguments to facts. See the package for the story; here is how it is done.

Every string becomes an `Item`: the text, where it stands, how it was reached and what it is declared to be.
Items wait in a queue; reading one may put more there (a decoded layer, a shell's inline Python, a string of
that Python). The queue, the `Budget` and `MAX_NESTING` bound the work; what does not fit is named in `limits`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from yett.extract import arguments, decode, files, infer, patches, shell, sql, views, windows
from yett.extract import code as code_analyser
from yett.extract.budget import MAX_NESTING, Budget, Nested, OverBudget
from yett.extract.facts import CodeFact, Command, Facts, Later, Text, UrlFact
from yett.extract.found import MAX_FACTS, Found
from yett.extract.item import DOCUMENT, LONG, SHORT, Item, kind_of, like_blob, like_command, two_words
from yett.extract.patterns import ScanFailed
from yett.extract.result import ShellResult
from yett.extract.values import contacts, paths, secrets, signals, urls
from yett.model import ToolCall, ToolSpec

MAX_TEXT = 1 << 16
"""Characters of one string that are analysed; longer is cut and said so."""
VALUE = 2
"""Steps that any string takes, whatever is in it, and one more for each `SCANNED` bytes."""
SCANNED = 256
GUESSED = 10
"""Steps more of a text that is taken for a program by its looks."""
MAX_COMMANDS = 500
"""Commands of one call; the judgement of each may ask all others."""

T = TypeVar("T")


class Extraction:
    """The mutable state of one extraction; use once, from one thread."""

    def __init__(self, call: ToolCall, spec: ToolSpec | None, size: int, budget: Budget) -> None:
        self.call = call
        self.spec = spec
        self.size = size
        self.budget = budget
        self.queue: deque[Item] = deque()
        self.seen: set[tuple[str, str]] = set()
        self.found = Found()
        self.limits = self.found.limits
        self.nesting = 0
        """Files that are written by programs in files that are written … around this one."""
        self.harmless: set[str] = set()
        """Words that were looked at as paths and lead nowhere."""
        self.does: set[str] = set()
        """What the arguments themselves say that the call does, beside what is inferred from the facts."""

    # -- the arguments -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Read the whole call. Raises `OverBudget` when the budget is gone; what was found stays."""
        leaves = list(arguments.leaves(self.call, self.spec, self.limits))
        self._arguments(leaves)
        self._drain()
        bodies = list(files.written(leaves))
        if bodies and self._writes():
            for body in bodies:
                self._later(body)

    def _drain(self) -> None:
        while self.queue:
            self._read(self.queue.popleft())

    def _arguments(self, leaves: Iterable[arguments.Leaf]) -> None:
        for leaf in leaves:
            value, pointer = leaf.value, leaf.pointer
            if isinstance(value, list):
                words = [str(word) for word in value]
                for index, word in enumerate(words if leaf.kind == "argv" else ()):
                    self._text_only(word, f"{pointer}/{index}")
                self._argv(words, pointer)
            elif isinstance(value, str):
                declared = leaf.kind not in ("data", "content", "label")
                self.queue.append(Item(value, pointer, leaf.kind, leaf.name, key=leaf.key, declared=declared))
            else:
                self.found.add_amount(value, pointer)

    def _argv(self, argv: list[str], pointer: str) -> None:
        result = self._guard("shell", lambda: shell.analyse_argv(tuple(argv), pointer, budget=self.budget))
        if result is not None:
            self._shell_result(result, pointer, 0)

    def _body(self, name: str, text: str, pointer: str, *, whole: bool) -> None:
        """What a command or a program writes into a file."""
        for entry in files.entries_of(name):
            self._later(files.Written(name, entry, pointer, text, whole=whole))

    def _later(self, body: files.Written) -> None:
        """Programs that a file of this name runs by itself, as an extraction of their own: nothing of it happens now."""
        if self.nesting == MAX_NESTING:
            self.limits.add("depth")
            return
        inner = Extraction(self.call, self.spec, self.size, self.budget)
        inner.nesting = self.nesting + 1
        try:
            for program in files.programs(body, self.budget):
                kind, pointer = kind_of(program.language, "code"), f"{body.pointer}#/{program.place}"
                inner.queue.append(Item(program.text, pointer, kind, program.language, declared=program.sure))
            inner._drain()
        except files.TooDeep:
            self.limits.add("depth")
        finally:
            self.limits.update(inner.limits)
            if inner.found.texts:
                title = body.entry.title
                self.found.later.append(
                    Later(pointer=body.pointer, file=body.file, title=title, **inner.found.meaning())
                )
            self.found.later += inner.found.later

    def _writes(self) -> bool:
        """Whether the call may put something into a file."""
        call = self.call
        does = (
            self.spec.does if self.spec is not None else infer.does(call.tool, call.arguments, (), (), (), ())
        )
        return not does or not _WRITING.isdisjoint(does)

    # -- one string --------------------------------------------------------------------------------------

    def _read(self, item: Item) -> None:
        text = item.text
        if not text:
            return
        if item.plain:
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
        self.budget.spend(VALUE + len(data) // SCANNED, len(data))
        prose = item.prose(text, data)
        self.found.add_text(
            Text(pointer=item.pointer, value=text, chain=item.chain, key=item.key, prose=prose)
        )
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
        self._everywhere(Item(text, pointer, "label"), text, data)

    def _layers(self, item: Item, text: str, data: bytes) -> None:
        try:
            found = decode.triggers(data)
        except ScanFailed:
            self.limits.add("scan")
            return
        blob = not item.chain and like_blob(text, data)
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
                Item(
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

    def _everywhere(self, item: Item, text: str, data: bytes) -> None:
        """What is looked for in every string, whatever it is declared to be."""
        try:
            self.found.add_secrets(secrets.scan(text, item.pointer, name=item.name, budget=self.budget))
            if len(text) > 11:
                self.found.add_signals(signals.scan(text, item.pointer, chain=item.chain))
            self.found.add_contacts(contacts.find(text, item.pointer))
        except ScanFailed:
            self.limits.add("scan")
        if (
            item.kind != "url"
            and b":" in data
            and (b"/" in data or b"\\" in data or b"data:" in data or b"script:" in data)
        ):
            prose = item.kind in ("content", "file")
            self._add_urls(urls.find(text, item.pointer, self.budget, chain=item.chain, prose=prose))

    # -- readers, one a kind -----------------------------------------------------------------------------

    def _command(self, item: Item, text: str, data: bytes) -> None:
        self._run_by_shell(item, text, item.kind == "windows" or windows.looks_like(text), item.declared)

    def _sql(self, item: Item, text: str, data: bytes) -> None:
        self._statements(item, text, item.declared)

    def _layer(self, item: Item, text: str, data: bytes) -> None:
        """A decoded reading of a SQL value: a fragment may stand in it, a statement need not."""
        self._statements(item, text, False)

    def _statements(self, item: Item, text: str, declared: bool) -> None:
        found = sql.analyse(text, item.pointer, declared=declared, chain=item.chain, budget=self.budget)
        self.found.add_statements(found)

    def _path(self, item: Item, text: str, data: bytes) -> None:
        if "://" in text and not text.lower().startswith(("file:", "local_file:", "url:")):
            self._add_url(item, text, declared=True)
            return
        self._add_path(text, item.pointer, chain=item.chain, declared=item.declared or bool(item.chain))
        self._embedded_paths(item, text, data)

    def _url(self, item: Item, text: str, data: bytes) -> None:
        self._add_url(item, text, declared=not item.via)
        if text[:5].lower() in ("file:", "local", "url:f"):
            self._add_path(text, item.pointer, chain=item.chain, declared=True)
        for name, value in urls.parameters(text):
            # Whoever answers puts it into a query, a command or a path of its own.
            self.queue.append(
                Item(value, item.pointer, "data", name, ("percent",), 1, declared=False, via="parameter")
            )

    def _code(self, item: Item, text: str, data: bytes) -> None:
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
        self._run_by_interpreter(item, text, language, item.declared)

    def _patch(self, item: Item, text: str, data: bytes) -> None:
        """A patch is no command line, whatever its argument is called."""
        patch = patches.read(text)
        for use, name in patch.files:
            self._add_path(name, item.pointer, declared=True, use=use)
            self.does.add(use)
        if patch.added:
            self.queue.append(
                Item(patch.added, item.pointer, "file", depth=item.depth, declared=False, via="patch")
            )

    def _contact(self, item: Item, text: str, data: bytes) -> None:
        kind = (
            "email" if "@" in text else "iban" if text[:2].isalpha() and text[2:4].isdecimal() else "account"
        )
        self.found.add_contacts((contacts.analyse(text[:200], item.pointer, kind),))
        self._data(item, text, data)

    def _money(self, item: Item, text: str, data: bytes) -> None:
        self.found.add_amount(text, item.pointer)
        self._data(item, text, data)

    def _content(self, item: Item, text: str, data: bytes) -> None:
        """Prose or a file's body: it is not run, but a short value may break out of what it is put into."""
        if len(text) <= SHORT or (len(text) <= LONG and not (two_words(data) and sql.sentence(text))):
            self._fragments(item, text, data)

    def _data(self, item: Item, text: str, data: bytes) -> None:
        """A string declared to be nothing: look for every meaning."""
        self._fragments(item, text, data)
        if "\n" in text or len(text) > 8:
            language = code_analyser.looks_like(text)
            if language:
                self._run_by_interpreter(item, text, language, False)
        if paths.looks_like(text):
            self._add_path(text, item.pointer, chain=item.chain, declared=False)
        elif len(text) < DOCUMENT:
            self._embedded_paths(item, text, data)
        if "/" in text:
            self._add_urls(urls.bare(text, item.pointer, self.budget))
        elif views.tokens(item.name)[-1:] and views.tokens(item.name)[-1] in views.HOST:
            self._add_urls(urls.host(text, item.pointer))
        if text[:5].lower() == "file:":
            self._add_path(text, item.pointer, chain=item.chain, declared=False)

    def _pieces(self, item: Item, text: str, data: bytes) -> None:
        """Places of a long text with their escapes undone: no program, but all else may stand there."""
        self._fragments(item, text, data)
        self._embedded_paths(item, text, data)

    def _fragments(self, item: Item, text: str, data: bytes) -> None:
        self._statements(item, text, False)
        if windows.looks_like(text):
            self._run_by_shell(item, text, True, False)
        elif like_command(data) and shell.looks_like(text) and not sql.is_condition(text):
            self._run_by_shell(item, text, False, False)

    def _run_by_shell(self, item: Item, text: str, by_windows: bool, declared: bool) -> None:
        analyse = windows.analyse if by_windows else shell.analyse
        with self._allowance(declared):
            result = analyse(text, item.pointer, chain=item.chain, declared=declared, budget=self.budget)
            self._shell_result(result, item.pointer, item.depth)

    def _run_by_interpreter(self, item: Item, text: str, language: str, declared: bool) -> None:
        with self._allowance(declared):
            fact, nested = code_analyser.analyse(
                text, item.pointer, language=language, declared=declared, budget=self.budget
            )
            self._code_fact(fact, nested, item)

    @contextmanager
    def _allowance(self, declared: bool) -> Iterator[None]:
        """A text that is only taken for a program by its looks is read on a smaller budget."""
        if declared:
            yield
        else:
            with self.budget.guessing():
                self.budget.spend(GUESSED)
                yield

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
                    self._add_path(name, pointer, declared=False, use=infer.path_use(command, use, name))
            self._hashes_named(command, pointer)
            for host in command.hosts:
                if "://" in host:
                    self._add_urls(urls.analyse(host, pointer, declared=False))
        for name, text, whole in result.written if result.program.declared else ():
            self._body(name, text, pointer, whole=whole)
        self._nested(result.nested, pointer, depth, result.program.declared)

    def _hashes_named(self, command: Command, pointer: str) -> None:
        """Files of password hashes among words that no profile calls a file: almost any program can print one (`date -f`)."""
        if command.program in infer.PRINTS_WORDS:
            return
        known = {*command.reads, *command.writes, *command.deletes}
        for word in command.argv[1:]:
            for name in paths.words(word) if "shadow" in word else ():
                if name.startswith("/") and name not in known:
                    use = infer.path_use(command, "read", name)
                    fact = paths.analyse(name, pointer, declared=False, use=use)
                    if "shadow" in fact.categories:
                        self.found.add_path(fact)

    def _code_fact(self, fact: CodeFact, nested: tuple[Nested, ...], item: Item) -> None:
        self.found.code.append(fact)
        use = "delete" if "computed_delete" in fact.flags else "code"
        for word in fact.strings[:MAX_FACTS]:
            if paths.looks_like(word):
                self._add_path(word, item.pointer, declared=False, use=use)
            if "://" in word:
                self._add_urls(urls.find(word, item.pointer, self.budget))
        self._nested(nested, item.pointer, item.depth, fact.declared)

    def _nested(self, nested: tuple[Nested, ...], pointer: str, depth: int, declared: bool) -> None:
        for inner in nested:
            if depth + 1 > MAX_NESTING:
                self.limits.add("depth")
                return
            if inner.kind == "file":
                self._body(inner.via, inner.text, inner.pointer or pointer, whole=False)
                continue
            kind = kind_of(inner.kind, "data")
            self.queue.append(
                Item(
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

    def _embedded_paths(self, item: Item, text: str, data: bytes) -> None:
        if paths.embeds(data):
            found = paths.embedded(text, item.pointer, self.harmless, chain=item.chain, budget=self.budget)
            for fact in found:
                self.found.add_path(fact)

    def _add_path(self, text: str, pointer: str, **known: Any) -> None:
        self.budget.spend()
        if len(text) > paths.MAX_PATH:
            self.limits.add("too_long")
        self.found.add_path(paths.analyse(text, pointer, **known))

    def _add_url(self, item: Item, text: str, *, declared: bool) -> None:
        if urls.too_long(text):
            self.limits.add("too_long")
        self._add_urls(urls.analyse(text, item.pointer, chain=item.chain, declared=declared))

    def _add_urls(self, found: tuple[UrlFact, ...]) -> None:
        self.budget.spend(len(found))
        self.found.add_urls(found)

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


Reader = Callable[[Extraction, Item, str, bytes], Any]
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
_WRITING = frozenset(("write", "persist", "exec", "admin"))
_LANGUAGE_ARGUMENTS = ("language", "lang", "interpreter", "runtime", "kernel")
