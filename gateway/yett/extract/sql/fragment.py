"""Fragments: a value that breaks out of the query somebody puts it into.

The value is not SQL by itself, so no parser reads it. It is read the way the victim's server would: comments become
blanks (and executable comments their content), runs of blanks one, letters small. Then structural patterns ask what
stands after the *first* quote that would end the surrounding string: an operator with an operand, a comment that
swallows the rest, a second statement. Two readers ask. `structure` walks over the tokens and knows whether the value
fits into a statement at all: what fits is flagged by what it brings, and what fits nowhere and has words of prose
only speaks of SQL. The patterns below know functions and shapes that mean something wherever they stand.

Every pattern is RE2, run as one set in linear time.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator
from functools import lru_cache

import re2

from yett.extract.budget import Budget
from yett.extract.patterns import PatternSet, ScanFailed, pattern, probe
from yett.extract.sql import guard, names, structure
from yett.extract.words import words

MAX_LENGTH = 16_384

_WORDS = "|".join(sorted(re2.escape(word) for word in names.FUNCTION_WORDS))
_DIGITS = r"(?:0x[0-9a-f]+|0b[01]+|\d[\d.]*(?:e[-+]?\d+)?)"
_NUMBER = rf"(?:[-+~!@ ]*{_DIGITS}(?: ?[-+*/%] ?{_DIGITS})*)"
_STRING = r"(?:[xnbeu]?'[^']*'?|\"[^\"]*\"?|`[^`]*`)"
_LITERAL = rf"(?:{_NUMBER}|{_STRING}|null\b|true\b|false\b)"
_CALL = r"(?:[a-z_@][\w$.@]* ?\()"
_NAME = r"(?:[a-z_@][\w$.]*)"
_PREFIX = r"(?:[\s(!~+-]|not\b|binary\b|exists\b)*"
_VALUE = rf"(?:{_LITERAL}|{_CALL}|\( ?select\b|case\b)"
"""What no prose has after "and": a literal, a call, a subquery."""
_SYMBOL = r"(?:<=>|<>|!=|\^=|>=|<=|=|<|>|\|\||&&|@>|<@|->|#>|~|::)"
_MATCH = r"(?:(?:not )?(?:like|rlike|ilike|regexp|glob|between|in|similar to|sounds like)|is(?: not)?)"
_COMPARE = rf"(?:{_SYMBOL}|\? ?['\"|&@$\w]|{_MATCH}\b)"
_COMPARE_NAME = rf"(?:{_SYMBOL}|\? ?['|&]|{_MATCH} ?(?:['\"(%@\d]|null\b|\w+ escape\b))"
"""Stricter after a bare name, where `like` and `in` are words of prose."""
_LOGIC = r"(?:or|and|xor|\|\||&&|having|where|when|elseif|if|like|rlike|div|mod|not)"
_OUT = r"(?:^[^']*'|^[^\"]*\"|^[^`]*`)"
"""The first quote of a kind: the one that would end the string the value was put into."""
_GAP = r"[\s);+\\]*"
_END = r"(?:--|#|/\*|;|\x00|%00)"
_TAIL = r"(?:(?:--|#|/\*)[\s+-]*[a-z0-9]{0,8}['\"]?\s*$|;\s*(?:--|$)|\x00|%00)"
"""A comment that swallows what the query had after the value."""

_PATTERNS: tuple[tuple[str, str], ...] = (
    # 1. out of the string, and on with the condition
    ("quote_breakout", rf"{_OUT}{_GAP}{_LOGIC}{_PREFIX}{_VALUE}[\s)]*(?:{_COMPARE}|{_END}|[*/%^|&])"),
    ("quote_breakout", rf"{_OUT}{_GAP}{_LOGIC}{_PREFIX}{_NAME}[\s)]*(?:{_COMPARE_NAME}|{_TAIL})"),
    ("quote_breakout", rf"{_OUT}{_GAP}{_LOGIC}[\s(!~+-]*(?:not )?(?:[-+]?\d+|{_STRING}|{_CALL}.*|true|false|null)? ?$"),
    ("quote_breakout", rf"{_OUT}{_GAP}{_LOGIC}[\s(!~+-]*(?:not )?(?:{_STRING}|{_CALL}|exists ?\(|\( ?select|case when|[a-z_]+ ?;)"),
    ("quote_breakout", rf"{_OUT}{_GAP}(?:=|<>|!=|<=>|\*|\^|%|\|\||&&|<<|>>|[-+/|&<>])[\s(]*(?:{_LITERAL}[\s)]*(?:$|{_END}|{_COMPARE}|[*/^])|{_CALL}|\( ?select|[a-z_]\w*[\s)]*(?:{_END}|{_COMPARE}))"),
    ("quote_breakout", rf"{_OUT}{_GAP}(?:collate|escape|glob|regexp|between|is null|is not null|order by|group by|limit|procedure analyse|for update|into)\b[\s]*(?:[-'\"`\d(]|[a-z_]\w*[\s)]*(?:{_END}|$|,|\())"),
    ("quote_breakout", rf"{_OUT}{_GAP}(?:::|->>?|#>>?|@>|<@|\?[|&]?) ?(?:[a-z]+|{_LITERAL}|\d)"),
    ("quote_breakout", r"^(?:'[\s)]*(?:'|=|\|\||or|and)+[\s(]*'?|\"[\s)]*(?:\"|=|\|\||or|and)+[\s(]*\"?)[\s]*(?:\d|--|#|;|=|<|>)"),
    ("quote_breakout", r"^[^'\"`]*['\"`][\s)]*;\s*$|^[^']*'[\s)]*;\s*[a-z]+[\s'(;]|^[^']*\\''\s*(?:or|and|union|;|--|#)|^'\s*(?:alter|drop|insert|delete|update|select|create|truncate|exec)\b[^']*$"),
    ("quote_breakout", rf"{_OUT}{_GAP}(?:{_LOGIC}|is|is not|glob|in|between|regexp)\b.*(?:--|#)[\s+-]*$"),
    ("quote_breakout", r"(?:like|rlike|regexp|glob) ?['\"`]\s*$|^['\"`]\s*(?:like|rlike|regexp|glob)\s*$"),
    ("quote_breakout", r"^['\"][\s)]*(?:union|having|order by|group by|limit)\s*$"),
    # 2. what follows the first quote is dropped
    ("comment_tail", rf"{_OUT}{_GAP}(?:--[\s+-]*|#\s*|/\*[\s!*]*|;\s*(?:--|#|%00|\x00)\s*|%00|\x00)(?:[-+a-z0-9]{{0,10}}|'|\")\s*$"),
    ("comment_tail", rf"{_OUT}.*[)\w'\"`;\s](?:--[\s+-]*|#|/\*)[-+]?\s*$&&"),
    ("comment_tail", r"^[-+]?\d+[\s)]*(?:--[\s+-]*|#|/\*)\s*[-+]?\s*$"),
    # 3. a condition that holds always, wherever it stands
    ("always_true", rf"(?:^|[\s'\"`)\d/(])(?:or|and|xor|\|\||&&|having|where|when|if)[\s(!~+-]*(?:not[\s(]*)?{_LITERAL}[\s)]*(?:<=>|<>|!=|>=|<=|=|<|>|(?:not )?(?:like|rlike|regexp|glob|between|in|is)\b)[\s(]*(?:{_LITERAL}|$|{_CALL})"),
    ("always_true", rf"^[\s)'\"\d]*(?:or|and|xor|\|\||&&)[\s(!~+-]+(?:not )?(?:{_LITERAL}|{_NAME}|{_CALL}[^)]*\))[\s)]*{_COMPARE}"),
    ("always_true", rf"^[\s)'\"\d]*(?:or|and|xor|having)[\s(]+{_LITERAL}[\s)]*(?:{_END}|$)"),
    ("always_true", r"(?:^|['\"\d)])[\s)]*(?:or|and|xor|\|\||&&)[\s]+(?:not )?(?:true|false|null|exists ?\(|\( ?select)\b"),
    # 4. UNION
    ("union_probe", r"\bunion(?: all| distinct)?[\s(+]*select[\s(+]*(?:distinct |all |top )?(?:null\b|\d|\*|@|'|\"|`|\(|[a-z_][\w$.]* ?(?:\(|,|from\b|/|--|#)|$|/|%|\+)"),
    ("union_probe", r"(?:^|['\"`)\d;%/*]) ?union(?: all| distinct)?[\s(+]*select\b"),
    ("union_probe", r"\bunion all\b.*\bselect\b|\b(?:order|group) by \d+[\s)]*(?:,[\d, ]+)?(?:--|#|/\*)|\bhaving\b \d ?="),
    # 5. a second statement
    ("stacked", r"(?:^|['\"`)\d\w\s]) ?;[\s(]*(?:drop|truncate|alter|create)[\s]+(?:table|database|schema|user|login|view|index|role|function|procedure|trigger|if\b)|;\s*(?:insert[\s]+(?:ignore )?into|delete[\s]+from|update [\w.\"`\[\]]+ set|exec(?:ute)?[\s(]+['\w\[@]+|declare[\s]+@?\w+ |set[\s]+@\w+ ?=|grant[\s]+[\w, ]+ (?:on|to)|revoke [\w, ]+ (?:on|from)|set (?:role|session|global)\b|waitfor|shutdown\b ?(?:;|$|--|with)|select[\s(]+(?:[@*\d'\"(]|null|[\w.]+ ?\(|[\w.*,\s]+ from )|copy [\w(]+|call \w+ ?\(|attach database|load data|merge into|begin (?:declare|transaction|execute)|commit ?;|rollback ?;|if[\s(]+\(|while[\s(]+\(|do \$)"),
    ("stacked", r"['\"`)] ?; ?(?:drop|truncate|alter|delete|insert|update|select|exec|execute|declare|set|create|union|shutdown|waitfor)\b"),
    ("stacked", r"^\s*;\s*(?:drop|truncate|alter|delete|insert|select|exec|execute|declare|shutdown|waitfor|grant)\b"),
    ("schema_name", r"^[\s'\"(,.`]*(?:pg_catalog|pg_shadow|information_schema|mysql\.(?:db|user)|msdb|master\.\.\w+|msys\w+|sqlite_\w+|sys\.\w+|sysobjects|syscolumns|all_tables|user_tables|sys\w*databases|tempdb|northwind|performance_schema)[\s'\")(.;`-]*$"),
    # 6. functions and words nobody writes in a name or a comment
    ("time_delay", r"\b(?:sleep|benchmark|pg_sleep|pg_sleep_for|randomblob|generate_series|dbms_lock\.sleep|dbms_pipe\.receive_message|dbms_session\.sleep) ?\([\s(]*(?:[-~!+ ]*\d[\w.]*\s*(?:[-)*,+/^%]|div\b|$)|['\"@(]|[a-z_]+\(|select\b|null\b)|\bwaitfor[\s+]+(?:delay|time)\b|\b(?:sleep|benchmark|pg_sleep) ?\($"),
    ("file_access", r"\b(?:load_file|pg_read_file|pg_read_binary_file|pg_ls_dir|lo_import|lo_export|lo_get|utl_file|bfilename|openrowset|opendatasource|openquery|load_extension|readfile|writefile)\b ?(?:\(|$|\.)|\binto[\s+]+(?:outfile|dumpfile)\b|\bload[\s+]+data[\s+]+(?:local )?infile\b|\bbulk[\s+]+insert\b"),
    ("program", r"\bxp_(?:cmdshell|dirtree|regread|regwrite|fileexist|subdirs|servicecontrol|enumgroups|availablemedia|terminate_process|ntsec\w*|makecab|loginconfig|reg\w+)\b|\bsp_(?:oacreate|oamethod|configure|executesql|makewebtask|addextendedproc|password|prepare|sqlexec|replwritetovarbin|execute\w*|start_job|add_job\w*|help\w*|addlogin|addsrvrolemember)\b|\bsys_(?:exec|eval)\b|\b(?:to|from) program '|\bdbms_java\b|\bdbms_scheduler\b|\bexec(?:ute)?[\s+(]+(?:master|xp_|sp_|immediate\b|sys\b|msdb)"),
    ("remote_access", r"\b(?:utl_http|utl_inaddr|utl_smtp|utl_tcp|dbms_ldap|httpuritype|dblink(?:_connect|_exec)?) ?(?:\(|\.|$)|\bmsdasql\b|\bdb_openrowset\b"),
    ("error_probe", r"\b(?:extractvalue|updatexml|exp|gtid_subset|procedure analyse|name_const|polygon|multipoint|geometrycollection|xmltype|ctxsys\.drithsx\.sn) ?\([\s(]*(?:\d|'|~|\( ?select|select|concat|rand|0x|null|[a-z_]+\()|\bfloor ?\( ?rand\b|\bprocedure analyse ?\( ?\)"),
    ("schema_probe", r"\binformation_schema\b|\bsqlite_(?:master|schema|temp_master)\b|\bpg_(?:catalog|shadow|authid|user|class|tables|database)\b\.?|\bsys(?:objects|columns|databases|tables|logins|users|processes|xlogins|servers)\b|\bsys\.(?:tables|columns|objects|databases|user\$|sql_logins|schemas)\b|\bmysql\.(?:user|db|host|func)\b|\bmsys(?:aces|objects|queries|relationships)\b|\ball_(?:tables|tab_columns|users|objects)\b|\b(?:dba|user)_(?:users|tables|tab_columns|role_privs|objects)\b|\bv\$version\b|\b(?:table|column|schema|constraint)_name\b.*\b(?:from|where|like)\b|\bschema_name\b ?(?:\(|=|$)|@@(?:version|servername|datadir|hostname|basedir|global|session|secure_file_priv|language|spid|rowcount|identity)|\bsqlite_(?:version|compileoption_get|source_id) ?\(|\bdb_name ?\(|\bsuser_s?name ?\(|\bis_srvrolemember ?\("),
    ("function_probe", rf"^[\s'\")(,;=+|&-]*(?:and |or |select |xor )?(?:{_WORDS})[\s\\]*\(\s*$"),
    ("function_probe", rf"^[\s'\"(]*(?:{_WORDS}) ?\([^()]*(?:\([^()]*\)[^()]*)*\)[\s)]*(?:::[a-z ]+|(?:<=>|!=|<>|[=<>])[^=].*|--.*|#|;)$"),
    ("function_probe", r"\b(?:current_user|session_user|system_user|user|database|version|schema|host_name|connection_id) ?\( ?\)(?: ?(?:--|#|=|,|\)|from|limit|$))&&"),
    ("function_probe", r"\b(?:substr|substring|mid|ascii|ord|hex|unhex|char|chr|concat|concat_ws|group_concat|ifnull|iif|cast|convert|count|length|md5|sha1|encode|decode|json_extract|json_keys|json_search|json_array|unistr|load_extension|starts_with|row_count|make_set|elt|export_set|xmlelement|string_agg) ?\( ?(?:select|\( ?select|distinct\b|0x|@@|user|database|version|current_user|password|email|username|null|'[^']*' ?, ?\(|concat|cast|char|chr|ifnull|table_name|column_name|schema_name|lo_get|json_\w+ ?\()"),
    ("select_shape", r"(?:^|[\s'\"`)(,;=+|&*/-])\(? ?select[\s(+]+(?:(?:distinct|all|top \d+) )?(?:\*|@|null\b|\d+\b|'|\"|`|\(|case\b|if ?\(|(?:[a-z_][\w$.]* ?\()|[a-z_][\w$.]*(?: ?, ?[\w$.*`]+)+ from |[a-z_][\w$.]* from [\w.`\"\[]+[\s)]*(?:where|limit|order by|group by|$|;|--|#|\)|union))"),
    ("select_shape", r"\( ?select\b|\bselect ?\*|\bfrom[\s+(]+(?:select\b|`[a-z_]+`\.?|[\w.]+[\s)]+where[\s(]+[\w.`]+ ?(?:=|like|in\b|<|>))|\bselect\b.{0,20}\bcase when\b|\bcase when\b.*\b(?:then|else)\b|\) ?when [\w']+ then\b"),
    ("select_shape", r"(?:^|[\s'\"`)]) ?(?:insert into [\w.`\"]+ ?(?:\(|values|select)|delete from [\w.`\"]+(?: where| ?;| ?--|$)|update [\w.`\"]+ set [\w.`\"]+ ?=|drop (?:table|database|view|user|index|schema|procedure|function) (?:if exists )?[\w.`\"]+ ?(?:;|--|#|$|cascade|,)|alter (?:table|database|user|login) [\w.`\"]+ (?:add|drop|modify|with|rename|set|change)|create (?:table|user|database|function|procedure|trigger|view|login) [\w.`\"]+[ (]?.*(?:\(|as|identified|with|begin)|truncate table \w+|grant [a-z ,]+ (?:on|to) \w+|declare @\w+|set @\w+ ?=)"),
    ("select_shape", r"\b(?:as|from)\b ?`\w*`|` ?as ?`|\) ?as ?[`\"\w]+ from\b|\) ?(?:like|in|between|union|div|mod|xor|regexp|rlike|glob) ?\(|^(?:div|mod|like|rlike|regexp|glob|between|xor)[\s(]*(?:\(|null\b|\d+\s*$|'[^']*'|\d*[<>=])"),
    ("hex_or_char", r"\b(?:char|chr|nchar) ?\( ?\d+ ?(?:,|\) ?(?:\|\||\+))|\bconcat(?:_ws)? ?\( ?(?:0x|'[^']*' ?, ?\( ?select|char ?\(|chr ?\()|\b0x[0-9a-f]{8,}\b.*\b(?:select|from|where|union|and|or)\b|\b(?:select|union|and|or|set)\b.*\b0x[0-9a-f]{6,}\b|\b[xb]'[0-9a-f]{10,}"),
    ("json_operator", r"'::jsonb?\b|::(?:jsonb?|int|text|bool|numeric|varchar|regclass|double precision)\b *(?:$|->|#>|@>|[<>|&=;)]|and |or )"),
    ("nosql_operator", r"\[ ?['\"]?\$(?:ne|eq|lte?|gte?|n?in|all|size|exists|type|slice|x?or|div|like|between|and|not|where|regex|mod|func|nor)['\"]? ?\]|(?:^|['\"{,\s])\$(?:ne|eq|lte?|gte?|nin|where|regex|exists|elemmatch|expr|func|function|accumulator|or|and|nor|not|in|jsonschema|lookup|graphlookup|unionwith|match|out|merge|project|group)['\"]? ?:|\bthis\.\w+ ?(?:==|\.match)|\bdb\.\w+\.(?:find|insert|drop|remove|update)\("),
    ("expression", rf"^[\s]*(?:{_STRING}|\d+|[\w@.]+)['\")\s]*(?:div|mod|xor|rlike|sounds like|collate|is not null|is null)\b[\s(]*(?:[\d'\"(]|$|null|utf8)"),
    ("expression", r"^\w+ ?= ?(?:\|\||&&|and\b|or\b|xor\b|having\b|union\b|/\w+ (?:and|or)\b|;)|^2\.22507385850720\d+e-308$|^(?:case when [\w.'\"= ]+ then\b)|\bexec(?:ute)? ?\( ?[@'n]|^\W*declare @\w+|\b\d[\d.]*[df]union\b|^\d+(?:\.\d*)?e ?\.[a-z]\w{3,}|^from [\w.]+ (?:group|order) by [\w.]+ ?[&;,|]"),
    ("expression", rf"^[\s)]*(?:{_NUMBER}|{_STRING})[\s)]*(?:<=>|<<|>>|\^|\|\||&&)[\s(]*(?:{_NUMBER}|{_STRING}|{_NAME})[\s)]*;?$"),
)  # fmt: skip


_SET = PatternSet(["(?s)" + source.removesuffix("&&") for _, source in _PATTERNS])
_FLAGS = tuple((flag, source.endswith("&&")) for flag, source in _PATTERNS)
"""The flag of each, and whether it needs another's company."""

