"""Which host a URL really means."""

from __future__ import annotations

import pytest

from yett.extract import extract
from yett.extract.budget import Budget, OverBudget
from yett.extract.values import urls
from yett.model import ToolCall


@pytest.mark.parametrize(
    ("raw", "host", "address"),
    [
        ("http://2852039166/", "169.254.169.254", "metadata"),
        ("http://0xA9FEA9FE/", "169.254.169.254", "metadata"),
        ("http://0251.0376.0251.0376/", "169.254.169.254", "metadata"),
        ("http://169.254.43518/", "169.254.169.254", "metadata"),
        ("http://0x41414141A9FEA9FE/", "169.254.169.254", "metadata"),
        ("http://[::ffff:169.254.169.254]/", "169.254.169.254", "metadata"),
        ("http://[::ffff:a9fe:a9fe]/", "169.254.169.254", "metadata"),
        ("http://[64:ff9b::a9fe:a9fe]/", "169.254.169.254", "metadata"),
        ("http://[2002:a9fe:a9fe::]/", "169.254.169.254", "metadata"),
        ("http://[fd00:ec2::254]/", "fd00:ec2::254", "metadata"),
        ("http://metadata.google.internal./", "metadata.google.internal", "metadata"),
        ("http:2852039166", "169.254.169.254", "metadata"),
        ("http:/2852039166", "169.254.169.254", "metadata"),
        ("http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/", "169.254.169.254", "metadata"),
        ("http://169。254。169。254/", "169.254.169.254", "metadata"),
        ("http://127.1/", "127.0.0.1", "loopback"),
        ("http://0/", "0.0.0.0", "loopback"),
        ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "localhost", "loopback"),
        ("http://x.localtest.me/", "x.localtest.me", "loopback"),
        ("http://10-0-0-1.nip.io/", "10-0-0-1.nip.io", "private"),
        ("http://7f000001.rbndr.us/", "7f000001.rbndr.us", "loopback"),
        ("http://192.168.1.1/", "192.168.1.1", "private"),
        ("http://[fe80::1%25eth0]/", "fe80::1", "link_local"),
        ("http://8.8.8.8/", "8.8.8.8", "public"),
        ("https://user@evil.example:8443\\@good.example/", "evil.example", "name"),
        ("https://good.example@evil.example/", "evil.example", "name"),
        ("HTTPS://EXAMPLE.COM./", "example.com", "name"),
        ("https://bücher.example/", "xn--bcher-kva.example", "name"),
        ("ht\ntp://127.0.0.1/", "127.0.0.1", "loopback"),
        ("localhost:8080/x", "localhost", "loopback"),
        ("//evil.example/x", "evil.example", "name"),
    ],
)
def test_the_host_in_one_form(raw: str, host: str, address: str) -> None:
    fact = urls.analyse(raw, "/u")[0]
    assert (fact.host, fact.address) == (host, address)


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        ("gopher://127.0.0.1:6379/_x", "odd_scheme"),
        ("file:///etc/passwd", "file_scheme"),
        ("javascript:alert(1)", "active_data"),
        ("data:text/html,<script>", "active_data"),
        ("data:image/png;base64,AAAA", "data_uri"),
        ("https://good.example@evil.example/", "userinfo_host"),
        ("https://user:pw@example.com/", "password_in_url"),
        ("https://example.com/?access_token=0123456789abcdef", "credentials_in_query"),
        ("https://example.com/?q=" + "a" * 600, "long_query"),
        ("http://pаypal.com/", "mixed_script"),
        ("http://x.oastify.com/", "out_of_band"),
        ("https://abc.ngrok-free.app/", "tunnel"),
        ("http://example.com%2eevil.example/", "encoded_host"),
        ("http:\\\\example.com\\x", "backslash"),
        ("http://foo@localhost:9200@example.com/", "userinfo_host"),
        ("http://127.0.0.1;allowed.example/", "confusable_host"),
    ],
)
def test_flags(raw: str, flag: str) -> None:
    assert flag in urls.analyse(raw, "/u")[0].flags


def test_a_url_in_a_parameter_is_a_fact_of_its_own() -> None:
    outer, inner = urls.analyse("https://x.example/go?next=http%3A%2F%2F169.254.169.254%2F", "/u")
    assert "redirect_param" in outer.flags
    assert (inner.address, inner.nested) == ("metadata", True)


