"""SQL: what a statement reads, writes and calls, and values that would break out of somebody else's statement.

    analyse(source, pointer, …) -> (Statement, …)

A text that begins like a statement is parsed (`statement`), after guards over the raw text (`guard`) for what
parsers disagree about. What no dialect's parser reads is `opaque`, which is mild: 12 % of honest SQL of a dozen
dialects is. Hostile is only what a flag names, found in the tree or by the structural patterns of `fragment`, which
also judge values that are no statement at all.
"""

from __future__ import annotations

from typing import Any

import msgspec

from yett.extract.budget import Budget
from yett.extract.facts import Statement
from yett.extract.patterns import pattern, probe
from yett.extract.sql import dialects, fragment, guard, limits, names, probes, splice, statement
from yett.extract.words import encodable, words

MAX_STATEMENTS = 200

HOSTILE = words(
    "always_true union_probe quote_breakout comment_tail exec_comment unicode_identifier control_char time_delay "
    "file_access program remote_access error_probe into_outfile spliced comment_split hex_or_char nosql_operator "
    "disguised_case schema_name json_operator function_probe select_shape expression percent_encoded credential_table "
    "second_statement continuation probe_predicate"
)
"""Flags that an honest statement does not carry; the others (stacked, no_where, dynamic …) describe."""

_FIRST = pattern(r"^(?:\s|\(|;|--[^\n]*\n|#[^\n]*\n|/\*[^*]*(?:\*+[^/*][^*]*)*\*+/)*([A-Za-z]+)")
_LOOKS = probe(
    r"(?is)^\s*(?:--[^\n]*\n\s*|/\*[^*]*\*/\s*|\()*(?:"
    r"select\s+(?:[\w.*\"`\[\]@'(][^;]*\bfrom\s+[\w\"`\[(@.]|[\d'@(*]|[\w.]+\s*\(|distinct\s|top\s|null\b)"
    r"|insert\s+(?:overwrite\s+|ignore\s+|or\s+\w+\s+)?into\s+[\w\"`\[.]+\s*[\s(]\s*(?:values|select|\(|[\w\"`])"
    r"|replace\s+into\s+[\w\"`\[.]+|update\s+(?:only\s+)?[\w\"`\[\].]+(?:\s+(?:as\s+)?\w+)?\s+set\s+[\w\"`\[\].]+\s*="
    r"|delete\s+from\s+[\w\"`\[.]+\s*(?:$|;|where\b|using\b|--)|merge\s+into\s+\w"
    r"|(?:create|drop|alter)\s+(?:or\s+replace\s+|temp(?:orary)?\s+|unique\s+|external\s+|materialized\s+)*(?:table|view|index|database|schema|user|role|function|procedure|trigger|sequence|type|extension)\s+(?:if\s+(?:not\s+)?exists\s+)?[\w\"`\[]"
    r"|truncate\s+(?:table\s+)?[\w\"`\[.]+\s*(?:$|;|cascade|restart)|grant\s+[\w\s,()]+\s+(?:on|to)\s+[\w\"`]+|revoke\s+[\w\s,()]+\s+(?:on|from)\s+[\w\"`]+"
    r"|with\s+(?:recursive\s+)?[\w\"`]+\s*(?:\([^)]*\)\s*)?as\s*(?:not\s+|materialized\s+)*\(|explain\s+(?:analyze\s+|verbose\s+|\([^)]*\)\s*)*(?:select|insert|update|delete|with)\b"
    r"|copy\s+[\w\"(][^;]*\b(?:from|to)\s+(?:program|stdin|stdout|')|exec(?:ute)?\s+(?:xp_|sp_|master\b|immediate\b)|call\s+[\w.]+\s*\(.*\)\s*;?\s*$"
    r"|do\s+\$|pragma\s+\w+|attach\s+(?:database\s+)?'|declare\s+@\w+|load\s+data\s+|begin\s*;|vacuum\s*(?:;|full|analyze)"
    r")"
)


