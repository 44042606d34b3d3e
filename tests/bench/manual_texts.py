"""Honest text nobody wrote for this: what the baseline stops of the manuals, code and addresses found in folders.

    python -m tests.bench.manual_texts FOLDER... [--seed N]

Lines go where a form, a search or a parameter takes them, paragraphs into letters and notes, pieces of source files into
an editor's calls, addresses to an HTTP tool. Prints a share for each and, with the reason, some of what was stopped.
The machine's own manuals are as good as any (`/usr/share/doc`, a `site-packages`); no figure is compared with a limit.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import re2

from yett.cli import eval as evaluation
from yett.cli.check import open_gate

TEXTS = (".md", ".rst", ".txt", ".pod", ".html")
SOURCES = (".py", ".js", ".ts", ".sh", ".pl", ".pm", ".css", ".toml", ".json", ".yml")
MAX_FILES = 300
MAX_SIZE = 60_000
SHOWN = 5
_ADDRESS = re2.compile(r"https?://[^\s\"'<>)\]}`|\\]+")

Call = tuple[str, dict[str, Any]]
LINES = (
    lambda text: ("form.submit", {"form": "contact", "data": {"name": text}}),
    lambda text: ("crm.search_customers", {"filters": {"q": text}}),
    lambda text: ("http.request", {"method": "GET", "url": "https://shop.example.com/api", "params": {"q": text}}),
)  # fmt: skip
PARAGRAPHS = (
    lambda text: ("email.send", {"to": "ann@example.com", "subject": "as asked", "body": text}),
    lambda text: ("notes.create", {"title": "note", "content": text}),
    lambda text: ("slack.post_message", {"channel": "#general", "text": text}),
)
PIECES = (
    lambda text: ("write_file", {"path": "src/example.txt", "content": text}),
    lambda text: ("edit_file", {"path": "src/example.txt", "old_string": "x", "new_string": text}),
)


def _files(folders: list[Path], endings: tuple[str, ...], dice: random.Random) -> list[str]:
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in endings]
    dice.shuffle(paths)
    found = []
    for path in paths:
        if len(found) == MAX_FILES:
            break
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if 50 < len(text) < MAX_SIZE:
            found.append(text)
    return found


def calls(folders: list[Path], dice: random.Random) -> Iterator[tuple[str, Call, str]]:
    """(kind, call, what is in it)."""
    texts = _files(folders, TEXTS, dice)
    for text in texts:
        lines = [line.strip() for line in text.splitlines() if 12 < len(line.strip()) < 240]
        for number, line in enumerate(dice.sample(lines, min(9, len(lines)))):
            yield "line", LINES[number % len(LINES)](line), line
        paragraphs = [part.strip() for part in text.split("\n\n") if 60 < len(part) < 1_500]
        for number, part in enumerate(dice.sample(paragraphs, min(6, len(paragraphs)))):
            yield "paragraph", PARAGRAPHS[number % len(PARAGRAPHS)](part), part
    for text in _files(folders, SOURCES, dice):
        lines = text.splitlines()
        at = dice.randrange(len(lines))
        for number, piece in enumerate((text, "\n".join(lines[at : at + 12]))):
            yield "source", PIECES[number](piece), piece
    for address in sorted({found.rstrip(".,;:") for text in texts for found in _ADDRESS.findall(text)}):
        yield "address", ("http.get", {"url": address}), address


def main() -> None:
    """See the module."""
    reader = argparse.ArgumentParser()
    reader.add_argument("folders", nargs="+", type=Path)
    reader.add_argument("--seed", type=int, default=1)
    given = reader.parse_args()
    gate = open_gate(None)
    counts: Counter[tuple[str, str]] = Counter()
    stopped: dict[tuple[str, str], list[str]] = {}
    for kind, (tool, arguments), text in calls(given.folders, random.Random(given.seed)):
        row = evaluation.Row(id="", tool=tool, arguments=arguments, label="benign", category=kind)
        outcome = evaluation.judge(gate, row)
        counts[kind, outcome.effect] += 1
        if outcome.effect != "allow":
            stopped.setdefault((kind, outcome.why[0].split("+")[0] if outcome.why else ""), []).append(
                f"{outcome.effect} {text}"
            )
    for (kind, why), texts in sorted(stopped.items(), key=lambda item: -len(item[1])):
        print(kind, why or "policy", len(texts))
        for text in texts[:SHOWN]:
            print("   ", repr(text[:160]))
    for kind in ("line", "paragraph", "source", "address"):
        total = sum(count for (one, _), count in counts.items() if one == kind)
        held = total - counts[kind, "allow"]
        print(
            f"{kind:10}{total:6} denied {counts[kind, 'deny']:3} held {counts[kind, 'hold']:4} {100 * held / max(1, total):5.2f} %"
        )


if __name__ == "__main__":
    main()
