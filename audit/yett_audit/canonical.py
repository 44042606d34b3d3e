"""The bytes of a record: JSON in the profile "I-JSON-int", whose canonical form is cheap.

RFC 8785 (JCS) is slow because of two things: floats in ECMAScript notation and keys sorted as UTF-16. The
profile leaves out both: no floats, integers within ±(2^53−1), ASCII keys; depth at most 16, at most 256
members in one object. Within it, any JSON encoder that sorts keys, escapes minimally and writes UTF-8
emits exactly the JCS bytes (msgspec 5 µs, the standard library 21 µs, rfc8785 100 µs a record).

`decode` is the check: it parses, refuses what is outside the profile, re-encodes, and compares bytes. So
duplicate keys, spaces, other escapes, `-0`, `1.0`, a byte-order mark and trailing bytes are all refused.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Union

from yett_audit.errors import LIMIT, Broken, InvalidRecord

try:
    import msgspec
except ImportError:  # the standard library alone is enough
    msgspec = None  # type: ignore[assignment]

MAX_INT = 2**53 - 1
MAX_DEPTH = 16
MAX_MEMBERS = 256
_FAST_DEPTH = 7
"""Nesting that the typed decoder knows; building it costs 2^depth. Deeper lines take the slow path."""

_dumps = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=True
).encode


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Broken("duplicate-key", "an object has the same key twice")
    return members


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INT:
        raise Broken("number", "an integer is outside ±(2^53−1)")
    return int(text)


def _no_float(_: str) -> Any:
    raise Broken("number", "a number is not an integer")


_loads = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
).decode


def _check_shape(value: Any, depth: int) -> None:
    """Key alphabet, depth and member count, which the parsers do not check."""
    if isinstance(value, dict):
        if depth == 0:
            raise Broken("depth", f"objects and arrays are nested deeper than {MAX_DEPTH}", LIMIT)
        if len(value) > MAX_MEMBERS:
            raise Broken("members", f"an object has more than {MAX_MEMBERS} members", LIMIT)
        for key, item in value.items():
            if not key.isascii():
                raise Broken("key", "a key is not ASCII")
            if type(item) is dict or type(item) is list:
                _check_shape(item, depth - 1)
    elif isinstance(value, list):
        if depth == 0:
            raise Broken("depth", f"objects and arrays are nested deeper than {MAX_DEPTH}", LIMIT)
        for item in value:
            if type(item) is dict or type(item) is list:
                _check_shape(item, depth - 1)


def slow_decode(data: bytes) -> Any:
    """`decode` on the standard library alone; also says precisely what is wrong, for the fast path."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Broken("utf-8", "the line is not UTF-8") from None
    try:
        value = _loads(text)
        _check_shape(value, MAX_DEPTH)
        same = _dumps(value).encode("utf-8") == data
    except RecursionError:
        raise Broken("depth", f"objects and arrays are nested deeper than {MAX_DEPTH}", LIMIT) from None
    except UnicodeEncodeError:
        raise Broken("utf-8", "a string holds a lone surrogate") from None
    except ValueError:
        raise Broken("json", "the line is not JSON") from None
    if not same:
        raise Broken("not-canonical", "the line is not in canonical form (RFC 8785)")
    return value


if msgspec is not None:
    _Int = Annotated[int, msgspec.Meta(ge=-MAX_INT, le=MAX_INT)]
    _Value: Any = Union[None, bool, _Int, str]  # noqa: UP007
    for _ in range(_FAST_DEPTH):
        _Value = Union[  # noqa: UP007
            None,
            bool,
            _Int,
            str,
            list[_Value],
            Annotated[dict[str, _Value], msgspec.Meta(max_length=MAX_MEMBERS)],
        ]
    _fast_decode = msgspec.json.Decoder(_Value).decode
    _fast_encode = msgspec.json.Encoder(order="sorted").encode

    def decode(data: bytes) -> Any:
        """The value of canonical bytes.

        Raises:
            Broken: not UTF-8, not JSON, outside the profile, or not the canonical form of its value.
        """
        try:
            value = _fast_decode(data)
            if _fast_encode(value) == data:
                if not data.isascii():
                    _check_shape(value, MAX_DEPTH)
                return value
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return slow_decode(data)
        return slow_decode(data)

    def _has_float(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(_has_float, value.values()))
        return isinstance(value, float) or (isinstance(value, list) and any(map(_has_float, value)))

    def encode(value: Any) -> bytes:
        """Canonical bytes of a value within the profile.

        Raises:
            InvalidRecord: the value is outside the profile; the message says how.
        """
        try:
            data = _fast_encode(value)
            try:
                _fast_decode(data)
            except msgspec.ValidationError:
                slow_decode(data)
            if b"null" in data and _has_float(msgspec.to_builtins(value)):  # NaN is written as null
                raise InvalidRecord("a number is not an integer")
            if not data.isascii():
                _check_shape(value, MAX_DEPTH)
        except Broken as error:
            raise InvalidRecord(error.message) from None
        except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError, ValueError) as error:
            raise InvalidRecord(f"outside the record profile: {type(error).__name__}") from None
        return data

else:
    decode = slow_decode

    def encode(value: Any) -> bytes:
        """Canonical bytes of a value within the profile."""
        try:
            data = _dumps(value).encode("utf-8")
            slow_decode(data)
        except Broken as error:
            raise InvalidRecord(error.message) from None
        except (UnicodeError, RecursionError, TypeError, ValueError) as error:
            raise InvalidRecord(f"outside the record profile: {type(error).__name__}") from None
        return data
