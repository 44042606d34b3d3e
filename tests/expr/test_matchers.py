"""Typed matchers: what they accept, what they refuse, and where they say that they cannot tell."""

from __future__ import annotations

import pytest

from yett.expr import ABSENT
from yett.expr import functions as f


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://Example.COM/x", "example.com"),
        ("https://example.com.", "example.com"),
        ("example.com/path", "example.com"),
        ("www.example.com:8080/x", "www.example.com"),
        ("http://[::1]/", "::1"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://evil.com/?q=.good.com", "evil.com"),
        ("https://evil.com#@good.com", "evil.com"),
        ("https://good.com@evil.com/", ABSENT),
        ("https://good.com\\@evil.com/", ABSENT),
        ("http://2130706433/", ABSENT),
        ("http://0x7f.1/", ABSENT),
        ("http://0177.0.0.1/", ABSENT),
        ("http://ex%61mple.com/", ABSENT),
        ("javascript:alert(1)", ABSENT),
        ("https://exa mple.com", ABSENT),
        ("https://", ABSENT),
        ("", ABSENT),
        ("http://x:80:90/", ABSENT),
        ("a" * 5000, ABSENT),
    ],
)
def test_host(value: str, expected: object) -> None:
    assert f.host(value) == expected or f.host(value) is expected


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ("https://api.example.com/x", "example.com", True),
        ("example.com", "example.com", True),
        ("me@mail.example.com", "example.com", True),
        ("https://notexample.com", "example.com", False),
        ("https://example.com.evil.net", "example.com", False),
        ("me@example.com@evil.net", "example.com", ABSENT),
        ("me@example.com,you@evil.net", "example.com", ABSENT),
        ("<me@example.com>", "example.com", ABSENT),
    ],
)
def test_domain(value: str, wanted: str, expected: object) -> None:
    assert f.domain(value, wanted) is expected


@pytest.mark.parametrize(
    ("value", "folder", "expected"),
    [
        ("/srv/data/x", "/srv/data", True),
        ("/srv/data", "/srv/data/", True),
        ("/srv//data/./x", "/srv/data", True),
        ("/srv/data/../../etc/passwd", "/srv/data", False),
        ("/srv/database", "/srv/data", False),
        ("/srv/data/..\\..\\etc", "/srv/data", False),
        ("/srv/data/%2e%2e/%2e%2e/etc", "/srv/data", ABSENT),
        ("x/y", "/srv/data", ABSENT),
        ("../x", ".", ABSENT),
        ("src/x.py", ".", True),
        ("src/../../x", "src", ABSENT),
        ("~/.ssh/id", "~/.ssh", True),
        ("~root/.ssh", "~", ABSENT),
        ("C:\\Users\\Me", "c:/users", True),
        ("c:x", "c:/users", ABSENT),
        ("d:/users/x", "c:/users", False),
        ("//server/share", "/server", ABSENT),
        ("/a\x00b", "/a", ABSENT),
    ],
)
def test_under(value: str, folder: str, expected: object) -> None:
    assert f.under(value, folder) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("de89370400440532013000", "DE89370400440532013000"),
        ("DE89370400440532013001", ABSENT),
        ("US133000000121212121212", ABSENT),
        ("x", ABSENT),
    ],
)
def test_iban(value: str, expected: object) -> None:
    assert f.iban(value) == expected or f.iban(value) is expected


@pytest.mark.parametrize(
    ("value", "network", "expected"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("http://[::ffff:10.1.2.3]/", "10.0.0.0/8", True),
        ("http://11.1.2.3/", "10.0.0.0/8", False),
        ("http://example.com/", "10.0.0.0/8", ABSENT),
    ],
)
def test_cidr(value: str, network: str, expected: object) -> None:
    assert f.cidr(value, network) is expected


def test_patterns_are_linear() -> None:
    evil = f.check_pattern("(a+)+b")
    assert evil.fullmatch("a" * 100_000) is None


@pytest.mark.parametrize("pattern", ["a.{0,100}b", "(?:ab){50}", "[^x]{21}", "\\S{1,99}", "("])
def test_wide_counted_gaps_and_nonsense_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        f.check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["[A-Z]{2}[0-9]{2,30}", "a.{0,20}b", "\\d{40}", "a\\{100\\}", "\\.{1,3}"])
def test_narrow_ones_are_fine(pattern: str) -> None:
    f.check_pattern(pattern)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Check out this link: www.secure-systems-252.com.", ["www.secure-systems-252.com"]),
        ("see http://evil.com/x, or evil.net/y!", ["evil.com", "evil.net"]),
        ("(https://a.example/?q=(1))", ["a.example"]),
        ("http://good.com@evil.com/", ["http://good.com@evil.com/"]),
        ("report.txt and main.py, e.g. 3.5 and v1.2", []),
        ({"k": ["ftp://files.example/x"], "www.key.com": 1}, ["files.example", "www.key.com"]),
        (7, []),
        ("www.a.com " * 200, ABSENT),
    ],
)
def test_links(value: object, expected: object) -> None:
    found = f.links(value)
    assert found is expected or sorted(found) == sorted(expected)  # type: ignore[call-overload]
