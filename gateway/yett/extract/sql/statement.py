"""Whole statements: parsed by sqlglot, read node by node.

1. `dialects` parses the text.
2. `describe` walks one tree and collects tables, functions and the properties that matter.
3. What sqlglot keeps as an unparsed `Command` is opened by hand where something can hide in it: EXPLAIN, PREPARE,
   DO, EXECUTE.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from yett.extract.budget import Budget
from yett.extract.facts import Statement
from yett.extract.patterns import pattern
from yett.extract.sql import dialects, names
from yett.extract.words import words

MAX_NODES = 6_000

_KINDS: tuple[tuple[type[Any], str], ...] = (
    (exp.Insert, "insert"),
    (exp.Update, "update"),
    (exp.Delete, "delete"),
    (exp.Merge, "merge"),
    (exp.TruncateTable, "truncate"),
    (exp.Create, "create"),
    (exp.Attach, "create"),
    (exp.Alter, "alter"),
    (exp.Comment, "alter"),
    (exp.Drop, "drop"),
    (exp.Detach, "drop"),
    (exp.Grant, "grant"),
    (exp.Revoke, "revoke"),
    (exp.Execute, "call"),
    (exp.Kill, "call"),
    (exp.Copy, "copy"),
    (exp.LoadData, "copy"),
    (exp.Set, "set"),
    (exp.Pragma, "set"),
    (exp.Declare, "set"),
    (exp.Use, "use"),
    (exp.Describe, "show"),
    (exp.Show, "show"),
    (exp.Transaction, "transaction"),
    (exp.Commit, "transaction"),
    (exp.Rollback, "transaction"),
    (exp.Query, "select"),
    (exp.Values, "select"),
)
WRITES = words("insert update delete merge truncate create alter drop grant revoke call copy")
_WRITE_NODES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.TruncateTable,
    exp.Create,
    exp.Alter,
    exp.Drop,
    exp.Copy,
    exp.Grant,
)
_ARITHMETIC = (exp.IntDiv, exp.Mod, exp.Add, exp.Sub, exp.Mul, exp.Div)
_CONDITIONS = (exp.Where, exp.Having, exp.Join, exp.Qualify)
_COMPARISONS = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.LT,
    exp.GTE,
    exp.LTE,
    exp.Like,
    exp.ILike,
    exp.NullSafeEQ,
    exp.RegexpLike,
    exp.Is,
)


def describe(tree: Any, *, pointer: str, text: str, dialect: str, declared: bool, chain: tuple[str, ...], flags: frozenset[str], budget: Budget, depth: int = 0) -> Statement:  # fmt: skip
    """One statement's facts. `flags` are those of the whole text, which every statement of it carries."""
    reader = _Reader(budget)
    kind = _kind(tree)
    if isinstance(tree, exp.Command):
        inner = _open_command(tree, dialect)
        if inner is not None and depth < 3:
            word, analyze, sub = inner
            found = describe(sub, pointer=pointer, text=text, dialect=dialect, declared=declared, chain=chain, flags=flags, budget=budget, depth=depth + 1)  # fmt: skip
            extra = set()
            if word == "explain" and analyze and (found.kind in WRITES or "writes_in_cte" in found.flags):
                extra.add("writes_in_explain")
            if word == "prepare":
                extra.add("dynamic")
            return Statement(
                pointer=pointer,
                kind="explain" if word == "explain" else found.kind,
                dialect=dialect,
                text=text,
                reads=found.reads,
                writes=found.writes if analyze else (),
                functions=found.functions,
                flags=found.flags | extra,
                declared=declared,
                opaque=found.opaque,
                chain=chain,
            )
        reader.flags.add("unparsed")
        reader.command(tree)
    else:
        reader.read(tree, kind)
    return Statement(
        pointer=pointer,
        kind=kind,
        dialect=dialect,
        text=text,
        reads=tuple(sorted(reader.reads - reader.local)),
        writes=tuple(sorted(reader.writes)),
        functions=tuple(sorted(reader.functions)),
        flags=flags | frozenset(reader.flags),
        declared=declared,
        opaque=("too_many_nodes",) if reader.cut else (),
        chain=chain,
    )


def _kind(tree: Any) -> str:
    if isinstance(tree, exp.Command):
        return names.KIND_OF_WORD.get(str(tree.this).lower().split(" ")[0], "unknown")
    for node, kind in _KINDS:
        if isinstance(tree, node):
            return kind
    return "unknown"


