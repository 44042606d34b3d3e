"""Structure: whether a value, put into a statement, changes what the statement is.

The value is read where an application would paste it: inside a string of each kind of quote (`… WHERE c = 'VALUE'`),
where a number stands (`… WHERE c = VALUE`), and behind a finished operand (`… WHERE c = 1 VALUE`). In each place a
small machine walks over its tokens and asks only one thing: may this token stand here, before an operand or after one?
SQL alternates operands and operators; prose puts word after word. So "O'Brien" and "the boys' room" misfit at
the first word behind the quote, "what does ' OR 1=1 mean" at the last, while `' OR 'a'='a` fits to its end, where the
statement's own quote closes it. A value that fits and brings a condition, a UNION, a subquery, a comment or a second
statement is an injection, however it is spelled; one that fits nowhere is none, whatever words it has.

Linear in the text: each token is looked at once a place, and both are capped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from yett.extract.patterns import pattern
from yett.extract.words import words

MAX_LENGTH = 800
MAX_TOKENS = 100

_TOKEN = pattern(
    r"\s*(?:on duplicate key update\b|on conflict ?(?:\([^()]*\) ?)?do (?:update set|nothing)\b|(?:lines|fields|columns) (?:terminated|starting|enclosed|escaped) by\b|\{\s*[a-z_]\w*\s|0x[0-9a-f]+|(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+|\.?e\b)?|[a-z_@$][\w$.@]*(?::[a-z]\w*)?|\\n|'[^']*'?|\"[^\"]*\"?|`[^`]*`?|\[[a-z_]\w*\]|"
    r"--|#|/\*|;|<=>|<>|!=|\^=|>=|<=|<<|>>|\|\||&&|::|:=|->>?|[-+*/%^&|<>=~!(),]|\x00|%00|(?s:.))"
)
"""A token and the blanks before it."""
_BINARY = frozenset(
    ("=", "<", ">", "<=", ">=", "<>", "!=", "^=", "<=>", "+", "-", "*", "/", "%", "^", "&", "|", "<<", ">>", "||", "&&", "::", ":=", "->", "->>", "~")
)  # fmt: skip
_COMPARISONS = frozenset((":=", "=", "<", ">", "<=", ">=", "<>", "!=", "^=", "<=>", "~"))
_LOGIC = words("and or xor || &&")
_WORD_OPERATORS = words(
    "and or xor like ilike rlike regexp glob between in is div mod escape collate sounds similar"
)
_COMPARING = words("like ilike rlike regexp glob between in is sounds similar")
_UNARY = frozenset(("+", "-", "~", "!"))
_PREFIX_WORDS = words("not binary exists distinct all any some when interval distinctrow top next first")
_SETS = words("union intersect except minus")
_CLAUSES = words(
    "having order group limit offset fetch into procedure where for from join on using as by returning"
)
"""Words that go on with a query after an operand, each followed by its own operand or by nothing."""
_ENDED_BY_NOTHING = words("asc desc end isnull notnull rows only with rollup allow filtering")
_CASE = words("then else when")
_TAIL_CLAUSES = ("on duplicate", "on conflict", "lines ", "fields ", "columns ")
"""What several words begin that the machine takes as one."""
_OF_OUTPUT = words("format settings")
"""Clauses of ClickHouse; in front of anything but a query they are names."""
_LITERAL_WORDS = words("null true false")
_ENDS = frozenset(("--", "#", "/*", "\x00", "%00"))


class Reading(NamedTuple):
    """How far a value fits at one place."""

    fits: bool
    """To its end, or to the comment or the second statement that makes the rest of no account."""
    brings: frozenset[str]
    """logic, comparison, constant (a condition on literals alone), union, subquery, call, comment, stacked, clause,
    names, closes."""
    tail: int
    """Characters behind the comment that ended it."""
    unfinished: bool = False
    """Fits so far and waits for an operand."""


_NOWHERE = Reading(False, frozenset(), 0)


def readings(low: str) -> tuple[Reading, Reading, Reading]:
    """The value inside a string, where a number stands, and behind an operand. `low`: normalised, in small letters."""
    return _readings(low)[0]


def looked_at(low: str) -> int:
    """How many tokens of a value had to be looked at: many of an expression, few of prose."""
    return _readings(low)[1]


@lru_cache(maxsize=64)
def _readings(low: str) -> tuple[tuple[Reading, Reading, Reading], int]:
    inside, looked = _NOWHERE, 0
    for quote in "'\"`":
        at = low.find(quote)
        if at >= 0:
            tokens = _Tokens(low[at + 1 :])
            found = _walk(tokens, after=True)
            looked += tokens.count
            if (found.fits or (found.unfinished and not inside.fits)) and len(found.brings) >= len(
                inside.brings
            ):
                inside = found
    tokens = _Tokens(low)
    places = inside, _walk(tokens, after=False), _walk(tokens, after=True)
    return places, looked + tokens.count


def flags(low: str) -> frozenset[str]:
    """The flags of a fragment that its structure proves."""
    inside, number, behind = readings(low)
    found: set[str] = set()
    if inside.fits and not _ordinary(number, low):
        if inside.brings & {"union", "subquery", "stacked", "constant", "comparison"} or (
            inside.brings & {"logic", "clause", "arithmetic"}
            and inside.brings & {"literal", "call", "comment"}
        ):
            found.add("quote_breakout")
        spoken = low[len(low) - inside.tail :].strip("\"' ")  # `"#2 pencil"`
        if "comment" in inside.brings and (len(inside.brings) > 1 or (inside.tail <= 10 and not spoken)):
            found.add("comment_tail")
    named = low[:1].isalpha()
    for reading in (number, behind):
        if not reading.fits:
            continue
        brings = reading.brings
        if "stacked" in brings:
            found.add("second_statement")
        if "union" in brings or (
            "subquery" in brings and not named and brings & {"logic", "constant", "arithmetic", "comparison"}
        ):
            found.add("union_probe")
        if {"computed", "arithmetic"} <= brings and low[:1].isdigit():
            found.add("always_true")  # `17/if(1,1,0)`
        if (
            "constant" in brings
            and brings & {"logic", "computed"}
            and any(char.isdigit() or char in "'\"" for char in low)
        ):
            found.add("always_true")
        if named and "subquery" in brings and ",(select" in low.replace(" ", ""):
            found.add("union_probe")
        if {"logic", "call"} <= brings and _OF_SERVER.search(low):
            found.add("always_true")
        if {"constant", "arithmetic", "call"} <= brings and low[:1].isdigit():
            found.add("always_true")  # `0^(locate('a',user())>0)`
        if "comment" in brings and low.endswith(("\0", "%00")):
            found.add("comment_tail")
        if (
            "comment" in brings
            and brings & {"logic", "clause"}
            and brings & {"literal", "call", "comparison"}
        ):
            found.add("comment_tail")
    if any(one.fits and "subquery" in one.brings for one in (inside, number, behind)) and _LETTERWISE.search(
        low
    ):
        found.add("probe_predicate")
    placed = number if number.fits else behind
    handed_on = "call" in placed.brings and "logic" not in placed.brings  # `login(user=user)`
    if placed.fits and (_LIKE_ALL.search(low) or (not handed_on and _equals_itself(low))):
        found.add("always_true")
    if number.fits and "comment" in number.brings and _ENDED.search(low):
        found.add("comment_tail")
    if (
        behind.brings & {"closes", "comparison"}
        and behind.brings & {"clause", "subquery"}
        and behind.unfinished
    ):
        found.add("continuation")
    if inside.unfinished and "clause" in inside.brings and "names" in inside.brings:
        found.add("continuation")  # "` as `kind` from"
    if number.unfinished and "subquery" in number.brings and number.brings & {"call", "comparison"}:
        found.add("continuation")
    hung = behind.fits or behind.unfinished
    if hung and low.startswith(_HUNG) and "literal" in behind.brings and "names" not in behind.brings:
        found.add("continuation")
    if _OPENS.search(low):
        found.add("continuation")
    tail = low.lstrip("0123456789 ")
    plain = "literal" in behind.brings and "names" not in behind.brings
    plain = plain or ("literal" in number.brings and "names" not in number.brings)
    if (behind.fits or number.fits) and tail.startswith(_TAILS) and (plain or tail.startswith("procedure")):
        found.add("continuation")
    return frozenset(found)


def condition(low: str) -> bool:
    """Whether it is an ordinary condition on columns (`age >= 18 and vip is not null`), as filters take them."""
    return _ordinary(readings(low)[1], low)


def _equals_itself(low: str) -> bool:
    """`tenant = tenant`: true of every row that has one."""
    return any(left == right for left, right in _SAME.findall(low))


def ordering(low: str) -> bool:
    """Whether it is an ordinary expression over columns to sort by: `case when open then 0 else 1 end, name`."""
    reading = readings(low)[1]
    strange = reading.brings & {"constant", "union", "subquery", "stacked", "comment"}
    computed = "computed" in reading.brings and not low.startswith("case ")
    if strange or computed or "@" in low:  # a variable is no column
        return False
    return reading.fits and low[:1].isalpha() and "names" in reading.brings


def _ordinary(reading: Reading, low: str) -> bool:
    strange = reading.brings & {"constant", "union", "stacked", "comment", "computed"}
    return reading.fits and low[:1].isalpha() and "comparison" in reading.brings and not strange


_OF_SERVER = pattern(
    r"\b(?:user|database|version|schema|current_user|session_user|system_user|db_name) ?\( ?\)|@@\w|\bhas_[a-z]+_privilege ?\("
)
_LETTERWISE = pattern(r"\b(?:ascii|ord|unicode|substr|substring|mid|hex) ?\([\s(]*select\b")
"""A subquery's answer taken letter by letter."""
_SAME = pattern(r"(?:^|[\s(])([a-z_][\w.]*) ?= ?([a-z_][\w.]*)(?:$|[\s)])")
_ENDED = pattern(r"; ?(?:--|#)\s*$")
_LIKE_ALL = pattern(r"\bor [\w.]+ like '%+'")
_HUNG = ("xor ", "rlike ", "regexp ", "div ", "like null")
"""Operators that nobody begins a value with who has no operand to hang it on."""
_OPENS = pattern(r"\b(?:r?like|regexp) ['\"]$|[=<>,+|-] ?\( ?select$")
"""Ends where a string or a subquery begins."""
_TAILS = ("order by ", "group by ", "having ", "limit ", "procedure analyse")


