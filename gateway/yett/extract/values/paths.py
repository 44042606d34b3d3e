"""Paths: one normal form for every way to write a file's name, and what lies there.

The form is textual. Links are not followed, because the file system a call will meet is not known here:
that `a/b` is not a link elsewhere is a stated assumption of every judgement on paths.

`analyse` cuts at NUL, takes off `file:` and shell quoting, unifies separators, takes Windows and UNC
prefixes apart, spells the home folder `~`, and resolves `.`, `..` and `//`, including the dotted tricks of
path filters (`....//`, `..;/`, `.. /`). The normal form in lower case is then compared with
`policies/locations.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract.budget import Budget
from yett.extract.facts import PathFact
from yett.extract.patterns import PatternSet, pattern, probe

MAX_PATH = 4_096
"""Characters of a path that are looked at. No system opens a longer one, but who takes its `a/../` out first may."""

_HOME = pattern(
    r"(?i)^(?:\$\{?HOME\}?|%USERPROFILE%|%HOMEPATH%|\$env:(?:USERPROFILE|HOME)|~[a-z0-9_-]*)(?:/|$)"
)
_SYSTEM_ROOT = pattern(r"(?i)^(?:%(?:SystemRoot|windir)%|\$env:(?:SystemRoot|windir))(?:/|$)")
_APPDATA = pattern(r"(?i)^(?:%(?:LOCAL)?APPDATA%|\$env:(?:LOCAL)?APPDATA)(?:/|$)")
_DRIVE = pattern(r"(?i)^[a-z]:(?:/|$)")
_SHARE = pattern(r"(?i)^//[a-z0-9-]+(?:\.[a-z0-9-]+)+/[^/]")
"""`//host.name/share`, which Windows takes like `\\\\host.name\\share`."""
_STREAM = pattern(
    r"(?i)[^/:]:(?:\$data|[\w.-]+\.(?:exe|dll|bat|cmd|ps1|vbs|js|hta|scr|com))$|::\$(?:data|index_allocation)"
)
"""A second stream behind a file's name."""
_DOTS = pattern(r"^\.\.(?:[;\s].*)?$|^\.{3,}$|^\.\.\.*$")
_SCHEME = pattern(r"(?i)^(?:url:)?(?:local_)?file:(?://(?:localhost)?)?")


def analyse(
    value: str, pointer: str, *, chain: tuple[str, ...] = (), declared: bool = True, use: str = ""
) -> PathFact:
    """One path in normal form, with the categories of what it names. Never raises."""
    raw = value[:MAX_PATH]
    text, cut, _ = raw.partition("\0")
    text = text.strip().strip("\"'")
    text = _SCHEME.sub("", text, count=1) if ":" in text[:16] else text
    colon = ":" in text  # no drive and no stream without one
    windows = "\\" in text or (colon and bool(_DRIVE.search(text)))
    text = text.replace("\\", "/")
    unc = text.startswith("//") and len(text) > 2 and text[2] not in "/.?"
    device = text.startswith(("//./", "//?/"))
    if device and len(text) > 4:
        if _DRIVE.search(text[4:]):
            text, device = text[4:], False
        elif text[4:8].lower() == "unc/":
            text, unc, device, windows = "//" + text[8:], True, False, True
    share = unc and (windows or bool(_SHARE.search(text)))
    text = _places(text)
    root, body = _split_root(text, keep_double=(unc and windows) or device)
    parts: list[str] = []
    above = 0
    traversal = parameter = False
    for part in body.split("/"):
        if part in ("", "."):
            continue
        if part == ".." or (part[:2] == ".." and _DOTS.search(part)):
            traversal = True
            parameter = parameter or part.startswith("..;")
            if parts and parts[-1] != "~":
                parts.pop()
            else:
                above += 1
            continue
        parts.append(part.rstrip(" .") if windows and part.rstrip(" .") else part)
    climbs = above > 0
    prefix = "../" * above if not root else ""
    normal = root + prefix + "/".join(parts) if (root or prefix or parts) else "."
    return PathFact(
        pointer=pointer,
        raw=raw,
        normal=normal,
        absolute=bool(root),
        windows=windows,
        climbs=climbs,
        traversal=traversal,
        encoded=parameter or any(step not in _WRITTEN_OUT for step in chain),
        categories=categories(normal, trailing=text.endswith("/"))
        | ({"unc"} if share else set())
        | ({"device"} if device and len(text) > 4 and not _DRIVE.search(text) else set())
        | ({"special_file"} if colon and _STREAM.search(text) else set())
        | ({"nul_byte"} if cut else set()),
        use=use,
        declared=declared,
    )


def _places(text: str) -> str:
    if text[:1] not in "$%~":
        return text
    text = _HOME.sub("~/", text)
    text = _SYSTEM_ROOT.sub("c:/windows/", text)
    return str(_APPDATA.sub("~/appdata/", text))


def _split_root(text: str, *, keep_double: bool) -> tuple[str, str]:
    if keep_double:
        return "//", text[2:].lstrip("/") if not text.startswith(("//./", "//?/")) else text[2:]
    if text[1:2] == ":" and _DRIVE.search(text):
        return text[0].lower() + ":/", text[2:]
    if text.startswith("/"):
        return "/", text
    return "", text


