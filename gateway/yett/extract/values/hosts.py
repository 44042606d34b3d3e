"""Hosts: what a name or a number in an address stands for.

Every spelling is brought to one form: percent-decoded, NFKC-folded, lower case, A-labels, IPv4 from any number base
and length (`0x7f.1`, `017700000001`, `2852039166`), IPv4 out of IPv6 (mapped, 6to4, NAT64). The address class then
says what is there; `policies/hosts.yaml` names the hosts that mean something.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

import idna
import yaml

from yett import resources
from yett.errors import PolicyError

MAX_NAME = 253
"""Characters of a name, by RFC 1035; what is longer is not remembered."""
METADATA = "169.254.169.254"
"""Where almost every cloud answers; no name but a rebinding one has it in it."""


def canonical(text: str, flags: set[str]) -> tuple[str, str]:
    """Host in one form, and its address class. Adds to `flags` how far the spelling was from it."""
    host, address, seen = (_known if len(text) <= MAX_NAME else _canonical)(text)
    flags |= seen
    return host, address


def _canonical(text: str) -> tuple[str, str, frozenset[str]]:
    flags: set[str] = set()
    host, address = _read(text, flags)
    return host, address, frozenset(flags)


_known = lru_cache(maxsize=2048)(_canonical)


def _read(text: str, flags: set[str]) -> tuple[str, str]:
    if text.startswith("["):
        return _ipv6(text.strip("[]"), flags)
    host = unquote(text)
    if host != text:
        flags.add("encoded_host")
    folded = unicodedata.normalize("NFKC", host).replace("。", ".").replace("・", ".")
    folded = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    if folded != host:
        flags.add("confusable_host")
    if folded.endswith(".") and folded.rstrip("."):
        flags.add("trailing_dot")
        folded = folded.rstrip(".")
    folded = folded.lower()
    number = ipv4(folded)
    if number is not None:
        dotted = str(ipaddress.IPv4Address(number))
        if dotted != host:
            flags.add("odd_ip")
        flags.add("ip_literal")
        named = _special(dotted)
        if named is not None and named[1]:
            flags.add(named[1])
        return dotted, _address_class(dotted)
    name = _a_label(folded, flags)
    if "." not in name:
        flags.add("single_label")
    elif name.rpartition(".")[2].isdecimal():
        flags.add("odd_ip")  # no name ends in a number, so this is an address that somebody reads differently
    special = _special(name)
    address = "name"
    if special is not None:
        address, flag = special
        if flag:
            flags.add(flag)
        if flag == "rebinding":
            address = _address_in_name(name) or address
    elif METADATA in name.replace("-", "."):
        flags.add("rebinding")  # whose names answer with what is written in them
        address = "metadata"
    return name, address


def ipv4(host: str) -> int | None:
    """The number behind any IPv4 spelling that `inet_aton` and browsers take, else None."""
    parts = host.split(".")
    if len(parts) > 4 or not host or not host[0].isdigit():
        return None
    numbers = []
    for part in parts:
        if not part or not part.isascii():
            return None
        try:
            if part[:2] in ("0x", "0X"):
                number = int(part[2:] or "0", 16)
            elif part[0] == "0" and len(part) > 1:
                number = int(part, 8)
            elif part.isdecimal() and len(part) < 40:
                number = int(part)
            else:
                return None
        except ValueError:
            return None
        numbers.append(number)
    # Libraries cut what is too long to 32 bits (`0x41414141A9FEA9FE`), so that is where it may go.
    value = numbers[-1] & 0xFFFFFFFF
    for index, number in enumerate(numbers[:-1]):
        value += (number & 0xFF) << (24 - 8 * index)
    return value & 0xFFFFFFFF


def _ipv6(text: str, flags: set[str]) -> tuple[str, str]:
    flags.add("ip_literal")
    bare_text, zone, _ = unicodedata.normalize("NFKC", unquote(text)).lower().partition("%")
    if zone:
        flags.add("zone_id")
    try:
        address = ipaddress.IPv6Address(bare_text)
    except ValueError:
        number = ipv4(bare_text)
        if number is None:
            return bare_text, "reserved"
        flags.add("odd_ip")
        dotted = str(ipaddress.IPv4Address(number))
        return dotted, _address_class(dotted)
    inner = address.ipv4_mapped or address.sixtofour
    packed = int(address)
    if inner is None and (packed >> 32 == 0x0064FF9B << 64 or (packed >> 32 == 0 and packed > 0xFFFF)):
        inner = ipaddress.IPv4Address(packed & 0xFFFFFFFF)
    if inner is not None:
        flags.add("odd_ip")
        return str(inner), _address_class(str(inner))
    compressed = address.compressed
    named = _special(compressed)
    if named is not None and named[1]:
        flags.add(named[1])
    return compressed, _address_class(compressed)


@lru_cache(maxsize=4096)
def _address_class(host: str) -> str:
    special = _special(host)
    if special is not None:
        return special[0]
    address = ipaddress.ip_address(host)
    if address.is_loopback or address.is_unspecified:
        return "loopback"
    if address.is_link_local:
        return "link_local"
    if address in _SHARED or address.is_private:
        return "private" if not address.is_reserved else "reserved"
    if address.is_multicast or address.is_reserved:
        return "reserved"
    return "public"


_SHARED = ipaddress.ip_network("100.64.0.0/10")


def _a_label(name: str, flags: set[str]) -> str:
    if name.isascii():
        if "xn--" in name:
            try:
                shown = idna.decode(name)
            except (idna.IDNAError, UnicodeError):
                flags.add("confusable_host")
                return name
            _scripts(shown, flags)
        return name
    _scripts(name, flags)
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        flags.add("confusable_host")
        return name


def _scripts(name: str, flags: set[str]) -> None:
    for label in name.split("."):
        scripts = {unicodedata.name(char, "?").split(" ")[0] for char in label if char.isalpha()}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            flags.add("mixed_script")
        if (
            scripts
            and scripts <= {"CYRILLIC", "GREEK"}
            and all(char in _LATIN_TWINS for char in label if char.isalpha())
        ):
            flags.add("confusable_host")


_LATIN_TWINS = frozenset("асеорхуіјѕһӏԁԛԝкмтвнοανρτυχωκι")


def _address_in_name(name: str) -> str | None:
    """The class of the address spelled in a wildcard name: `10-0-0-1.nip.io`, `7f000001.rbndr.us`; of several an inner one."""
    found = list(_addresses_in_name(name.split(".")))
    return next((one for one in found if one != "public"), found[0] if found else None)


def _addresses_in_name(labels: list[str]) -> Iterator[str]:
    for start in range(len(labels)):
        dotted = ".".join(labels[start : start + 4])
        dashed = labels[start].split("-")[-4:]
        for text in (dotted, ".".join(dashed)):
            if text.count(".") == 3 and all(part.isdecimal() and len(part) <= 3 for part in text.split(".")):
                number = ipv4(text)
                if number is not None:
                    yield _address_class(str(ipaddress.IPv4Address(number)))
        digits = labels[start].removeprefix("0x")
        if len(digits) == 8 and all(char in "0123456789abcdef" for char in digits):
            yield _address_class(str(ipaddress.IPv4Address(int(digits, 16))))


class _Hosts:
    def __init__(self, path: Path) -> None:
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
            self.exact: dict[str, tuple[str, str]] = {}
            self.below: dict[str, tuple[str, str]] = {}
            for entry in document["hosts"]:
                meaning = (entry["class"], entry.get("flag", ""))
                for name in entry["names"].split(","):
                    name = name.strip()
                    if name.startswith("."):
                        self.below.setdefault(name[1:], meaning)
                    else:
                        self.exact.setdefault(name, meaning)
        except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as broken:
            raise PolicyError("HOSTS", "the table of hosts does not load", path=str(path)) from broken


@lru_cache(maxsize=1)
def _hosts() -> _Hosts:
    return _Hosts(resources.policies() / "hosts.yaml")


def _special(host: str) -> tuple[str, str] | None:
    table = _hosts()
    found = table.exact.get(host)
    if found is not None:
        return found
    name = host
    while name:
        found = table.below.get(name)
        if found is not None:
            return found
        _, _, name = name.partition(".")
    return None