_EXPLAIN = pattern(
    r"(?is)^\s*(?:\([^()]*\)\s*|analyze\s+|analyse\s+|verbose\s+|extended\s+|plan\s+for\s+|query\s+plan\s+|format\s*=\s*\w+\s+)*"
)
_PREPARE = pattern(r"(?is)^\s*\w+\s*(?:\([^()]*\)\s*)?as\s+")
_ANALYZE = pattern(r"(?i)\banaly[sz]e\b")
_OFF = pattern(r"(?i)\banaly[sz]e\s+(?:false|off|0)\b")


def _open_command(tree: Any, dialect: str) -> tuple[str, bool, Any] | None:
    """(word, whether it runs, inner tree) of a command that carries a statement; None if it carries none."""
    word = str(tree.this).lower()
    body = _body(tree)
    if word == "explain":
        prefix = _EXPLAIN.match(body)
        head = body[: prefix.end()] if prefix else ""
        sub = dialects.parse_as(body[len(head) :], dialect)
        if (
            sub
            and len(sub) == 1
            and not (isinstance(sub[0], exp.Command) and str(sub[0].this).lower() == "explain")
        ):
            return word, bool(_ANALYZE.search(head)) and not _OFF.search(head), sub[0]
    if word == "prepare":
        prefix = _PREPARE.match(body)
        if prefix:
            sub = dialects.parse_as(body[prefix.end() :], dialect)
            if sub and len(sub) == 1:
                return word, True, sub[0]
    return None


def _body(tree: Any) -> str:
    """The text of a command after its first word."""
    rest = tree.args.get("expression")
    return rest.name if isinstance(rest, exp.Expression) else str(rest or "")


_ABSOLUTE = pattern(r"^(?:/|~|\\\\|[A-Za-z]:[\\/]|\.\./)")
_CALLED = pattern(r"([A-Za-z_]\w*)\s*\(")
_DYNAMIC = words("do execute exec call declare begin prepare")