_WRITTEN_OUT = ("xml", "json")
"""Readings that take a path out of a document in which it stands as it is."""


# -- sensitive locations -----------------------------------------------------------------------------------


class _Locations:
    def __init__(self, path: Path) -> None:
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
            entries = [
                (entry["category"], " ".join(glob.split()))
                for entry in document["locations"]
                for glob in entry["paths"].split(",")
                if glob.strip()
            ]
        except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as broken:
            raise PolicyError(
                "LOCATIONS", "the table of sensitive locations does not load", path=str(path)
            ) from broken
        self.names = [category for category, _ in entries]
        self.set = PatternSet([regex(glob) for _, glob in entries])


@lru_cache(maxsize=1)
def _locations() -> _Locations:
    return _Locations(resources.policies() / "locations.yaml")


def regex(glob: str) -> str:
    """A location pattern as RE2 over `/` + normal form in lower case (drive letters taken off)."""
    glob = glob.lower()
    anchored = glob.startswith("/")
    folder = glob.endswith("/")
    body = glob.strip("/") if not glob.startswith("//") else glob.rstrip("/")
    out = []
    position = 0
    while position < len(body):
        if body.startswith("**", position):
            out.append(".*")
            position += 2
            continue
        char = body[position]
        out.append("[^/]*" if char == "*" else "\\" + char if not char.isalnum() and char.isascii() else char)
        position += 1
    start = "^/" if anchored else "(?:^|/)"
    return start + "".join(out) + ("(?:/|$)" if folder else "$")


@lru_cache(maxsize=4096)
def categories(normal: str, *, trailing: bool = False) -> frozenset[str]:
    """Names of the sensitive locations that a path in normal form points at."""
    table = _locations()
    text = normal.lower()
    while text.startswith("../"):
        text = text[3:]
    if len(text) > 1 and text[1] == ":":
        text = text[2:]
    if not text.startswith("/"):
        # A relative path that climbed may end anywhere below the root; the others stay where they are.
        text = "/" + text if normal.startswith("../") else text
    found = {
        table.names[index]
        for index in table.set.scan((text + ("/" if trailing else "")).encode("utf-8", "replace"))
    }
    if "ssh_public" in found:
        found -= {"ssh", "credentials"}
    if "env_file" in found and _SHOWN.search(text.rpartition("/")[2]):
        found.discard("env_file")
    if "system_info" in found:
        found -= {"system_config", "proc", "system_program"}
    return frozenset(found)


_SHOWN = pattern(r"(?:^|[._-])(?:example|sample|template|dist)(?:[._-]|$)")
"""A file that shows which settings there are, without their values."""
_PATH_SHAPE = probe(
    r"(?i)^(?:[\"']?)(?:~[a-z0-9_-]*/|\.{1,2}[/\\]|/[\w.@~+-]|[a-z]:[/\\]|\\\\[\w.?]|%[a-z]+%[/\\]|\$\{?home|\$env:|(?:url:)?(?:local_)?file:|[\w.@+-]+(?:[/\\][\w.@+ -]*)+$|\.[a-z][\w.-]+$)"
)
_TRAVERSAL = probe(r"(?:^|[/\\=:])\.{2,}[;\s\x00]?[/\\]|[/\\]\.\.$|\.\.[/\\]")


_BEGINS = frozenset("\"'.$%fFuUlL")
"""With what a path without any slash begins in `_PATH_SHAPE`."""


def looks_like(text: str) -> bool:
    """Whether a text has the shape of a path or holds a traversal; both, if it is longer than a path is read. Cheap."""
    text = text.strip()
    if "\n" in text or not ("/" in text or "\\" in text or text[:1] in _BEGINS):
        return False
    data = text.encode("utf-8", "replace")
    climbs = bool(_TRAVERSAL.search(data))
    if len(text) > MAX_PATH:
        return climbs and b" " not in data and bool(_PATH_SHAPE.search(data))
    return climbs or (b"://" not in data and bool(_PATH_SHAPE.search(data)))


# -- paths among other words -------------------------------------------------------------------------------

_BREAKS = str.maketrans(dict.fromkeys("\"'<>(),;|&`=\n\t", " "))
_EMBEDDED = probe(r"(?:^|[\s=:\"'<>(;|&`,])(?:~|/|\.\.|[A-Za-z]:[\\/]|\\\\)")


def words(text: str) -> list[str]:
    """What stands between blanks, quotes, brackets and the signs of a shell."""
    return text.translate(_BREAKS).split()


def embeds(data: bytes) -> bool:
    """A cheap first look: whether `embedded` may find anything."""
    return bool(_EMBEDDED.search(data))


def embedded(
    text: str, pointer: str, harmless: set[str], *, chain: tuple[str, ...] = (), budget: Budget
) -> Iterator[PathFact]:
    """Paths among other words that lead somewhere sensitive, or climb; the others are added to `harmless`.

    Raises:
        OverBudget: the call's budget ran out.
    """
    for word in dict.fromkeys(words(text)):
        if word in harmless or not looks_like(word):
            continue
        budget.spend()
        fact = analyse(word, pointer, chain=chain, declared=False)
        if fact.categories or fact.climbs:
            yield fact
        else:
            harmless.add(word)
