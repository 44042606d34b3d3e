"""Showing exactly what will run: escaped, nothing invisible, nothing that a terminal would act on.

An approver decides on what is seen. Characters that show nothing, change direction or look like
another script's are written as `\\u{…}`, a gap wider than a line by its width; the JSON is the canonical form
that would be forwarded. What is left out of the rest is said to be.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import re2

from yett.extract.facts import Command, Facts
from yett.ledger.view import Snapshot
from yett.model import AdmittedCall, Finding, Json, Origin, Risk, Struct

T = TypeVar("T")

MAX_SHOWN: Final = 20_000
MOST: Final = 50
"""Commands, statements, targets and findings that are listed of a call."""
_GAP: Final = re2.compile(" {81,}")
_QUIET: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me"})
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols, as Unicode has it, that show nothing."""
_SCRIPTS: Final = ("CYRILLIC", "GREEK", "CHEROKEE", "ARMENIAN", "COPTIC", "LISU")
_LATIN: Final = frozenset("\u0131\u0237").union(map(chr, range(0x250, 0x2B0)))
"""Letters of the Latin script that pass for plain ones: dotless, and those of phonetics."""


class Target(Struct, frozen=True, kw_only=True):
    """Where a call goes, and where that address came from."""

    value: str
    origin: str


class View(Struct, frozen=True, kw_only=True):
    """What an approver is shown of one held call. Every text is escaped."""

    arguments: str
    """Canonical JSON; `\\u{…}` for what would not be visible."""
    truncated: bool = False
    """More than could be shown: such a call cannot be approved by reading it, so it cannot be approved."""
    commands: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    why: tuple[str, ...] = ()
    """Why it is held, a sentence each."""
    findings: tuple[str, ...] = ()
    permits: str = ""
    """What an approval would permit."""
    canonical: bytes = b""
    """The exact bytes, for narrowing; shown to nobody."""


def visible(text: str) -> str:
    """The text with everything that cannot be seen or trusted to look like itself escaped."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(_escape(c) for c in text)
    return str(re2.sub(_GAP, _width, text)) if " " * 81 in text else text


def _width(gap: Any) -> str:
    return f"\\u{{20}}x{len(gap.group())} "


def _escape(character: str) -> str:
    if character == " " or " " < character <= "~":
        return character
    kind = unicodedata.category(character)
    if kind in _QUIET or character in _BLANK or not character.isprintable():
        return f"\\u{{{ord(character):x}}}"
    if (kind[0] == "L" or kind in ("Nd", "Nl")) and unicodedata.normalize("NFKC", character) != character:
        return f"\\u{{{ord(character):x}}}"
    foreign = character.isalpha() and unicodedata.name(character, "").startswith(_SCRIPTS)
    if foreign or character in _LATIN:
        # They pass for plain Latin letters; whoever reads their language still recognises the words around.
        return f"{character}\\u{{{ord(character):x}}}"
    return character


def view_of(
    admitted: AdmittedCall,
    facts: Facts,
    risk: Risk,
    snapshot: Snapshot,
    targets: list[str],
    why: tuple[str, ...],
) -> View:
    """Builds what will be shown, at the moment of the hold, from what was judged."""
    text = admitted.canonical.decode()
    return View(
        arguments=visible(text[:MAX_SHOWN]),
        truncated=len(text) > MAX_SHOWN,
        commands=_lines(
            [*facts.commands, *(command for file in facts.later for command in file.commands)], _command
        ),
        statements=_lines(facts.statements, lambda statement: statement.text),
        targets=_targets(targets, snapshot),
        why=tuple(visible(each) for each in why),
        findings=_lines(risk.findings, _finding),
        permits=visible(
            f"one call of {admitted.call.tool} with exactly these arguments, in this session, once"
        ),
        canonical=admitted.canonical,
    )


def _command(command: Command) -> str:
    """The words that run, and what stands around them and changes what they do."""
    around = [*command.wrappers, *(f"{name}={value}" for name, value in command.env)]
    return " ".join([*around, *command.argv, *(f"{each.op} {each.target}" for each in command.redirects)])


def _line(text: str, limit: int = 2000) -> str:
    """The text on one line; of a longer one both ends, because the end may be what matters."""
    shown = visible(text)
    left = len(shown) - limit
    return shown if left <= 0 else f"{shown[: limit // 2]} [… {left} characters …] {shown[-limit // 2 :]}"


def _lines(items: Sequence[T], text: Callable[[T], str]) -> tuple[str, ...]:
    shown = tuple(_line(text(each)) for each in items[:MOST])
    more = len(items) - MOST
    return shown if more <= 0 else (*shown, f"[… and {more} more]")


def _targets(targets: list[str], snapshot: Snapshot) -> tuple[Target, ...]:
    shown = tuple(Target(value=_line(t, 500), origin=_origin(snapshot, t)) for t in targets[:MOST])
    more = len(targets) - MOST
    return shown if more <= 0 else (*shown, Target(value=f"[… and {more} more]", origin="not looked up"))


def _origin(snapshot: Snapshot, value: str) -> str:
    origin: Origin = snapshot.origin(value)
    return origin.value


def _finding(finding: Finding) -> str:
    return f"{finding.level.value}: {finding.title}" + (f" at {finding.path}" if finding.path else "")


def redacted(value: Json, *, secret: bool, limit: int = 120) -> str:
    """A preview of one argument for the log: escaped ASCII, cut, or nothing but its kind if it holds a secret."""
    if secret:
        return "[secret]"
    if isinstance(value, str):
        text = value
    elif value is None or isinstance(value, (bool, int)):
        text = str(value)
    elif isinstance(value, list):
        text = f"[{len(value)} items]"
    elif isinstance(value, dict):
        text = f"{{{len(value)} members}}"
    else:
        text = repr(value)
    shown = visible(text[:limit])
    ascii_only = (
        shown if shown.isascii() else "".join(c if c.isascii() else f"\\u{{{ord(c):x}}}" for c in shown)
    )
    return ascii_only + ("..." if len(text) > limit else "")