_EXECUTABLE = pattern(r"(?s)/\*m?!\d*(.*?)(?:\*/|$)")
_COMMENT = pattern(r"(?s)/\*.*?\*/")
_SPLIT_WORD = pattern(r"[a-z]/\*[^*/]*\*/[a-z]")
_QUOTES = {"‘": "'", "’": "'", "ʼ": "'", "＇": "'", "“": '"', "”": '"', "＂": '"', "´": "'"}
_ACTIVE = probe(
    r"e-308$|['\"`;()=<>|&*\[^\x00]|::|--|/\*|\S\s*#|\$[^\d\s.,]|(?:^|[^\w.])@|@(?:\W|$)|(?i)\d(?:or|and|xor|union|div|having)\b|\b(?:select|union|xp_|sp_|exec|waitfor|information_schema|sqlite_|or|and|xor|having|into|utl_|alter|openrowset|div|declare|sys\w+|pg_|mysql\.|msys|msdb|case\s|when|like|regexp|rlike|glob|insert|delete|drop|truncate|order\s|group\s|from\s)|%"
)
"""Signs and words one of which is in every fragment; not those of an e-mail address, a price, a time or a number (`#12`)."""


_COUNTED = pattern(r"^(?:[2-9]\d?|1\d|(?:1[5-9]|20)\d\d) or (?:[2-9]\d?|1\d|(?:1[5-9]|20)\d\d)$")
"""How many, or when: "8 or 9", "1950 or 1960"."""
_INCHES = pattern(r"((?:^|[^\w.])\d+(?:[./]\d+)?)['\"]{1,2}")
"""Feet and inches: `1/4"-1/2" wide`."""
_DROPS = pattern(r"--|[#;%]|/\*")
_BLANKS = frozenset(map(chr, range(1, 32)))
"""What SQL Server takes for a blank."""
MIN_PERCENTED = 3
"""Percent signs from which on those before a letter are left out, as old servers do: `%s%e%l%e%c%t`."""
TOKENS = 2
"""Tokens of a value that are looked at for one step."""


