"""The taint index: which values this session was given, and by whom.

A value is remembered as a keyed 48-bit hash, never in the clear, so that the index can stand in the log
(the state is rebuilt from it) and still tell nothing without the ledger's key. Three parts:

* `trusted`: values of the user's prompt, of configuration, records and directories, with their origin.
  Exact and bounded; when it is full new values are simply not remembered, which makes them `novel`, and
  novel is tighter.
* `untrusted`: values from documents, pages and mails that anybody could have written.
* `secret`: values from results labelled as secret, with shingles of long ones, so that a part that is
  copied out is recognised too.

The last two are Bloom filters: a false match can only tighten. When one is fuller than its error rate
allows, the session gets a `taint_saturated` label and every unknown value counts as untrusted.

Everything is immutable; adding values returns a new index. `digest` is a running hash over what was
added, so that a session's state hash covers the index without hashing kilobytes for every call.
"""

from __future__ import annotations

import hashlib
import unicodedata
import zlib
from array import array
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

import re2

from yett.ledger.memory.bloom import LOST_SIGHT, Bloom
from yett.model import Origin, Struct
from yett.policy.words import tongues
from yett.policy.words.lexicon import of_words

MAX_TRUSTED: Final = 1024
MAX_TEXT: Final = 200_000
"""Characters of one value that are indexed; more saturates."""
HASH_BYTES: Final = 6

_TRUSTED_ORIGINS: Final = (Origin.MANDATE, Origin.PROMPT, Origin.CONFIG, Origin.RECORDS, Origin.DIRECTORY)
_SEPARATORS: Final = {ord(c): " " for c in "\"'`<>(){}[],;|\\\u00a0\u3000\t\r\n"}
_DIVIDERS: Final = dict.fromkeys(map(ord, "_.-:()"))
_PIECES: Final = {ord(c): " " for c in "/:@?&=#"}
_INVISIBLE: Final = dict.fromkeys(
    [
        0x00AD,
        0x034F,
        0x061C,
        0x180E,
        0xFEFF,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    ]
)
_SCHEMES: Final = frozenset({"http", "https", "mailto", "ftp", "file", "www"})
_GLUED: Final = re2.compile(r"([a-z0-9])\.([A-Z])")
_SENT: Final = "from\0"
"""Before a sender's address: no text can contain it."""
_TOLD: Final = "told\0"
"""Before a word of a sentence that asks for an action."""
_BESIDE: Final = "beside\0"
"""Before a word of a result that speaks to the model."""
_REQUESTS: Final = frozenset(
    """please kindly must should shall needs need ensure bitte müssen sollen veuillez merci devez favor debe deve
    prego""".split()  # noqa: SIM905
)
"""Words that make a sentence a request whatever its verb."""
_BEING: Final = frozenset({"is", "are", "was", "were"})
_WHOSE: Final = frozenset({"your", "the", "my", "our", "his", "her", "their"})
VALUE: Final = 3
"""Words that say at most what something is; none of them an address or an account."""
SHORT: Final = 12
_IMPERATIVES: Final = frozenset(
    """issue enter file give hand point align use visit click go call copy export import upload verify provide
    proceed confirm log sign fill allow stop switch route redirect declare""".split()  # noqa: SIM905
)
"""Verbs that are none in a prompt's list, in front of a sentence."""
_CALLING: Final = frozenset({"use", "using", "call", "calling", "invoke", "invoking", "run", "running"})
_TOOLS: Final = frozenset({"tool", "tools", "function", "functions"})
"""`By using the X tool`: whatever its verb, it asks for a call."""
MAX_TOLD: Final = 24
"""Words of a value that are looked up."""
MAX_SENTENCES: Final = 256
"""Sentences of one text that are looked at one by one; the rest counts as one."""
_SENTENCE: Final = re2.compile(rb"""(?s)(.*?(?:[.!?;][\s"')\]]+|\n|\\n|['"]\s*[,}\]]|\}|<[^<>]{1,20}>|$))""")
"""To a full stop, a line's end (also an escaped one), or the end of a quoted field, an object or a tag."""
_ENDING: Final = frozenset(".!?;\n\\'\"}>")
"""What ends a sentence, or may."""
_FIELD: Final = re2.compile(r"""\s*(?:[-*#|{\[]|['"]?\w{1,20}['"]?\s*:(?:\s|$))""")
WRAPPED: Final = 60
"""Characters of a line beyond which the next one may be its rest."""
_KEY: Final = re2.compile(r"""[\s\-{\[(,'"]*\w{1,20}['"]?\s*:\s""")
"""What a field of a result told as a text begins with: a key is no verb."""
_GROUP: Final = 6
"""Characters of one group of a number."""
_BANK: Final = 4
"""Letters of a bank's code within an account's number."""
_GROUPS: Final = 10
"""Groups of one number; more are the columns of a table."""
_NUMBER: Final = 10
"""Characters from which groups are one number: a date is none."""
_WORD: Final = 3
"""Characters of a word that is indexed alone; twice as many in a long text."""
_SHINGLE: Final = 4
"""Words in a shingle of prose."""
_WINDOW: Final = 16
"""Characters in a shingle of an unbroken string."""
_WINNOW: Final = 16
"""Of so many neighbouring windows one is kept: any copy of 31 characters shares one with its source."""


