"""What a client is shown of a server: what it says of itself, filtered by policy and by pins.

A list that needs no change goes on as the bytes it came in. An entry is hidden if its definition is held, or reads
differently to different parsers; a tool also if the policy can never allow it. What is hidden is refused when it is
asked for. Other answers that nobody judges are not shown if they speak to the model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import msgspec

from yett import canonical
from yett.errors import InvalidCall, YettError
from yett.extract import decode
from yett.extract.budget import Budget, OverBudget
from yett.extract.values import signals
from yett.model import Json
from yett.proxy.mcp.asks import ASKS
from yett.proxy.pins import CONTENT, INSTRUCTIONS, SERVER_INFO, PinBook, PinState

PSEUDO_TOOLS: Final = frozenset({"resources/read", "prompts/get"})
"""Other requests that are judged, under these tool names."""
RESERVED: Final = PSEUDO_TOOLS | ASKS
"""Names that no tool of a server may have, because a rule that speaks of them means something else."""
INTRODUCTIONS: Final = frozenset({"initialize", "server/discover"})
MAX_NAME: Final = 128
MAX_URI: Final = 8_192
_KEYS: Final = frozenset(
    {"name", "title", "description", "inputschema", "outputschema", "annotations", "arguments", "uri", "uritemplate",
     "mimetype"}
)  # fmt: skip


class Listing(msgspec.Struct, frozen=True):
    """One of the lists that a server gives."""

    noun: str
    member: str
    """Of the result."""
    key: str
    """Of an entry: what it is asked for by."""
    prefix: str
    """Of its pins' names."""


LISTINGS: Final = {
    "tools/list": Listing("tool", "tools", "name", ""),
    "prompts/list": Listing("prompt", "prompts", "name", "#prompts/"),
    "resources/templates/list": Listing(
        "resource template", "resourceTemplates", "uriTemplate", "#resourceTemplates/"
    ),
    "resources/list": Listing("resource", "resources", "uri", f"{CONTENT}/"),
}
_ASKED_BY: Final = {
    "tools/call": LISTINGS["tools/list"],
    "prompts/get": LISTINGS["prompts/list"],
    "resources/read": LISTINGS["resources/list"],
}


_WHY: Final = {
    PinState.CHANGED: "the definition of this {0} changed since it was accepted; a person has to accept it again (`yett mcp pins`)",
    PinState.SUSPICIOUS: "this {0}'s definition speaks to the model instead of describing the {0}; a person has to look at it (`yett mcp pins`)",
    PinState.ADDED: "this {0} was not part of the server when its {0}s were accepted; a person has to accept it (`yett mcp pins`)",
}


class Book(Protocol):
    """Where pins are kept: `pins.PinFile`, or `Unpinned`."""

    def current(self) -> PinBook: ...

    def change(self, apply: Callable[[PinBook], None]) -> PinBook: ...


class Catalogue:
    """Filters answers and says whether something may be asked for at all. Not thread-safe; `core.Session` owns it."""

    def __init__(self, book: Book, visible: Callable[[str], bool], clock: Callable[[], int]) -> None:
        self._book = book
        self._visible = visible
        self._clock = clock

    def usable(self, method: str, params: dict[str, Json]) -> str | None:
        """None if what a judged request asks for may be put to the policy, else why not."""
        listing = _ASKED_BY[method]
        name = params.get(listing.key)
        if method == "tools/call" and (name in RESERVED or not _name_is_plain(name)):
            return "no tool of this name is listed"
        try:
            state = self._book.current().state(f"{listing.prefix}{name}")
        except YettError as error:
            return f"{error.code}: {error.message}"
        why = _WHY.get(state)
        return why and why.format(listing.noun)

    def filter(self, method: str, result: dict[str, Json]) -> tuple[dict[str, Json] | None, list[str]]:
        """The answer to a request that nobody judged without what must not be shown, None if it is shown as it is;
        and notes for a person.

        Raises:
            YettError: NOT_SHOWN, nothing of it may be.
        """
        listing = LISTINGS.get(method)
        looked_at = (
            (listing.member,)
            if listing
            else ("instructions", "serverInfo")
            if method in INTRODUCTIONS
            else ()
        )
        if speaks_to_the_model({key: item for key, item in result.items() if key not in looked_at}):
            raise YettError("NOT_SHOWN", "the server's answer speaks to the model; it is not shown")
        if listing:
            return self._listed(listing, result)
        return self._introduction(result) if looked_at else (None, [])

    def _listed(self, listing: Listing, result: dict[str, Json]) -> tuple[dict[str, Json] | None, list[str]]:
        entries = result.get(listing.member)
        if not isinstance(entries, list):
            return {**result, listing.member: []}, [f"the server's list of {listing.noun}s is not a list"]
        last = not isinstance(result.get("nextCursor"), str)
        try:
            states = self._look(listing, entries, last)
        except YettError as error:
            return {**result, listing.member: []}, [f"{error.code}: {error.message}"]
        notes = [why for why in states if why is not None]
        kept = [entry for entry, why in zip(entries, states, strict=True) if why is None]
        if listing.member == "tools":
            kept = [tool for tool in kept if self._visible(tool["name"])]
        return ({**result, listing.member: kept} if len(kept) != len(entries) else None), notes

    def _introduction(self, result: dict[str, Json]) -> tuple[dict[str, Json] | None, list[str]]:
        """Without instructions, and names and titles of the server, that nobody accepted."""
        said = {
            name: result[name[1:]] for name in (INSTRUCTIONS, SERVER_INFO) if result.get(name[1:]) is not None
        }
        notes: dict[str, str] = {}

        def look(book: PinBook) -> None:
            for name, text in said.items():
                state = book.look(name, _without_version(text), self._clock(), doubtful(text))
                if not state.usable:
                    notes[name] = (
                        f"the server's {name[1:]} are {state.value} and wait for `yett mcp pins accept`"
                    )
            book.end(SERVER_INFO)

        try:
            self._book.change(look)
        except YettError as error:
            notes = dict.fromkeys(said, f"{error.code}: {error.message}")
        if not isinstance(said.get(INSTRUCTIONS, ""), str):
            notes[INSTRUCTIONS] = "the server's instructions are not text"
        shown = {
            key: value for key, value in result.items() if key != "instructions" or INSTRUCTIONS not in notes
        }
        if SERVER_INFO in notes:
            shown["serverInfo"] = {"name": "unknown", "version": "unknown"}
        return (shown if notes else None), list(dict.fromkeys(notes.values()))

    def _look(self, listing: Listing, entries: list[Any], last: bool) -> list[str | None]:
        """For each definition None if it may be shown, else why it is hidden; in one change of the book."""
        found: list[str | None] = []
        seen: set[str] = set()
        prefix = listing.prefix
        suspect = speaks_to_the_model if prefix.startswith(CONTENT) else doubtful

        def look(book: PinBook) -> None:
            found.clear()
            seen.clear()
            for entry in entries:
                problem = _problem(listing, entry, seen)
                if problem is None:
                    name = entry[listing.key]
                    try:
                        state = book.look(f"{prefix}{name}", entry, self._clock(), suspect(entry))
                    except InvalidCall as refused:
                        problem = f"{listing.noun} {name!r} is hidden: {refused.message}"
                    else:
                        if not state.usable:
                            problem = f"{listing.noun} {name!r} is {state.value} and waits for `yett mcp pins accept`"
                found.append(problem)
            if last:
                book.end(prefix.rstrip("/"))

        self._book.change(look)
        return found