def looks_like(text: str) -> bool:
    """Whether an undeclared text is a whole SQL statement. Cheap (one RE2 match); prose is not one."""
    return len(text) >= 8 and bool(_LOOKS.search(text.encode("utf-8", "replace")))


def is_condition(text: str) -> bool:
    """Whether it is an ordinary condition on columns, joined by words: `id in (1, 2) or parent is null`."""
    return len(text) <= 400 and bool(_JOINED.search(text)) and fragment.condition(encodable(text))


_JOINED = pattern(r"(?i)\b(?:in\s*\(|is\s+(?:not\s+)?null\b|(?:like|between|and|or)\s)")


def sentence(text: str) -> bool:
    """Whether a short text reads on in plain words, which no value does that breaks out of a query."""
    return fragment.sentence(text)


def analyse(
    source: str,
    pointer: str,
    *,
    declared: bool = True,
    dialect: str = "",
    chain: tuple[str, ...] = (),
    budget: Budget,
) -> tuple[Statement, ...]:
    """Facts of every statement in `source`, or of the fragment it is; `()` for text that is neither, soon known of most.

    Args:
        declared: the tool or argument says that it is SQL; then something always comes back.
        dialect: sqlglot's name of the server's dialect, if known.

    Raises:
        OverBudget: the call's budget ran out.
    """
    whole = declared or looks_like(source)
    if not whole and not fragment.active(source):
        return ()
    budget.spend(1, len(source))
    text = encodable(source.strip())
    if not text:
        return ()
    if not whole:
        return _fragment(text, pointer, chain, budget)
    if not _begins_statement(text):
        return _no_statement(text, pointer, declared, chain, budget)
    flags = guard.scan(text[: limits.MAX_LENGTH])
    if flags is None:
        return (_unread(text, pointer, declared, chain, frozenset(), "matcher"),)
    opaque = limits.too_much(text)
    if opaque:
        return (_unread(text, pointer, declared, chain, flags, opaque),)
    parsed = None if "control_char" in flags else dialects.parse(text, dialect, budget)
    if parsed is None:
        return (_unread(text, pointer, declared, chain, flags | _splices(text, budget), "unparsed"),)
    name, trees = parsed
    found = _describe(trees, text, pointer, name, declared, chain, flags, budget)
    if not dialect and guard.dialects_disagree(text):
        found = _second_reading(found, name, text, pointer, declared, chain, flags, budget)
    return found


def hostile(one: Statement) -> frozenset[str]:
    """The flags of a statement or fragment that an honest one does not carry."""
    found = one.flags & HOSTILE
    return found | {"stacked"} if one.kind == "fragment" and "stacked" in one.flags else found


def _no_statement(
    text: str, pointer: str, declared: bool, chain: tuple[str, ...], budget: Budget
) -> tuple[Statement, ...]:
    """Declared SQL that does not begin like a statement: a client's command (`\\copy`, a label), or a fragment."""
    found = _fragment(text, pointer, chain, budget)
    flags = found[0].flags - _SHAPES if found else frozenset()
    if flags:
        return (msgspec.structs.replace(found[0], flags=flags, declared=declared),)
    clients = (guard.scan(text[: limits.MAX_LENGTH]) or frozenset()) & {"program"}
    return (_unread(text, pointer, declared, chain, clients, "no_statement"),)


_SHAPES = frozenset(("select_shape", "function_probe", "expression", "json_operator"))
"""Flags of `fragment` that only say that a text is SQL: no news where SQL is declared."""


def _begins_statement(text: str) -> bool:
    first = _FIRST.match(text[:4_000])
    return first is not None and first.group(1).lower() in names.STATEMENT_WORDS