def normalise(text: str) -> str:
    """The form in which values are compared: NFKC, case-folded, percent-decoded, without invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
    for _ in range(2):
        if "%" not in text:
            break
        text = unquote(text)
    return " ".join(text.casefold().split())


def tokens(normal: str) -> list[str]:
    """The words and identifiers of a normalised text: `a@b.example` and `gb29nwbk…` are one token each, `#14` is 14."""
    return [word for part in normal.translate(_SEPARATORS).split() if (word := part.strip(".:!?*_~#@$€£"))]


def pieces(token: str) -> list[str]:
    """Parts of an address that identify on their own: the host of a URL, the domain of a mailbox."""
    if token.isalnum():
        return []
    parts = token.translate(_PIECES).split()
    if len(parts) < 2:
        return []
    whole = [token.partition(":")[2]] if token.startswith("mailto:") else []
    return whole + [part for part in parts if len(part) >= 3 and part not in _SCHEMES]


def numbers(words: Iterable[str]) -> Iterator[str]:
    """Numbers written in groups, without what parts them: `lt60 1010 0123 4567 8901`, `+44 7700-900241`."""
    run: list[str] = []
    for group in (part for word in words for part in word.split("-")):
        digits = any(map(str.isdigit, group))
        if digits and len(group) <= _GROUP and group.lstrip("+").isalnum():
            run.append(group)
        elif run and len(group) == _BANK and group.isalpha():
            run.append(group)
            continue
        else:
            run = []
        if 1 < len(run) <= _GROUPS and len(number := "".join(run)) >= _NUMBER:
            yield number


def undivided(name: str) -> str:
    """A tool's name however it is written: `send_money`, `sendMoney`, `Mail.send`."""
    return name.casefold().translate(_DIVIDERS)


