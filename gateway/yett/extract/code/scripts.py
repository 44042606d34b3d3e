"""Programs in languages that have no parser here: Perl, Ruby, PHP, Lua, R, Tcl, Julia, Groovy, Go and whatever else runs.

No grammar, but a real tokenizer: strings are told from names, names from variables, commands in backticks and `qx{…}` from
both. A name counts where it is called (`system "id"`, `File.read('x')`, `os:cmd("id")`), by its whole dotted path or its
last part, and so does a string that is exactly the name of such a function (`send(:system, …)`, `array_map("exec", …)`).
What stands in a call's strings is looked at again as a command, a path or an address.

That is less than is known of Python and JavaScript: what is computed (`&{"sys"."tem"}(…)`) is only seen to be
computed. Over the limits the text is opaque.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from yett.extract.budget import Budget, Nested
from yett.extract.code import places
from yett.extract.code.state import EFFECTS
from yett.extract.facts import CodeFact
from yett.extract.patterns import pattern
from yett.extract.words import words

MAX_LENGTH = 16_384
MAX_TOKENS = 4_000
MAX_QUOTES = 200
"""Openings of `qx` and `%x`: each may look for its end through the whole text."""
MAX_NESTED = 32
MAX_ARGUMENTS = 24
"""Tokens behind a called name in which its strings are looked for."""
MAX_DEPTH = 3
MAX_PARTS = 4
"""Parts of a dotted name that begin the name of something known."""
TOKENS = 8
"""Tokens that are looked at for as many steps."""

_BACKTICKS = words("perl ruby php")
"""Where a text in backticks is run by a shell; elsewhere it is a name or a plain string."""

_TOKEN = pattern(
    r"\s+|(?:qx|%x)\s*(?:\{[^}]*\}|\([^)]*\)|\[[^\]]*\]|<[^>]*>|/[^/]*/|\|[^|]*\||![^!]*!)|"
    r"\"(?:[^\"\\]|\\(?s:.))*\"|'(?:[^'\\]|\\(?s:.))*'|`(?:[^`\\]|\\(?s:.))*`|"
    r"[$@%&]*[A-Za-z_]\w*(?:(?:::|->|\.|:)[A-Za-z_]\w*)*[!?]?|\d[\w.]*|:[A-Za-z_]\w*(?:\.\w+)*|(?s:.)"
)
_PERL = pattern(r"\bqq?(?:\{[^}]*\}|\([^)]*\)|\[[^\]]*\])|" + _TOKEN.pattern)


def _names(text: str) -> frozenset[str]:
    return words(text.replace("::", "."))


_PROCESS = _names(
    "system exec shell_exec passthru popen proc_open pcntl_exec spawn fork_exec execute_process os.execute io.popen io::popen io.popen os:cmd os.cmd system.cmd "
    "system.shell sys.command unix.system unix.execvp callcommand callprocess readprocess createprocess spawnprocess processbuilder runtime.exec "
    "getruntime open3.capture2 open3.capture2e open3.capture3 open3.popen2 open3.popen3 open3.pipeline pty.spawn processbuilder.new process.spawn process.start kernel.system kernel.exec kernel.spawn system2 shell.exec "
    "execcmd execshellcmd execprocess startprocess exec.command command::new posix_spawn execl execlp execv execvp execve qqx shell.run os.exec os:execute "
    "wscript.shell shell.application sh.run os.startprocess exec.lookpath run_shell winexec shellexecute"
)
_DYNAMIC = _names(
    "eval assert create_function instance_eval class_eval module_eval binding.eval loadstring load dofile loadfile evalfile evaluate eval_string "
    "string_eval preg_replace_eval evalstring include_string parse.eval groovyshell scriptenginemanager meta.parse code.eval_string"
)
_DECODING = _names(
    "base64_decode decode_base64 decode64 base64.decode64 base64.strict_decode64 gzinflate gzuncompress str_rot13 hex2bin pack unpack "
    "convert_uudecode urldecode rawurldecode mime::base64::decode base64decode fromhex"
)
_DESERIALISE = _names("unserialize marshal.load yaml.load yaml.unsafe_load thaw storable.thaw storable::thaw retrieve readrds binary_to_term erlang:binary_to_term objectinputstream")  # fmt: skip
_REFLECTION = _names(
    "send public_send __send__ const_get define_method call_user_func call_user_func_array reflectionfunction reflectionmethod "
    "method_missing instance_variable_get objectspace.each_object _g debug.getregistry get_registry do.call sym::fetch"
)
_NETWORK = _names(
    "fsockopen pfsockopen curl_exec curl_init stream_socket_client socket_connect socket_create io::socket io::socket::inet io::socket::ssl lwp::simple "
    "lwp::useragent http::tiny net::http net::ftp net::smtp net::ssh tcpsocket tcpserver udpsocket socket.tcp socket.udp socket.connect uri.open "
    "open-uri gen_tcp:connect gen_udp:open httpc:request download.file httr::get httr::post url.openstream net.dial http.get http.post httpoison.get "
    "mechanize webclient tcpclient restclient.get restclient.post faraday.get socket.http socket.http.request mail sockets.connect inet_aton"
)
_FILES = {
    "read": "file_get_contents readfile fopen file file.read file.open file.readlines file.foreach io.read io.readlines io.lines io.open open slurp "
    "readlines read.csv read.table scan show_source highlight_file readdir opendir scandir glob dir.glob dir.entries parse_ini_file include require_once "
    "os.open os.readfile ioutil.readfile file.new readfile file:read_file slurp",
    "write": "file_put_contents file.write io.write file.binwrite writelines write.csv write.table writefile fileutils.cp fileutils.mv fileutils.install copy move "
    "rename file.rename file.symlink symlink link chmod chown file.chmod file.chown fileutils.chmod os.rename os.writefile file:write_file sink move_uploaded_file touch",
    "delete": "unlink rmdir rmtree remove_tree file.delete file.unlink fileutils.rm fileutils.rm_r fileutils.rm_rf fileutils.remove_entry dir.rmdir dir.delete os.remove os.removeall "
    "file.remove file:delete filedelete deletedirectory file.rm file.rm_rf",
}
_ROLES = {name: role for role, names in _FILES.items() for name in names.split()}
_NATIVE = _names(
    "virtualalloc virtualallocex virtualprotect writeprocessmemory createremotethread ntcreatethreadex rtlmovememory queueuserapc"
)
"""What code of one's own is put into memory with, another process's too."""
_EVALUATES = pattern(r"^\W[^\n]*\W[a-z]*e[a-z]*$")
"""A pattern of PHP with the modifier `e`, whose replacement is code."""
_KILL = _names("kill process.kill posix_kill halt reboot")
_PRIVILEGE = _names("setuid setgid posix_setuid posix_setgid process::sys.setuid process.euid")
_COMMANDS = words("eval system exec unlink do")
_RUNS = words("run read success pipeline readchomp")
"""What Julia hands a text in backticks to."""
_LOOPS = words("while until loop forever redo goto for")
_SPOKEN = _PROCESS - words("exec spawn execv execl system2 load open getruntime")
"""Names that mean the function even where they only stand in a string of their own."""
_URL = pattern(r"(?i)^(?:https?|ftp|gopher|php|phar|expect|data|dict)://?")
_ASSIGNED = pattern(r"\$(\w+)\s*=\s*[^=;]{0,20}['\"]")
_COMPUTED = pattern(
    r"&\s*\{\s*[\"']|&\$\w+\s*\(|[\"']\s*\)\s*\(|_G\s*\[|\bsend\s*\(?\s*[\"'][^\"']*[\"']\s*\+|->\$\w+\s*\(|\$\{\s*[\"']\w+[\"']\s*\}\s*\("
)
_MACRO = pattern(r"do\s+shell\s+script\s+\"((?:[^\"\\]|\\.)*)\"")
_ON_STRING = pattern(r"^\s*\.\s*(?:execute\s*\(|!!?)")
_INNER = pattern(r"(?:#|@|\$)\{\[?([^}]*)\}")
_SUID = pattern(r"\b0?o?[2467][0-7]{3}\b")


class _Token(NamedTuple):
    kind: str
    """name, variable, string, quoted (in backticks), command, symbol, other."""
    text: str
    end: int


def analyse(
    source: str, pointer: str, *, language: str, declared: bool = True, budget: Budget
) -> tuple[CodeFact, tuple[Nested, ...]]:
    """Facts of one program text in Perl, Ruby, PHP, Lua, or a language that is not known.

    Raises:
        OverBudget: the call's budget ran out.
    """
    if len(source) > MAX_LENGTH or source.count("qx") + source.count("%x") > MAX_QUOTES:
        return CodeFact(pointer=pointer, language=language, opaque=("too_long",), declared=declared), ()
    found = _Script(source, pointer, language, budget)
    found.read(source, 0)
    found.finish(source)
    return found.fact(declared), tuple(found.nested)


class _Script:
    """What one program was seen to do."""

    def __init__(self, source: str, pointer: str, language: str, budget: Budget) -> None:
        self.pointer = pointer
        self.budget = budget
        self.language = language
        self.flags: set[str] = set()
        self.calls: dict[str, None] = {}
        self.strings: dict[str, None] = {}
        self.nested: list[Nested] = []
        self.opaque: list[str] = []
        self.count = 0
        self.assigned = frozenset(_ASSIGNED.findall(source)) if language in ("php", "perl") else frozenset()

    def read(self, source: str, depth: int) -> None:
        """Take in a text, and what is interpolated into its strings."""
        tokens = self._tokens(source)
        for at, token in enumerate(tokens):
            if token.kind == "command":
                self.flags.update(("process", "shell"))
                self._nest("shell", _INNER.sub("${…}", token.text))
            elif token.kind == "name":
                self._name(token, tokens, at)
            elif (
                token.kind == "variable" and token.text.lstrip("$&@%") in self.assigned and _opens(tokens, at)
            ):
                self.flags.add("computed_call")
            elif token.kind in ("string", "symbol"):
                self._string(token, source, depth)

    def _tokens(self, source: str) -> list[_Token]:
        tokens: list[_Token] = []
        position = 0
        for match in (_PERL if self.language == "perl" else _TOKEN).finditer(source):
            text = match.group(0)
            if text[0].isspace() or match.start() < position:
                continue
            self.count += 1
            if self.count % TOKENS == 0:
                self.budget.spend(TOKENS)
            if self.count > MAX_TOKENS:
                self.opaque.append("too_many_nodes")
                break
            if (
                text == "#"
                and source[match.end() : match.end() + 1] in (" ", "!")
                and _begins_line(source, match.start())
            ):
                position = source.find("\n", match.end())
                if position < 0:
                    break
                continue
            tokens.append(_Token(*self._kind(text), match.end()))
        return tokens

    def _kind(self, text: str) -> tuple[str, str]:
        first = text[0]
        if first in "\"'" and len(text) > 1:
            return "string", text[1:-1]
        if first == "`" and len(text) > 1:
            return ("command" if self.language in _BACKTICKS else "quoted"), text[1:-1]
        if first == "q" and text[-1] in ")}]":
            return ("command" if text[1] == "x" else "string"), text.lstrip("qx ")[1:-1]
        if text[:2] in ("qx", "%x") and not text[-1].isalnum():
            return "command", text[2:].lstrip()[1:-1]
        if first == ":" and len(text) > 1:
            return ("name" if "." in text else "symbol"), text[1:]
        if first in "$@%&" and len(text) > 1:
            return ("name" if first == "&" else "variable"), text.lstrip("&") if first == "&" else text
        if first.isalpha() or first == "_":
            return "name", text
        return "other", text

    def _name(self, token: _Token, tokens: list[_Token], at: int) -> None:
        whole = token.text.replace("->", ".").replace("::", ".").rstrip("!?").lower()
        last = whole.replace(":", ".").rpartition(".")[2]
        names = {whole, token.text.lower().rstrip("!?"), last}
        parts = whole.split(".")
        names.add(".".join(parts[-2:]))  # `System.Diagnostics.Process.Start`
        if names & _NETWORK or any(
            ".".join(parts[:end]) in _NETWORK for end in range(1, min(len(parts), MAX_PARTS))
        ):
            self.flags.add("network")
        if last == "fork" or whole.endswith(".fork"):
            self.flags.update(("process", "fork"))
        if not (_opens(tokens, at) or (at + 1 < len(tokens) and tokens[at + 1].text == ".")):
            return
        self.calls[token.text] = None
        if names & _PROCESS or (
            whole in _RUNS and any(token.kind == "quoted" for token in tokens[at + 2 : at + 3])
        ):
            self.flags.add("process")
            given = _arguments(tokens, at)
            if given and not any(char.isspace() for char in given[0]):
                given = [shlex.join(given)]  # a program and its arguments
            for text in given:
                self._nest("shell", text)
        if names & _DYNAMIC and not (at + 1 < len(tokens) and tokens[at + 1].text == "{"):
            self.flags.add("dynamic_code")
            if any(_URL.search(text) for text in _arguments(tokens, at)) or "network" in self.flags:
                self.flags.add("remote_code")
            for text in _arguments(tokens, at):
                self._nest(self.language, text)
        for table, flag in (
            (_DECODING, "decode"),
            (_DESERIALISE, "deserialise"),
            (_REFLECTION, "calls_by_name"),
            (_KILL, "kill"),
            (_NATIVE, "native"),
            (_PRIVILEGE, "privilege"),
        ):
            if names & table:
                self.flags.add(flag)
        if whole == "preg_replace" and any(_EVALUATES.search(text) for text in _arguments(tokens, at)[:1]):
            self.flags.add("dynamic_code")
        role = next((_ROLES[name] for name in (whole, last) if name in _ROLES), "")
        if role:
            self._file(role, whole, _arguments(tokens, at), tokens, at)

    def _file(self, role: str, name: str, arguments: list[str], tokens: list[_Token], at: int) -> None:
        modes = [
            text
            for text in arguments
            if 0 < len(text) < 4 and text.strip("+bt") in ("w", "a", "x", ">", ">>", "wb", "ab", "c")
        ]
        for text in arguments:
            path = text.lstrip("<>+| ").rstrip("| ")
            if name in ("open", "popen") and (text.strip().startswith("|") or text.rstrip().endswith("|")):
                self.flags.add("process")
                self._nest("shell", path)
                continue
            if _URL.search(path):
                self.flags.add("network")
                continue
            verb = "write" if role == "read" and (modes or text.lstrip().startswith((">", "+>"))) else role
            self.flags.add(f"file_{verb}")
            self.flags |= places.flags(path, f"path.{verb}")
            if role == "delete":
                self._nest("shell", places.deletion(path, deep=True) or "")
            self._remember(path)
        if not arguments:
            self.flags.add(f"file_{role}")
            if role == "delete":
                self.flags.add("computed_delete")
        if name.endswith("chmod") and any(_SUID.search(token.text) for token in tokens[at + 1 : at + 6]):
            self.flags.add("privilege")

    def _string(self, token: _Token, source: str, depth: int) -> None:
        text = token.text
        if text.lower() in _SPOKEN or (token.kind == "symbol" and text in ("exec", "spawn", "eval")):
            self.flags.update(("process", "reflection"))
        if _ON_STRING.search(source[token.end : token.end + 40]):
            self.flags.update(("process", "shell"))
            self._nest("shell", text)
        self._remember(text)
        if depth < MAX_DEPTH and ("#{" in text or "@{" in text or "${" in text):
            for inner in _INNER.findall(text):
                self.read(inner, depth + 1)

    def finish(self, source: str) -> None:
        """What only the whole text shows."""
        for text in _MACRO.findall(source):
            self.flags.update(("process", "shell"))
            self._nest("shell", text)
        if _COMPUTED.search(source):
            self.flags.add("computed_call")
        if {"decode", "dynamic_code"} <= self.flags:
            self.flags.add("obfuscated")
        if "fork" in self.flags and any(
            word in _LOOPS for word in source.lower().replace("(", " ").replace("{", " ").split()
        ):
            self.flags.add("resource_bomb")
        if {"network", "dynamic_code"} <= self.flags:
            self.flags.add("remote_code")

    def fact(self, declared: bool) -> CodeFact:
        return CodeFact(
            pointer=self.pointer,
            language=self.language,
            calls=tuple(self.calls)[:64],
            effects=frozenset(EFFECTS[flag] for flag in self.flags if flag in EFFECTS),
            flags=frozenset(self.flags),
            strings=tuple(self.strings)[:64],
            opaque=tuple(self.opaque),
            declared=declared,
        )

    def _nest(self, kind: str, text: str) -> None:
        if len(text.strip()) > 1 and len(self.nested) < MAX_NESTED:
            self.nested.append(Nested(kind=kind, text=text, pointer=self.pointer, via=self.language))

    def _remember(self, text: str) -> None:
        if len(text) < 4_096 and ("/" in text or "\\" in text or "." in text):
            self.strings[text] = None


def _begins_line(source: str, position: int) -> bool:
    return not source[source.rfind("\n", 0, position) + 1 : position].strip()


def _opens(tokens: list[_Token], at: int) -> bool:
    """Whether a name is called: brackets, or an argument right behind it, as Perl, Ruby and Tcl allow."""
    if at + 1 >= len(tokens):
        return False
    following = tokens[at + 1]
    if tokens[at].text in _COMMANDS and (
        following.kind == "name" or (following.text == "/" and tokens[at].text == "exec" and at == 0)
    ):
        return True  # `eval pack(…)`, `unlink glob(…)`, Tcl's `exec /bin/sh`
    return (
        following.text in ("(", "[", "<", "{", "|")
        or following.kind in ("string", "quoted", "variable", "symbol")
        or (
            following.text.startswith("q")
            and following.kind == "name"
            and at + 2 < len(tokens)
            and tokens[at + 2].text in "({[/|"
        )
    )


def _arguments(tokens: list[_Token], at: int) -> list[str]:
    """The strings of a call, up to its closing bracket or the end of the statement."""
    found = []
    depth = 0
    for token in tokens[at + 1 : at + 1 + MAX_ARGUMENTS]:
        if token.kind in ("string", "quoted"):
            found.append(token.text)
        elif token.text in "([{":
            depth += 1
        elif token.text in ")]}":
            depth -= 1
            if depth <= 0:
                break
        elif token.text == ";" and depth <= 0:
            break
    return found