class Unpinned:
    """A book that takes every definition as it comes, for those who switch pinning off."""

    def __init__(self, server: str) -> None:
        self._server = server

    def current(self) -> PinBook:
        return PinBook(self._server)

    def change(self, apply: Callable[[PinBook], None]) -> PinBook:
        book = PinBook(self._server)
        apply(book)
        return book


DOUBT: Final = 20
"""Weight of signals in one definition from which on a person has to look; official servers have none."""
LARGEST: Final = canonical.MAX_BYTES
"""Characters of text in one definition, notification and the like: as many as a call may have. More, nobody reads."""


def doubtful(definition: Json) -> bool:
    """Whether a definition gives the model orders, or hides characters from the person who reads it."""
    return any(map(_hides, _texts(definition))) or speaks_to_the_model(definition)


def speaks_to_the_model(value: Json) -> bool:
    """Whether a value gives the model orders, in the clear or encoded."""
    texts = list(_texts(value))
    if sum(map(len, texts)) > LARGEST:
        return True
    # Bounded by what is decoded, not by time: a slow machine must not hide what a fast one shows.
    budget = Budget(size=16 * LARGEST, steps=LARGEST, milliseconds=60_000)
    try:
        parts = [layer.value for text in texts for layer in decode.layers(text, budget, set())]
    except OverBudget:
        return True
    parts.append("\n".join(texts))
    return any(sum(signal.weight for signal in signals.scan(part, "")) >= DOUBT for part in parts)


def _hides(text: str) -> bool:
    if text.isascii():
        return False
    return any(unicodedata.category(letter) in ("Cf", "Co", "Cn") and letter != "\u200d" for letter in text)


def _texts(value: Json) -> Iterator[str]:
    """All keys and texts, as a model would read them: what an escape stands for, not the escape; no pictures."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key != "icons":
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _without_version(said: Json) -> Json:
    """What a new release does not change."""
    if not isinstance(said, dict) or doubtful(said.get("version")):
        return said
    return {key: item for key, item in said.items() if key != "version"}


def _problem(listing: Listing, entry: object, seen: set[str]) -> str | None:
    name = entry.get(listing.key) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(name, str):
        return f"an entry of the {listing.noun} list is not a {listing.noun}"
    plain = _name_is_plain(name) if listing.key == "name" else 0 < len(name) <= MAX_URI and name.isprintable()
    if not plain or (listing.member == "tools" and name in RESERVED):
        return f"{listing.noun} {name[:MAX_NAME]!a} is hidden: its name is not acceptable"
    if name in seen:
        return f"{listing.noun} {name!r} is listed twice; the second is hidden"
    seen.add(name)
    folded = [unicodedata.normalize("NFKC", key).casefold() for key in entry]
    if any(folded.count(key) > 1 for key in _KEYS):
        return f"{listing.noun} {name!r} is hidden: two of its keys differ only in case"
    return None


def _name_is_plain(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_NAME
        and name.isprintable()
        and name == name.strip()
        and not name.startswith("#")
    )
