"""What README, docs and the other pages name exists: commands and their options, files, links, variables."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from yett.cli import build
from yett.proxy.config import load

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "policies/*.md", "gateway/typescript/*.md")
    for path in ROOT.glob(pattern)
)
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
FILE = re.compile(r"(?<![\w./-])((?:tests|docs|policies|gateway|audit|deploy|\.ci)/[\w./*-]*[\w*/])")
VARIABLE = re.compile(r"\bYETT_[A-Z_]+\b")
WHOLE = typer.main.get_command(build([]))
SOURCES = [*ROOT.glob("gateway/**/*.py"), *ROOT.glob("audit/**/*.py"), *ROOT.glob("tests/**/*.py")]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def snippets(text: str) -> Iterator[str]:
    """Lines of code, continued ones joined."""
    yield from re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    for block, span in CODE.findall(text):
        yield from (block or span).replace("\\\n", " ").splitlines()


def commands(text: str) -> Iterator[list[str]]:
    """The words of every call of `yett`, up to what another program gets; `a|b` becomes one call each."""
    for line in snippets(text):
        for found in re.finditer(r"(?:^|(?<!from)[\s(;&$])yett (?=[a-z])", line):
            rest = re.split(r" --(?: |$)| [|&;>]|\)|  +#|…", line[found.end() :])[0]
            try:
                words = shlex.split(rest, comments=True)
            except ValueError:
                words = rest.split()
            first, *others = words or [""]
            for name in first.split("|"):
                for second in others[0].split("|") if others else [""]:
                    yield [name, *([second] if second else []), *others[1:]]


def problem(words: list[str]) -> str | None:
    """Why this is no call of `yett`."""
    command: Any = WHOLE
    for word in words:
        if word.startswith("--"):
            known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
            if word.partition("=")[0] not in known | {"--help"}:
                return f"no option {word!r}"
        elif word in getattr(command, "commands", {}):
            command = command.commands[word]
        elif hasattr(command, "commands") and (command is WHOLE or command.params == []):
            return f"no command {word!r}"
    return None


@each_page
def test_every_command_and_option_exists(page: Path) -> None:
    found = {" ".join(words): problem(words) for words in commands(page.read_text())}
    assert {text: why for text, why in found.items() if why} == {}


@each_page
def test_every_option_of_the_verifier_exists(page: Path) -> None:
    used = {
        (found[1], option)
        for line in snippets(page.read_text())
        if (found := re.search(r"\byett-verify(?:\.py)? ([a-z]+) ", line))
        for option in re.findall(r"(?<!\S)--[a-z-]+", line)
    }
    assert [(command, option) for command, option in used if option not in usage(command)] == []


@functools.cache
def usage(command: str) -> str:
    """What `yett-verify COMMAND --help` says."""
    verifier = [sys.executable, "-m", "yett_audit.cli", command, "--help"]
    return subprocess.run(verifier, capture_output=True, text=True, check=True).stdout


def test_the_check_would_notice() -> None:
    said = "`yett serve --no-such` and `yett polish` and `yett policy check|polish`"
    assert [problem(words) for words in commands(said)] == [
        "no option '--no-such'",
        "no command 'polish'",
        None,
        "no command 'polish'",
    ]


@each_page
def test_every_file_exists(page: Path) -> None:
    assert [name for name in FILE.findall(page.read_text()) if not list(ROOT.glob(name.rstrip("/")))] == []


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [target for target, _ in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in links if not (page.parent / target).exists()] == []


@each_page
def test_every_function_of_an_adapter_exists(page: Path) -> None:
    """By its text: an adapter is imported where its framework is."""
    homes = {path.stem: path.read_text() for path in ROOT.glob("gateway/yett/sdk/adapters/*.py")}
    used = re.findall(r"(?<![\w./])(\w+)\.(\w+)\(", "\n".join(snippets(page.read_text())))
    named = [(home, name) for home, name in used if home in homes]
    assert [(home, name) for home, name in named if f"def {name}(" not in homes[home]] == []


def test_the_servers_and_tools_that_the_page_configures_load(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    page = (ROOT / "docs/mcp.md").read_text()
    file.write_text(page.split("```yaml\n# YETT_PROXY_FILE")[1].split("```")[0])
    loaded = load(file)
    assert set(loaded.mcpServers) == {"github"}
    assert set(loaded.tools) == {"send_money", "fetch"}
    assert set(loaded.commands) == {"vault"}


@each_page
def test_every_variable_and_make_target_exists(page: Path) -> None:
    text = page.read_text()
    code = "\n".join(path.read_text() for path in SOURCES) + (ROOT / "Makefile").read_text()
    assert [name for name in VARIABLE.findall(text) if name not in code] == []
    targets = [target for line in snippets(text) for target in re.findall(r"^make (\w[\w-]*)", line)]
    assert [target for target in targets if f"\n{target}:" not in code] == []
