"""What a program prints, where that can be said without running it.

`echo rm | sh`, `$(printf tou)ch`, `echo cm0gLXJm | base64 -d | sh`: hiding a command in the output of another
is worth nothing if the output can be computed. Only pure programs with known arguments; anything else is
None, and the caller says that it does not know.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from collections.abc import Iterator
from typing import TYPE_CHECKING

from yett.extract.shell.grammar.nodes import (
    AndOr,
    Background,
    Case,
    Function,
    Group,
    If,
    Lit,
    Loop,
    Node,
    Pipe,
    Redir,
    Seq,
    Simple,
    Word,
)
from yett.extract.shell.grammar.scanner import TooMuch, unescape

if TYPE_CHECKING:
    from yett.extract.shell.expansion.expand import Expander, Field

_MAX = 65_536


def of(node: Node, expander: Expander, stdin: str | None = None) -> str | None:
    """The standard output of `node`, or None."""
    if isinstance(node, Seq):
        texts = [of(item, expander, stdin) for item in node.items]
        return None if None in texts else "".join(t for t in texts if t)
    if isinstance(node, Group):
        return None if node.redirs else of(node.body, expander, stdin)
    if isinstance(node, Pipe):
        text = stdin
        for item in node.items:
            text = of(item, expander, text)
            if text is None:
                return None
        return text
    if isinstance(node, AndOr):
        return of(node.items[0], expander, stdin) if _finds(node.items[0]) else None
    if isinstance(node, Simple):
        return _simple(node, expander, stdin)
    return None


def inputs(redirs: tuple[Redir, ...]) -> tuple[Redir, ...]:
    """Those redirections that feed a command."""
    return tuple(r for r in redirs if r.op.startswith("<") and r.op not in ("<>", "<&"))


def heads(node: Node) -> Iterator[Word]:
    """The first words of the simple commands in a node."""
    if isinstance(node, Simple):
        if node.words:
            yield node.words[0]
    elif isinstance(node, (Seq, Pipe, AndOr)):
        for item in node.items:
            yield from heads(item)
    elif isinstance(node, (Background, Function, Group, Loop)):
        yield from heads(node.body)
    elif isinstance(node, (If, Case)):
        for body in node.bodies:
            yield from heads(body)


def _finds(node: Node) -> bool:
    """`command -v x || …`: the first answer is as good as the next."""
    return (
        isinstance(node, Simple) and bool(node.words) and _text(node.words[0]) in ("command", "which", "type")
    )


def _text(word: Word) -> str:
    return "".join(p.text for p in word if isinstance(p, Lit))


def _simple(node: Simple, expander: Expander, stdin: str | None) -> str | None:
    if node.assigns or not node.words:
        return None
    expander.fuel.burn(2)
    for redir in node.redirs:
        if redir.here is not None or redir.op == "<<<":
            field = expander.one(redir.here.word if redir.here is not None else redir.target)
            stdin = None if field.unknown else field.text + ("\n" if redir.op == "<<<" else "")
        elif redir.fd != "2":
            return None
    fields = [f for word in node.words for f in expander.fields(word)]
    if not fields or any(f.unknown or f.glob or f.proc is not None for f in fields):
        return None
    name = fields[0].text.rpartition("/")[2]
    body = expander.state.functions.get(name)
    if body is not None:
        return _call(body, fields[1:], expander, stdin)
    function = _PROGRAMS.get(name)
    if function is None:
        return None
    text = function([f.text for f in fields[1:]], stdin)
    if text is not None and len(text) > _MAX:
        raise TooMuch("expansions")
    return text


def _call(body: Node, arguments: list[Field], expander: Expander, stdin: str | None) -> str | None:
    """What a function prints; one that calls itself is not followed."""
    state = expander.state
    if expander.calling > 4:
        return None
    saved, state.positional = state.positional, arguments
    expander.calling += 1
    try:
        return of(body, expander, stdin)
    finally:
        expander.calling -= 1
        state.positional = saved


def _echo(args: list[str], _: str | None) -> str | None:
    newline, escapes = "\n", False
    while args and len(args[0]) > 1 and args[0][0] == "-" and set(args[0][1:]) <= set("neE"):
        if "n" in args[0]:
            newline = ""
        escapes |= "e" in args[0]
        args = args[1:]
    text = " ".join(args)
    return (backslashes(text) if escapes else text) + newline


def backslashes(text: str) -> str:
    r"""`\x41`, `\n` … as `echo -e` and `printf` read them."""
    out: list[str] = []
    i = 0
    while True:
        j = text.find("\\", i)
        if j < 0 or j + 1 >= len(text):
            out.append(text[i:])
            return "".join(out)
        out.append(text[i:j])
        if text[j + 1] == "c":
            return "".join(out)
        start = j + 1
        if text[start] == "0" and len(text) > start + 1 and text[start + 1] in "01234567":
            start += 1
        char, i = unescape(text, start)
        out.append(char)


def _printf(args: list[str], _: str | None) -> str | None:
    if args[:1] == ["--"]:
        args = args[1:]
    if not args or args[0].startswith("-"):
        return None
    pieces = args[0].split("%")
    values = args[1:]
    out: list[str] = []
    while True:
        used = False
        out.append(backslashes(pieces[0]))
        k = 1
        while k < len(pieces):
            piece = pieces[k]
            k += 1
            if not piece:
                out.append("%" + (backslashes(pieces[k]) if k < len(pieces) else ""))
                k += 1
                continue
            if piece[0] not in "sbdci":
                return None
            value = values.pop(0) if values else ""
            used = True
            if piece[0] == "c":
                value = value[:1]
            out.append(backslashes(value) if piece[0] == "b" else value)
            out.append(backslashes(piece[1:]))
        if not values or not used or len(out) > 4096:
            return "".join(out)


def _nothing(args: list[str], _: str | None) -> str | None:
    return ""


def _cat(args: list[str], stdin: str | None) -> str | None:
    return stdin if not args or args == ["-"] else None


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _base64(args: list[str], stdin: str | None) -> str | None:
    if stdin is None:
        return None
    decode = False
    for arg in args:
        if arg in ("-d", "-D", "-di", "-id") or (len(arg) > 2 and "--decode".startswith(arg)):
            decode = True
        elif arg not in ("-w0", "-w", "0", "-i", "--wrap=0", "-", "--ignore-garbage"):
            return None
    if not decode:
        return base64.b64encode(stdin.encode("utf-8", "surrogatepass")).decode() + "\n"
    text = "".join(stdin.split())
    try:
        return _decode(base64.b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None


def _base32(args: list[str], stdin: str | None) -> str | None:
    if stdin is None or args not in (["-d"], ["--decode"]):
        return None
    text = "".join(stdin.split())
    try:
        return _decode(base64.b32decode(text + "=" * (-len(text) % 8)))
    except (binascii.Error, ValueError):
        return None


def _xxd(args: list[str], stdin: str | None) -> str | None:
    flags = set("".join(args).replace("-", ""))
    if stdin is None or not flags or flags - set("rps") or "r" not in flags or "p" not in flags:
        return None
    try:
        return _decode(bytes.fromhex("".join(stdin.split())))
    except ValueError:
        return None


def _rev(args: list[str], stdin: str | None) -> str | None:
    if stdin is None or args:
        return None
    return "\n".join(line[::-1] for line in stdin.split("\n"))


def _tr(args: list[str], stdin: str | None) -> str | None:
    if stdin is None or not args:
        return None
    if args[0] == "-d" and len(args) == 2:
        removed = _set(args[1])
        return "".join(c for c in stdin if c not in removed)
    if len(args) != 2 or args[0].startswith("-"):
        return None
    source, target = _set(args[0]), _set(args[1])
    if not target or not source:
        return None
    target += target[-1] * (len(source) - len(target))
    return stdin.translate({ord(a): b for a, b in reversed(list(zip(source, target, strict=False)))})


def _set(text: str) -> str:
    text = backslashes(text)
    classes = {
        "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
        "[:digit:]": "0123456789", "[:space:]": " \t\n\r\v\f",
    }  # fmt: skip
    for name, members in classes.items():
        text = text.replace(name, members)
    out = ""
    i = 0
    while i < len(text):
        if i + 2 < len(text) and text[i + 1] == "-" and ord(text[i]) <= ord(text[i + 2]) < 0x250:
            out += "".join(chr(c) for c in range(ord(text[i]), ord(text[i + 2]) + 1))
            i += 3
        else:
            out += text[i]
            i += 1
    return out


def _which(args: list[str], _: str | None) -> str | None:
    names = [a for a in args if not a.startswith("-")]
    return names[0] + "\n" if len(names) == 1 else None


def _command(args: list[str], _: str | None) -> str | None:
    return _which(args, None) if args and args[0] in ("-v", "-pv") else None


def _basename(args: list[str], _: str | None) -> str | None:
    if len(args) not in (1, 2) or args[0].startswith("-"):
        return None
    name = args[0].rstrip("/").rpartition("/")[2]
    return (name.removesuffix(args[1]) if len(args) == 2 else name) + "\n"


def _openssl(args: list[str], stdin: str | None) -> str | None:
    if args and args[0] in ("base64", "enc") and "-d" in args and not {"-in", "-k", "-pass"} & set(args):
        if args[0] == "enc" and not {"-base64", "-a"} & set(args):
            return None
        return _base64(["-d"], stdin)
    return None


def _rot13(args: list[str], stdin: str | None) -> str | None:
    return None if stdin is None or args else codecs.decode(stdin, "rot13")


_PROGRAMS = {
    ":": _nothing, "true": _nothing, "echo": _echo, "printf": _printf, "cat": _cat, "tee": _cat, "base64": _base64, "base32": _base32,
    "xxd": _xxd, "rev": _rev, "tr": _tr, "which": _which, "command": _command, "basename": _basename,
    "openssl": _openssl, "rot13": _rot13,
}  # fmt: skip
