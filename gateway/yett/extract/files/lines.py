"""Files that say line by line what is to be run: recipes of make, instructions of a Dockerfile."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Final

from yett.extract.budget import Budget
from yett.extract.files.readers import LEAVES, Leaf, TooDeep
from yett.extract.patterns import pattern

MAX_EXPANDED: Final = 8_192
"""Characters that the variables of one recipe may come to."""
MAX_VALUE: Final = 65_536
"""Characters of one variable; longer, and the file counts as not read."""
MAX_NESTED: Final = 24
"""Variables in the values of variables; deeper, likewise."""

# -- make -----------------------------------------------------------------------------------------------------------

_VARIABLE = pattern(r"^ *(?:(?:export|override|private) +)*([\w.-]+)[ \t]*(\+|!|\?|:{1,3})?=[ \t]?(.*)$")
_DEFINE = pattern(r"^ *(?:override +)?define +([\w.-]+)")
_RULE = pattern(r"^([^\s#:=][^#:=]*?)\s*::?(?:[^=;]*)(?:;(.*))?$")
_OUTPUT = pattern(r"\$[({]shell[ \t]")


def read_make(text: str, budget: Budget) -> Iterator[Leaf]:
    """Recipes by their target, with the variables that the file sets; what `$(shell …)` and `!=` run as it is read."""
    make = _Make(len(text), budget)
    for line in _continued(text.splitlines(), budget):
        make.line(line)
    for target, recipe in make.recipes.items():
        yield Leaf(("recipe", target), make.expanded("\n".join(recipe)))
    for line in make.outputs:
        yield Leaf(("shell",), ": " + " ".join(map(make.expanded, _outputs(line))))


def _continued(text: list[str], budget: Budget) -> Iterator[str]:
    """Lines with those that a backslash joins to them."""
    lines = iter(text)
    for number, line in enumerate(lines):
        if number % LEAVES == 0:
            budget.spend()
        parts = [line]
        while parts[-1].endswith("\\") and (following := next(lines, None)) is not None:
            parts.append(following)
        yield "\n".join(parts)


class _Make:
    """What a Makefile says, line by line."""

    def __init__(self, size: int, budget: Budget) -> None:
        self.budget = budget
        self.recipes: dict[str, list[str]] = {}
        self.variables: dict[str, str] = {}
        self.outputs: list[str] = []
        """Lines that run something as the file is read."""
        self.room = MAX_EXPANDED + 2 * size
        self._prefix = "\t"
        self._target = ""
        self._define: list[str] | None = None

    def line(self, line: str) -> None:
        """The next line."""
        variable, defined = _VARIABLE.search(line), _DEFINE.search(line)
        if self._define is not None:
            if line.strip() == "endef":
                self.variables[self._define[0]] = "\n".join(self._define[1:])
                self._define = None
            else:
                self._define.append(line.strip())
        elif line.startswith(self._prefix):
            self._recipe(line[1:])
        elif defined is not None:
            self._define = [defined.group(1)]
        elif variable is not None:
            name, kind, value = variable.groups()
            before = self.variables.get(name, "")
            if kind == "!":
                value = f"$(shell {value})"
            elif kind == "+":
                value = f"{before} {value}"
            elif kind is not None and kind[0] == ":":
                value = value.replace(f"$({name})", before).replace(f"${{{name}}}", before)
            if len(value) > MAX_VALUE:
                raise TooDeep
            self.budget.spend(len(value) // 4_096)
            line = self.variables[name] = value
            if name == ".RECIPEPREFIX":
                self._prefix = value.strip()[:1] or "\t"
        else:
            rule = _RULE.search(line)
            if rule is not None:
                self._target = rule.group(1)
                self._recipe(rule.group(2) or "")
        if not line.startswith(self._prefix) and _OUTPUT.search(line) is not None:
            self.outputs.append(line)

    def _recipe(self, line: str) -> None:
        if line.strip():
            self.recipes.setdefault(self._target, []).append(line.lstrip("@-+ \t"))

    def expanded(self, text: str) -> str:
        """A text as make hands it to the shell: its own variables put in, others as variables of the shell."""
        return "".join(self._expand(text, 0))

    def _expand(self, text: str, depth: int) -> Iterator[str]:
        at = 0
        while (found := text.find("$", at)) >= 0:
            self.room -= found - at + 1
            if self.room < 0:
                self.budget.spend()
            yield text[at:found]
            opening = text[found + 1 : found + 2]
            if opening in ("(", "{"):
                end = _closing(text, found + 1)
                yield from self._reference(text[found + 2 : end], depth)
            else:
                end = found + 1
                yield "$" if opening == "$" else "${make_}"
            at = end + 1
        yield text[at:]

    def _reference(self, name: str, depth: int) -> Iterator[str]:
        if depth >= MAX_NESTED:
            raise TooDeep
        if name.startswith(("shell ", "shell\t")):
            yield "$("
            yield from self._expand(name[6:], depth + 1)
            yield ")"
        elif name in self.variables:
            yield from self._expand(self.variables[name], depth + 1)
        else:
            yield f"${{{name}}}" if name.isidentifier() else "${make_}"


def _outputs(text: str) -> Iterator[str]:
    """What runs as a line is read, the outermost of what stands in one another."""
    end = 0
    for found in _OUTPUT.finditer(text):
        if found.start() >= end:
            end = _closing(text, found.start() + 1) + 1
            yield text[found.start() : end]


def _closing(text: str, opening: int) -> int:
    """Where the bracket closes that opens there, or the end."""
    pair = "()" if text[opening] == "(" else "{}"
    depth = 0
    for at in range(opening, len(text)):
        if text[at] == pair[0]:
            depth += 1
        elif text[at] == pair[1]:
            depth -= 1
            if depth == 0:
                return at
    return len(text)


# -- Dockerfiles ----------------------------------------------------------------------------------------------------

_INSTRUCTION = pattern(
    r"(?i)^\s*(?:ONBUILD\s+)?(RUN|CMD|ENTRYPOINT|HEALTHCHECK)\s+(?:--[\w-]+=\S+\s+)*(?:CMD\s+)?(.*)$"
)
_ESCAPE = pattern(r"(?i)^\s*#\s*escape\s*=\s*`")
_HEREDOC = pattern(r"<<-?\s*[\"']?(\w+)")


def read_docker(text: str, budget: Budget) -> Iterator[Leaf]:
    """What the instructions of a Dockerfile run, as a shell's line."""
    lines = iter(text.splitlines())
    joins = "`" if _ESCAPE.search(text) is not None else "\\"
    for number, line in enumerate(lines):
        if number % LEAVES == 0:
            budget.spend()
        found = _INSTRUCTION.search(line)
        if found is None:
            continue
        parts = [found.group(2)]
        while parts[-1].rstrip().endswith(joins) and (following := next(lines, None)) is not None:
            if following.strip() and not following.lstrip().startswith("#"):
                parts[-1] = parts[-1].rstrip()[:-1] + "\\"
                parts.append(following)
        for here in _HEREDOC.findall("\n".join(parts)):
            for following in lines:
                parts.append(following)
                if following.strip() == here:
                    break
        yield Leaf((found.group(1).upper(),), _command("\n".join(parts)))


def _command(text: str) -> str:
    if text.startswith("["):
        try:
            return shlex.join(map(str, json.loads(text)))
        except (ValueError, TypeError):
            return text
    return "sh " + text if text.startswith("<<") else text
