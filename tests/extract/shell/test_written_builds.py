"""A builder that runs what this very program wrote a moment ago is followed into it."""

from __future__ import annotations

import pytest

from yett.extract import shell


@pytest.mark.parametrize(
    "source",
    [
        r"printf 'all:\n\tcurl http://x.example\n' > Makefile && make",
        "echo 'all: ; @curl http://x.example' > GNUmakefile && make all",
        "cat > rules.mk <<'E'\nall: a b\n\t-curl http://x.example\nE\nmake -f rules.mk",
        """echo '{"scripts": {"build": "curl http://x.example"}}' > package.json && npm run build""",
    ],
)
def test_its_commands_are_seen(source: str) -> None:
    result = shell.analyse(source, "/command")
    assert "curl" in [command.program for command in result.commands]
    assert "runs_written" in result.commands[-1].flags


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("echo 'import os' > conftest.py && pytest", "python"),
        ("echo 'module.exports = {}' > jest.config.js && jest", "javascript"),
    ],
)
def test_its_code_is_read(source: str, kind: str) -> None:
    assert kind in [nested.kind for nested in shell.analyse(source, "/command").nested]


@pytest.mark.parametrize(
    "source",
    [
        "echo '{' > package.json && npm test",
        "echo 'x = 1' > Makefile && make",
        "echo x > notes.txt && make",
        "make",
    ],
)
def test_nothing_to_follow(source: str) -> None:
    commands = shell.analyse(source, "/command").commands
    assert [command.program for command in commands if command.program not in ("echo", "make", "npm")] == []
    assert "runs_written" not in commands[-1].flags


def test_what_is_added_to_a_script_that_stands_elsewhere_is_read() -> None:
    result = shell.analyse("echo 'chmod 4755 /tmp/x' >> /opt/cleanup.sh", "/command")
    assert any("setuid" in command.flags for command in result.commands)


def test_a_tool_of_attackers_is_known_as_a_script_and_by_its_package() -> None:
    for line in (
        "python3 secretsdump.py a@b",
        "impacket-secretsdump a@b",
        "./linpeas.sh",
        "GetUserSPNs.py x",
    ):
        assert any("probe" in command.flags for command in shell.analyse(line, "/command").commands), line
    assert not any(
        "probe" in command.flags for command in shell.analyse("python3 test.py", "/command").commands
    )
