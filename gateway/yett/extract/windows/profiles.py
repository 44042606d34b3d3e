"""What Windows programs, cmdlets, .NET members and registry keys mean: `policies/programs/windows*.yaml`, loaded once.

Every pattern is RE2, matched against a normalised line; a file with a pattern RE2 refuses, an unknown field or an
unknown effect does not load.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import re2
import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract.facts import COMMAND_EFFECTS
from yett.extract.patterns import PatternSet

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where it is built in: the first Windows command of a process waits for this file."""


class Rule(NamedTuple):
    pattern: Any
    effects: frozenset[str]
    flags: frozenset[str]


class Profile(NamedTuple):
    effects: frozenset[str]
    rules: tuple[Rule, ...]


class Profiles(NamedTuple):
    programs: dict[str, Profile]
    registry: tuple[Rule, ...]
    source: tuple[Rule, ...]
    whole: PatternSet
    """The patterns of `source`, for one pass over a script."""


def load(folder: Path) -> Profiles:
    """All `windows*.yaml` of a folder; raises PolicyError with the file and entry that is wrong."""
    programs: dict[str, Profile] = {}
    registry: list[Rule] = []
    source: list[Rule] = []
    for file in sorted(folder.glob("windows*.yaml")):
        data = yaml.load(file.read_text("utf-8"), Loader=_LOADER)
        if not isinstance(data, dict) or set(data) - {"programs", "registry", "source"}:
            raise PolicyError(
                "BAD_PROFILE", "a profile file has programs, registry and source only", path=str(file)
            )
        for entry in data.get("programs") or []:
            where = f"{file.name}: {entry.get('names', ['?'])[0]}"
            if set(entry) - {"names", "effects", "rules"}:
                raise PolicyError("BAD_PROFILE", "an entry has names, effects and rules only", path=where)
            made = Profile(
                _effects(entry.get("effects") or [], where), _rules(entry.get("rules") or [], where)
            )
            for name in entry["names"]:
                before = programs.get(str(name))
                programs[str(name)] = (
                    made
                    if before is None
                    else Profile(before.effects | made.effects, before.rules + made.rules)
                )
        registry += _rules(data.get("registry") or [], f"{file.name}: registry")
        source += _rules(data.get("source") or [], f"{file.name}: source")
    return Profiles(
        programs, tuple(registry), tuple(source), PatternSet([rule.pattern.pattern for rule in source])
    )


@cache
def shipped() -> Profiles:
    """The profiles that come with Yett."""
    return load(resources.policies() / "programs")


def _rules(entries: list[dict[str, Any]], where: str) -> tuple[Rule, ...]:
    found = []
    for entry in entries:
        if set(entry) - {"when", "effects", "flags"}:
            raise PolicyError("BAD_PROFILE", "a rule has when, effects and flags only", path=where)
        try:
            pattern = re2.compile(entry["when"])
        except re2.error as error:
            raise PolicyError("BAD_PATTERN", f"RE2 refuses the pattern: {error}", path=where) from error
        found.append(
            Rule(pattern, _effects(entry.get("effects") or [], where), frozenset(entry.get("flags") or []))
        )
    return tuple(found)


def _effects(names: list[str], where: str) -> frozenset[str]:
    unknown = set(names) - set(COMMAND_EFFECTS)
    if unknown:
        raise PolicyError("BAD_PROFILE", f"unknown effect {sorted(unknown)[0]}", path=where)
    return frozenset(names)
