"""Lines that only set up a shell: a folder on the search path, a tool's own hook, a name for a command, a known host.

Everybody appends such lines to `~/.bashrc` and `~/.ssh/config`. What they name stays with the owner of the home or the system: a
folder that anybody can write to, a hidden program or a function of one's own makes a line something else.
"""

from __future__ import annotations

from yett.extract.patterns import pattern
from yett.extract.shell.expansion.expand import Field

_BELOW = r"(?:/\.?[\w+-][\w.+-]*)*/?"
_FOLDER = (
    r"(?:\$HOME|\$\{HOME\}|~|/usr|/opt|/home/linuxbrew|/snap|/Library|/Applications"
    rf"|\$\{{?[A-Z][A-Z0-9]*_(?:HOME|ROOT|DIR|PATH)\}}?){_BELOW}"
)
_SEARCHED = rf"{_FOLDER}(?::{_FOLDER})*"
_SYSTEM = rf"/(?:usr|opt){_BELOW}"
"""Where only an administrator writes."""
_SETTING = pattern(
    rf"\s*(?:\[\[? -[a-z] \"?{_FOLDER}\"? \]\]? && |command -v [\w-]+ >/dev/null \|\| )?(?:#[^\n]*"
    rf"|(?:export\s+)?PATH=[\"']?(?:\$\{{?PATH\}}?:{_SEARCHED}|{_SEARCHED}:\$\{{?PATH\}}?)[\"']?"
    rf"|export\s+[A-Z][A-Z0-9]*_(?:HOME|ROOT|DIR|PATH)=[\"']?{_FOLDER}[\"']?"
    r"|export\s+(?:EDITOR|VISUAL|PAGER|LANG|LC_[A-Z]+|TERM|TZ|GOPATH|GOBIN)=[\"']?[\w./$-]*[\"']?"
    r"|eval\s+\"?\$\([a-z][\w-]*\s+(?:init|hook|env|activate|virtualenv-init|completion|shellenv)(?:\s+-?-?[\w-]+)*\)\"?"
    r"|alias\s+[a-z][a-z0-9._-]*=[\"'](?:ls|ll|git|grep|cd|n?vim|docker|kubectl|python3?|npm|make|cargo|less|du|df|ps)(?:\s+[\w=-][\w=.*-]*)*[\"']"
    r"|(?:Host|HostName|User|Port|IdentityFile|AddKeysToAgent|IdentitiesOnly|ServerAliveInterval)\s+[\w.*~/@-]+"
    r"|(?:source|\.)\s+<\([a-z][\w-]*\s+completion\s+[a-z]+\)"
    rf"|export\s+LD_LIBRARY_PATH=[\"']?(?:{_SYSTEM}:)+\$\{{?LD_LIBRARY_PATH\}}?[\"']?|export GPG_TTY=\$\(tty\)"
    r"|(?:source|\\?\.)\s+\"?(?:(?:\$HOME|~)/\.(?:cargo/env|fzf\.(?:bash|zsh))|\$NVM_DIR/(?:nvm\.sh|bash_completion))\"?"
    rf"|(?:source|\.)\s+(?:{_SYSTEM}|/etc/(?:profile|bash_completion))(?:\s\#[^\n]*)?"
    r")\s*;?\s*"
)
"""One line, whole."""


def plain(program: str, argv: list[Field]) -> bool:
    """Whether `echo` or `printf` writes nothing but such lines."""
    if program not in ("echo", "printf"):
        return False
    words = [field.text for field in argv[1:] if field.text not in ("-e", "-n", "%s\\n")]
    lines = " ".join(words).replace("\\n", "\n").splitlines()
    return any(line[:1] not in ("", "#") for line in lines) and all(
        _SETTING.fullmatch(line) is not None for line in lines if line
    )
