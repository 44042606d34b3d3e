"""Places in a file system that programs have no business with: a first look, by RE2.

The full judgement of a path is `extract.paths`; here only a flag for the code that touches it is wanted.
"""

from __future__ import annotations

import shlex

from yett.extract.patterns import pattern

_SECRET = pattern(
    r"(?i)^(?:/etc/(?:g?shadow|passwd|sudoers|security/|ssh/|ssl/private|krb5|kubernetes|group)|/proc/(?:\d+|self|key)|/root/|/var/lib/pam|/var/run/secrets"
    r"|/usr/share/base-passwd|/dev/(?:mem|kmem|sd|nvme|input|disk))"
    r"|(?:^|[/\\~])(?:\.ssh|\.aws|\.gnupg|\.kube|\.docker|\.azure|\.config/gcloud|\.netrc|\.pgpass|\.my\.cnf|\.git-credentials|\.npmrc|\.pypirc|\.bash_history"
    r"|\.zsh_history|\.python_history|\.mozilla|\.password-store)(?:[/\\]|$)|(?:^|[/\\])(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.env(?:\.[a-z]+)?|credentials(?:\.json)?|secrets?\.(?:json|ya?ml|env|txt)|wallet\.dat|login data|cookies\.sqlite|key4\.db|logins\.json|ntds\.dit|web data|local state)$"
    r"|\.(?:pem|key|p12|pfx|kdbx|jks|ppk)$|[/\\](?:local storage[/\\]leveldb|local extension settings)(?:[/\\]|$)|^[a-z]:[/\\]windows[/\\]system32[/\\]config[/\\]|[/\\]config[/\\](?:sam|system|security)$"
)
_SYSTEM = pattern(
    r"(?i)^/(?:$|etc(?:/|$)|usr(?:/|$)|bin(?:/|$)|sbin(?:/|$)|lib(?:32|64)?(?:/|$)|boot(?:/|$)|dev/|sys(?:/|$)|proc(?:/|$)|root(?:/|$)|var/(?:log|lib|spool|run)(?:/|$)|opt$|home$|var$|System/|Library/)"
    r"|(?:^|/)(?:site|user)customize\.py$|/(?:site|dist)-packages/[^/]+\.pth$"
    r"|^[a-z]:[/\\]?$|^[a-z]:[/\\](?:windows|program files|programdata|boot)(?:[/\\]|$)|[/\\]start menu[/\\]programs[/\\]startup"
    r"|(?:^|[/\\~])\.(?:bashrc|bash_profile|bash_login|bash_aliases|bash_logout|zshrc|zprofile|zshenv|profile|xinitrc|xprofile|config/autostart|config/systemd|gitconfig|vimrc|ssh|local/bin)(?:[/\\]|$)|^/home/\w+$"
)
_HARMLESS = pattern(
    r"^/(?:dev/(?:null|zero|u?random|stdin|stdout|stderr|tty|fd/\d+|shm/)|usr/share/(?:dict|zoneinfo|fonts)/|proc/(?:uptime|loadavg)$|usr/local/(?:src|share)/)|^/etc/(?:hostname|os-release|localtime)$"
)


def flags(path: str, role: str) -> frozenset[str]:
    """Flags of touching `path` in the role `path.read`, `path.write` or `path.delete`."""
    if _HARMLESS.search(path):
        return frozenset()
    verb = role.rpartition(".")[2]
    found = set()
    if _SECRET.search(path):
        found.add(f"sensitive_{verb}")
    if _SYSTEM.search(path):
        found.add(f"system_{verb}")
    return frozenset(found)


def deletion(path: str | None, deep: bool) -> str | None:
    """What a program removes, as the shell's `rm`, so that it is judged by the path as that is; None = not known.

    `…` stands for a part that is computed; `deep` for everything below a folder.
    """
    if not path or "…" in path or "\0" in path:
        return None
    return f"rm {'-rf' if deep else '-f'} -- {shlex.quote(path)}"
