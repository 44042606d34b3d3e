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


@pytest.mark.parametrize("how", [">", ">>"])
def test_a_script_that_is_written_to_a_place_of_its_own_is_read(how: str) -> None:
    result = shell.analyse(f"echo 'chmod 4755 /tmp/x' {how} /opt/cleanup.sh", "/command")
    assert any("setuid" in command.flags for command in result.commands)
    here = shell.analyse(f"echo 'chmod 4755 /tmp/x' {how} cleanup.sh", "/command")
    assert not any("setuid" in command.flags for command in here.commands)


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
