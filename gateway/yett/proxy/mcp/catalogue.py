"""What a client is shown of a server: its tools, filtered by policy and by pins.

A list that needs no change goes on as the bytes it came in. A tool is hidden if the policy can never allow
it, if its definition is held, or if its definition reads differently to different parsers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from yett.errors import InvalidCall, YettError
from yett.extract import signals
from yett.model import Json
from yett.proxy.mcp.asks import ASKS
from yett.proxy.pins import INSTRUCTIONS, PinBook, PinState

PSEUDO_TOOLS: Final = frozenset({"resources/read", "prompts/get"})
"""Other requests that are judged, under these tool names."""
RESERVED: Final = PSEUDO_TOOLS | ASKS
"""Names that no tool of a server may have, because a rule that speaks of them means something else."""
MAX_NAME: Final = 128
_KEYS: Final = frozenset({"name", "title", "description", "inputschema", "outputschema", "annotations"})


class Book(Protocol):
    """Where pins are kept: `pins.PinFile`, or `Unpinned`."""

    def current(self) -> PinBook: ...

    def change(self, apply: Callable[[PinBook], None]) -> PinBook: ...


class Catalogue:
    """Filters lists and says whether a tool may be called at all. Not thread-safe; `core.Session` owns it."""

    def __init__(self, book: Book, visible: Callable[[str], bool], clock: Callable[[], int]) -> None:
        self._book = book
        self._visible = visible
        self._clock = clock

    def callable(self, tool: str) -> str | None:
        """None if the tool may be put to the policy, else why not."""
        if tool in RESERVED or not _name_is_plain(tool):
            return "no tool of this name is listed"
        try:
            state = self._book.current().state(tool)
        except YettError as error:
            return f"{error.code}: {error.message}"
        if state is PinState.CHANGED:
            return "the definition of this tool changed since it was accepted; a person has to accept it again (`yett mcp pins`)"
        if state is PinState.SUSPICIOUS:
            return "this tool's definition speaks to the model instead of describing the tool; a person has to look at it (`yett mcp pins`)"
        if state is PinState.ADDED:
            return "this tool was not part of the server when its tools were accepted; a person has to accept it (`yett mcp pins`)"
        return None

    def filter_tools(self, result: dict[str, Json]) -> tuple[dict[str, Json] | None, list[str]]:
        """The result of `tools/list` with hidden tools removed, None if nothing had to be, and notes for a person."""
        tools = result.get("tools")
        if not isinstance(tools, list):
            return {**result, "tools": []}, ["the server's tool list is not a list"]
        notes: list[str] = []
        kept: list[Json] = []
        last = not isinstance(result.get("nextCursor"), str)
        try:
            states = self._look(tools, last)
        except YettError as error:
            return {**result, "tools": []}, [f"{error.code}: {error.message}"]
        for tool, why in zip(tools, states, strict=True):
            if why is None and not self._visible(tool["name"]):
                continue
            if why is not None:
                notes.append(why)
                continue
            kept.append(tool)
        return ({**result, "tools": kept} if len(kept) != len(tools) else None), notes

    def filter_instructions(self, result: dict[str, Json]) -> tuple[dict[str, Json] | None, list[str]]:
        """The result of `initialize` or `server/discover` without instructions that nobody accepted."""
        instructions = result.get("instructions")
        if instructions is None:
            return None, []
        without = {key: value for key, value in result.items() if key != "instructions"}
        state = PinState.FULL

        def look(book: PinBook) -> None:
            nonlocal state
            state = book.look(INSTRUCTIONS, instructions, self._clock(), doubtful(instructions))

        try:
            if not isinstance(instructions, str):
                return without, ["the server's instructions are not text"]
            self._book.change(look)
        except YettError as error:
            return without, [f"{error.code}: {error.message}"]
        if state.usable:
            return None, []
        return without, [f"the server's instructions are {state.value} and wait for `yett mcp pins accept`"]

    def _look(self, tools: list[Any], last: bool) -> list[str | None]:
        """For each definition None if it may be shown, else why it is hidden; in one change of the book."""
        found: list[str | None] = []
        seen: set[str] = set()

        def look(book: PinBook) -> None:
            found.clear()
            seen.clear()
            for tool in tools:
                problem = _problem(tool, seen)
                if problem is None:
                    try:
                        state = book.look(tool["name"], tool, self._clock(), doubtful(tool))
                    except InvalidCall as refused:
                        problem = f"tool {tool['name']!r} is hidden: {refused.message}"
                    else:
                        if not state.usable:
                            problem = (
                                f"tool {tool['name']!r} is {state.value} and waits for `yett mcp pins accept`"
                            )
                found.append(problem)
            if last:
                book.complete = True

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


def doubtful(definition: Json) -> bool:
    """Whether a definition gives the model orders, or hides characters from the person who reads it."""
    text = msgspec.json.encode(definition).decode()
    if any(unicodedata.category(letter) in ("Cf", "Co", "Cn") and letter != "\u200d" for letter in text):
        return True
    return sum(signal.weight for signal in signals.scan(text, "")) >= DOUBT


def _problem(tool: object, seen: set[str]) -> str | None:
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        return "an entry of the tool list is not a tool"
    name = tool["name"]
    if not _name_is_plain(name) or name in RESERVED:
        return f"tool {name[:MAX_NAME]!a} is hidden: its name is not acceptable"
    if name in seen:
        return f"tool {name!r} is listed twice; the second is hidden"
    seen.add(name)
    folded = [unicodedata.normalize("NFKC", key).casefold() for key in tool]
    if any(folded.count(key) > 1 for key in _KEYS):
        return f"tool {name!r} is hidden: two of its keys differ only in case"
    return None


def _name_is_plain(name: str) -> bool:
    return (
        0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip() and not name.startswith("#")
    )
