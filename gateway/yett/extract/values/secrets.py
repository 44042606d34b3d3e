"""Secrets: keys, tokens and passwords in a text, by the strongest evidence there is.

Four kinds of evidence, strongest first, each named in `SecretFact.confidence`:

checksum  the provider's own check digits hold (GitHub, npm, Stripe-like CRC32 forms, Luhn for cards apart)
format    a shape only one provider uses (`AKIA…`, a PEM header, a JWT whose header decodes)
context   a random-looking value that an assignment calls a secret (`db_password = …`, `x_token: …`)
entropy   a random-looking value in an argument whose name says secret

One RE2 set over literal prefixes decides whether anything is looked at. Candidates are then refused if they
are placeholders, patterns, identifiers of code, UUIDs or hashes without a context that says otherwise.
Formats are data (`policies/secrets.yaml`); an analyst adds one without code.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract.budget import Budget
from yett.extract.facts import SecretFact
from yett.extract.patterns import PatternSet, pattern

MAX_SECRETS = 32
"""Secrets reported of one text; one is enough to act on."""

_ASSIGNMENT = pattern(
    r"(?i)([a-z0-9_.$-]*(?:api[_.-]?key|apikey|access[_.-]?key|secret|token|passwd|password|passphrase|passw|pwd|credential|private[_.-]?key|auth[_.-]?key|client[_.-]?id|"
    r"signing[_.-]?key|encryption[_.-]?key|account[_.-]?key|master[_.-]?key|license[_.-]?key|webhook[_.-]?(?:key|url)|bearer|authorization|storage[_.-]?key|dsn|[_.-]key|[_.-]pat|[_.-]pw|[_.-]auth|[_.$-]pass\b|\bpass\b|\bpsk\b|\bpw\b)[a-z0-9_.-]*)"
    r"[\"'\]]*(?:\s*(?:=>|:=|==|=|:|>|,|\(|\s)|\s+is\s)\s*(?:value\s*=\s*)?[\"'`(]*\s*(?:(?:bearer|basic|token|api-?key|bot|sso-key)\s+)?([^\s\"'`<>,;(){}]{6,})"
)
_TOLD = (
    r"(?:passw(?:ord|ort)|passcode|kennwort|wachtwoord|mot de passe|contrase[ñn]a|senha|parola|l[öo]senord|adgangskode|salasana|hesl[oa]|has[łl]o|jelsz[óo]|[şs]ifre"
    r"|парол[ья]|κωδικ|mật khẩu|密[码碼]|パスワード|비밀번호|كلمة (?:المرور|السر)|סיסמ)"
)
"""Languages' words for it."""
_WORDS = rf"(?i)(?:key|secret|token|passw|pwd|credential|bearer|basic |authorization|client[_.-]?id|dsn|[_.-]pat\b|[_.-]auth\b|passphrase|[_.$-]pass\b|\bp(?:ass|w)\s*[=:]|\bpsk\b|{_TOLD})"
"""One of which stands in every match of the two patterns beside it."""
_SPOKEN = pattern(
    rf"(?i)({_TOLD})\p{{L}}*(?:\s+[^\s.!?]{{1,20}}){{0,6}}?\s*(?:\s(?:is|ist|lautet|est|es|é|è|er|on|är|to)\s|[:=：是は는은])\s*:?\s*[\"'`«„“]?([^\s\"'`<>,;(){{}}“»]{{6,}})"
)
"""As people tell each other: `the password for the VPN is …`."""
_WORD = pattern(r"^[A-Za-z]+(?:[_.-][A-Za-z]+)*$")
_PLACEHOLDER = pattern(
    r"(?i)^(?:your|my|the|an?|some|insert|enter|put|replace|change|todo|fixme|example|sample|dummy|fake|redacted|placeholder|none|null|undefined|true|false|nil|default|changeme|secret|password)(?:[^a-z0-9]|$)|^test(?:ing)?(?:[ .-]|$)"
    r"|example|placeholder|redacted|changeme|your[_-]?|x{6,}|\*{3,}|\.{3,}|…|_here\b|here_|0{12,}|123456789012|(?:abcdef){2}|dummy|<[a-z_ -]+>|put_your|not[_-]?a[_-]?real|insert_"
)
_REFERENCE = pattern(
    r"^(?:\$|%|@|\{\{|\$\{|env\.|process\.|os\.|secrets?\.|vault:|ref\+|op://|!|arn:aws:secretsmanager|projects/|ssm:|file:|\.{0,2}/|~/|https?://[^@]*$|config\.|self\.|this\.|request\.|args\.|opts\.|vars?\.|local\.|data\.|settings\.|get|fetch|load|read)|^[a-z0-9.-]+\.(?:com|net|org|io|dev)$"
)
_REGEX = pattern(r"\[[^\]]*-[^\]]*\]|\\[dwsb]|\(\?[:=!]|\{\d+,?\d*\}\)|\.\*|\.\+")
_UUID = pattern(r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_HEX = pattern(r"^(?:0x)?[0-9a-fA-F]+$")
_CODE = pattern(
    r"^\*|[()\[\]{}]|\*[a-z]|^[A-Z][A-Z0-9]*_[A-Z0-9_]*$|^[A-Za-z_.-]+=.|::|->|=>|^[a-z]+(?:\.[a-zA-Z_]+)+$|^[a-zA-Z_]+\.[a-zA-Z_]+\.[a-zA-Z_.]+$"
)

_STRONG_NAME = pattern(
    r"(?i)(?:api[_.-]?key|apikey|access[_.-]?key|secret|token|password|passwd|passphrase|private[_.-]?key|auth[_.-]?key|signing[_.-]?key|encryption[_.-]?key|account[_.-]?key|master[_.-]?key|credential)s?(?:[_.-]?(?:id|value|base64|b64|prod|live|dev))?$"
)
_CHOSEN = pattern(r"(?i)(?:password|passwd|passphrase|pwd)[\"'\]]?$")
"""Names of what people think up: fewer kinds of characters, in longer runs."""
_INNOCENT_NAME = pattern(
    r"(?i)(?:^|[^a-z])(?:max|min|total|num|n|count|prompt|completion|input|output|next|page|continuation|cache|cancellation|cancel|sort|primary|foreign|partition|public|idempotency|csrf|xsrf|stop|pad|eos|bos|unk|special|tokenizer|key(?:word|board)|idempotent|stream|sync|resume|sequence|range|hash|index|group|object|cursor|request|trace|correlation)[_.-]*(?:tokens?|keys?)"
    r"|tokens?[_.-]*(?:count|limit|usage|type|length|budget|per|used|max|ids?$|address|symbol|name|url|uri|endpoint|path|file|expiry|expires|ttl)"
    r"|(?:key|secret|password|token|credential)s?[_.-]*(?:name|path|file|dir|policy|ref|arn|manager|version|length|hint|field|type|url|uri|rotation|expiry|label|prompt|reset|env|format|provider|scope|vault|store|id_ref|input|class|helper|(?:[a-z]+[_.-])?algo(?:rithm)?)|_author|author_|public[_.-]?key|keyboard|keyword|monkey|turkey"
)


class Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider's form, as `policies/secrets.yaml` writes it."""

    id: str
    pattern: str
    hint: str
    """RE2 that must match anywhere before `pattern` is tried; cheap, no counted gaps."""
    entropy: float = 2.5
    """Bits a character at least, of the matched secret."""
    check: str = ""
    """The name of one of `_CHECKS`: a further test of the match."""
    context: str = ""
    """RE2 that must also occur in the text (the provider's name), for forms that others share."""


class _Formats:
    def __init__(self, path: Path) -> None:
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
            self.formats = msgspec.convert(document["formats"], list[Format])
            self.set = PatternSet([*(entry.hint for entry in self.formats), _WORDS])
            """A hint for each format, and what calls something a secret."""
            self.compiled = [pattern(entry.pattern) for entry in self.formats]
            self.contexts = [
                pattern(entry.context, fold=True) if entry.context else None for entry in self.formats
            ]
        except (OSError, yaml.YAMLError, TypeError, KeyError, msgspec.ValidationError) as broken:
            raise PolicyError(
                "SECRETS", "the table of secret formats does not load", path=str(path)
            ) from broken


@lru_cache(maxsize=1)
def _formats() -> _Formats:
    return _Formats(resources.policies() / "secrets.yaml")


def scan(text: str, pointer: str, *, name: str = "", budget: Budget | None = None) -> tuple[SecretFact, ...]:
    """The secrets in a text. `name` is the argument's name, which is context too.

    Raises:
        OverBudget: more stands there that something calls a secret than the call has steps for.
    """
    budget = budget or Budget()
    table = _formats()
    found: dict[tuple[int, int], SecretFact] = {}
    hits = sorted(table.set.scan(text.encode("utf-8", "replace")))
    called = bool(hits) and hits[-1] == len(table.formats)
    for index in hits[:-1] if called else hits:
        for fact in _by_format(table, index, text, pointer, budget):
            found.setdefault((fact.start, fact.end), fact)
            if len(found) >= MAX_SECRETS:
                return tuple(found.values())
    if called:
        for fact in _by_context(text, pointer, budget):
            if not any(start <= fact.start < end for start, end in found):
                found[fact.start, fact.end] = fact
    if name and not found:
        named = _by_name(text, pointer, name)
        if named is not None:
            found[0, len(text)] = named
    return tuple(found.values())[:MAX_SECRETS]


def _by_format(table: _Formats, index: int, text: str, pointer: str, budget: Budget) -> Iterator[SecretFact]:
    form, compiled, context = table.formats[index], table.compiled[index], table.contexts[index]
    if context is not None and not context.search(text):
        return
    for match in compiled.finditer(text):
        budget.spend()
        group = 1 if compiled.groups else 0
        value = match.group(group)
        if not value or placeholder(value) or entropy(value) < form.entropy:
            continue
        verdict = _CHECKS[form.check](value) if form.check else "format"
        if verdict:
            start = match.start(group)
            yield SecretFact(
                pointer=pointer,
                kind=form.id,
                confidence=verdict,
                preview=preview(value),
                start=start,
                end=start + len(value),
            )


def _by_context(text: str, pointer: str, budget: Budget) -> Iterator[SecretFact]:
    judged: dict[tuple[str, str], bool] = {}
    matches = itertools.chain(_ASSIGNMENT.finditer(text), _SPOKEN.finditer(text))
    for match in matches:
        budget.spend()
        name, value = match.group(1), match.group(2)
        if text[max(0, match.start() - 1)] in "?&":
            value = value.partition("&")[0]  # one parameter of an address
        value = value.rstrip(".:!?\\/&|*")
        if (name, value) not in judged:
            judged[name, value] = secretive(name, value, chosen=not text.lstrip().startswith("{"))
        if judged[name, value]:
            start = match.start(2)
            yield SecretFact(
                pointer=pointer,
                kind="assigned_secret",
                confidence="context",
                preview=preview(value),
                start=start,
                end=start + len(value),
            )


def _by_name(text: str, pointer: str, name: str) -> SecretFact | None:
    if len(text) > 200 or not _strong(name) or not secretive(name, text.strip()):
        return None
    return SecretFact(
        pointer=pointer,
        kind="named_secret",
        confidence="entropy",
        preview=preview(text),
        start=0,
        end=len(text),
    )


def _strong(name: str) -> bool:
    return _ends_strong(name[-64:])


@lru_cache(maxsize=1024)
def _ends_strong(end: str) -> bool:
    return bool(_STRONG_NAME.search(end))


def secretive(name: str, value: str, *, chosen: bool = False) -> bool:
    """Whether a value that something calls `name` looks like a secret and not like what stands in for one.

    `chosen`: a password may be one that a person thought up.
    """
    if len(value) < 8 or len(value) > 400 or not value.isascii():
        return False
    if _INNOCENT_NAME.search(name) or placeholder(value) or _REFERENCE.search(value) or _REGEX.search(value):
        return False
    if _WORD.fullmatch(value.rstrip("=")) or _CODE.search(value):
        return False
    if value.isdecimal():
        return len(value) >= 16 and entropy(value) > 2.4
    if _HEX.fullmatch(value):
        return len(value) >= 16 and entropy(value) > 2.8
    if _UUID.fullmatch(value):
        return _strong(name)
    kinds = value.translate(_KINDS)
    classes = len(set(kinds))
    signs = "".join(char for char in value.lstrip("#") if not char.isalpha() and char not in "-_.")
    if chosen and _CHOSEN.search(name) and signs and "/" not in signs:
        return classes >= 2 and entropy(value) >= 2.6
    if classes < 2 or ("d" not in kinds and classes < 3):
        return False
    # Neighbours differ in kind: words and versions change seldom, keys often.
    changes = sum(1 for _ in itertools.groupby(kinds)) - 1
    return entropy(value) >= (2.6 if len(value) < 20 else 3.0) and changes >= max(3, len(value) // 8)


_KINDS = {
    code: "d" if chr(code).isdigit() else "u" if chr(code).isupper() else "l" if chr(code).islower() else "o"
    for code in range(128)
}
"""What kind of a character each is: digit, upper case, lower case, other."""


def placeholder(value: str) -> bool:
    """Something that stands where a secret would: `xxxx`, `your-key-here`, a pattern, one repeated character."""
    if len(set(value)) <= 4 and len(value) > 6:
        return True
    return bool(_PLACEHOLDER.search(value)) or bool(_REGEX.search(value))


def entropy(value: str) -> float:
    """Shannon entropy in bits a character."""
    length = len(value)
    # In order, because rounding must not depend on a set's.
    counts = sorted(map(value.count, set(value)))
    return math.log2(length) - sum(count * math.log2(count) for count in counts) / length if length else 0.0


def preview(value: str) -> str:
    """First and last characters, enough to find it again and too few to use."""
    return f"{value[:3]}…{value[-2:]}" if len(value) >= 16 else f"{value[:1]}…"


# -- checks ------------------------------------------------------------------------------------------------

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _crc32_base62(value: str) -> str:
    """GitHub and npm: the last six characters are the CRC-32 of the body in base 62.

    Source: GitHub, "Behind GitHub's new authentication token formats" (2021). A token whose check fails is
    still shaped like one, and formats change, so that a failed check only lowers the confidence.
    """
    body, _, tail = value.rpartition("_")
    payload, check = tail[:-6], tail[-6:]
    del body
    number = zlib.crc32(payload.encode())
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return "checksum" if digits.rjust(6, "0") == check else "format"


def _jwt(value: str) -> str:
    parts = value.split(".")
    try:
        header = base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))
        decoded: Any = msgspec.json.decode(header)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return ""
    return "format" if isinstance(decoded, dict) and ("alg" in decoded or "enc" in decoded) else ""