class Hasher:
    """Keyed 48-bit hashes; the key never leaves the ledger, so nobody can craft or look up a hash."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, text: str) -> int:
        data = text.encode("utf-8", "surrogatepass")
        return int(hashlib.blake2b(data, digest_size=HASH_BYTES, key=self._key).hexdigest(), 16)

    def _all(self, texts: Iterable[str]) -> set[int]:
        return set(map(self, set(texts)))

    def whole(self, text: str) -> int:
        """The hash of one value as a whole."""
        return self(normalise(text))

    def of_value(self, text: str, *, pairs: bool = True) -> set[int]:
        """Hashes under which a value from a prompt or a result is indexed.

        Args:
            pairs: neighbouring words too: what tells a quotation from known words in a new order.
        """
        normal = normalise(text[:MAX_TEXT])
        if not normal:
            return set()
        words = tokens(normal)
        found = {normal} if len(normal) <= 512 else set()
        compact = normal.replace(" ", "").replace("-", "")
        if len(compact) <= 64:
            found.add(compact)
        short = len(normal) <= 4096
        found.update(numbers(words))
        for word in set(words):
            if len(word) >= (_WORD if short else 2 * _WORD) or (
                short and len(word) == 2 and not word.isalpha()
            ):
                found.add(word)
                found.update(pieces(word))
        if short and pairs:
            found.update(f"{a} {b}" for a, b in pairwise(words))
        return self._all(found)

    def of_prompt(self, text: str) -> set[int]:
        """Hashes of a prompt's values; people forget the blank after a full stop (`see shop.example.They say`)."""
        text = text[:MAX_TEXT]
        spaced = _GLUED.sub(r"\1. \2", text)
        found = self.of_value(text) | self.of_value(spaced) if spaced != text else self.of_value(text)
        # What the user says counts however short it is: `Bo`, `12`.
        return found | self._all(
            word for word in tokens(normalise(spaced)) if len(word) == 2 or word.isdigit()
        )

    def of_name(self, text: str) -> set[int]:
        """Hashes of a name or address, as a whole only: whoever chose the name chose its words as well."""
        normal = normalise(text[:512])
        if not normal:
            return set()
        return {self(normal), self(normal.replace(" ", "").replace("-", ""))}

    def of_sender(self, text: str) -> set[int]:
        """Hashes of who sent something: untrusted, but not named by any text."""
        normal = normalise(text[:MAX_TEXT])
        words = tokens(normal)
        found = {normal, normal.replace(" ", "").replace("-", ""), *words}
        found.update(piece for word in words for piece in pieces(word))
        return self._all(_SENT + each for each in found if each)

    def of_orders(self, text: str) -> set[int]:
        """Hashes of the words of sentences that ask for an action."""
        found: set[str] = set()
        for sentence in _sentences(text[:MAX_TEXT]):
            key = _KEY.match(sentence) if ":" in sentence else None
            words = [
                word
                for word in tokens(normalise(sentence[key.end() :] if key else sentence))
                if len(word) > 1
            ]
            # Words of paths and addresses are no verbs.
            spoken = [word for word in words if word.isalpha()]
            if _states(words) and _REQUESTS.isdisjoint(words):
                continue
            asked = (of_words(spoken) | tongues.of_words(spoken)) - {"read"}
            called = not (_CALLING.isdisjoint(words) or _TOOLS.isdisjoint(words))
            if asked or called or not _REQUESTS.isdisjoint(words) or (words and words[0] in _IMPERATIVES):
                found.update(words)
                found.update(piece for word in words for piece in pieces(word))
                found.update(filter(str.isalnum, map(undivided, words)))
                found.update(numbers(words))
        return self._all(_TOLD + each for each in found)

    def of_addressed(self, text: str) -> set[int]:
        """Hashes of the words of a result that speaks to the model: what else it names, it may have planted."""
        words = tokens(normalise(text[:MAX_TEXT]))
        return self._all(_BESIDE + part for word in words if len(word) > 1 for part in (word, *pieces(word)))

    def of_secret(self, text: str) -> set[int]:
        """Hashes under which a secret value and its parts are indexed and looked for."""
        normal = normalise(text[:MAX_TEXT])
        found = {normal} if 6 <= len(normal) <= 512 else set()
        words = tokens(normal)
        for word in set(words):
            if len(word) >= 6 and _telling(word):
                found.add(word)
            if len(word) >= 2 * _WINDOW:
                found.update("#" + window for window in _winnowed(word))
        for start in range(len(words) - _SHINGLE + 1):
            shingle = words[start : start + _SHINGLE]
            if sum(map(len, shingle)) >= _WINDOW:
                found.add("~" + " ".join(shingle))
        return self._all(found)


def _states(words: list[str]) -> bool:
    """Whether a sentence only says what something is: `Your code for changing it is 1234`."""
    place = next((place for place, word in enumerate(words) if word in _BEING), 0)
    said = words[place + 1 :]
    plain = all(word.isalnum() and len(word) <= SHORT for word in said)
    return (
        place > 0
        and words[0] in _WHOSE
        and 0 < len(said) <= VALUE
        and plain
        and "to" not in said
        and not of_words(said)
    )


def _sentences(text: str) -> Iterator[str]:
    """A text's sentences and lines; full stops within an address or a number end none, nor does a wrapped line."""
    if _ENDING.isdisjoint(text):
        if text:
            yield text
        return
    data = _unwrapped(text).encode()  # a place in a str costs RE2 a walk through all of it
    start = 0
    for _ in range(MAX_SENTENCES):
        end = _SENTENCE.match(data, start).end()
        if end <= start:
            return
        yield data[start:end].decode()
        start = end
    if start < len(data):
        yield data[start:].decode()