class _Reader:
    """Collects one tree's facts in one walk."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.local: set[str] = set()
        """Names of CTEs: they are not tables."""
        self.functions: set[str] = set()
        self.flags: set[str] = set()
        self.cut = False

    def command(self, tree: Any) -> None:
        """A statement that sqlglot only knows the first word of."""
        word = str(tree.this).lower().split(" ")[0]
        if word in _DYNAMIC:
            self.flags.add("dynamic")
        if word in ("create", "alter", "drop") and names.ADMIN_OBJECTS & set(_body(tree).lower().split()[:4]):
            self.flags.add("admin_object")
        if word == "show":
            for match in _CALLED.finditer(_body(tree)):  # SHOW STATUS WHERE sleep(5)
                self.flags |= function_flags(match.group(1).lower(), known=False)

    def read(self, tree: Any, kind: str) -> None:
        root_writes = kind in WRITES
        target = _target(tree) if root_writes else None
        for count, node in enumerate(tree.walk()):
            if count > MAX_NODES:
                self.cut = True
                break
            if count % 500 == 499:
                self._budget.spend(1)
            if isinstance(node, exp.Table):
                self._table(node, node is target)
            elif isinstance(node, exp.Column):
                if node.table and node.name.lower() == "nextval":
                    self.flags.add("side_effect_function")  # Oracle's and Snowflake's sequences move on
            elif isinstance(node, exp.Or):  # before Func: sqlglot counts the connectives among the functions
                if (always_true(node.left) or always_true(node.right)) and node.find_ancestor(*_CONDITIONS):
                    self.flags.add("always_true")
            elif isinstance(node, exp.Func):
                self._function(node)
            elif isinstance(node, _ARITHMETIC):
                if isinstance(node.right, exp.Tuple):
                    self.flags.add("spliced")  # 44 DIV (23, 2): no server computes with rows
            elif isinstance(node, _COMPARISONS):
                if _chained(node):
                    self.flags.add("spliced")  # x >= 1=1
            elif isinstance(node, exp.CTE):
                self.local.add(node.alias.lower())
                if node.parent is not None and node.parent.args.get("recursive"):
                    self.flags.add("recursive")
            elif isinstance(node, _WRITE_NODES):
                if node is not tree:
                    self.flags.add("writes_in_cte")
                    inner = _target(node)
                    if inner is not None:
                        self.writes.add(_table_name(inner))
                if isinstance(node, (exp.Update, exp.Delete)):
                    self._where(node)
                if isinstance(node, exp.Copy):
                    self._copy(node)
            elif isinstance(node, exp.Into):
                self.flags.add("select_into")
                if isinstance(node.this, exp.Table):
                    self.writes.add(_table_name(node.this))
            elif isinstance(node, exp.Lock):
                self.flags.add("locks")
            elif isinstance(node, exp.WithTableHint):
                if any(hint.name.lower() in names.LOCKING_HINTS for hint in node.expressions):
                    self.flags.add("locks")
            elif isinstance(node, exp.QueryTransform):
                self.flags.add("external_script")  # SELECT TRANSFORM(…) USING 'script'
            elif isinstance(node, (exp.Where, exp.Having)):
                if always_true(node.this):
                    self.flags.add("constant_predicate")
            elif isinstance(node, exp.Select):
                if (
                    node is not tree
                    and not node.expressions
                    and not (node.args.get("from_") or node.args.get("from"))
                ):
                    self.flags.add("spliced")  # `… UNION SELECT`, and nothing after it
            elif isinstance(node, exp.Union):
                self.flags.add("union")
                if _is_probe(node.right):
                    self.flags.add("union_probe")
            elif isinstance(node, exp.Command) and node is not tree:
                self.flags.add("unparsed")
        if isinstance(tree, (exp.Drop, exp.Create, exp.Alter)):
            self._ddl(tree)
        elif isinstance(tree, (exp.Grant, exp.Revoke)):
            self.flags.add("privileges")
        elif isinstance(tree, exp.Execute):
            self._execute(tree)

    def _table(self, node: Any, is_target: bool) -> None:
        if isinstance(node.this, exp.Func):
            return  # a table function: the walk reaches the function itself
        name = _table_name(node)
        if not name:
            return
        (self.writes if is_target else self.reads).add(name)
        if _ABSOLUTE.search(name):
            self.flags.add("file_access")
        if "@" in name[1:]:
            self.flags.add("remote_table")  # `t@link`
        if name in names.SENSITIVE_TABLES:
            self.flags.add("credential_table")
        if name.startswith(names.SCHEMA_TABLES):
            self.flags.add("schema_probe")

    def _function(self, node: Any) -> None:
        if isinstance(node, (exp.And, exp.Cast, exp.Case, exp.If)):
            return
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        if isinstance(node.parent, exp.Dot):
            name = f"{node.parent.this.sql().lower()}.{name}".replace('"', "")
        self.functions.add(name)
        found = function_flags(name, known=not isinstance(node, exp.Anonymous))
        if "bulk_load" in found and any(_ABSOLUTE.search(text.name) for text in node.find_all(exp.Literal)):
            self.flags.add("file_access")
        self.flags |= found

    def _where(self, node: Any) -> None:
        where = node.args.get("where")
        if where is None or always_true(where.this):
            self.flags.add("no_where")

    def _copy(self, node: Any) -> None:
        for file in node.args.get("files") or []:
            if isinstance(file, exp.Identifier) and file.name.lower() == "program":
                self.flags.add("program")
                continue
            name = file.this.name if isinstance(file, exp.Table) else file.name
            if _ABSOLUTE.search(name):
                self.flags.add("file_access")

    def _ddl(self, tree: Any) -> None:
        what = str(tree.args.get("kind") or "").lower()
        if any(word in names.ADMIN_OBJECTS for word in what.split()):
            self.flags.add("admin_object")
        if isinstance(tree, exp.Create) and what in ("function", "procedure", "trigger"):
            self.flags.add("dynamic")

    def _execute(self, tree: Any) -> None:
        self.flags.add("dynamic")
        name = _table_name(tree.this) if isinstance(tree.this, exp.Table) else ""
        if name:
            self.functions.add(name)
            self.flags |= function_flags(name.rpartition(".")[2], known=False)


def function_flags(name: str, *, known: bool) -> frozenset[str]:
    """What calling this function says of a statement. `known`: the parser has a type of its own for it."""
    base = name.rpartition(".")[2]
    found = set()
    for flag, table in (
        ("time_delay", names.TIME_DELAY),
        ("file_access", names.FILE_ACCESS),
        ("program", names.COMMANDS),
        ("remote_access", names.REMOTE),
        ("side_effect_function", names.SIDE_EFFECTS),
        ("error_probe", names.ERROR_PROBES),
        ("bulk_load", names.BULK_LOAD),
    ):
        if name in table or base in table:
            found.add(flag)
    if not found and base.startswith(
        ("pg_ls_", "pg_read_", "lo_", "dblink", "xp_", "sp_oa", "utl_", "dbms_")
    ):
        found.add("side_effect_function")
    if found:
        return frozenset(found)
    if not known and ("." in name or base not in names.SAFE_ANONYMOUS):
        return frozenset(("unknown_function",))
    return frozenset()


def always_true(node: Any) -> bool:
    """Whether a predicate holds for every row, as far as literals tell."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal):
        return not node.is_string and node.name not in ("0", "0.0")
    if isinstance(node, exp.Not):
        return _always_false(node.this)
    if isinstance(node, exp.And):
        return always_true(node.left) and always_true(node.right)
    if isinstance(node, exp.Or):
        return always_true(node.left) or always_true(node.right)
    if isinstance(node, _COMPARISONS):
        return _compares_constants(node) and not _never(node)
    if isinstance(node, exp.Between):
        return all(isinstance(part, exp.Literal) for part in (node.this, node.args["low"], node.args["high"]))
    if isinstance(node, exp.In):
        values = node.expressions
        return isinstance(node.this, exp.Literal) and any(value == node.this for value in values)
    return False


