"""The canonical form of a policy file: keys in one order, one style of quoting, long conditions folded.

Formatting never changes meaning: the result is parsed again and must give the same values. Comments cannot be
kept by it, so a file that has any is printed, not rewritten.
"""

from __future__ import annotations

from typing import Any

import yaml

from yett.errors import PolicyError
from yett.model import Json
from yett.policy import source

_ORDER = (
    "policy", "manifest", "layer", "because", "server", "use", "shadow", "log", "labels", "data", "opa", "tools", "stages", "requires", "rules", "tests",
    "id", "allow", "hold", "deny", "tool", "does", "agent", "principal", "after", "when", "approvers", "require", "oblige",
    "free", "args", "open", "result", "role", "type", "optional", "required", "schema", "given", "rule",
)  # fmt: skip
_PLACE = {key: index for index, key in enumerate(_ORDER)}
WIDTH = 100


class _Dumper(yaml.SafeDumper):
    """Short mappings of scalars and lists of scalars on one line; everything else in blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _mapping(dumper: _Dumper, value: dict[str, Any]) -> yaml.Node:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value.items())
    node.flow_style = _flat(value)
    return node


def _sequence(dumper: _Dumper, value: list[Any]) -> yaml.Node:
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", value)
    node.flow_style = (
        all(not isinstance(item, dict | list) for item in value) and len(str(value)) < WIDTH - 20
    )
    return node


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    folded = len(value) > WIDTH - 30 and " " in value and value == value.strip() and "\n" not in value
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=">" if folded else None)


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(str, _text)


def _flat(value: dict[str, Any]) -> bool:
    """Whether a mapping reads well on one line."""
    if len(str(value)) > WIDTH - 30:
        return False
    return all(
        not isinstance(item, dict)
        and not (isinstance(item, list) and any(isinstance(x, dict | list) for x in item))
        for item in value.values()
    ) and not {"policy", "manifest", "when"} & set(value)


def render(value: Json) -> str:
    """The canonical text of one document's value."""
    text: str = yaml.dump(_ordered(value), Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)
    return text


def _ordered(value: Json) -> Json:
    if isinstance(value, dict):
        free = {"tools", "args", "data", "result", "schema", "origins", "spent", "count"}
        return {
            key: item
            if key in free and not isinstance(item, dict)
            else _named(item)
            if key in free
            else _ordered(item)
            for key, item in sorted(value.items(), key=lambda pair: _PLACE.get(pair[0], len(_ORDER)))
        }
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _named(value: dict[str, Json]) -> Json:
    """A mapping whose keys are names: they keep their order."""
    return {key: _ordered(item) for key, item in value.items()}


def format_text(text: str, file: str) -> str:
    """The canonical form of a whole file.

    Raises:
        PolicyError: it does not parse, or (a defect) the result would not mean the same.
    """
    documents = source.parse(text.encode(), file)
    result = "---\n".join(render(document.value) for document in documents)
    again = source.parse(result.encode(), file)
    if [document.value for document in again] != [document.value for document in documents]:
        raise PolicyError("FORMAT_FAILED", "the canonical form would not mean the same", path=file)
    return result


def has_comments(text: str) -> bool:
    """Whether a file has comments, which formatting would lose."""
    return any(line.lstrip().startswith("#") or " #" in line for line in text.splitlines())
