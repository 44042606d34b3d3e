"""Words that are assignments, and words that are wholly literal."""

from __future__ import annotations

from yett.extract.shell.grammar.nodes import Assign, Lit, Word
from yett.extract.shell.grammar.scanner import is_name


def assignment(word: Word) -> Assign | None:
    """`name=value`, `name+=value`, `name[subscript]=value` if the word is one."""
    first = word[0]
    if not isinstance(first, Lit) or first.quoted:
        return None
    head, equals, tail = first.text.partition("=")
    if not equals:
        return _subscripted(word)
    append = head.endswith("+")
    name = head[:-1] if append else head
    base, bracket, subscript = name.partition("[")
    if not is_name(base):
        return None
    index: Word | None = None
    if bracket:
        if not subscript.endswith("]"):
            return None
        index = (Lit(subscript[:-1], False),)
    value: Word = word[1:]
    if tail:
        value = (Lit(tail, False), *value)
    return Assign(base, value, append, index)


def _subscripted(word: Word) -> Assign | None:
    """`name[$i]=value`, whose `=` stands in a later part."""
    first = word[0]
    if not isinstance(first, Lit):
        return None
    base, bracket, head = first.text.partition("[")
    if not bracket or not is_name(base):
        return None
    for k, part in enumerate(word[1:], 1):
        if isinstance(part, Lit) and not part.quoted and "]" in part.text:
            inner, _, tail = part.text.partition("]")
            if not tail.startswith(("=", "+=")):
                return None
            index = (Lit(head, False), *word[1:k], Lit(inner, False))
            value = tail.partition("=")[2]
            rest = ((Lit(value, False),) if value else ()) + word[k + 1 :]
            return Assign(base, rest, tail.startswith("+"), index)
    return None


def literal(word: Word) -> str:
    """The word's literal text; `""` if any part of it is not literal."""
    text = ""
    for part in word:
        if not isinstance(part, Lit):
            return ""
        text += part.text
    return text
