"""Does a text that nothing declares as a command look like one?

A filter in front of the parser, not a judgement: what it lets through is parsed, and only what the parse then
shows counts. So it may err on the eager side for short values, but must not send every Markdown file or SQL
script there.
"""

from __future__ import annotations

from functools import cache

import re2

from yett.extract.shell.profiles import library

MAX_TEXT = 32_768
_CANARY = 0

_STARTING = (
    "rm|cat|ls|ll|sh|bash|zsh|dash|ksh|ash|fish|csh|tcsh|curl|wget|nc|ncat|netcat|socat|telnet|python[0-9.]*|perl|"
    "ruby|node|php|lua|chmod|chown|chattr|kill|killall|pkill|mkfifo|mknod|dd|tee|eval|exec|source|whoami|id|uname|"
    "ping|nslookup|dig|ssh|scp|sftp|rsync|find|xargs|awk|gawk|sed|base64|base32|xxd|crontab|useradd|adduser|usermod|"
    "passwd|visudo|env|export|printenv|echo|printf|head|tail|cp|mv|ln|touch|mkdir|rmdir|git|docker|podman|kubectl|"
    "systemctl|service|iptables|nohup|busybox|sudo|doas|su|strace|ltrace|time|timeout|nice|setsid|ifconfig|ip|netstat|"
    "ss|ps|tar|zip|unzip|gzip|gunzip|zcat|gcc|c89|c99|make|apt|apt-get|yum|dnf|apk|pip[0-9]*|pipx|npm|npx|gem|ansible[a-z-]*|"
    "chef[a-z-]*|cscli|tcpdump|nmap|openssl|gdb|vim|vi|ex|ed|emacs|nano|tmux|screen|mount|umount|mkfs[a-z0-9.]*|insmod|"
    "modprobe|shutdown|reboot|halt|sleep|history|unset|trap|alias|hostname|lsof|uconv|fold|rev|tac|nl|od|strings|"
    "perf|lastlog|lwp-download|lwp-request|aria2c|osascript|launchctl|defaults|security|dscl|aa-[a-z-]+|[a-z]?z?stdcat"
)
"""Names at the very start of a text: no English words that often start a sentence, or not without an argument."""


_WORDS = frozenset(
    [
        "more",
        "less",
        "time",
        "where",
        "links",
        "man",
        "look",
        "make",
        "find",
        "open",
        "start",
        "test",
        "watch",
        "who",
        "what",
        "which",
        "at",
        "break",
        "continue",
        "return",
        "exit",
        "read",
        "set",
        "let",
        "type",
        "help",
        "true",
        "false",
        "wait",
        "join",
        "split",
        "cut",
        "paste",
        "sort",
        "head",
        "last",
        "file",
        "date",
        "host",
        "yes",
        "script",
        "state",
        "screen",
        "install",
        "link",
        "import",
        "export",
        "convert",
        "format",
        "fold",
        "look",
        "column",
        "compare",
        "display",
        "free",
        "top",
        "talk",
        "write",
        "wall",
        "mail",
        "mesg",
        "kill",
        "service",
        "security",
        "defaults",
        "profiles",
        "play",
        "record",
        "say",
        "pass",
        "cat",
        "tree",
        "link",
        "print",
        "case",
        "if",
        "for",
        "while",
        "do",
        "done",
        "command",
        "exec",
        "users",
        "groups",
        "id",
        "expand",
        "local",
        "hash",
        "history",
        "time",
        "times",
        "up",
        "fg",
        "bg",
        "jobs",
        "stat",
        "sum",
        "patch",
        "parallel",
        "dialog",
        "express",
        "chef",
        "knife",
        "salt",
        "puppet",
        "just",
        "task",
        "invoke",
        "dot",
        "fetch",
        "post",
        "get",
        "head",
        "lookup",
        "route",
        "shutdown",
        "halt",
        "locate",
        "sense",
        "note",
        "ed",
        "as",
        "ar",
        "ld",
        "ex",
        "view",
        "red",
        "nice",
        "sh",
        "by",
        "on",
        "in",
        "of",
        "or",
        "and",
        "an",
        "a",
        "is",
        "it",
        "to",
        "be",
        "he",
        "she",
        "we",
        "you",
        "they",
        "not",
        "use",
        "call",
        "drop",
        "delete",
        "select",
        "insert",
        "update",
        "grant",
        "revoke",
        "create",
        "alter",
        "declare",
        "begin",
        "commit",
        "rollback",
        "truncate",
        "merge",
        "explain",
        "show",
        "put",
        "load",
        "copy",
        "describe",
        "desc",
        "values",
        "with",
        "from",
        "bat",
        "fossil",
        "hub",
        "act",
        "render",
        "box",
        "bq",
        "rare",
        "swift",
        "rust",
        "ruby",
        "go",
        "dart",
        "julia",
        "octave",
        "racket",
        "r",
        "scheme",
        "next",
        "parcel",
        "vault",
        "consul",
        "nomad",
        "dagger",
        "tilt",
        "nerd",
        "moon",
        "helm",
        "hugo",
    ]
)
"""Programs that are also words of English, SQL or German: they count only with something shell-like behind them."""


