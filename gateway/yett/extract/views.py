"""Views: how a string is to be read, by what the schema, the argument's name and the tool's name say.

Three sources, the strongest first: the manifest (`ArgSpec.type`), the argument's name, the tool's name. They
only decide what a string is *declared* to be. A string declared to be nothing in particular is `data` and is
looked at for every meaning, so that renaming a field hides nothing.
"""

from __future__ import annotations

from functools import lru_cache

from yett.model import ToolSpec

KINDS = (
    "command", "windows", "argv", "sql", "path", "url", "code", "secret", "money", "contact", "content", "file", "label", "data",
)  # fmt: skip
"""What a string can be declared to be. `content` is prose, `file` the body of a file, `label` a name or an id."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SHELL_TOOL = _words(
    "bash shell terminal powershell pwsh cmd console commandline zsh subprocess command commands cli ssh"
)
_SQL_TOOL = _words(
    "sql db database postgres postgresql mysql sqlite mariadb mssql oracle snowflake bigquery redshift clickhouse duckdb psql athena spanner query"
)
_CODE_TOOL = _words(
    "python interpreter code javascript js node jupyter notebook ipython repl py nodejs ts typescript sandbox"
)
_FILE_TOOL = _words("file files fs filesystem directory dir folder path document read_file write_file")
_WEB_TOOL = _words(
    "http https fetch url web browser request requests curl download scrape crawl webhook navigate goto website page"
)

_COMMAND = _words("command cmd commands cmdline commandline shellcommand bashcommand shellscript exec")
_ARGV = _words("argv args arguments params parameters flags options")
_SQL = _words("sql statement statements ddl dml sqlquery querytext sqltext")
_PATH = _words(
    "path paths file filename filepath filepaths filenames dir directory directories folder folders root cwd workdir workingdirectory pathname outfile infile logfile "
    "basedir rootdir targetpath sourcepath dirname"
)
_PATH_OF_FILE_TOOL = _words(
    "src dst dest destination source target location from to name old new input output uri key pattern"
)
_URL = _words("url uri urls uris href link links endpoint webhook callback site website baseurl homepage")
HOST = _words("host hostname ip server upstream proxy domain")
"""Names of arguments that hold a host without a scheme."""
_CODE = _words("python javascript codeblock sourcecode pythoncode jscode scriptsource")
_CODE_OF_CODE_TOOL = _words("code source script input content text expression cell body snippet program js")
_SECRET = _words("password passwd passphrase secret token apikey credential credentials pwd pin otp")
_MONEY = _words("amount price total sum cost fee balance budget salary payment tip")
_CONTENT = _words(
    "content contents text body message note notes description subject title comment comments summary html markdown caption prompt instructions details reason explanation "
    "abstract paragraph review feedback reply bio about data document email query_text patch diff "
    "page payload_text request question answer story article transcript"
)
_BODY = _words(
    "oldstr newstr oldstring newstring oldtext newtext filetext replacementtext inserttext originaltext updatedtext"
)
"""Names, without their underscores, of what an editor takes out of a file or puts into it."""
_LABEL = _words(
    "id ids uuid name names status type kind category lang language locale currency country city state zip zipcode timezone date time timeout format unit units method "
    "encoding mode level priority version order sort limit offset count size color model session user username description_id sha ref branch tag label labels"
)
_CONTACT = _words("recipient recipients iban account email emails phone beneficiary payee wallet")
_NEUTRAL = _words(
    "description explanation reason title timeout timeouts session sessionid id cwd workdir workingdirectory shell user username host hostname env environment language name background "
    "detached wait label comment notes purpose thought justification risk encoding"
)
_BY_TYPE = {
    "command": "command", "shell": "command", "bash": "command", "posix": "command", "powershell": "windows", "cmd": "windows", "argv": "argv",
    "sql": "sql", "query": "sql", "path": "path", "file": "path", "directory": "path", "glob": "path", "url": "url", "uri": "url", "host": "url",
    "python": "code", "javascript": "code", "code": "code", "secret": "secret", "password": "secret", "money": "money", "amount": "money",
    "email": "contact", "iban": "contact", "phone": "contact", "card": "contact", "wallet": "contact", "account": "contact", "text": "content",
}  # fmt: skip


MAX_NAME = 200
"""Characters of a name that are split; a longer one is kept in no cache either, or 8,192 of them fill the memory."""


def tokens(name: str) -> tuple[str, ...]:
    """`readFile_v2.path` as `read, file, v2, path`."""
    return _tokens(name if len(name) <= MAX_NAME else name[:MAX_NAME])


@lru_cache(maxsize=8192)
def _tokens(name: str) -> tuple[str, ...]:
    out: list[str] = []
    word = ""
    for index, char in enumerate(name):
        if not char.isalnum():
            if word:
                out.append(word)
            word = ""
            continue
        if (
            char.isupper()
            and word
            and (not word[-1].isupper() or (index + 1 < len(name) and name[index + 1].islower()))
        ):
            out.append(word)
            word = ""
        word += char
    if word:
        out.append(word)
    return tuple(part.lower() for part in out)


class ToolHints:
    """What a tool's name says about its strings."""

    __slots__ = ("code", "file", "shell", "sql", "web", "windows")

    def __init__(self, tool: str) -> None:
        words = frozenset(tokens(tool))
        self.windows = bool(words & {"powershell", "pwsh", "cmd"})
        self.sql = bool(words & _SQL_TOOL)
        self.code = bool(words & _CODE_TOOL)
        self.shell = bool(words & _SHELL_TOOL) and not (self.sql and "command" not in words)
        self.file = bool(words & _FILE_TOOL)
        self.web = bool(words & _WEB_TOOL)


