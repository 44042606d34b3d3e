"""The rest of `special`: databases, packages, services, containers, sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expand import Field
from yett.extract.shell.options import Parsed

if TYPE_CHECKING:
    from yett.extract.shell.special import Handler
    from yett.extract.shell.walk import Walker


def _below(ctx: Context, draft: Draft, via: str) -> Context:
    from yett.extract.shell.resolve import inner

    return inner(ctx, draft, via)


def _words(draft: Draft) -> list[str]:
    return [f.text for f in draft.argv[1:]]


def python(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`-m module`: some modules serve, install, or run code from the arguments."""
    from yett.extract.shell.special import interpreter

    module = parsed.value("-m")
    if module is None:
        return interpreter(walker, draft, parsed, ctx)
    rest = parsed.positionals
    name = module.text
    if name in (
        "pip",
        "pipx",
        "pytest",
        "venv",
        "virtualenv",
        "twine",
        "uv",
        "poetry",
        "ansible",
        "build",
        "black",
        "ruff",
        "mypy",
    ):
        # `python -m pip` is pip
        walker.command([Field(name), *rest], _below(ctx, draft, "inline"), draft.redirect, functions=False)
        return True
    if name == "timeit":
        for field in rest:
            if not field.text.startswith("-"):
                draft.code("python", field)
    elif name in ("pdb", "trace", "cProfile", "profile", "runpy", "doctest", "coverage"):
        draft.flags.add("script_file")
    elif name in ("http.server", "SimpleHTTPServer", "pyftpdlib", "smtpd", "xmlrpc.server"):
        draft.effects.update(("network", "read"))
        draft.flags.add("listen")
    elif name in ("webbrowser", "antigravity"):
        draft.effects.add("network")
    elif name in (
        "json.tool",
        "base64",
        "zipfile",
        "tarfile",
        "gzip",
        "calendar",
        "site",
        "sysconfig",
        "platform",
        "ast",
        "tokenize",
        "this",
        "py_compile",
        "compileall",
        "dis",
    ):
        draft.effects.discard("exec")
        for field in rest:
            if not field.text.startswith("-"):
                draft.touch("read", field)
    return False


