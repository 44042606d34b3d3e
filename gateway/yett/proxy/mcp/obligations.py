"""What a rule asks of the enforcement point besides letting the call through.

* `redact` {fields: [name or JSON pointer, …]}: members of the result with these names, or at these pointers,
  are replaced by `"[redacted]"`, in JSON inside text blocks too;
* `cap` {bytes: n}: text in the result is cut to n bytes in all.

`unknown` is asked before the call: a duty that can't be fulfilled is a refusal, not a shrug.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from yett.model import Json, Obligation
from yett.sdk.decider import GATEWAY_SIDE

KNOWN: Final = frozenset({"redact", "cap"})
REDACTED: Final = "[redacted]"


def unknown(obligations: Sequence[Obligation]) -> str | None:
    """None if every obligation can be fulfilled, else which can't."""
    for obligation in obligations:
        if obligation.kind in GATEWAY_SIDE:
            continue
        if obligation.kind not in KNOWN or not _well_formed(obligation):
            return f"this way to the tool can't fulfil the obligation {obligation.kind!a}"
    return None


def apply(obligations: Sequence[Obligation], result: dict[str, Json]) -> tuple[dict[str, Json], bool]:
    """The result with the obligations fulfilled, and whether that changed it."""
    changed: Any = result
    for obligation in obligations:
        if obligation.kind == "redact":
            changed = _redact(changed, frozenset(_fields(obligation)), "")
        elif obligation.kind == "cap":
            left = [int(obligation.arguments["bytes"])]
            changed = _cap(changed, left)
    return changed, changed != result


def _well_formed(obligation: Obligation) -> bool:
    if obligation.kind == "redact":
        return bool(_fields(obligation))
    size = obligation.arguments.get("bytes")
    return isinstance(size, int) and not isinstance(size, bool) and size >= 0


def _fields(obligation: Obligation) -> list[str]:
    fields = obligation.arguments.get("fields")
    if not isinstance(fields, list | tuple) or not all(isinstance(field, str) and field for field in fields):
        return []
    return list(fields)


def _redact(value: Json, fields: frozenset[str], pointer: str) -> Json:
    if pointer in fields:
        return REDACTED
    if isinstance(value, dict):
        return {
            key: REDACTED if key in fields else _redact(item, fields, f"{pointer}/{key}")
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redact(item, fields, f"{pointer}/{index}") for index, item in enumerate(value)]
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        return _in_json(value, lambda inner: _redact(inner, fields, ""))
    return value


def _in_json(text: str, change: Callable[[Json], Json]) -> str:
    """Servers put JSON into text blocks; a field in there is the same field."""
    try:
        inner = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return text
    changed = change(inner)
    return text if changed == inner else msgspec.json.encode(changed).decode()


def _cap(value: Json, left: list[int]) -> Json:
    if isinstance(value, dict):
        return {key: item if key in ("type", "mimeType") else _cap(item, left) for key, item in value.items()}
    if isinstance(value, list):
        return [_cap(item, left) for item in value]
    if not isinstance(value, str):
        return value
    data = value.encode()
    kept = data[: left[0]]
    left[0] -= len(kept)
    return value if len(kept) == len(data) else kept.decode(errors="ignore")