def _unwrapped(text: str) -> str:
    """With a blank for a line's end where the next line goes on: after a long line, a colon or a comma."""
    if "\n" not in text:
        return text
    found: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        found += (" " if goes_on and line.strip() and not _FIELD.match(line) else "\n", line)
        goes_on = len(line) >= WRAPPED or line.rstrip().endswith((":", ","))
    return "".join(found[1:])


def _telling(word: str) -> bool:
    """Not a word of everyday language: those would make every sentence look like the secret."""
    return not word.isalpha()


def _winnowed(word: str) -> Iterator[str]:
    word = word[:8192]
    data = word.encode("utf-8", "surrogatepass") if not word.isascii() else word.encode()
    marks = [zlib.crc32(data[i : i + _WINDOW]) for i in range(len(data) - _WINDOW + 1)]
    last = -1
    for start in range(max(1, len(marks) - _WINNOW + 1)):
        group = marks[start : start + _WINNOW]
        position = start + group.index(min(group))
        if position != last:
            last = position
            yield data[position : position + _WINDOW].decode("utf-8", "replace")


class Taint(Struct, frozen=True, kw_only=True):
    """One session's index. See the module."""

    trusted: bytes = b""
    """Sorted array of `hash << 3 | origin`, 8 bytes each, native order is never stored: see `pack`."""
    untrusted: Bloom = Bloom()
    secret: Bloom = Bloom()
    digest: bytes = bytes(32)

    @property
    def saturated(self) -> bool:
        return self.untrusted.full or self.secret.full

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self.trusted) + len(self.untrusted.bits) + len(self.secret.bits) + 32

    def origin_of(self, item: int) -> Origin | None:
        """Strongest origin under which a hash is known."""
        if self.trusted:
            table = memoryview(self.trusted).cast("Q")
            place = bisect_left(table, item << 3)
            if place < len(table) and table[place] >> 3 == item:
                return _TRUSTED_ORIGINS[table[place] & 7]
        if item in self.untrusted:
            return Origin.UNTRUSTED
        return None

    def plus(self, kind: str, items: bytes) -> Taint:
        """The index with packed hashes (`pack`) added under an origin's name, or under `secret`."""
        digest = hashlib.sha256(self.digest + kind.encode() + b"\0" + items).digest()
        if kind == "secret":
            return Taint(
                trusted=self.trusted,
                untrusted=self.untrusted,
                secret=self.secret.plus(unpack(items)),
                digest=digest,
            )
        origin = Origin(kind)
        if origin not in _TRUSTED_ORIGINS:
            return Taint(
                trusted=self.trusted,
                untrusted=self.untrusted.plus(unpack(items)),
                secret=self.secret,
                digest=digest,
            )
        rank = _TRUSTED_ORIGINS.index(origin)
        table = {entry >> 3: entry & 7 for entry in array("Q", self.trusted)}
        for item in unpack(items):
            known = table.get(item)
            if known is None:
                if len(table) < MAX_TRUSTED:
                    table[item] = rank
            elif rank < known:
                table[item] = rank
        packed = array("Q", sorted(item << 3 | rank for item, rank in table.items()))
        return Taint(trusted=packed.tobytes(), untrusted=self.untrusted, secret=self.secret, digest=digest)