def prose(low: str) -> bool:
    """Whether the value fits no place in a statement, so that what looks like SQL in it is only spoken of."""
    return len(low) <= MAX_LENGTH and not any(reading.fits or reading.unfinished for reading in readings(low))


class _Tokens:
    """The tokens of a text that are no blanks, with their ends: read as far as somebody asks, and once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._read: list[tuple[str, int]] = []
        self._more = _TOKEN.spans(text)

    @property
    def count(self) -> int:
        """How many were read."""
        return len(self._read)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        yield from self._read
        for start, end in self._more:
            word = self.text[start:end].lstrip()
            if word:
                self._read.append((word, end))
                yield word, end


def _walk(tokens: _Tokens, *, after: bool) -> Reading:
    """Walk over the tokens of a text, beginning before or `after` an operand."""
    return _Machine(tokens, after).run() if len(tokens.text) <= MAX_LENGTH else _NOWHERE


class _Machine:
    """One walk; use once."""

    def __init__(self, tokens: _Tokens, after: bool) -> None:
        self.tokens = tokens
        self.text = tokens.text
        self.after = after
        self.brings: set[str] = set()
        self.operand = ""  # the one just read: literal, string, name or call
        self.left: str | None = None  # what stood left of the comparison that waits for its right side
        self.columns = 0  # names that are not a function's
        self.brackets = 0
        self.selecting = self.aliased = False
        self.between = False  # its AND is no logic
        self.joining = False  # a UNION waits for its SELECT
        self.deciding = False  # a logical operator waits for its right side
        self.previous = ""

    def run(self) -> Reading:
        """How far the text fits."""
        count = 0
        for word, end in self.tokens:
            count += 1
            if count > MAX_TOKENS:
                return _NOWHERE
            if word in _ENDS:
                if not self.after and self.previous not in ("", "("):
                    return _NOWHERE
                return self._reading(self.after, "comment", len(self.text) - end)
            rest = self.text[end:]
            if self.after and word == ";":
                return self._second(rest.lstrip("; "))
            if self.after and word == "waitfor" and _SECOND.search(word + rest):
                return self._reading(True, "stacked")
            if not (self._behind(word) if self.after else self._before(word, rest)):
                return _NOWHERE
            self.previous = word
        fits = bool(count) and (self.after or self.previous in _WORD_OPERATORS)
        return Reading(fits, frozenset(self.brings), 0, unfinished=bool(count) and not self.after)

    def _reading(self, fits: bool, brought: str, tail: int = 0) -> Reading:
        return Reading(fits, frozenset(self.brings | {brought}), tail)

    def _second(self, rest: str) -> Reading:
        """A second statement: its first words must be one's; nothing at all ends the first one early."""
        if not rest:
            return self._reading(True, "comment")
        if _SECOND.search(rest):
            return self._reading(True, "stacked")
        return self._reading(rest.startswith(tuple(_ENDS)), "comment", len(rest))

    def _behind(self, word: str) -> bool:
        """Take a token behind an operand; False if it misfits."""
        first = word[0]
        if word in (")", "}"):
            if self.brackets:
                self.brackets -= 1
            else:
                self.brings.add("closes")
            self.operand, self.aliased = "call", False
        elif word == "(" and (
            self.operand == "name" or self.previous[-1:] in ("e", ".")
        ):  # `1.e(x)` is MySQL's
            self.brackets += 1
            self.columns -= self.operand == "name"
            self.brings.add("call")
            if self.previous in _COMPUTED:
                self.brings.add("computed")
            self.after = False
        elif word in _BINARY or word in _WORD_OPERATORS:
            self._operator(word)
        elif word in _SETS:
            self.joining = True
            self.after = self.aliased = False
        elif word == "," or (word == "." and self.operand == "call") or word in _CASE or word in _CLAUSES:
            if word in _CASE or (word in _CLAUSES and not (self.selecting and word in _OF_SELECT)):
                self.brings.add("clause")
            self.after = self.aliased = False
        elif word == "not":
            self.after = False
        elif word.startswith(_TAIL_CLAUSES) or (self.selecting and word in _OF_OUTPUT):
            self.brings.add("clause")
            self.after = word.endswith("nothing")
        elif first in "'\"`" and (self.operand == "string" or self.previous in ("outfile", "dumpfile")):
            self.operand = "string"  # neighbouring strings are one
        elif self.selecting and not self.aliased and (first.isalpha() or first in '`"['):
            self.aliased = True
        else:
            return word in _ENDED_BY_NOTHING
        return True

    def _operator(self, word: str) -> None:
        if word == "and" and self.between:
            self.between = False
        elif word in _LOGIC:
            self.brings.add("logic")
            self.deciding = True
        elif word in _COMPARISONS or word in _COMPARING:
            self.brings.add("comparison")
            self.left = self.operand
            self.between = self.between or word == "between"
        else:
            self.brings.add("arithmetic")
        self.after = False

    def _before(self, word: str, rest: str) -> bool:
        """Take a token where an operand is due; False if it misfits."""
        first = word[0]
        if self.joining and word not in _JOINED:
            return False
        if word == "(" or (first == "{" and len(word) > 1):  # `{d '2020-01-01'}` is ODBC's
            self.brackets += 1
            if first == "{" and self.deciding and self.left is None:
                self.brings.add("constant")
        elif word == ")":
            if self.previous != "(" or not self.brackets:
                return False
            self.brackets -= 1
            self._operand("call")
        elif word == "*" or (word in _ALSO_CALLED and rest.startswith("(")):
            self._operand("name")
        elif word == "case":
            self.brings.add("computed")
        elif word == "select" or (word in ("values", "table", "row") and self.previous in _OPENS_ROWS):
            if self.previous not in _BEFORE_SELECT:
                return False
            self.selecting = True
            self.brings.add("union" if self.joining else "subquery")
            self.joining = False
        elif (
            word in _UNARY or word in _PREFIX_WORDS or (word == "by" and self.previous in ("order", "group"))
        ):
            pass
        elif word in _WORD_OPERATORS:
            self.brings |= {"comparison"} if word in _COMPARING else set()
            return self.previous in _WORD_OPERATORS or self.previous in ("not", "is")  # NOT LIKE, IS NOT
        elif word in _SETS or word in _CLAUSES or word in _CASE or word in _BINARY:
            return False
        elif self.previous == "top" and first.isdigit():
            pass
        elif first.isdigit() or first in ".'\"\\" or word in _LITERAL_WORDS:
            kind = "string" if first in "'\"" else "literal"
            if not (kind == "string" and word[1:2].isalpha() and self.left is None):
                self.brings.add("literal")  # a word alone is no truth: `" and "disney`
            alone = self.left not in (None, "name") and (self.left != "call" or self.columns < 1)
            if alone or (
                self.left is None and self.deciding and kind == "literal" and not _COUNT.search(word)
            ):
                self.brings.add("constant")
            self._operand(kind)
        elif first.isalpha() or first in "_@$`[":
            if (
                not self.brackets
                and self.previous in ("in", "is")
                and word not in ("distinct", "unknown", "select")
            ):
                return False  # "how to escape ' in sql"
            if rest.startswith("'") and (first == "_" or word in _INTRODUCERS):
                return True
            if first == "@":
                self._operand("call")  # a variable says the same of every row
                return True
            self.brings.add("names")
            if first == "`" and not (len(word) > 1 and word.endswith("`")):
                self.brings.add("literal")  # the template's own quote closes it
            self.columns += 1
            self._operand("name")
        else:
            return False
        return True

    def _operand(self, kind: str) -> None:
        self.operand, self.left, self.deciding, self.after = kind, None, False, True


