"""Pins: what a server says of itself, as a person first saw or accepted it.

A tool's description and schema are instructions to the model, written by the server. A server that shows a
harmless tool on the first day and rewrites it later ("rug pull") would change what the agent does without
any call looking different. So each definition is pinned by its digest (name, title, description, schemas,
annotations; everything but `_meta` and icons, which models are not given):

* while a server's first listing lasts, and no longer than some minutes, tools are pinned as they come (trust on
  first use);
* one that speaks to the model instead of describing itself (injected instructions, invisible characters) is
  held even then;
* later, a changed or added tool is *held*: hidden from the list and refused when called, until a person
  accepts it (`yett mcp pins accept SERVER TOOL`);
* its prompts and resource templates, its `instructions` and its name and title are pinned the same way, under names
  that no tool can have (`#prompts/…`, `#resourceTemplates/…`, `#instructions`, `#serverInfo`), each listing with a
  first time of its own;
* its resources are what it has, not what it is: they come and go and are renamed as files are. One is held only if
  it speaks to the model.

`PinBook` is the pure part. `PinFile` keeps one as a JSON file, for the owner alone, and takes a lock for each
change, so that several proxies and the CLI agree. A file that can't be read holds everything.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import os
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from yett import canonical
from yett.errors import YettError
from yett.model import Json

INSTRUCTIONS: Final = "#instructions"
"""The pin of the server's own instructions; they belong to the listing of its tools."""
SERVER_INFO: Final = "#serverInfo"
CONTENT: Final = "#resources"
"""The listing of what a server has, which nobody accepts piece by piece."""
FIRST_MS = 10 * 60 * 1000
"""Longest that a first listing lasts: a server that always says there is more would never end it."""
MAX_PINS = 2_000
"""Of one server; more are held."""
MAX_KEPT = 65_536
"""Bytes of a definition kept to show what changed; a larger one is pinned by digest alone."""


class PinState(enum.Enum):
    """What is known of a definition."""

    PINNED = "pinned"
    CHANGED = "changed"
    ADDED = "added"
    SUSPICIOUS = "suspicious"
    FULL = "full"

    @property
    def usable(self) -> bool:
        return self is PinState.PINNED


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One accepted definition."""

    digest: str
    since: int
    """Milliseconds since the epoch."""
    by: str
    """`first use`, or who accepted it."""
    definition: Json = None


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A definition that waits for a person."""

    digest: str
    seen: int
    reason: str
    definition: Json = None


class PinBook(msgspec.Struct, forbid_unknown_fields=True):
    """All pins of one server."""

    server: str
    complete: bool = False
    """The first listing of tools has ended; from now on additions are held."""
    ended: list[str] = []
    """Other listings of which that is so."""
    pins: dict[str, Pin] = {}
    held: dict[str, Held] = {}

    def look(self, name: str, definition: Json, now: int, doubt: bool = False) -> PinState:
        """Compare a definition with its pin, pinning it if this is the first listing and nobody doubts it."""
        digest = definition_digest(definition)
        listing = _listing(name)
        began = next((pin.since for other, pin in self.pins.items() if _listing(other) == listing), now)
        if now - began > FIRST_MS:
            self.end(listing)
        pin = self.pins.get(name)
        if (pin is not None and pin.digest == digest) or (listing == CONTENT and not doubt):
            # Back to what was accepted: nothing is waiting any more.
            self.held.pop(name, None)
            return PinState.PINNED
        if pin is None and len(self.pins) + len(self.held) >= MAX_PINS and name not in self.held:
            return PinState.FULL
        if pin is None and not self._ended(listing) and not doubt:
            self.pins[name] = Pin(digest, now, "first use", _kept(definition))
            return PinState.PINNED
        state = PinState.CHANGED if pin is not None else PinState.SUSPICIOUS if doubt else PinState.ADDED
        before = self.held.get(name)
        if before is None or before.digest != digest:
            self.held[name] = Held(digest, now, state.value, _kept(definition))
        return state

    def state(self, name: str) -> PinState:
        """Whether a tool may be called, as far as its definition goes."""
        if name in self.held:
            return PinState(self.held[name].reason)
        if name in self.pins or not self._ended(_listing(name)):
            return PinState.PINNED
        return PinState.ADDED

    def end(self, listing: str) -> None:
        """The first time of a listing is over."""
        if listing == "":
            self.complete = True
        elif listing != CONTENT and listing not in self.ended:
            self.ended.append(listing)

    def _ended(self, listing: str) -> bool:
        return self.complete if listing == "" else listing in self.ended

    def accept(self, name: str, by: str, now: int, digest: str = "") -> None:
        """A person takes the waiting definition.

        Args:
            digest: of the definition that the person has looked at, or its beginning.
        Raises:
            YettError: PIN_UNKNOWN, none waits. PIN_MOVED, another one waits by now.
        """
        waiting = self.held.get(name)
        if waiting is None:
            raise YettError(
                "PIN_UNKNOWN", f"no definition of {name!r} is waiting", remedy="see `yett mcp pins`"
            )
        if not waiting.digest.startswith(digest):
            raise YettError(
                "PIN_MOVED", f"the definition of {name!r} has changed again", remedy="look at it once more"
            )
        del self.held[name]
        self.pins[name] = Pin(waiting.digest, now, by, waiting.definition)

    def forget(self, name: str) -> None:
        """Drop a pin; the tool is held as an addition when it is seen again."""
        self.held.pop(name, None)
        if self.pins.pop(name, None) is None:
            raise YettError("PIN_UNKNOWN", f"there is no pin for {name!r}", remedy="see `yett mcp pins`")


