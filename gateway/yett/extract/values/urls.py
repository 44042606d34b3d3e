"""URLs: which host a request would really reach, and by which scheme.

Parsers disagree about URLs, and every disagreement is a way around a filter. `analyse` reads a URL as the
most lenient client would (WHATWG: tabs and newlines vanish, backslashes are slashes, `http:host` needs no
slashes); `hosts` says what the host is.

URLs inside the parameters of another URL are facts of their own (`nested`).
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from yett.extract.budget import Budget, OverBudget
from yett.extract.facts import UrlFact
from yett.extract.patterns import pattern, probe
from yett.extract.values import hosts
from yett.extract.words import words

MAX_URL = 8_192
"""Characters of a URL that are read; a longer one that is no `data:` is too long to be judged."""
MANY = 64
"""URLs of a text that people read, behind which only those are kept that lead to no ordinary host."""
COST = 2
"""Steps for reading a URL, and one for each so many characters, or mentions of one that is known."""
SHARE = 64
MAX_INNER = 3
"""URLs within URLs within URLs."""
LONG_QUERY = 512

WEB = frozenset({"http", "https", "ws", "wss"})
COMMON = WEB | {"ftp", "ftps", "sftp", "mailto", "tel", "git", "ssh", "s3", "gs", "urn", "about", "blob", "doi", "geo", "sms", "magnet"} | {
    "postgres", "postgresql", "mysql", "mariadb", "redis", "rediss", "mongodb", "amqp", "amqps", "nats", "kafka", "sqlite", "clickhouse", "mqtt", "mqtts",
    "docker", "oci", "npm", "pkg", "vscode", "cursor", "slack", "ipfs", "az", "abfs", "abfss", "hdfs", "gcs", "hf", "spotify", "market", "steam", "webcal", "xmpp", "sip",
    "chrome-extension", "matrix", "nostr", "did", "arn", "irc", "ircs", "rtsp", "rtmp", "nfs", "rsync", "svn", "hg", "lp", "github", "gitlab", "package", "app", "memory",
}  # fmt: skip
_SPECIAL = WEB | {"ftp", "ftps"}
_SLASHED = frozenset({"http", "https", "ftp"})
ODD = frozenset(
    {
        "gopher", "dict", "tftp", "ldap", "ldaps", "ldapi", "jar", "netdoc", "php", "phar", "expect", "glob", "zip", "rar", "ogg", "compress.zlib",
        "compress.bzip2", "javascript", "vbscript", "view-source", "file", "local_file", "imap", "imaps", "pop3", "pop3s", "smtp", "smtps", "telnet",
        "rmi", "jndi", "corba", "iiop", "nis", "nds", "smb", "cifs", "unc", "mssql", "zlib", "url", "netloc", "ssh2", "rlogin", "finger", "acap",
        "ms-msdt", "search-ms", "ms-officecmd", "ms-appinstaller", "chrome", "resource", "res", "mhtml", "wyciwyg", "unix", "x-apple",
    }
)  # fmt: skip

_SCHEME = pattern(r"(?i)^([a-z][a-z0-9+._-]*):")
_FIND = pattern(
    r"(?i)(?:\b(?:url:)?[a-z][a-z0-9+._-]*:[/\\]{2,}|\b(?:https?|ftp):/?|\b(?:javascript|vbscript|data|jar|php|expect):)[^\s\"'<>`|^]+"
)
_DATA = pattern(r"(?i)^data:(?:[a-z]+/[a-z0-9.+-]+)?(?:;[^,]*)?,")
_BARE_HOST = pattern(
    r"(?i)(?:^|[=\s@])(?://)?((?:\d{1,3}(?:\.\d{1,3}){3}|localhost[a-z0-9.]*|ipv?6-[a-z]+|[a-z0-9-]+(?:\.[a-z0-9-]+)+|0x[0-9a-f]{8}|\[[0-9a-f:.]+\])(?::\d+)?/[^\s\"'<>`]*)"
)
_AT_IN_PATH = probe(r"(?i)^/?[^/]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/?$")
_REDIRECT = words(
    "url uri redirect redirect_uri redirect_url redirecturl return return_to returnto return_url "
    "returnurl next dest destination continue goto go target to out view link src source image image_url "
    "img imgurl callback callback_url webhook feed host site html data reference ref proxy forward fetch "
    "load path page u r q file document domain jump origin open navigation checkout_url success_url "
    "cancel_url service relaystate"
)
_SIGNED_IN = words("redirect_uri post_logout_redirect_uri")
"""Where a sign-in sends the user's own browser, often to a program on the user's machine (RFC 8252, 7.3)."""
_CREDENTIAL = words(
    "api_key apikey key access_key token access_token auth auth_token refresh_token id_token password "
    "passwd pwd pass secret client_secret private_key sig signature credential credentials session "
    "sessionid session_id jwt bearer x-api-key authorization x-amz-signature x-amz-security-token"
)


def find(
    text: str, pointer: str, budget: Budget, *, chain: tuple[str, ...] = (), prose: bool = False
) -> tuple[UrlFact, ...]:
    """The URLs somewhere in a text, each once.

    Raises:
        OverBudget: there are too many, or one is too long.
    """
    facts: list[UrlFact] = []
    words: set[str] = set()
    for number, found in enumerate(_FIND.finditer(text)):
        if number % SHARE == SHARE - 1:
            budget.spend()
        word = found.group(0).rstrip(".,;:!?)]}*'\"")
        if word in words:
            continue
        words.add(word)
        if not prose and too_long(word):
            raise OverBudget("too_long")
        budget.spend(COST + len(word[:MAX_URL]) // SHARE)
        urls = analyse(word, pointer, chain=chain, declared=False)
        if prose and len(words) > MANY:
            urls = tuple(fact for fact in urls if fact.flags or fact.address not in _ORDINARY)
        facts.extend(urls)
    return tuple(facts)


def too_long(text: str) -> bool:
    """Whether a part of a URL stays unread that says where it leads."""
    return len(text) > MAX_URL and text[:5].lower() != "data:"


def bare(text: str, pointer: str, budget: Budget) -> tuple[UrlFact, ...]:
    """Hosts without a scheme (`localhost/admin`), kept only where they are not on the public network."""
    facts = []
    for found in _BARE_HOST.finditer(text):
        budget.spend()
        fact = _parse("http://" + found.group(1), pointer, declared=False, nested=False)
        network = fact is not None and fact.path[1:].isdecimal()  # `10.0.0.0/8` names no host
        if fact is not None and not network and fact.address not in _ORDINARY:
            facts.append(msgspec.structs.replace(fact, raw=found.group(1), scheme=""))
    return tuple(facts)


def host(text: str, pointer: str) -> tuple[UrlFact, ...]:
    """A host in an argument of its own, kept where nobody honest names it: a metadata service, a disguised address."""
    if " " in text.strip() or "/" in text or text.count(":") > 1:
        return ()
    fact = _parse("http://" + text.strip()[:MAX_URL], pointer, declared=True, nested=False)
    if fact is None or not (fact.address == "metadata" or fact.flags & _DISGUISED):
        return ()
    return (msgspec.structs.replace(fact, raw=text, scheme=""),)


_ORDINARY = ("public", "name", "none")
_DISGUISED = frozenset({"odd_ip", "confusable_host", "encoded_host", "control_char", "userinfo_host"})


def analyse(
    value: str, pointer: str, *, chain: tuple[str, ...] = (), declared: bool = True, _depth: int = 0
) -> tuple[UrlFact, ...]:
    """The URL and the ones inside its parameters. A declared value without a scheme is read as a host."""
    raw = value[:MAX_URL]
    fact = _parse(raw, pointer, declared=declared, nested=_depth > 0)
    if fact is None:
        return ()
    if _depth >= MAX_INNER:
        return (fact,)
    inner: list[UrlFact] = []
    flags = set(fact.flags)
    within = max(fact.path.find("/http://"), fact.path.find("/https://"))
    if within >= 0:  # `/proxy/http://10.0.0.1/`
        below = fact.path[within + 1 :]
        inner.extend(analyse(below, pointer, chain=chain, declared=declared, _depth=_depth + 1))
    for name, member in _parameters(fact.query):
        decoded = unquote(member)
        head = decoded[:12].lower()
        if (
            "://" in decoded[:24]
            or (head[:1] in _SLASHES and head[1:2] in _SLASHES)
            or head.startswith(("http:", "https:", "data:", "file:/", "file:\\", "javascript:"))
        ):
            found = analyse(decoded, pointer, chain=chain, declared=declared, _depth=_depth + 1)
            if name.lower() in _SIGNED_IN and "client_id=" in fact.query:
                found = tuple(one for one in found if one.address != "loopback")
            inner.extend(found)
            if name.lower() in _REDIRECT and any(sub.host and sub.host != fact.host for sub in found):
                flags.add("redirect_param")
    if flags != fact.flags:
        fact = msgspec.structs.replace(fact, flags=frozenset(flags))
    return (fact, *inner)


_SLASHES = ("/", "\\")


def parameters(text: str) -> Iterator[tuple[str, str]]:
    """Decoded parameters of a URL's query that are more than a word or a number, with their names."""
    query = text[:MAX_URL].partition("?")[2].partition("#")[0]
    for name, member in _parameters(query):
        value = unquote(member.replace("+", " "))
        if len(value) > 3 and not value.isalnum():
            yield name, value


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    for pair in query.split("&"):
        name, _, member = pair.partition("=")
        yield unquote(name), member


