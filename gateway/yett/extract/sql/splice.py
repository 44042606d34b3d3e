"""Statements into which something was spliced: read token by token where no parser reads them.

An agent that fills a query template with a hostile value produces a text no dialect accepts: a number followed by a
word where only an operator may stand, a string that ends and goes on, brackets that do not match. Honest SQL of a
dialect we do not know fails to parse too, but its tokens still fit together. So a parse failure alone is `opaque`;
`spliced` needs one of these misfits.
"""

from __future__ import annotations

import re2

from yett.extract.words import words

_TOKEN = re2.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|\[[A-Za-z_][\w ]*\]|--[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/|\$\w*\$|"
    r"0x[0-9A-Fa-f]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|@{0,2}[A-Za-z_][\w$#]*|<=>|[<>!]=|<>|::|\|\||&&|\s+|(?s:.)"
)
_AFTER_OPERAND = words(
    "and or xor not is in like ilike rlike regexp glob between escape collate group order having limit offset fetch union intersect "
    "except minus for window qualify where from on join inner left right full cross natural using as asc desc nulls then else "
    "when end case return returning into with over partition rows range at separator div mod returns begin loop do go set "
    "values select insert update delete merge start connect by option tablesample lateral lock share percent preceding "
    "following second seconds minute minutes hour hours day days week weeks month months quarter year years microsecond "
    "interval overlaps similar contains member of to step default check constraint references primary unique key null "
    "comment engine charset character collation auto_increment if elsif elseif while until exit format settings limit_by "
    "k m g kb mb gb tb day_hour clustered nonclustered pivot unpivot top only ties row first last next current isnull notnull"
)
_COMPARISONS = frozenset(("=", "<", ">", "<=", ">=", "<>", "!=", "<=>"))
MAX_TOKENS = 4_000


def spliced(source: str) -> bool:
    """Whether the tokens of an unparsed statement do not fit together the way a spliced value leaves them."""
    previous: list[str] = []  # the last two tokens that are neither blank nor comment
    depth = 0
    touching = False  # no blank between the previous token and this one
    for count, match in enumerate(_TOKEN.finditer(source)):
        if count > MAX_TOKENS:
            return False
        token = match.group(0)
        first = token[0]
        if token.isspace() or token.startswith(("--", "/*")):
            touching = False
            continue
        if first == "(":
            depth += 1
        elif first == ")":
            depth -= 1
            if depth < 0:
                return True
        elif first == ";" and depth > 0:
            return True
        elif token in ("'", '"', "`"):
            return True  # a quote that nothing closes
        elif previous and _misfit(previous, token, touching):
            return True
        previous = [*previous[-1:], token]
        touching = True
    return depth != 0


def _misfit(previous: list[str], token: str, touching: bool) -> bool:
    last = previous[-1]
    compared = len(previous) > 1 and (previous[0].lower() in _COMPARISONS)
    word = token[0].isalpha() or token[0] in "_@"
    literal = token[0] in "'\"" or token[0].isdigit()
    if last[0].isdigit() and compared:
        if word:
            return token.lower() not in _AFTER_OPERAND
        return literal
    if last[0] == "'" and len(last) > 1:
        if touching and (word or token[0].isdigit()):
            return True  # 'admin'or
        if compared and word:
            return token.lower() not in _AFTER_OPERAND
        return compared and (token[0].isdigit() or token[0] in "?\\")
    return False