def normalise(text: str) -> str:
    """As the victim's server would read it: executable comments opened, other comments and blanks one blank."""
    low = text.lower()
    if not low.isascii():
        for quote in _QUOTES.keys() & set(low):
            low = low.replace(quote, _QUOTES[quote])
    if not low.isprintable():
        for blank in _BLANKS.intersection(low):
            low = low.replace(blank, " ")
    if low.count("%") > MIN_PERCENTED:
        first, *others = low.split("%")
        low = first + "".join(part if "a" <= part[:1] <= "z" else "%" + part for part in others)
    if "/*" in low:
        low = _COMMENT.sub(" ", _EXECUTABLE.sub(r" \1 ", low))
    return " ".join(low.split())


def _uncommented(text: str) -> str:
    """Without the comments that end with their line, and without that end."""
    *lines, last = text.split("\n")
    kept = []
    for line in lines:
        starts = [at for at in (line.find("--"), line.find("#")) if at >= 0]
        kept.append(line[: min(starts)] + " " if starts else line + "\n")
    return "".join(kept) + last


def flags_of(text: str, budget: Budget, *, spoken: bool = True) -> frozenset[str] | None:
    """Flags of a fragment, empty for prose (where it may be `spoken`); None if the matcher gave up.

    Raises:
        OverBudget: the call's budget ran out.
    """
    low = normalise(text)
    try:
        hits = [_FLAGS[hit] for hit in _SET.scan(low.encode("utf-8", "surrogatepass"))]
    except ScanFailed:
        return None
    found = {flag for flag, conditional in hits if not conditional}
    if found:
        found.update(
            flag for flag, _ in hits
        )  # an empty trailing comment or `user()` means nothing by itself
    if "json_operator" in found and "::" in text and not _CAST.search(text):
        found.discard("json_operator")  # `Pod::Text` is a package
    document = _document(text) and _document(_uncommented(text))
    if not document:
        found |= _structure(text, low, budget)
        words_of = low.replace("+", " ") if " " not in low else low
        if (
            spoken
            and found
            and not _BROKEN_OUT.search(low)
            and (
                (structure.prose(low) and structure.prose(words_of) and _speaks(low))
                or (found <= _OF_QUOTES and (_quotes_words(low) or _searches(low)))
            )
        ):
            found &= _UNSPEAKABLE
        elif found & _EXPRESSIONS and (structure.condition(low) or structure.ordering(low)):
            found -= _EXPRESSIONS
    if found == {"always_true"} and _COUNTED.search(low):
        found.clear()
    elif found and found <= _OF_QUOTES and not _DROPS.search(low):
        inches = _INCHES.sub(r"\1", low)
        if (
            inches != low
            and not any(quote in inches for quote in "'\"`")
            and flags_of(inches, budget) == frozenset()
        ):
            found.clear()
    if _SPLIT_WORD.search(text.lower()):
        found |= structure.flags(" ".join(_COMMENT.sub("", text.lower()).split()))
    if document:
        found = found if "quote_breakout" in found and found & _CONFIRMING else set()
    if guard.disguised(text):
        found.add("disguised_case")
    if "/*!" in text or "/*M!" in text or "/*m!" in text:
        found.add("exec_comment")
    return frozenset(found)