def _luhn(value: str) -> str:
    digits = [int(char) for char in value if char.isdigit()]
    total = sum(
        digit if index % 2 == 0 else digit * 2 - 9 * (digit > 4)
        for index, digit in enumerate(reversed(digits))
    )
    return "checksum" if total % 10 == 0 else ""


def _basic(value: str) -> str:
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    user, colon, password = decoded.partition(b":")
    return "format" if colon and user and password and decoded.isascii() else ""


def _mixed(value: str) -> str:
    """Random base62 has digits and both cases; words and constants do not."""
    return (
        "format"
        if any(c.isdigit() for c in value)
        and any(c.islower() for c in value)
        and any(c.isupper() for c in value)
        else ""
    )


def _digits_too(value: str) -> str:
    return "format" if any(c.isdigit() for c in value) and any(c.isalpha() for c in value) else ""


def _some_digits(value: str) -> str:
    return "format" if any(c.isdigit() for c in value) else ""


_UNSPOKEN = pattern(r"[b-df-hj-np-tv-xz]{4}|(?:^| )[a-z]?[b-df-hj-np-tv-xz]{3}[a-z]?(?: |$)")


def _unspoken(value: str) -> str:
    """Letters that nobody thought up: four consonants in a row, or three of a group of four."""
    return "format" if _UNSPOKEN.search(value) else ""


def _openai(value: str) -> str:
    return "" if value.startswith("sk-ant-") else _mixed(value)


_CHECKS = {
    "openai": _openai,
    "github": _crc32_base62,
    "jwt": _jwt,
    "luhn": _luhn,
    "basic": _basic,
    "mixed": _mixed,
    "alnum": _digits_too,
    "digits": _some_digits,
    "unspoken": _unspoken,
}