@lru_cache(maxsize=1024)
def hints(tool: str) -> ToolHints:
    """Hints of a tool's name; immutable, so shared."""
    return ToolHints(tool)


def of(tool: str, spec: ToolSpec | None, top: str, name: str) -> str:
    """The declared kind of a string.

    Args:
        tool: the tool's name.
        spec: its manifest, if there is one.
        top: name of the top-level argument the string is in.
        name: name of the member the string is directly under (`top` itself for a direct one).
    """
    if spec is not None and top in spec.args:
        declared = spec.args[top]
        if declared.role == "command":
            return (
                "windows"
                if declared.type in ("powershell", "cmd")
                else "argv"
                if declared.type == "argv"
                else "command"
            )
        kind = _BY_TYPE.get(declared.type)
        if kind is not None:
            return kind
        if declared.role == "secret":
            return "secret"
    nested = name != top
    if len(name) > MAX_NAME:
        name = name[:MAX_NAME] + ("." if "." in name else "")
    return _by_name(tool, name, nested)


@lru_cache(maxsize=8192)
def _by_name(tool: str, name: str, nested: bool) -> str:
    hint = hints(tool)
    words = tokens(name)
    joined = "".join(words)
    last = words[-1] if words else ""
    single = joined if joined in _PATH | _URL | _COMMAND | _SQL | _CODE else last
    # A form field or query parameter of that name is data for the far end, not a command of this tool.
    if (joined in _COMMAND or (last in _COMMAND and len(words) < 4)) and not (nested and hint.web):
        return "windows" if hint.windows else "command"
    if joined in ("argv", "cmdargs", "commandargs"):
        return "argv"
    if hint.shell and not nested:
        if last in _ARGV:
            return "argv"
        if single not in _PATH and single not in _URL and joined not in _NEUTRAL:
            return "windows" if hint.windows else "command"
    if (
        joined in _SQL
        or last in ("sql",)
        or (hint.sql and last in ("query", "statement", "q", "text") and not nested)
    ):
        return "sql"
    if single in _CODE or (hint.code and not nested and last in _CODE_OF_CODE_TOOL):
        return "code"
    if single in _PATH:
        return "path"
    if single in _URL:
        return "url"
    if hint.file and last in _PATH_OF_FILE_TOOL and not nested:
        return "path"
    if hint.web and last in ("page", "address", "target", "site", "location") and not nested:
        return "url"
    if joined in _BODY and not hint.web:
        return "file"
    if last in _SECRET:
        return "secret"
    if last in _MONEY:
        return "money"
    if last in _CONTACT:
        return "contact"
    if last in _CONTENT or "." in name:
        # Below the top a field is part of a record or a form, and whatever takes it may put it into a query.
        return "file" if hint.file else "data" if nested or hint.web else "content"
    if last in _LABEL:
        return "label"
    return "data"


_LANGUAGES = {
    "python": "python", "py": "python", "ipython": "python", "jupyter": "python", "python3": "python",
    "javascript": "javascript", "js": "javascript", "node": "javascript", "nodejs": "javascript", "typescript": "javascript", "ts": "javascript",
    "deno": "javascript", "bun": "javascript",
    "perl": "perl", "ruby": "ruby", "rb": "ruby", "php": "php", "lua": "lua", "script": "script",
    "bash": "shell", "sh": "shell", "shell": "shell", "zsh": "shell", "powershell": "windows", "pwsh": "windows", "sql": "sql",
}  # fmt: skip


def language(tool: str, name: str) -> str:
    """The programming language that a tool's or an argument's name says, or an empty string."""
    found = (_LANGUAGES.get(word, "") for word in (*tokens(name), *tokens(tool)))
    return next((word for word in found if word not in ("", "shell", "windows", "sql")), "")


def spoken(value: str) -> str:
    """The language that an argument such as `language: "rb"` names; `script` for one that is not known here."""
    word = value.strip().lower()
    return _LANGUAGES.get(word, "script" if word else "")


OPAQUE_ENCODINGS = frozenset({"base64", "base32", "hex", "xml"})
"""What cannot be read without undoing it; the others leave a text much as it was."""
_NOT_BY_SHELLS = frozenset({"percent", "html", "unicode_escape", "json", "nfkc", "invisible", "confusable"})
UNDONE = dict.fromkeys(("command", "windows", "argv", "code"), _NOT_BY_SHELLS) | {
    "file": frozenset({"percent", "html", "unicode_escape", "json", "xml", "hex", "base32", "confusable"})
}
"""Decoders left out by kind: neither a shell nor an interpreter undoes these in its own program, and a file's body
is kept as it is."""
INNER = {
    "file": "content",
    "command": "data",
    "windows": "data",
    "argv": "data",
    "sql": "layer",
    "code": "data",
    "contact": "data",
    "money": "data",
}
"""What a decoded reading of a kind is looked at as: a shell does not percent-decode its command."""