def _structure(text: str, low: str, budget: Budget) -> frozenset[str]:
    """What `structure` proves of the value in any of its readings."""
    found: frozenset[str] = frozenset()
    for reading in _readings(text, low):
        found |= structure.flags(reading)
        budget.spend(structure.looked_at(reading) // TOKENS)
    return found


def _readings(text: str, low: str) -> Iterator[str]:
    """The value as it stands, and as a client or a filter may have left it."""
    yield low
    if " " not in low and "+" in low:
        yield low.replace("+", " ")
    if "\n" in text and ("#" in text or "--" in text):
        yield normalise(_uncommented(text))
    if "%00" in low or "\0" in low:  # nothing to one server, an end to another
        yield " ".join(low.replace("%00", " ").replace("\0", " ").split())
    if '""' in low and not low.startswith('""'):
        yield low.strip('"').replace('""', '"')  # a field of a CSV file


_PLAIN = pattern(r"(?:^|[\"'(])([a-z]{2,})(?:[,.;:!?)\"']|$)")
_SQL_WORDS = names.STATEMENT_WORDS | names.FUNCTION_WORDS | words(
    "or and xor not is in as by on from into where having order group limit offset union all distinct join like between null true false table "
    "when then else end case database schema procedure delay waitfor time values outfile dumpfile exists asc desc top rlike regexp glob escape "
    "collate any some varchar int char text cascade immediate"
)  # fmt: skip
_EXPRESSIONS = words("expression function_probe quote_breakout")
_OF_QUOTES = words("quote_breakout always_true comment_tail continuation expression select_shape")
"""What a quote may bring that only stands around a word."""
_BROKEN_OUT = pattern(
    r"^[^\s'\"`]*['\"`]{1,2}[\s)]*(?:union(?: all| distinct)?[\s(]*select\b|; ?(?:drop|delete|insert|update|exec|declare) ).*(?:--|#|/\*)[\s+-]*\w{0,8}$"
)
"""One word, a quote, a further SELECT or statement, a comment at the end: no sentence begins and ends like that."""
_UNSPEAKABLE = words("exec_comment disguised_case nosql_operator json_operator spliced")


def _speaks(low: str) -> bool:
    """Whether plain words stand in it that no statement has by itself: two, or one where nothing is quoted."""
    plain = (word for piece in low.split() for word in _plain(piece) if word not in _SQL_WORDS)
    return sum(1 for _ in itertools.islice(plain, 2)) >= (2 if "'" in low or '"' in low or "`" in low else 1)


@lru_cache(maxsize=256)
def _plain(piece: str) -> tuple[str, ...]:
    return tuple(_PLAIN.findall(piece))


def condition(text: str) -> bool:
    """Whether it is an ordinary condition on columns, as filters take them."""
    return structure.condition(normalise(text))


_NEXT = pattern(r"([A-Za-z][a-z']+) ?")


def sentence(text: str) -> bool:
    """Whether two words stand next to each other neither of which is SQL's. For short texts."""
    previous, end = "", -1
    for match in _NEXT.finditer(text):
        word = match.group(1).lower()
        plain = word not in _SQL_WORDS
        if plain and previous and match.start() == end:
            return True
        previous, end = word if plain else "", match.end()
    return False


_QUOTED = pattern(
    r"(^|[\s(\[{|,:])(?:'[^\s'\"`](?:[^'\"`]*[^\s'\"`])?'|\"[^\s'\"`](?:[^'\"`]*[^\s'\"`])?\"|`[^\s'\"`](?:[^'\"`]*[^\s'\"`])?`)([\s.,:;!?)\]}|]|$)"
)


def _quotes_words(low: str) -> bool:
    """Whether its quotes stand around something as prose has them, opened behind a blank and closed before one."""
    bare, count = _QUOTED.subn(r"\1\2", low)
    if not count:
        return False
    bare = _QUOTED.sub(r"\1\2", bare)  # neighbours share the sign between them
    plain = {word for word in _NAMES.findall(bare) if word not in _SQL_WORDS}
    return not any(quote in bare for quote in "'\"`") and (
        len(plain) > 1 or (len(plain) == 1 and bare.replace(" ", "").isalpha())
    )


_SEARCH = pattern(r"^(?:(?:and|or|not|[-+,&\s])*\"[\w#][\w\s'#&.,!?]*\")+[-+,&\s]*$")


def _searches(low: str) -> bool:
    """Whether it is phrases as they are searched for: `"rose gold" and "necklace"`."""
    return bool(_SEARCH.match(low)) and any(word not in _SQL_WORDS for word in _NAMES.findall(low))


_CAST = pattern(r"::(?:[a-z]+|[A-Z]+)\b")
_NAMES = pattern(r"[a-z_][a-z0-9_.]+")


MAX_LINES = 4
_CONFIRMING = frozenset(("comment_tail", "always_true", "union_probe", "stacked", "time_delay"))
"""What confirms a breakout in a text of many lines."""


def _document(text: str) -> bool:
    """Whether it is a text of many lines: code and prose hold every pattern somewhere, so one is no evidence."""
    return text.count("\n") > MAX_LINES and sum(1 for line in text.split("\n") if line.strip()) > MAX_LINES


def active(text: str) -> bool:
    """A cheap first look: whether anything in the text could matter to a database."""
    return len(text) >= 2 and bool(_ACTIVE.search(text.encode("utf-8", "replace")))


_MARKUP = pattern(r"<(?:code|pre|kbd|samp|tt)\b[^>]*>[^<]*|=\s*\"([^\"]*)\"|=\s*'([^']*)'|>([^<>]+)")
MAX_PIECES = 20


def markup(text: str) -> list[str]:
    """Attribute values and texts of XML or HTML: an application puts those into its query, not
    the mark-up, and nobody what is shown as code."""
    found = []
    for match in _MARKUP.finditer(text):
        piece = html.unescape(match.group(1) or match.group(2) or match.group(3) or "")
        if active(piece):
            found.append(piece.strip())
        if len(found) >= MAX_PIECES:
            break
    return found
