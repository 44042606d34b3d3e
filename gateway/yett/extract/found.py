"""What one extraction has found so far: bounded, without doubles, and in the end one immutable `Facts`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yett.extract.facts import (
    Amount,
    CodeFact,
    Command,
    Contact,
    Facts,
    Later,
    PathFact,
    SecretFact,
    ShellProgram,
    Signal,
    Statement,
    Text,
    UrlFact,
)
from yett.extract.values import contacts

MAX_FACTS = 2_000
"""Facts of one kind; that there were more is said in `limits`."""


class Found:
    """See the module. Mutable; used by one thread."""

    def __init__(self) -> None:
        self.limits: set[str] = set()
        self.texts: list[Text] = []
        self.programs: list[ShellProgram] = []
        self.commands: list[Command] = []
        self.statements: list[Statement] = []
        self.paths: dict[tuple[str, str, str], PathFact] = {}
        self.urls: dict[tuple[str, str], UrlFact] = {}
        self.code: list[CodeFact] = []
        self.secrets: list[SecretFact] = []
        self.contacts: dict[tuple[str, str], Contact] = {}
        self.amounts: list[Amount] = []
        self.signals: dict[tuple[str, str], Signal] = {}
        self.blobs: list[str] = []
        self.later: list[Later] = []

    def add_text(self, text: Text) -> None:
        if len(self.texts) < MAX_FACTS:
            self.texts.append(text)
        else:
            self.limits.add("facts")

    def add_secrets(self, found: tuple[SecretFact, ...]) -> None:
        """One is enough to act on: what is over is no limit."""
        self.secrets.extend(found[: MAX_FACTS - len(self.secrets)])

    def add_signals(self, found: Iterable[Signal]) -> None:
        """Of two of a kind in one place the stronger stays."""
        for signal in found:
            known = self.signals.get((signal.pointer, signal.kind))
            if known is None or known.weight < signal.weight:
                self.signals[signal.pointer, signal.kind] = signal

    def add_contacts(self, found: Iterable[Contact]) -> None:
        for contact in found:
            self.contacts.setdefault((contact.kind, contact.value), contact)

    def add_statements(self, found: tuple[Statement, ...]) -> None:
        if len(self.statements) + len(found) > MAX_FACTS:
            self.limits.add("facts")
        self.statements.extend(found[: MAX_FACTS - len(self.statements)])

    def add_path(self, fact: PathFact) -> None:
        if len(self.paths) < MAX_FACTS:
            self.paths.setdefault((fact.pointer, fact.normal, fact.use), fact)
        else:
            self.limits.add("facts")

    def add_urls(self, found: Iterable[UrlFact]) -> None:
        """Of two readings of one URL the declared one stays."""
        for fact in found:
            if len(self.urls) >= MAX_FACTS:
                self.limits.add("facts")
                return
            known = self.urls.get((fact.pointer, fact.raw))
            if known is None or (fact.declared and not known.declared):
                self.urls[fact.pointer, fact.raw] = fact

    def add_amount(self, value: object, pointer: str) -> None:
        found = contacts.amount(value, pointer)
        if found is not None:
            self.amounts.append(found)

    def facts(
        self, *, tool: str, server: str | None, does: frozenset[str], inferred: bool, size: int
    ) -> Facts:
        """What was found, immutable.

        Args:
            does: the tool's capabilities; `inferred` if no manifest states them.
            size: bytes of the canonical arguments.
        """
        return Facts(
            tool=tool,
            server=server,
            does=does,
            does_inferred=inferred,
            size=size,
            later=tuple(self.later),
            limits=tuple(sorted(self.limits)),
            **self.meaning(),
        )

    def meaning(self) -> dict[str, Any]:
        """The fields of a `Meaning`."""
        return {
            "texts": tuple(self.texts),
            "programs": tuple(self.programs),
            "commands": tuple(self.commands),
            "statements": tuple(self.statements),
            "paths": tuple(self.paths.values()),
            "urls": tuple(self.urls.values()),
            "code": tuple(self.code),
            "secrets": tuple(self.secrets),
            "contacts": tuple(self.contacts.values()),
            "amounts": tuple(self.amounts),
            "signals": tuple(self.signals.values()),
            "blobs": tuple(self.blobs),
        }