def _listing(name: str) -> str:
    """The listing that a pin belongs to; "" is that of the tools, whose names are their own."""
    head, slash, _ = name.partition("/")
    return head if name.startswith("#") and (slash or name == SERVER_INFO) else ""


def definition_digest(definition: Json) -> str:
    """Digest of what a model may be told of a tool or the like. Raises `InvalidCall` if it is not canonical JSON."""
    shown = definition
    if isinstance(definition, dict):
        shown = {key: value for key, value in definition.items() if key not in ("_meta", "icons")}
    return canonical.digest("yett/mcp-tool/v1", canonical.encode(canonical.check(shown)))


def _kept(definition: Json) -> Json:
    return definition if len(msgspec.json.encode(definition)) <= MAX_KEPT else None


class PinFile:
    """A pin book on disk. `current` is what the file says now; `change` runs one change under its lock."""

    def __init__(self, path: Path, server: str) -> None:
        self.path = path
        self._server = server
        self._stamp: tuple[int, int, int] | None = None
        self._book = PinBook(server)

    @classmethod
    def of(cls, state: Path, server: str) -> PinFile:
        """The file of one server in a state folder."""
        name = urllib.parse.quote(server, safe="").replace(".", "%2E")
        return cls(state / "pins" / f"{name}.json", server)

    def current(self) -> PinBook:
        """The book as it stands on disk; reading again only if the file changed.

        Raises:
            YettError: PINS_UNREADABLE.
        """
        stamp = self._stat()
        if stamp != self._stamp or stamp is None:
            self._book = self._load()
            self._stamp = stamp
        return self._book

    def change(self, apply: Callable[[PinBook], object]) -> PinBook:
        """Change the book under an exclusive lock and write it durably if it is different."""
        with self._locked():
            book = self._load()
            before = msgspec.json.encode(book)
            apply(book)
            after = msgspec.json.encode(book)
            if after != before or self._stat() is None:
                self._write(after)
            self._book, self._stamp = book, self._stat()
        return book

    def _load(self) -> PinBook:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return PinBook(self._server)
        except OSError as error:
            raise _unreadable(self.path) from error
        try:
            book = msgspec.json.decode(data, type=PinBook)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise _unreadable(self.path) from error
        if book.server != self._server:
            raise _unreadable(self.path)
        return book

    def _write(self, data: bytes) -> None:
        try:
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".pins-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.format(data, indent=1) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, self.path)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            raise _unreadable(self.path) from error

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            stat = os.stat(self.path)
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path.parent / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unreadable(self.path) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def books(state: Path) -> list[PinFile]:
    """All pin files of a state folder, by server name."""
    folder = state / "pins"
    if not folder.is_dir():
        return []
    return [PinFile(path, urllib.parse.unquote(path.stem)) for path in sorted(folder.glob("*.json"))]


def _unreadable(path: Path) -> YettError:
    return YettError(
        "PINS_UNREADABLE",
        "the pinned tool definitions can't be read or written, so all tools are held",
        path=str(path),
        remedy="restore the file, or remove it to pin the server's tools anew",
    )
