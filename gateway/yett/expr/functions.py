"""The library: pure, total, typed functions of the expression language.

Each takes present values of the right type and gives a value, or `ABSENT` when its input is not something
it can be sure of (a URL with userinfo, a path that changes under percent-decoding, an IBAN whose checksum
fails). Being unsure never makes an `allow` fire and never keeps a `deny` from firing.

Typed matchers put values into normal form before they compare: `host`, `domain`, `email`, `iban`, `under`,
`cidr`. `matches` is a full match and `search` a partial one, both by RE2, in linear time; their patterns
are constants, compiled when the policy loads.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import idna
import re2

from yett.expr.types import ABSENT, ANY, BOOL, NUM, STR, Type, list_of

_MAX_TEXT = 4096
"""Longest host, address or path that is looked at; longer is ABSENT."""

_BARE_HOST = re2.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?(?:[/?#].*)?")
_SCHEME = re2.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)")
_ODD_NUMBER = re2.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]*|[0-9]+))*")
_LABELS = re2.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_LOCAL = re2.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")
_IBAN = re2.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")
_LINK = re2.compile(
    r"(?i)(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>\"'`(){}\[\]|\\^]+"
    r"|(?:[a-z0-9_-]+\.)+(?:com|net|org|io|co|dev|app|ai|info|biz|me|ly|gl|gg|to|cc|tv|xyz|top|site|online|shop|club|"
    r"link|click|live|cloud|page|web|ru|cn|de|uk|fr|eu|us|ch|at|nl|it|es|pl|se|no|fi|dk|be|in|jp|br|au|ca|zip|mov)\b"
    r"(?:/[^\s<>\"'`(){}\[\]|\\^]*)?"
)
_MAX_LINKS = 100
_CLIMB = re2.compile(r"(?i)%(?:2e|2f|5c|25|c0|c1|e0|00)")


def _clean(value: str) -> bool:
    """No blanks, controls, or backslashes: nothing two parsers may read differently."""
    return 0 < len(value) <= _MAX_TEXT and not any(c <= " " or c in "\\\x7f" or c.isspace() for c in value)


def canonical_host(name: str) -> str | None:
    """Lower-case A-label, dotted IPv4 or RFC 5952 IPv6 of a host as written; None if it is not plainly one."""
    if name.startswith("[") and name.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    name = name.removesuffix(".")
    if not name or "%" in name:
        return None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    name = name.lower()
    if _ODD_NUMBER.fullmatch(name):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            return None  # 2130706433, 0x7f.1, 017700000001: what it means depends on who reads it
    return name if len(name) <= 253 and _LABELS.fullmatch(name) else None


def host(value: str) -> Any:
    """Host of a URL, or of a bare `name[:port][/path]`, in canonical form."""
    if not _clean(value):
        return ABSENT
    found = _SCHEME.fullmatch(value)
    if found:
        authority = found.group(2)
        for end in "/?#":
            authority = authority.split(end, 1)[0]
        if "@" in authority:
            return ABSENT
    elif _BARE_HOST.fullmatch(value):
        authority = value
        for end in "/?#":
            authority = authority.split(end, 1)[0]
    else:
        return ABSENT
    name, port = authority, ""
    if authority.startswith("["):
        name, closing, rest = authority.partition("]")
        name += closing
        if rest and not rest.startswith(":"):
            return ABSENT
        port = rest[1:]
    elif ":" in authority:
        name, _, port = authority.partition(":")
    if port and not (port.isascii() and port.isdigit()):
        return ABSENT
    return canonical_host(name) or ABSENT


def email(value: str) -> Any:
    """A single plain address, lower-case, its domain in A-label form."""
    if not _clean(value) or value.count("@") != 1:
        return ABSENT
    local, _, name = value.partition("@")
    canonical = canonical_host(name)
    if canonical is None or not _LOCAL.fullmatch(local):
        return ABSENT
    return f"{local.lower()}@{canonical}"


def domain(value: str, wanted: str) -> Any:
    """Whether a URL, e-mail address or bare host lies at `wanted` or below it."""
    if "@" in value and "://" not in value:
        address = email(value)
        name: Any = address if address is ABSENT else address.partition("@")[2]
    else:
        name = host(value)
    target = canonical_host(wanted)
    if name is ABSENT or target is None:
        return ABSENT
    return bool(name == target or name.endswith("." + target))


def iban(value: str) -> Any:
    """Normal form of an IBAN (ISO 13616): no blanks, upper case, checksum right."""
    text = value.replace(" ", "").upper()
    if not 15 <= len(text) <= 34 or not text.isascii() or not _IBAN.fullmatch(text):
        return ABSENT
    digits = "".join(str(int(c, 36)) for c in text[4:] + text[:4])
    return text if int(digits) % 97 == 1 else ABSENT


def normal_path(value: str) -> tuple[str, list[str]] | None:
    """(root, parts) with `.`, `..`, `//` and backslashes resolved by text; None if that is not certain.

    The root is `/`, `c:/`, `~/` or empty for a relative path. A path that climbs above where it starts, or
    would change under percent-decoding, is not certain. Symbolic links cannot be seen from here.
    """
    if not value or len(value) > _MAX_TEXT or any(c < " " or c == "\x7f" for c in value):
        return None
    if _CLIMB.search(value):
        return None
    text = value.replace("\\", "/")
    root = ""
    if text.startswith("//"):
        return None  # a UNC share, or a doubled slash that some readers take for one
    if text.startswith("/"):
        root, text = "/", text[1:]
    elif len(text) >= 2 and text[1] == ":" and text[0].isalpha():
        if len(text) == 2 or text[2] != "/":
            return None  # `c:x` is relative to a folder nobody here knows
        root, text = text[0].lower() + ":/", text[3:].lower()
    elif text == "~" or text.startswith("~/"):
        root, text = "~/", text[2:]
    elif text.startswith("~"):
        return None
    parts: list[str] = []
    for part in text.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                if root in ("/",):
                    continue
                return None
            parts.pop()
        else:
            parts.append(part)
    return root, parts


def under(value: str, folder: str) -> Any:
    """Whether a path lies in `folder` or is it. ABSENT if one is relative and the other is not."""
    path, base = normal_path(value), normal_path(folder)
    if path is None or base is None or path[0] != base[0]:
        different_drives = path and base and path[0][1:] == base[0][1:] == ":/"
        return False if different_drives else ABSENT
    return path[1][: len(base[1])] == base[1]


def basename(value: str) -> Any:
    """Last part of a path in normal form."""
    path = normal_path(value)
    return path[1][-1] if path and path[1] else ABSENT


def absolute(value: str) -> Any:
    """Whether a path starts at a root."""
    path = normal_path(value)
    return ABSENT if path is None else path[0] not in ("", "~/")


def cidr(value: str, network: str) -> Any:
    """Whether an IP address (or the host of a URL that is one) lies in a network; a name is ABSENT."""
    name = host(value)
    if name is ABSENT:
        return ABSENT
    try:
        address, net = ipaddress.ip_address(name), ipaddress.ip_network(network)
    except ValueError:
        return ABSENT
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.version == net.version and address in net


def links(value: Any) -> Any:
    """Hosts of everything in a value's texts that a reader, or his client, would take for a link.

    With a scheme, after `www.`, or a bare name under a common top-level domain. One whose host is not plain is
    given as it stands: it is nobody's known host. More than can be looked at: ABSENT.
    """
    found: list[str] = []
    todo: list[Any] = [value]
    left = 1 << 18
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            left -= len(item)
            if left < 0:
                return ABSENT
            for match in _LINK.finditer(item):
                link = match.group(0).rstrip(".,;:!?*_")
                name = host(link)
                found.append(link if name is ABSENT else name)
                if len(found) > _MAX_LINKS:
                    return ABSENT
        elif isinstance(item, list | tuple):
            todo.extend(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
            todo.extend(item)
    return found


_SEVERITY = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}


def severity(level: str) -> Any:
    """0 (info) to 4 (critical)."""
    return _SEVERITY.get(level, ABSENT)


@dataclass(frozen=True)
class Function:
    """One function of the library.

    Args:
        params: types of the arguments.
        constants: positions whose argument must be a constant of the source.
        make: for functions with a compiled constant: gives the function of the first argument alone, or
            raises ValueError with what is wrong with the constant.
    """

    name: str
    params: tuple[Type, ...]
    returns: Type
    call: Callable[..., Any]
    constants: frozenset[int] = frozenset()
    make: Callable[[Any], Callable[[Any], Any]] | None = None


def check_pattern(pattern: str) -> Any:
    """An RE2 pattern over bytes, compiled; ValueError if it is no pattern or has a counted gap over 20.

    A counted gap (`.{0,200}`, `[^x]{50}`) unrolls into as many states as it counts, for each place it may
    start at: the one way to make RE2 slow.
    """
    _refuse_wide_gaps(pattern)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    options.never_capture = True
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as problem:
        raise ValueError(f"not an RE2 pattern: {problem}") from None


def _refuse_wide_gaps(pattern: str) -> None:
    position = 0
    while (start := pattern.find("{", position)) >= 0:
        end = pattern.find("}", start)
        position = start + 1
        if end < 0 or (start > 0 and pattern[start - 1] == "\\"):
            continue
        bounds = pattern[start + 1 : end].split(",")
        numbers = [int(b) for b in bounds if b.isascii() and b.isdigit()]
        if len(bounds) > 2 or not numbers or len(numbers) != len([b for b in bounds if b]):
            continue
        wide = pattern[:start].endswith((".", "\\S", "\\W", "\\D", ")")) or (
            pattern[:start].endswith("]") and "[^" in pattern[:start]
        )
        if max(numbers) > 20 and wide:
            raise ValueError(
                f"counted gap {{{pattern[start + 1 : end]}}} is over 20; use * or a tighter class"
            )


def _matches(pattern: str) -> Callable[[Any], Any]:
    compiled = check_pattern(pattern)
    return lambda text: compiled.fullmatch(text.encode()) is not None


def _search(pattern: str) -> Callable[[Any], Any]:
    compiled = check_pattern(pattern)
    return lambda text: compiled.search(text.encode()) is not None


def _domain(wanted: str) -> Callable[[Any], Any]:
    if canonical_host(wanted) is None:
        raise ValueError("not a domain name")
    return lambda value: domain(value, wanted)


def _under(folder: str) -> Callable[[Any], Any]:
    if normal_path(folder) is None:
        raise ValueError("not a plain folder path")
    return lambda value: under(value, folder)


def _cidr(network: str) -> Callable[[Any], Any]:
    try:
        ipaddress.ip_network(network)
    except ValueError:
        raise ValueError("not a network in CIDR form") from None
    return lambda value: cidr(value, network)


_ONE, _TWO = (STR,), (STR, STR)
_SECOND = frozenset({1})

LIBRARY: dict[str, Function] = {
    function.name: function
    for function in (
        Function("len", (ANY,), NUM, len),
        Function("lower", _ONE, STR, str.lower),
        Function("upper", _ONE, STR, str.upper),
        Function("strip", _ONE, STR, str.strip),
        Function("startswith", _TWO, BOOL, str.startswith),
        Function("endswith", _TWO, BOOL, str.endswith),
        Function("contains", _TWO, BOOL, str.__contains__),
        Function("host", _ONE, STR, host),
        Function("email", _ONE, STR, email),
        Function("iban", _ONE, STR, iban),
        Function("basename", _ONE, STR, basename),
        Function("absolute", _ONE, BOOL, absolute),
        Function("severity", _ONE, NUM, severity),
        Function("links", (ANY,), list_of(STR), links),
        Function("split", _TWO, list_of(STR), lambda text, by: text.split(by) if by else ABSENT),
        Function("matches", _TWO, BOOL, lambda text, p: _matches(p)(text), _SECOND, _matches),
        Function("search", _TWO, BOOL, lambda text, p: _search(p)(text), _SECOND, _search),
        Function("domain", _TWO, BOOL, domain, _SECOND, _domain),
        Function("under", _TWO, BOOL, under, _SECOND, _under),
        Function("cidr", _TWO, BOOL, cidr, _SECOND, _cidr),
    )
}