def _describe(
    trees: list[Any],
    text: str,
    pointer: str,
    name: str,
    declared: bool,
    chain: tuple[str, ...],
    flags: frozenset[str],
    budget: Budget,
) -> tuple[Statement, ...]:
    flags = flags | probes.flags(trees, text)
    if len(trees) > 1:
        flags = flags | {"stacked"}
    found = tuple(
        statement.describe(
            tree,
            pointer=pointer,
            text=text,
            dialect=name,
            declared=declared,
            chain=chain,
            flags=flags,
            budget=budget,
        )
        for tree in trees[:MAX_STATEMENTS]
    )
    if len(trees) > MAX_STATEMENTS:
        found += (_unread(text, pointer, declared, chain, flags, "too_many_statements"),)
    return found


def _second_reading(
    found: tuple[Statement, ...],
    name: str,
    text: str,
    pointer: str,
    declared: bool,
    chain: tuple[str, ...],
    flags: frozenset[str],
    budget: Budget,
) -> tuple[Statement, ...]:
    """Where server families cut a text differently, what only the other family would run counts as well."""
    other = "postgres" if name in _BACKSLASH else "mysql"
    trees = dialects.parse_as(text, other)
    if trees is None:
        return found
    again = _describe(trees, text, pointer, other, declared, chain, flags, budget)
    seen = {(one.kind, one.reads, one.writes) for one in found}
    extra = tuple(one for one in again if (one.kind, one.reads, one.writes) not in seen)
    if not extra:
        return found
    return found + tuple(msgspec.structs.replace(one, flags=one.flags | {"ambiguous"}) for one in extra)


_BACKSLASH = frozenset(("mysql", "bigquery", "snowflake", "clickhouse", "spark", "databricks", "hive"))
"""Dialects in which a backslash escapes a quote."""


def _unread(
    text: str, pointer: str, declared: bool, chain: tuple[str, ...], flags: frozenset[str], why: str
) -> Statement:
    """A statement of which only the first word and the raw text are known."""
    first = _FIRST.match(text[:4_000])
    word = first.group(1).lower() if first else ""
    return Statement(
        pointer=pointer,
        kind=names.KIND_OF_WORD.get(word, "unknown"),
        text=text,
        flags=flags,
        declared=declared,
        opaque=(why,),
        chain=chain,
    )


def _splices(text: str, budget: Budget) -> frozenset[str]:
    found = fragment.flags_of(text, budget, spoken=False)
    if found is None:
        return frozenset(("spliced",))
    hostile = found & _IN_STATEMENT
    first = _FIRST.match(text[:4_000])
    if first and first.group(1).lower() in _QUERIES and splice.spliced(text):
        hostile |= {"spliced"}
    if "always_true" in found and _OR_CONSTANT.search(text):
        hostile |= {"always_true"}
    return hostile


_QUERIES = words("select with insert update delete replace merge values explain")
"""What templates are made of; procedural code has a layout of its own that reads like misfits."""
_OR_CONSTANT = pattern(r"(?i)\bor[\s(]+(?:\d+|'[^']*')\s*=\s*(?:\d+|'[^']*)")
_IN_STATEMENT = words("time_delay error_probe program remote_access nosql_operator")
"""Flags of `fragment` that keep their meaning inside a whole statement, where quotes and SELECT are normal."""


def _fragment(text: str, pointer: str, chain: tuple[str, ...], budget: Budget) -> tuple[Statement, ...]:
    if len(text) > fragment.MAX_LENGTH:
        return ()  # the orchestration records that a text this long was only scanned in part
    flags = fragment.flags_of(text, budget)
    if flags is not None and text.startswith("<"):
        for piece in fragment.markup(text):
            flags |= fragment.flags_of(piece, budget) or frozenset()
    if flags is None:
        return (_unread(text, pointer, False, chain, frozenset(), "matcher"),)
    if not flags:
        return ()
    return (Statement(pointer=pointer, kind="fragment", text=text, flags=flags, declared=False, chain=chain),)