_COUNT = pattern(r"^[2-9]\d?$|^1\d$|^(?:1[5-9]|20)\d\d$")
"""A number that prose counts or dates with: "1 or 2" is no condition that somebody made constant."""
_INTRODUCERS = words("n x b e u date time timestamp")
"""What stands in front of a string and belongs to it."""
_OF_SELECT = words("from as join on using where")
_ALSO_CALLED = words("like glob regexp mod if")
_OPENS_ROWS = _SETS | {"all", "values"}
_JOINED = words("select all distinct distinctrow values table row (")
_BEFORE_SELECT = _SETS | words("( all distinct distinctrow values exists any some") | {""}
_COMPUTED = words("if iif sleep benchmark pg_sleep extractvalue updatexml load_file elt make_set row")


_SECOND = pattern(
    r"^(?:select[\s(]+\S|insert[\s]+(?:ignore[\s]+)?into\b|update[\s]+\S+[\s]+set\b|delete[\s]+from\b|(?:drop|alter|create|truncate)[\s]+(?:or[\s]+replace[\s]+)?"
    r"(?:table|database|schema|user|login|role|view|index|function|procedure|trigger|temp\w*|extension|event|sequence|type)\b|truncate[\s]+[\w.`\"\[\]]+\s*(?:;|$|--|#)|exec(?:ute)?[\s(]+[\w@.'(\[]+|"
    r"declare[\s]+@?\w+|set[\s]+(?:(?:global|session|local)[\s]+)?[@\w.]+[\s]*(?:=|to\b)|grant[\s]+[\w, ]+[\s]+(?:on|to)\b|revoke[\s]+[\w, ]+[\s]+(?:on|from)\b|shutdown\b|waitfor[\s]+(?:delay|time)\b|call[\s]+[\w.]+[\s]*\(|"
    r"copy[\s]+[\w(\"]|merge[\s]+into\b|replace[\s]+into\b|do[\s]+\$|begin[\s]*(?:;|declare\b|transaction\b|execute\b|\w+\.\w+)|attach[\s]+(?:database[\s]+)?'|pragma[\s]+\w+|load[\s]+data\b|handler[\s]+\w+[\s]+(?:open|read)\b|"
    r"prepare[\s]+\w+[\s]+from\b|use[\s]+\w+[\s]*(?:;|$|--)|(?:if|while)\s*\(|with[\s]+\w+[\s]+as\b|commit\b[\s]*(?:;|$|--)|rollback\b[\s]*(?:;|$|--)|lock[\s]+tables?\b|kill[\s]+\d|vacuum\b[\s]*(?:;|$|--|full))"
)