def _chained(node: Any) -> bool:
    """`x >= 1 = 1`: a comparison compared with a constant, or one of two constants compared with anything."""
    for one, other in ((node.left.unnest(), node.right), (node.right.unnest(), node.left)):
        if isinstance(one, _COMPARISONS) and (
            isinstance(other, exp.Literal) or (_constant(one.left) and _constant(one.right))
        ):
            return True
    return False


def _always_false(node: Any) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Boolean):
        return not node.this
    if isinstance(node, exp.Literal):
        return not node.is_string and node.name in ("0", "0.0")
    return isinstance(node, _COMPARISONS) and _compares_constants(node) and _never(node)


def _constant(node: Any) -> bool:
    while isinstance(node, (exp.Paren, exp.Neg, exp.Cast)):
        node = node.this
    return isinstance(node, (exp.Literal, exp.Boolean, exp.Null))


def _compares_constants(node: Any) -> bool:
    left, right = node.left, node.right
    if _constant(left) and _constant(right):
        return True
    return isinstance(left, exp.Column) and left == right  # x = x


def _never(node: Any) -> bool:
    """Of a comparison of two constants: whether it is plainly false (`1 = 2`)."""
    left, right = node.left, node.right
    if isinstance(node, exp.EQ):
        return bool(left != right)
    if isinstance(node, exp.NEQ):
        return bool(left == right)
    if left.is_number and right.is_number and isinstance(node, (exp.GT, exp.GTE, exp.LT, exp.LTE)):
        low, high = float(left.name or 0), float(right.name or 0)
        return {exp.GT: low <= high, exp.GTE: low < high, exp.LT: low >= high, exp.LTE: low > high}[
            type(node)
        ]
    return isinstance(left, exp.Column)


def _is_probe(node: Any) -> bool:
    """`UNION SELECT NULL, 1, 'a'`: a branch that only finds out how many columns there are, or reads the catalogue."""
    if not isinstance(node, exp.Select):
        return False
    source = node.args.get("from_") or node.args.get("from")
    values = node.expressions
    # without a table there is no column to select: the names are left over from somebody's guess
    return source is None and any(isinstance(value, (exp.Null, exp.Column)) for value in values)


def _target(tree: Any) -> Any:
    """The table a writing statement writes to."""
    node = tree.this
    several = tree.args.get("tables") or (tree.expressions if isinstance(tree, exp.TruncateTable) else None)
    if several:
        node = several[0]
    while isinstance(node, (exp.Schema, exp.Alias, exp.UserDefinedFunction, exp.Index)):
        node = node.args.get("table") if isinstance(node, exp.Index) else node.this
    return node if isinstance(node, exp.Table) else None


def _table_name(node: Any) -> str:
    return ".".join(part.name.lower() for part in node.parts if part.name)