_CALENDAR: Final = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december today tomorrow yesterday morning noon afternoon evening""".split()  # noqa: SIM905
)
"""Words that stand in any text and name nobody."""

Indexes = tuple[Taint, ...]


def pack(items: Iterable[int]) -> bytes:
    """Sorted, six bytes each, big-endian: what is logged is the same whatever order a set had."""
    return b"".join(item.to_bytes(HASH_BYTES, "big") for item in sorted(items))


def unpack(packed: bytes) -> list[int]:
    return [int.from_bytes(packed[i : i + HASH_BYTES], "big") for i in range(0, len(packed), HASH_BYTES)]


def to_text(packed: bytes) -> str:
    return urlsafe_b64encode(packed).decode()


def from_text(text: str) -> bytes:
    return urlsafe_b64decode(text)


def _known(indexes: Indexes, hasher: Hasher, text: str) -> Origin | None:
    item = hasher(text)
    found = indexes[0].origin_of(item)
    if found is None:
        sent = hasher(_SENT + text)
        if any(item in index.untrusted or sent in index.untrusted for index in indexes):
            return Origin.UNTRUSTED
    return found


def mentioned(index: Taint, hasher: Hasher, value: str) -> bool:
    """Whether an untrusted text named a value, as a whole or by all its neighbouring words."""
    if index.untrusted.size > LOST_SIGHT:
        return True
    normal = normalise(value[:MAX_TEXT])
    compact = normal.replace(" ", "").replace("-", "")
    if not normal or not index.untrusted.bits or normal in _CALENDAR:
        return False
    if any(hasher(each) in index.untrusted for each in {normal, compact}):
        return True
    words = tokens(normal)
    return len(words) > 1 and all(hasher(f"{a} {b}") in index.untrusted for a, b in pairwise(words))


def told(read: Sequence[Bloom], hasher: Hasher, value: str) -> bool:
    """Whether all words of a value stood in sentences of untrusted texts that ask for an action.

    Args:
        read: the filters of what was read.
    """
    return _all_marked(read, hasher, _TOLD, value)


def addressed(read: Sequence[Bloom], hasher: Hasher, value: str) -> bool:
    """Whether all words of a value stood in results that speak to the model. Arguments as `told`."""
    return _all_marked(read, hasher, _BESIDE, value)


def _all_marked(read: Sequence[Bloom], hasher: Hasher, mark: str, value: str) -> bool:
    normal = normalise(value[:MAX_TEXT])
    words = [word for word in tokens(normal) if len(word) > 1][:MAX_TOLD]
    if words and all(_is_marked(read, hasher, mark + word) for word in words):
        return True
    return any(_is_marked(read, hasher, mark + number) for number in (*numbers(words),)[-1:])


def _is_marked(read: Sequence[Bloom], hasher: Hasher, text: str) -> bool:
    item = hasher(text)
    return any(item in bloom for bloom in read)


def origin(indexes: Indexes, hasher: Hasher, value: str) -> Origin:
    """Where a value came from.

    Args:
        indexes: the session's own; then others of which only the untrusted values count.

    Returns: as a whole, if it was seen as a whole. Otherwise by its parts: one part known only from untrusted
        text makes it untrusted; one unknown part makes it novel; else the weakest part counts.
    """
    normal = normalise(value[:MAX_TEXT])
    if not normal:
        return Origin.CONFIG
    known = _known(indexes, hasher, normal)
    if normal in _CALENDAR and known is Origin.UNTRUSTED:
        return Origin.NOVEL
    if known is not None:
        return known
    compact = normal.replace(" ", "").replace("-", "")
    if compact != normal and len(compact) <= 64:
        known = _known(indexes, hasher, compact)
        if known is not None:
            return known
    return _of_parts(indexes, hasher, normal)


def _of_parts(indexes: Indexes, hasher: Hasher, normal: str) -> Origin:
    words = tokens(normal)
    unknown = Origin.UNTRUSTED if indexes[0].saturated else Origin.NOVEL
    if len(words) > 64:
        tainted = any(_known(indexes, hasher, w) is Origin.UNTRUSTED for w in words[:512] if _telling(w))
        return Origin.UNTRUSTED if tainted else unknown
    found: list[Origin] = []
    for word in words:
        if len(word) < _WORD and len(words) > 1:
            continue  # too short to be indexed alone; its neighbours tell
        known = _known(indexes, hasher, word) if word != normal else None
        if known is not None:
            found.append(known)
            continue
        parts = [_known(indexes, hasher, piece) for piece in pieces(word)]
        found.append(Origin.UNTRUSTED if Origin.UNTRUSTED in parts else unknown)
    if Origin.UNTRUSTED in found:
        return Origin.UNTRUSTED
    if unknown in found or not words:
        return unknown
    for pair in pairwise(words):
        # Known words in an order nobody wrote are a new sentence, not a quotation.
        known = _known(indexes, hasher, " ".join(pair))
        if known is None:
            return unknown
        found.append(known)
    return max(found, key=lambda o: o.rank)
