"""Packages, services, containers, networks and downloads."""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed
from yett.extract.shell.programs.actions import inner

_READING = frozenset(
    (
        "list",
        "search",
        "show",
        "info",
        "policy",
        "depends",
        "rdepends",
        "provides",
        "whatprovides",
        "repolist",
        "check-update",
        "history",
        "madison",
        "changelog",
        "help",
        "moo",
        "check",
        "config-manager-list",
        "view",
        "--version",
        "files",
        "contents",
        "status",
        "stats",
    )
)
_REMOVING = frozenset(
    (
        "remove",
        "purge",
        "autoremove",
        "autopurge",
        "erase",
        "uninstall",
        "del",
        "delete",
        "clean",
        "autoclean",
        "rm",
    )
)


def _words(draft: Draft) -> list[str]:
    return [f.text for f in draft.argv[1:]]


def packages(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """apt, dnf, pacman, dpkg …: reading, installing, removing; `-o Key=value` may be a hook."""
    for given in parsed.given:
        if given.name in ("-o", "--option") and given.value is not None:
            key, _, value = given.value.text.partition("=")
            marks = (
                "invoke",
                "dir::bin",
                "proxyautodetect",
                "proxy-auto-detect",
                "install-pkgs",
                "pager",
                "::solver",
                "::methods",
            )
            if any(mark in key.lower() for mark in marks):
                draft.flags.add("runs_config")
                draft.effects.add("exec")
                walker.inline(Field(value, given.value.unknown), inner(ctx, draft, "option"))
    words = _words(draft)
    first = next((w for w in words if not w.startswith("-")), "")
    options = "".join(w for w in words if w.startswith("-") and not w.startswith("--"))
    query = ("-Q" in options or "-q" in options) if draft.name in ("rpm", "pacman", "yay", "paru") else False
    query |= draft.name in ("xbps-query", "dpkg-query", "apt-cache", "pkg_info", "apt-file", "apt-config")
    query |= draft.name == "dpkg" and any(
        o in words
        for o in (
            "-l",
            "-L",
            "-s",
            "-S",
            "-c",
            "-I",
            "--list",
            "--listfiles",
            "--status",
            "--search",
            "--print-architecture",
        )
    )
    query |= draft.name in ("pacman", "yay", "paru") and ("-Ss" in words or "-Si" in words)
    if query or first in _READING or {"--version", "--help", "-h"} & set(words):
        draft.effects.add("read")
        return False
    removing = first in _REMOVING or (
        draft.name in ("pacman", "yay", "paru", "rpm")
        and any(w.startswith(("-R", "-e", "--erase")) for w in words)
    )
    removing |= (
        draft.name == "dpkg" and any(w in ("-r", "-P", "--purge", "--remove") for w in words)
    ) or draft.name == "xbps-remove"
    if removing:
        draft.effects.update(("delete", "privilege"))
        draft.flags.add("uninstalls")
    else:
        draft.effects.update(("write", "privilege"))
        if first not in ("update", "makecache", "refresh"):
            draft.effects.add("exec")
            draft.flags.add("installs")
        if draft.name not in ("dpkg", "rpm", "dpkg-deb", "update-alternatives", "alternatives", "apt-mark"):
            draft.effects.add("network")
    return False


def services(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """systemctl, service, launchctl …"""
    words = set(_words(draft))
    if words & {"enable", "load", "bootstrap", "preset", "link", "add", "defaults", "submit"}:
        draft.effects.update(("persist", "config", "privilege"))
    if words & {
        "start",
        "restart",
        "reload",
        "try-restart",
        "reload-or-restart",
        "daemon-reload",
        "daemon-reexec",
        "isolate",
        "set-property",
        "set-environment",
        "edit",
        "unmask",
        "kickstart",
        "set-default",
        "on",
        "revert",
        "reset-failed",
    }:
        draft.effects.update(("config", "privilege"))
    if words & {"stop", "kill", "mask", "disable", "unload", "bootout", "off", "remove"}:
        draft.effects.update(("kill", "config", "privilege"))
        draft.flags.add("stops_service")
    if words & {"poweroff", "reboot", "halt", "rescue", "emergency", "suspend", "hibernate", "kexec"}:
        draft.effects.update(("kill", "privilege"))
        draft.flags.add("power")
    return False


def container(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """docker run, docker exec, kubectl exec: mounts of the host, and the command inside."""
    for given in parsed.given:
        if given.value is None:
            continue
        text = given.value.text
        if given.name in ("-v", "--volume"):
            source = text.partition(":")[0]
            if source.startswith(("/", "~", ".", "$")):
                draft.touch("read", given.value._replace(text=source))
                if source == "/" or source.startswith(("/etc", "/root", "/proc", "/var/run", "/run/docker")):
                    draft.flags.add("mounts_system")
        elif given.name == "--mount":
            for pair in text.split(","):
                key, _, value = pair.partition("=")
                if key in ("source", "src"):
                    draft.touch("read", given.value._replace(text=value))
                    if value == "/" or value.startswith(
                        ("/etc", "/root", "/proc", "/var/run", "/run/docker")
                    ):
                        draft.flags.add("mounts_system")
        elif given.name in ("--pid", "--ipc", "--uts", "--userns") and text == "host":
            draft.flags.add("shares_host")
            if given.name == "--pid":
                draft.effects.add("privilege")
    entry = parsed.value("--entrypoint")
    rest = list(parsed.positionals[1:])
    if rest and rest[0].text == "--":
        rest = rest[1:]
    draft.emit(ctx)
    if entry is not None and entry.text:
        rest = [entry, *rest]
    if rest:
        below = inner(ctx, draft, "inline")._replace(flags=ctx.flags | {"container"})
        walker.command(rest, below, functions=False)
    return True


def pyrun(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`poetry run x`, `uv run x`, `bundle exec x`: wrappers of the environment."""
    words = _words(draft)
    if words[:2] == ["tool", "run"] and parsed.positionals:
        parsed.positionals = parsed.positionals[1:]
    rest = parsed.positionals
    if draft.name == "nvm":
        rest = rest[1:]
    if not rest or draft.name in ("nix", "nix-shell", "pip", "pip3"):
        return False
    draft.effects -= {"network", "write"}
    draft.flags.discard("installs")
    if rest[0].text.endswith(".py"):
        rest = [Field("python3"), *rest]
    walker.command(rest, inner(ctx, draft, ctx.via), draft.redirect, functions=False)
    return True


def network_settings(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """ip, ifconfig, route …: look or change."""
    words = _words(draft)
    changing = {
        "add",
        "del",
        "delete",
        "set",
        "up",
        "down",
        "flush",
        "replace",
        "change",
        "append",
        "connect",
        "disconnect",
        "modify",
        "-d",
        "-s",
        "-D",
        "apply",
        "quick",
        "on",
        "off",
        "promisc",
    }
    if changing & set(words) or draft.name in ("ifup", "ifdown", "dhclient", "wg-quick"):
        draft.effects.update(("config", "privilege"))
        if draft.name == "ip" and "netns" in words and "exec" in words:
            rest = draft.argv[words.index("exec") + 3 :]
            if rest:
                walker.command(rest, inner(ctx, draft, "inline"), functions=False)
    elif "netns" in words and "exec" in words:
        rest = draft.argv[words.index("exec") + 3 :]
        if rest:
            walker.command(rest, inner(ctx, draft, "inline"), functions=False)
    return False


def socket(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """socat's addresses: EXEC:, SYSTEM:, OPEN:, CREATE:, TCP:host:port."""
    if draft.name != "socat":
        return False
    for field in parsed.positionals:
        kind, _, rest = field.text.partition(":")
        value = rest.partition(",")[0]
        kind = kind.upper()
        if kind in ("EXEC", "SYSTEM", "SHELL"):
            draft.effects.add("exec")
            walker.inline(Field(value, field.unknown), inner(ctx, draft, "option"))
        elif kind in ("OPEN", "CREATE", "FILE", "GOPEN"):
            draft.touch("write", Field(value, field.unknown))
        elif "LISTEN" in kind or kind.endswith("-L"):
            draft.flags.add("listen")
        elif kind.startswith(("TCP", "UDP", "OPENSSL", "SSL", "SOCKS", "PROXY", "SCTP")):
            draft.hosts[value.rpartition(":")[0] or value] = None
    draft.hosts = {
        h: None
        for h in draft.hosts
        if h.upper()
        not in (
            "EXEC",
            "SYSTEM",
            "OPEN",
            "CREATE",
            "FILE",
            "STDIO",
            "STDIN",
            "TCP",
            "TCP4",
            "TCP-LISTEN",
            "PTY",
            "-",
        )
    }
    return False


def scp(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`-o ProxyCommand=…`, as for ssh."""
    for given in parsed.given:
        if given.name == "-o" and given.value is not None:
            key, _, value = given.value.text.replace("=", " ", 1).partition(" ")
            if key.lower() in ("proxycommand", "localcommand"):
                draft.effects.add("exec")
                walker.inline(Field(value, given.value.unknown), inner(ctx, draft, "option"))
    return False


def _saved(draft: Draft, parsed: Parsed) -> None:
    """A download without a name is saved under the last part of its URL."""
    for field in parsed.positionals:
        path = field.text.partition("://")[2].partition("?")[0]
        name = path.rpartition("/")[2] if "/" in path else ""
        if name:
            draft.touch("write", field._replace(text=name))


def curl(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`-O` saves under the URL's own name."""
    if parsed.has("-O", "--remote-name", "--remote-name-all"):
        _saved(draft, parsed)
    return False


def wget(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Without `-O -` it writes a file."""
    out = parsed.value("-O", "--output-document")
    if out is None and parsed.positionals and not parsed.has("--spider"):
        draft.effects.add("write")
        draft.flags.add("download")
        _saved(draft, parsed)
    for given in parsed.given:
        if given.name in ("-e", "--execute") and given.value is not None:
            key, _, value = given.value.text.partition("=")
            if key.strip().replace("_", "").lower() == "useaskpass":
                walker.command([Field(value.strip())], inner(ctx, draft, "option"), functions=False)
    return False


def httpie(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    fields = [
        f
        for f in parsed.positionals
        if f.text not in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    ]
    if fields:
        draft.url(fields[0])
    for field in fields[1:]:
        if "@" in field.text and ":" not in field.text.partition("@")[0]:
            draft.touch("read", field._replace(text=field.text.partition("@")[2]))
            draft.flags.add("upload")
        elif "=" in field.text:
            draft.flags.add("sends")
    return False


def change_mode(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """chmod: setuid bits, world-writable, executable."""
    if parsed.positionals:
        mode = parsed.positionals[0].text
        _mode(draft, mode)
        if mode in _OWNERS_ONLY:
            # it takes rights from everybody else and leaves the file as it is
            draft.emit(ctx)
            return True
    if len(parsed.positionals) == 1 and set(draft.argv[1].text) <= set("-rwxXst"):
        # `chmod -x file`: the mode looks like an option
        for field in draft.argv[2:]:
            draft.touch("write", field)
    return False


_OWNERS_ONLY = frozenset(("400", "600", "700", "0400", "0600", "0700", "go-rwx", "og-rwx", "u=rw,go=", "go="))


def install(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """install(1): a copy, with a mode of its own."""
    mode = parsed.value("-m", "--mode")
    if mode is not None:
        _mode(draft, mode.text)
    return False


def _mode(draft: Draft, mode: str) -> None:
    if mode.isdigit():
        if len(mode) > 3 and mode[-4] in "24567":
            draft.flags.add("setuid")
            draft.effects.add("privilege")
        if mode[-1:] in ("2", "3", "6", "7"):
            draft.flags.add("world_writable")
        if any(d in "1357" for d in mode[-3:]):
            draft.flags.add("executable")
    else:
        if ("s" in mode and "+" in mode) or "=s" in mode:
            draft.flags.add("setuid")
            draft.effects.add("privilege")
        if "w" in mode and mode.startswith(("o", "a", "+w", "ugo", "go")) and "-" not in mode:
            draft.flags.add("world_writable")
        if "x" in mode and "+" in mode:
            draft.flags.add("executable")


_LOOKS = frozenset(
    ("-l", "--list", "-S", "--status", "-c", "--check", "--help", "-h", "--version", "-V", "show", "show-user",
     "show-session", "list-sessions", "list-users", "session-status", "user-status", "--user", "-a", "read")
)  # fmt: skip


def accounts(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """useradd, passwd, chage …: to look is not to change."""
    words = _words(draft)
    looks = {"chage": ("-l", "--list"), "passwd": ("-S", "--status"), "visudo": ("-c", "--check")}.get(
        draft.name, ()
    )
    reading = draft.name in ("loginctl", "faillock", "dscl") and bool(_LOOKS & set(words))
    if reading or set(looks) & set(words) or {"--help", "--version"} & set(words):
        draft.effects -= {"config", "privilege", "persist"}
        draft.flags.discard("accounts")
        draft.effects.add("read")
    elif draft.name in (
        "useradd",
        "adduser",
        "usermod",
        "passwd",
        "chpasswd",
        "newusers",
        "visudo",
        "vipw",
        "dscl",
        "sysadminctl",
    ):
        draft.effects.add("persist")
    return False


def rpm(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`--eval '%(command)'` and `%{lua:…}` run; the rest as for any package manager."""
    for given in parsed.given:
        if given.name in ("--eval", "-E") and given.value is not None:
            text = given.value.text
            start = text.find("%(")
            if start >= 0:
                draft.effects.add("exec")
                body = given.value._replace(text=text[start + 2 :].rpartition(")")[0])
                walker.inline(body, inner(ctx, draft, "option"))
            elif "%{lua" in text:
                draft.code("lua", given.value)
            else:
                return False
    return packages(walker, draft, parsed, ctx)


HANDLERS: Mapping[str, Handler] = {
    "packages": packages, "services": services, "container": container, "pyrun": pyrun, "netconfig": network_settings, "socket": socket, "scp": scp, "wget": wget,
    "curl": curl, "httpie": httpie, "chmod": change_mode, "install": install, "accounts": accounts,
    "rpm": rpm,
}  # fmt: skip
