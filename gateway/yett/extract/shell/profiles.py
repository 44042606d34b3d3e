"""Program profiles: what a program does with its arguments, as data (`policies/programs/posix/*.yaml`).

A profile names the options that take a value, what each value means (a file read, a command run …), what the
positional arguments mean, and which effects running the program has at all. The format:

    programs:
      "cp install":                        # names, separated by spaces
        does: ""                           # effects it has whatever its arguments are
        flags: ""                          # flags it always carries
        style: gnu                         # gnu (permutes, long abbreviations), posix (stops at the first
                                           # positional: wrappers), single (`-name`), none (no options)
        options:
          "-t --target-directory": write   # a kind: what the value means
          "-r -R --recursive": +recursive  # no value; sets a flag; `!network` adds an effect
          "-i": value?                     # a value only if attached
        args: "read* write"                # kinds of the positionals; one may repeat
        args_if: {"-t": "read*"}           # … when one of these options is given
        operands: {of: write}              # `key=value` positionals
        sub: {status: {does: read}}        # sub-commands, profiles themselves
        special: git                       # a function in `programs` that knows more

Kinds: value, pair (two values), read, write, delete, path, host, url, remote_read, remote_write (`host:path`), atfile (`@path`),
form (`name=@path`), shell (run by sh), words (split and run), program, script, code:LANGUAGE, sql, assign, cwd, command (the rest
is a command line), module. An option that no profile names is taken to have no value, but in a wrapper,
where that would decide which program runs, it makes the command opaque.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract.facts import COMMAND_EFFECTS

KINDS = frozenset(
    (
        "value", "pair", "read", "write", "delete", "path", "host", "url", "remote_read", "remote_write", "atfile", "form",
        "shell", "words", "program", "script", "sql", "assign", "cwd", "command", "module", "pattern",
    )
)  # fmt: skip
_DIGITS = frozenset("0123456789")
_SCRIPTS = (".py", ".sh", ".pl", ".rb", ".ps1", ".elf", ".jar")
STYLES = frozenset(("gnu", "posix", "single", "none"))
_FIELDS = frozenset(
    ("does", "flags", "style", "options", "args", "args_if", "operands", "sub", "special", "passes", "bare",
     "response", "verbs", "like")
)  # fmt: skip


class Option(NamedTuple):
    """What an option means. `kind` None = it takes no value."""

    kind: str | None = None
    optional: bool = False
    flags: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()


class Arg(NamedTuple):
    kind: str
    star: bool = False


class Profile:
    """One program's, or one sub-command's."""

    __slots__ = (
        "args", "args_if", "bare", "effects", "flags", "longs", "operands", "options", "passes", "response",
        "special", "style", "sub", "verbs", "wrapper",
    )  # fmt: skip

    def __init__(self) -> None:
        self.effects: frozenset[str] = frozenset()
        self.flags: frozenset[str] = frozenset()
        self.passes: frozenset[str] = frozenset()
        self.bare: frozenset[str] = frozenset()
        """Flags when it is called without positionals (an interpreter then reads its standard input)."""
        self.style = "gnu"
        self.options: dict[str, Option] = {}
        self.longs: tuple[str, ...] = ()
        self.args: tuple[Arg, ...] = ()
        self.args_if: tuple[tuple[frozenset[str], tuple[Arg, ...]], ...] = ()
        self.operands: dict[str, str] = {}
        self.sub: dict[str, Profile] = {}
        self.special = ""
        self.response = False
        self.verbs = False
        self.wrapper = False


class Environment(NamedTuple):
    """Which variables change what other programs do (`environment.yaml`)."""

    names: Mapping[str, tuple[str, ...]]
    """name -> values (exact, or a prefix ending in `*`) that are harmless"""
    prefixes: Mapping[str, tuple[str, ...]]
    search: frozenset[str]
    """Search paths: changing them is common and honest, and flagged on its own."""

    def dangerous(self, name: str, value: str) -> bool:
        safe = self.names.get(name)
        if safe is None:
            safe = next((s for p, s in self.prefixes.items() if name.startswith(p)), None)
        if safe is None:
            return False
        return not any(value == s or (s.endswith("*") and value.startswith(s[:-1])) for s in safe)


class Library(NamedTuple):
    programs: Mapping[str, Profile]
    environment: Environment
    startup: tuple[str, ...]
    """Parts of paths that run by themselves later: a write there is persistence."""
    trusted: frozenset[str]
    """Folders in which a program is the one that its name says."""

    def find(self, name: str) -> tuple[str, Profile | None]:
        """The profile of a base name, and the name it knows (`python3.11` is python, `mkfs.ext4` is mkfs)."""
        profile = self.programs.get(name)
        if profile is not None:
            return name, profile
        if name[-1:] in _DIGITS:
            known = name.rstrip("0123456789.").rstrip("-")
            if known in self.programs:
                return known, self.programs[known]
        if name.startswith("mkfs."):
            return "mkfs", self.programs.get("mkfs")
        if name.endswith(_SCRIPTS) or name.startswith("impacket-") or not name.islower():
            stem = name.lower().removeprefix("impacket-")
            stem = stem[: stem.rfind(".")] if stem.endswith(_SCRIPTS) else stem
            attack = self.programs.get(stem)
            if attack is not None and "probe" in attack.flags:
                return stem, attack
        return name, None

    def attacks(self, name: str) -> bool:
        """Whether a program, or a script of this name, is a tool to attack other machines or this one."""
        profile = self.find(name)[1]
        return profile is not None and "probe" in profile.flags


@cache
def library() -> Library:
    """The profiles shipped with Yett."""
    return load(resources.policies() / "programs" / "posix")


def load(folder: Path) -> Library:
    """Read every `*.yaml` of the folder.

    Raises:
        PolicyError: a file is missing, not YAML, or uses a word that this module does not know.
    """
    programs: dict[str, Profile] = {}
    names: dict[str, tuple[str, ...]] = {}
    prefixes: dict[str, tuple[str, ...]] = {}
    search: set[str] = set()
    startup: list[str] = []
    trusted: set[str] = set()
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise PolicyError("NO_PROFILES", "no program profiles found", path=str(folder))
    for file in files:
        try:
            # the fast loader where libyaml is there; both are safe
            document = yaml.load(
                file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            )
        except yaml.YAMLError as error:
            raise PolicyError("BAD_PROFILE", f"not YAML: {error}", path=str(file)) from error
        if not isinstance(document, dict):
            raise PolicyError("BAD_PROFILE", "not a mapping", path=str(file))
        for key, value in document.items():
            if key == "programs":
                for spelled, body in value.items():
                    profile = _profile(body or {}, f"{file.name}:{spelled}", programs)
                    for name in str(spelled).split():
                        if name in programs:
                            raise PolicyError("BAD_PROFILE", f"two profiles of {name}", path=str(file))
                        programs[name] = profile
            elif key == "environment":
                for spelled, safe in value.items():
                    harmless = tuple(str(s) for s in safe or ())
                    for name in str(spelled).split():
                        if name.endswith("*"):
                            prefixes[name[:-1]] = harmless
                        else:
                            names[name] = harmless
            elif key == "search":
                search.update(str(value).split())
            elif key == "startup":
                startup += [str(v) for v in value]
            elif key == "trusted":
                trusted.update(str(v) for v in value)
            else:
                raise PolicyError("BAD_PROFILE", f"unknown section {key}", path=str(file))
    environment = Environment(names, prefixes, frozenset(search))
    return Library(programs, environment, tuple(startup), frozenset(trusted))


def _profile(body: Mapping[str, Any], where: str, known: Mapping[str, Profile]) -> Profile:
    unknown = set(body) - _FIELDS
    if unknown:
        raise PolicyError("BAD_PROFILE", f"unknown field {sorted(unknown)[0]}", path=where)
    profile = Profile()
    if like := body.get("like"):
        if like not in known:
            raise PolicyError("BAD_PROFILE", f"no profile {like} before this one", path=where)
        for slot in Profile.__slots__:
            setattr(profile, slot, getattr(known[like], slot))
        profile.options = dict(profile.options)
        profile.sub = dict(profile.sub)
    if "does" in body:
        profile.effects = _effects(body["does"], where)
    if "flags" in body:
        profile.flags = frozenset(str(body["flags"]).split())
    if "passes" in body:
        profile.passes = _effects(body["passes"], where)
    if "bare" in body:
        profile.bare = frozenset(str(body["bare"]).split())
    if "args" in body:
        profile.args = _args(body["args"], where)
    profile.wrapper = any(a.kind == "command" for a in profile.args)
    if "style" in body:
        profile.style = str(body["style"])
        if profile.style not in STYLES:
            raise PolicyError("BAD_PROFILE", f"unknown style {profile.style}", path=where)
    elif profile.wrapper and "like" not in body:
        profile.style = "posix"
    for spelled, meaning in (body.get("options") or {}).items():
        option = _option(str(meaning or ""), where)
        for name in str(spelled).split():
            profile.options[name] = option
    profile.longs = tuple(sorted(n for n in profile.options if n.startswith("--")))
    if "args_if" in body:
        profile.args_if = tuple(
            (frozenset(str(spelled).split()), _args(args, where)) for spelled, args in body["args_if"].items()
        )
    for spelled, kind in (body.get("operands") or {}).items():
        for name in str(spelled).split():
            profile.operands[name] = _kind(str(kind), where)
    for spelled, inner in (body.get("sub") or {}).items():
        subprofile = _profile(inner or {}, f"{where}.{spelled}", known)
        for name in str(spelled).split():
            profile.sub[name] = subprofile
    profile.special = str(body.get("special", profile.special))
    profile.response = bool(body.get("response", profile.response))
    profile.verbs = bool(body.get("verbs", profile.verbs))
    return profile


def _effects(text: object, where: str) -> frozenset[str]:
    effects = frozenset(str(text or "").split())
    _known(effects, COMMAND_EFFECTS, where)
    return effects


def _known(words: Iterable[str], allowed: Iterable[str], where: str) -> None:
    for word in words:
        if word not in allowed:
            raise PolicyError("BAD_PROFILE", f"unknown effect {word}", path=where)


def _kind(text: str, where: str) -> str:
    if text not in KINDS and not text.startswith("code:"):
        raise PolicyError("BAD_PROFILE", f"unknown kind {text}", path=where)
    return text


def _args(text: object, where: str) -> tuple[Arg, ...]:
    return tuple(Arg(_kind(word.rstrip("*"), where), word.endswith("*")) for word in str(text or "").split())


def _option(text: str, where: str) -> Option:
    kind: str | None = None
    optional = False
    flags: list[str] = []
    effects: list[str] = []
    for word in text.split():
        if word.startswith("+"):
            flags.append(word[1:])
        elif word.startswith("!"):
            effects.append(word[1:])
            _known(effects, COMMAND_EFFECTS, where)
        else:
            optional = word.endswith("?")
            kind = _kind(word.rstrip("?"), where)
    return Option(kind, optional, tuple(flags), tuple(effects))