def _parse(raw: str, pointer: str, *, declared: bool, nested: bool) -> UrlFact | None:
    flags: set[str] = set()
    text = raw.strip()
    for char in "\t\r\n\0":
        if char in text:
            flags.add("control_char")
            text = text.replace(char, "")
    while text[:4].lower() == "url:":
        flags.add("odd_scheme")
        text = text[4:]
    scheme_match = _SCHEME.search(text)
    scheme = scheme_match.group(1).lower() if scheme_match else ""
    rest = text[len(scheme) + 1 :] if scheme else text
    if scheme and "." in scheme and rest[:1].isdigit():
        scheme, rest = "", text  # `example.com:8080` is a host with a port
    if (
        scheme
        and not rest.startswith(("/", "\\"))
        and (scheme == "localhost" or rest.split("/", 1)[0].isdecimal())
        and scheme not in COMMON | ODD
    ):
        scheme, rest = "", text
    if scheme == "data":
        match = _DATA.search(text)
        if match is None and not declared:
            return None
        flags.add("data_uri")
        kind = text[5:64].lower()
        if any(word in kind for word in ("html", "javascript", "svg", "xml", "ecmascript")):
            flags.add("active_data")
        return _fact(pointer, raw, scheme, flags, declared, nested)
    if scheme in ("javascript", "vbscript"):
        if " " in rest.strip() and not any(sign in rest for sign in "(=`;%&"):
            return None  # "JavaScript: the good parts"
        return _fact(pointer, raw, scheme, flags | {"odd_scheme", "active_data"}, declared, nested)
    if scheme in ("mailto", "tel", "urn", "sms", "geo", "doi", "about", "magnet"):
        return _fact(pointer, raw, scheme, flags, declared, nested, path=rest)
    if scheme in ("file", "local_file"):
        return _file(pointer, raw, scheme, rest, flags, declared, nested)
    if scheme in ("jar", "view-source", "feed", "blob") and ":" in rest:
        inner = _parse(rest, pointer, declared=declared, nested=nested)
        if inner is not None:
            return _fact(
                pointer, raw, scheme, set(inner.flags) | {"odd_scheme"}, declared, nested,
                host=inner.host, port=inner.port, path=inner.path, query=inner.query, address=inner.address,
            )  # fmt: skip
    if not scheme and not declared and not rest.startswith(("//", "\\\\")):
        return None
    if scheme and (scheme in ODD or (scheme not in COMMON and "+" not in scheme)):
        flags.add("odd_scheme")
    if "\\" in rest.split("?", 1)[0]:
        flags.add("backslash")
        rest = rest.replace("\\", "/")
    slashes = len(rest) - len(rest.lstrip("/"))
    if scheme in _SLASHED and slashes != 2:
        flags.add("odd_slashes")
    if scheme and scheme not in _SPECIAL and slashes < 2 and not rest.startswith("//"):
        return (
            _fact(pointer, raw, scheme, flags, declared, nested, path=rest)
            if declared or scheme in ODD
            else None
        )
    rest = rest.lstrip("/")
    authority, tail = _cut(rest)
    host_text, port = _authority(authority, flags)
    if ";" in host_text and scheme in WEB:
        flags.add("confusable_host")  # where some parsers see the host end
    if tail.startswith(("#@", "?@")):
        flags.add("userinfo_host")  # who does not know that `#` ends an authority goes to what follows
    path, query = _path_and_query(tail)
    if not host_text:
        return _fact(pointer, raw, scheme, flags | {"no_host"}, declared, nested, path=path, query=query)
    host, address = hosts.canonical(host_text, flags)
    if address == "name" and "single_label" in flags and scheme in WEB:
        address = "private"  # a name without a dot is resolved by whatever network the machine is in
    _look_at_rest(path, query, flags)
    return _fact(
        pointer,
        raw,
        scheme,
        flags,
        declared,
        nested,
        host=host,
        port=port,
        path=path,
        query=query,
        address=address,
    )


