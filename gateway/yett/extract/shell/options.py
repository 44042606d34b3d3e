"""A command line to options and positionals, by a program's profile.

Follows getopt_long: clusters (`-xvf`), joined values (`-ofile`, `--out=file`), unambiguous abbreviations of
long options (`--out=` for `--output=`). Where several options of a profile fit an abbreviation, all of them
are taken: the reading that shows more effects is the safe one.
"""

from __future__ import annotations

from typing import NamedTuple

from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.profiles import Arg, Option, Profile


class Given(NamedTuple):
    """One option as given; `value` None if it has none."""

    name: str
    option: Option
    value: Field | None


class Parsed:
    """The result: what was given, and what the profile does not know."""

    __slots__ = ("given", "positionals", "unknown")

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.positionals: list[Field] = []
        self.unknown: list[str] = []

    def has(self, *names: str) -> bool:
        return any(g.name in names for g in self.given)

    def value(self, *names: str) -> Field | None:
        """The last value given to one of these options."""
        found = None
        for g in self.given:
            if g.name in names and g.value is not None:
                found = g.value
        return found


def parse_options(profile: Profile, args: list[Field], *, fallback: Profile | None = None) -> Parsed:
    """Split `args` (without the program's name). `fallback` lends its options to a sub-command."""
    parsed = Parsed()
    style = profile.style
    if style == "none":
        parsed.positionals = list(args)
        return parsed
    stop_early = style == "posix" or bool(profile.sub)
    k, n = 0, len(args)
    while k < n:
        field = args[k]
        text = field.text
        k += 1
        if len(text) < 2 or text[0] not in "-+" or (field.unknown and text[0] != "-"):
            parsed.positionals.append(field)
        elif text == "--":
            parsed.positionals += args[k:]
            break
        elif text[0] == "+":
            option = _lookup(profile, fallback, "+")
            if option is None:
                parsed.positionals.append(field)
            else:
                k = _take(parsed, "+", option, field._replace(text=text[1:]), args, k)
        elif text.startswith("--"):
            k = _long(parsed, profile, fallback, field, args, k)
        elif style == "single" and (match := _single(profile, fallback, text)) is not None:
            name, option, attached = match
            value = None if attached is None else field._replace(text=attached)
            k = _take(parsed, name, option, value, args, k)
        else:
            k = _cluster(parsed, profile, fallback, field, args, k)
        if stop_early and parsed.positionals:
            parsed.positionals += args[k:]
            break
    return parsed


def _lookup(profile: Profile, fallback: Profile | None, name: str) -> Option | None:
    option = profile.options.get(name)
    if option is None and fallback is not None:
        option = fallback.options.get(name)
    return option


def _take(
    parsed: Parsed, name: str, option: Option, attached: Field | None, args: list[Field], k: int
) -> int:
    """Record an option and its value, which may be the next argument; returns where to go on."""
    value = attached
    if option.kind is not None and attached is None and not option.optional and k < len(args):
        value = args[k]
        k += 2 if option.kind == "pair" else 1
    parsed.given.append(Given(name, option, value))
    return k


def _long(
    parsed: Parsed, profile: Profile, fallback: Profile | None, field: Field, args: list[Field], k: int
) -> int:
    name, equals, text = field.text.partition("=")
    attached = field._replace(text=text) if equals else None
    option = _lookup(profile, fallback, name)
    if option is not None:
        return _take(parsed, name, option, attached, args, k)
    longs = profile.longs + (fallback.longs if fallback is not None else ())
    matches = [long for long in longs if long.startswith(name)]
    if not matches:
        parsed.unknown.append(name)
        return k
    ends = []
    for match in matches:
        option = _lookup(profile, fallback, match)
        if option is not None:
            ends.append(_take(parsed, match, option, attached, args, k))
    return max(ends, default=k)


def _single(profile: Profile, fallback: Profile | None, text: str) -> tuple[str, Option, str | None] | None:
    """`-name`, `-name=value`."""
    option = _lookup(profile, fallback, text)
    if option is not None:
        return text, option, None
    name, equals, value = text.partition("=")
    option = _lookup(profile, fallback, name) if equals else None
    return None if option is None else (name, option, value)


def _cluster(
    parsed: Parsed, profile: Profile, fallback: Profile | None, field: Field, args: list[Field], k: int
) -> int:
    text = field.text
    if text[1:].isdigit() and (option := _lookup(profile, fallback, "-NUMBER")) is not None:
        return _take(parsed, "-NUMBER", option, None, args, k)
    for j in range(1, len(text)):
        name = "-" + text[j]
        option = _lookup(profile, fallback, name)
        if option is None:
            parsed.unknown.append(name)
            continue
        if option.kind is None:
            parsed.given.append(Given(name, option, None))
            continue
        rest = text[j + 1 :]
        return _take(parsed, name, option, field._replace(text=rest) if rest else None, args, k)
    return k


def distribute(args: tuple[Arg, ...], count: int) -> list[str]:
    """The kinds of `count` positionals: fixed ones first and last, the repeated one between."""
    star = next((k for k, a in enumerate(args) if a.star), -1)
    if star < 0:
        return [a.kind for a in args[:count]] + ["value"] * (count - len(args))
    head, tail = args[:star], args[star + 1 :]
    kinds: list[str] = []
    if count <= len(head):
        return [a.kind for a in head[:count]]
    left = count - len(head)
    last = tail[-left:] if left <= len(tail) else tail
    if left <= len(tail) and len(tail) == 1:
        last = tail
    middle = left - len(last)
    kinds += [a.kind for a in head]
    kinds += [args[star].kind] * middle
    kinds += [a.kind for a in last]
    return kinds
