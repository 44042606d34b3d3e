"""Handles for credentials: `secret://env/NAME`, `secret://file/PATH`, `secret://command/NAME`.

A configuration holds the handle; the value is fetched when a request is about to leave, put into its
headers, and kept nowhere. Neither the agent nor the log, an error or the process's arguments see it: errors
name the handle.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import re2

from yett.errors import YettError

MIN_SECRET = 4
"""Characters of a credential at least: a shorter one stands in any answer by chance, and could not be taken out."""
MAX_SECRET = 16_384
_HANDLE = re2.compile(r"secret://(env|file|command)/([^\s,;]{1,1000})")
_SECONDS = 10
_FETCHING: Final = ThreadPoolExecutor(4, "yett-secrets")


def resolve(
    text: str, commands: Mapping[str, Sequence[str]] | None = None, values: set[str] | None = None
) -> str:
    """The text with each handle replaced by its value.

    Args:
        values: gets the values.

    Raises:
        YettError: SECRET_UNAVAILABLE, with the handle and without any value.
    """
    parts: list[str] = []
    at = 0
    for match in _HANDLE.finditer(text):
        value = _fetch(match.group(1), match.group(2), commands or {})
        parts += [text[at : match.start()], value]
        at = match.end()
        if values is not None:
            values.add(value)
    return "".join([*parts, text[at:]])


async def aresolve(
    text: str, commands: Mapping[str, Sequence[str]] | None = None, values: set[str] | None = None
) -> str:
    """`resolve` for asyncio: a command may take its time, and keeps nobody else waiting meanwhile."""
    if not handles(text):
        return text
    return await asyncio.get_running_loop().run_in_executor(_FETCHING, resolve, text, commands, values)


def files(text: str) -> list[str]:
    """The files that the text's handles name."""
    return [_path(match.group(2)) for match in _HANDLE.finditer(text) if match.group(1) == "file"]


def handles(text: str) -> bool:
    """Whether the text has a handle in it."""
    return _HANDLE.search(text) is not None


def _path(name: str) -> str:
    return "/" + name.lstrip("/")


def _fetch(kind: str, name: str, commands: Mapping[str, Sequence[str]]) -> str:
    value: str | None = None
    try:
        if kind == "env":
            value = os.environ.get(name)
        elif kind == "file":
            with open(_path(name), "rb") as file:
                value = file.read(MAX_SECRET + 1).decode()
        elif name in commands:
            done = subprocess.run(list(commands[name]), capture_output=True, timeout=_SECONDS, check=True)
            value = done.stdout.decode()
    except (OSError, ValueError, subprocess.SubprocessError):
        # The cause may quote the value (a command's output, a file's bytes): it is not passed on.
        value = None
    value = value.strip() if value is not None else ""
    if not (MIN_SECRET <= len(value) <= MAX_SECRET and value.isascii() and value.isprintable()):
        raise YettError(
            "SECRET_UNAVAILABLE",
            f"secret://{kind}/{name} can't be had",
            remedy=f"it has {MIN_SECRET} to {MAX_SECRET} characters that a header can carry",
        ) from None
    return value