@cache
def _patterns() -> re2.Set:
    """Every pattern in one pass; the first is a canary that must always match."""
    known = [name for name in library().programs if len(name) > 1 and name.isascii()]
    names = "|".join(sorted(re2.escape(name) for name in known if name.lower() not in _WORDS))
    words = "|".join(sorted(re2.escape(name) for name in known if name.lower() in _WORDS))
    wrapped = r"(?:(?:sudo|time|env|strace|nohup|exec|command|nice|doas)\s+)?"
    path = r"['\"\\]?(?:/?(?:[\w.~-]+/)+)?"
    ends = r"['\"]?(?:[\s;&|<>`)$\\{]|$)"
    found = re2.Set.SearchSet()
    for pattern in (
        "",
        rf"^\s*{wrapped}{path}(?:{_STARTING}){ends}",
        rf"(?:[;&|`]|\$\()\s*{wrapped}{path}(?:{names}){ends}",
        rf"(?:[;&|`]|\$\()\s*{wrapped}{path}(?:{words})['\"]?(?:\s+[-/~$.*]|\s*$|\s*[;&|<>`)])",
        rf"\n[ \t]*{wrapped}(?:rm|curl|wget|sudo|chmod|bash|sh|nc|eval|cat)\s+[-/~$\"'h]",
        # words broken up so that a pattern does not find them
        r"[A-Za-z/](?:''|\"\"|\$[@*!?$_-]|``|\$\(\)|<\(\)|>\(\))+[A-Za-z/]",
        r"(?:^|[;&|])\s*[a-z]*\\[a-z]+(?:\s|$)",
        r"\$\([^()\s]|\$\{?IFS|\$'\\|/dev/(?:tcp|udp)/|<\([a-z]|\$\{[A-Za-z_]*[#:%/@]",
        r"\|\s*(?:/[a-z/]+/)?(?:ba|z|da|k|c)?sh\b",
        r"(?:^|[\s;|&=])/(?:bin|sbin|usr|etc|[a-z]*[?*\[][a-z?*\[\]!]*)/[^\s]*[?\[]",
        r"(?:^|[;&|])\s*[a-z]*\{[a-z0-9/.-]*,[a-z0-9/., -]*\}[a-z]*(?:\s|$)",
        r"\balias\s+(?:[-+]\w+\s+|\+\w+\+\s+)?[\w-]+=",
        r"\(\)\s*\{[^}]*\}\s*;",
        r"^#!\s*/",
        r">\s*/(?:etc|dev|tmp|var|usr|root|home)/",
        r"^\s*[A-Za-z_]\w*=[^\s;&]*[;&]+\s*\$",
        r"&&\s*(?:\./|/|[a-z]+\s)",
    ):
        found.Add(pattern)
    found.Compile()
    return found


def looks_like(text: str) -> bool:
    """Cheap (one RE2 pass). A text too long to be analysed does not count as a command."""
    if len(text) < 2 or len(text) > MAX_TEXT or "\x00" in text:
        return False
    hits = _patterns().Match(text.encode("utf-8", "replace"))
    if not hits or _CANARY not in hits:
        # RE2 ran out of memory and says nothing: let the parser look
        return True
    return len(hits) > 1