def fd(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`fd … -x command`."""
    args = draft.argv[1:]
    for k, field in enumerate(args):
        if field.text in ("-x", "--exec", "-X", "--exec-batch") and k + 1 < len(args):
            draft.emit(ctx)
            rest = [f._replace(unknown="{" in f.text) for f in args[k + 1 :] if f.text != ";"]
            walker.command(
                rest, _below(ctx, draft, "option")._replace(flags=ctx.flags | {"stdin_args"}), functions=False
            )
            return True
    return False


def jq(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`env` and `$ENV` in a jq program read the environment."""
    if parsed.positionals:
        text = parsed.positionals[0].text
        if "$ENV" in text or "env." in text or text.strip() == "env":
            draft.flags.add("lists_environment")
        if draft.name == "yq" and "-i" in _words(draft):
            for field in parsed.positionals[1:]:
                draft.touch("write", field)
    return False


def scp(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`-o ProxyCommand=…`, as for ssh."""
    for given in parsed.given:
        if given.name == "-o" and given.value is not None:
            key, _, value = given.value.text.replace("=", " ", 1).partition(" ")
            if key.lower() in ("proxycommand", "localcommand"):
                draft.effects.add("exec")
                walker.inline(Field(value, given.value.unknown), _below(ctx, draft, "option"))
    return False


def wget(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Without `-O -` it writes a file."""
    out = parsed.value("-O", "--output-document")
    if out is None and parsed.positionals and not parsed.has("--spider"):
        draft.effects.add("write")
        draft.flags.add("download")
    for given in parsed.given:
        if given.name in ("-e", "--execute") and given.value is not None:
            key, _, value = given.value.text.partition("=")
            if key.strip().replace("_", "").lower() == "useaskpass":
                walker.command([Field(value.strip())], _below(ctx, draft, "option"), functions=False)
    return False


def httpie(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
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


def socket(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """socat's addresses: EXEC:, SYSTEM:, OPEN:, CREATE:, TCP:host:port."""
    if draft.name != "socat":
        return False
    for field in parsed.positionals:
        kind, _, rest = field.text.partition(":")
        value = rest.partition(",")[0]
        kind = kind.upper()
        if kind in ("EXEC", "SYSTEM", "SHELL"):
            draft.effects.add("exec")
            walker.inline(Field(value, field.unknown), _below(ctx, draft, "option"))
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


def network_settings(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
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
                walker.command(rest, _below(ctx, draft, "inline"), functions=False)
    elif "netns" in words and "exec" in words:
        rest = draft.argv[words.index("exec") + 3 :]
        if rest:
            walker.command(rest, _below(ctx, draft, "inline"), functions=False)
    return False


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


def packages(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
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
                walker.inline(Field(value, given.value.unknown), _below(ctx, draft, "option"))
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


def services(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
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


def crontab(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """A file or the standard input becomes the table."""
    from yett.extract.shell.special import scheduled

    if "lists" in draft.flags or "removes" in draft.flags:
        draft.effects.add("read")
        return False
    if parsed.positionals or ctx.fed:
        draft.effects.add("persist")
        draft.flags.add("scheduled")
    return scheduled(walker, draft, parsed, ctx)


def container(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
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
        elif given.name in ("--pid", "--network", "--net", "--ipc", "--uts", "--userns") and text == "host":
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
        below = _below(ctx, draft, "inline")._replace(flags=ctx.flags | {"container"})
        walker.command(rest, below, functions=False)
    return True


def pyrun(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`poetry run x`, `uv run x`, `bundle exec x`: wrappers of the environment."""
    words = _words(draft)
    if words[:2] == ["tool", "run"] and parsed.positionals:
        parsed.positionals = parsed.positionals[1:]
    rest = parsed.positionals
    if not rest or draft.name in (
        "nix",
        "nix-shell",
        "conda",
        "mamba",
        "micromamba",
        "pyenv",
        "volta",
        "pip",
        "pip3",
    ):
        return False
    draft.effects -= {"network", "write"}
    draft.flags.discard("installs")
    if rest[0].text.endswith(".py"):
        rest = [Field("python3"), *rest]
    walker.command(rest, _below(ctx, draft, ctx.via), draft.redirect, functions=False)
    return True


def psql(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    r"""`-c` text starting with a backslash is psql's own: `\! command`."""
    from yett.extract.shell.special import database

    for given in parsed.given:
        if given.name in ("-c", "--command") and given.value is not None:
            text = given.value.text.strip()
            if text.startswith("\\!"):
                draft.effects.add("exec")
                walker.inline(given.value._replace(text=text[2:]), _below(ctx, draft, "option"))
    for field in parsed.positionals:
        if "://" in field.text:
            draft.url(field)
    return database(walker, draft, parsed, ctx)


def sqlite(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Dot commands: `.shell`, `.system`, `.load`, `.output`, `.import`."""
    from yett.extract.shell.special import database

    texts = list(parsed.positionals[1:]) + [
        g.value for g in parsed.given if g.name in ("-cmd", "-c") and g.value
    ]
    for field in texts:
        for line in field.text.split("\n"):
            word, _, rest = line.strip().partition(" ")
            if word in (".shell", ".system"):
                draft.effects.add("exec")
                walker.inline(field._replace(text=rest), _below(ctx, draft, "option"))
            elif word in (".output", ".once", ".backup", ".save", ".log", ".clone"):
                draft.touch("write", field._replace(text=rest.split()[-1] if rest.split() else ""))
            elif word in (".import", ".read", ".restore", ".open"):
                draft.touch("read", field._replace(text=rest.split()[0] if rest.split() else ""))
            elif word == ".load":
                draft.effects.add("exec")
                draft.flags.add("loads_library")
    return database(walker, draft, parsed, ctx)


def database_tools(walker: Walker, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """redis-cli FLUSHALL, dropdb …"""
    words = {w.lower() for w in _words(draft)}
    if draft.name in ("dropdb", "dropuser") or words & {"flushall", "flushdb", "drop", "del"}:
        draft.effects.add("delete")
        draft.flags.add("destructive")
    if draft.name in (
        "createdb",
        "createuser",
        "mongorestore",
        "pg_restore",
        "mysqlimport",
        "mongoimport",
    ) or words & {"set", "config", "put"}:
        draft.effects.add("write")
    for field in parsed.positionals:
        if "://" in field.text:
            draft.url(field)
    return False


HANDLERS: Mapping[str, Handler] = {
    "python": python, "fd": fd, "jq": jq, "scp": scp, "wget": wget, "httpie": httpie, "socket": socket,
    "netconfig": network_settings, "packages": packages, "services": services, "crontab": crontab,
    "container": container, "pyrun": pyrun, "psql": psql, "sqlite": sqlite, "dbtools": database_tools,
}  # fmt: skip