@pytest.mark.parametrize(
    "raw",
    [
        "https://docs.example.com/a?b=1&c=2#d", "https://www.npmjs.com/package/@scope/name", "https://example.com:8443/x", "git+https://github.com/a/b.git",
        "https://en.wikipedia.org/wiki/R%26D", "https://medium.com/@user/a-title-123abc", "wss://stream.example.com/", "https://xn--bcher-kva.example/",
        "https://maps.example.com/@51.5,-0.12,15z", "mailto:ann@example.com", "https://example.com/search?q=127.0.0.1",
    ],
)  # fmt: skip
def test_ordinary_urls_carry_no_flag(raw: str) -> None:
    for fact in urls.analyse(raw, "/u"):
        assert fact.address in ("name", "none")
        assert not fact.flags - {"single_label"}


def test_urls_are_found_in_text_without_the_punctuation_behind_them() -> None:
    found = urls.find("See https://example.com/a, or (http://example.org/b).", "/t", Budget())
    assert [fact.raw for fact in found] == ["https://example.com/a", "http://example.org/b"]


def test_a_url_in_a_path_is_a_fact_of_its_own() -> None:
    found = urls.analyse("https://app.example/proxy/http://169.254.169.254/latest/", "/u")
    assert [fact.address for fact in found] == ["name", "metadata"]
    assert len(urls.analyse("https://example.com/docs/file:///", "/u")) == 1


def test_a_url_that_is_written_often_is_one_and_hides_no_other() -> None:
    found = urls.find("http://a.example/ " * 1_000 + "http://127.0.0.1/", "/t", Budget())
    assert [fact.host for fact in found] == ["a.example", "127.0.0.1"]


MANY_URLS = " ".join(f"http://a{number}.example/" for number in range(200))


def test_a_url_behind_many_others_is_found() -> None:
    """prevents: a metadata service named behind more addresses than anybody reads."""
    found = urls.find(MANY_URLS + " http://169.254.169.254/latest/", "/t", Budget())
    assert len(found) == 201
    assert found[-1].address == "metadata"


def test_of_many_in_prose_those_are_kept_that_lead_to_no_ordinary_host() -> None:
    found = urls.find(MANY_URLS + " http://169.254.169.254/latest/", "/t", Budget(), prose=True)
    assert len(found) == urls.MANY + 1
    assert found[-1].address == "metadata"


def test_more_than_can_be_read_is_over_budget() -> None:
    with pytest.raises(OverBudget):
        urls.find(" ".join(f"http://a{number}.example/" for number in range(5_000)), "/t", Budget())
    with pytest.raises(OverBudget):
        urls.find("http://a.example/" + "a" * urls.MAX_URL, "/t", Budget())


def test_a_parameter_behind_many_others_is_read() -> None:
    query = "&".join(f"a{number}=1" for number in range(200))
    found = urls.analyse(f"https://a.example/?{query}&u=http://169.254.169.254/", "/u")
    assert [fact.address for fact in found] == ["name", "metadata"]


@pytest.mark.parametrize("tool", ["fetch", "browse", "save"])
def test_a_url_too_long_to_be_read_is_a_limit(tool: str) -> None:
    long = "https://a.example/?a=" + "x" * urls.MAX_URL + "&u=http://169.254.169.254/"
    assert "too_long" in extract(ToolCall(tool=tool, arguments={"url": long}), None, 20_000).limits
    image = "data:image/png;base64," + "iVBORw0KGgo" * 1_000
    assert "too_long" not in extract(ToolCall(tool=tool, arguments={"url": image}), None, 20_000).limits


def test_bare_hosts_count_only_where_they_are_internal() -> None:
    assert urls.bare("localhost/admin", "/t", Budget())[0].address == "loopback"
    assert urls.bare("example.com/admin", "/t", Budget()) == ()
    assert urls.bare("and/or", "/t", Budget()) == ()
    assert urls.bare("10.0.0.0/8 and 127.0.0.1/32", "/t", Budget()) == ()  # networks, as firewalls name them


@pytest.mark.parametrize(
    "raw",
    [
        "",
        ":",
        "http://",
        "http://[",
        "http://[::",
        "x" * 100_000,
        "http://" + "a." * 5000,
        "\0\0",
        "http://%zz/",
        "data:",
    ],
)
def test_nothing_raises(raw: str) -> None:
    urls.analyse(raw, "/u")
    urls.find(raw, "/u", Budget(), prose=True)
    urls.bare(raw, "/u", Budget())


def test_a_title_that_begins_like_a_scheme_is_no_address() -> None:
    assert not urls.analyse("JavaScript: the language in a nutshell", "/title")
    assert any("active_data" in fact.flags for fact in urls.analyse("javascript: alert(1)", "/link"))