def _file(
    pointer: str, raw: str, scheme: str, rest: str, flags: set[str], declared: bool, nested: bool
) -> UrlFact:
    body = rest.replace("\\", "/")
    host = ""
    if body.startswith("//"):
        host, _, path = body[2:].partition("/")
        path = "/" + path
    else:
        path = body
    return _fact(
        pointer,
        raw,
        scheme,
        flags | {"file_scheme", "odd_scheme"},
        declared,
        nested,
        host=host.lower(),
        path=unquote(path),
    )


def _fact(
    pointer: str, raw: str, scheme: str, flags: set[str], declared: bool, nested: bool, *,
    host: str = "", port: int | None = None, path: str = "", query: str = "", address: str = "none",
) -> UrlFact:  # fmt: skip
    return UrlFact(
        pointer=pointer, raw=raw, scheme=scheme, host=host, port=port, path=path, query=query, address=address,
        flags=frozenset(flags), declared=declared, nested=nested,
    )  # fmt: skip


def _cut(rest: str) -> tuple[str, str]:
    end = len(rest)
    for mark in "/?#":
        at = rest.find(mark, 0, end)
        end = at if at >= 0 else end
    return rest[:end], rest[end:]


def _authority(authority: str, flags: set[str]) -> tuple[str, int | None]:
    userinfo, at, host = authority.rpartition("@")
    if at:
        flags.add("userinfo")
        if ":" in userinfo:
            flags.add("password_in_url")
        if "." in userinfo or "@" in userinfo:
            flags.add("userinfo_host")
    if host.startswith("["):
        inside, _, after = host[1:].partition("]")
        return "[" + inside + "]", _port(after.lstrip(":"))
    if host.count(":") > 1:
        flags.add("odd_ip")
        return "[" + host + "]", None
    name, _, port = host.partition(":")
    number, sign, _ = name.partition("$")
    if sign and hosts.ipv4(number) is not None:
        name = number  # `169.254.170.2$PATH`: what a shell puts behind an address is the path
    return name, _port(port)


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else None


def _path_and_query(tail: str) -> tuple[str, str]:
    before, _, _ = tail.partition("#")
    path, _, query = before.partition("?")
    return path, query


def _look_at_rest(path: str, query: str, flags: set[str]) -> None:
    if len(query) > LONG_QUERY:
        flags.add("long_query")
    if query:
        for name, member in _parameters(query):
            if name.lower() in _CREDENTIAL and len(member) >= 8:
                flags.add("credentials_in_query")
    if path.startswith("//") and ".." in unquote(path):
        flags.add("odd_slashes")  # `//evil.example/%2f..`: a server that redirects there leaves its own site
    if "@" in path and _AT_IN_PATH.search(path.encode("utf-8", "replace")):
        flags.add("at_in_path")
