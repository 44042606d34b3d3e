"""Facts: what the arguments of a call mean. The one thing that detections, policy and approvals look at.

A `Facts` tree is built once a call by `extract.extract`, is immutable, and is complete or says that it is
not: whatever was cut, not understood or over budget stands in `limits`, and no policy may ignore it.
"""

from __future__ import annotations

from yett.model import Struct

COMMAND_EFFECTS = ("read", "write", "delete", "exec", "network", "privilege", "persist", "kill", "config")
"""What an effective command does to the world."""


class Text(Struct, frozen=True, kw_only=True):
    """One string of the arguments, as it stands or as it reads after decoding."""

    pointer: str
    """RFC 6901 pointer; for a key, the pointer of its member with `key` true."""
    value: str
    chain: tuple[str, ...] = ()
    """How it was reached, outermost first: percent, base64, base32, hex, json, html, unicode_escape, gzip,
    nfkc, confusable, invisible. Empty = as given."""
    key: bool = False
    prose: bool = False
    """Declared to be read by people: a message, a note, a file's body."""


class Redirect(Struct, frozen=True, kw_only=True):
    """`2> file`, `<<< word`: where a command's bytes come from or go to."""

    op: str
    target: str
    opaque: bool = False


class Command(Struct, frozen=True, kw_only=True):
    """One effective command: what would really be executed, wrappers removed."""

    pointer: str
    program: str
    """Base name without path or `.exe`, as the profile knows it; `""` if it can't be known."""
    argv: tuple[str, ...]
    path: str = ""
    """The program word as written (`/bin/rm`, `./a`)."""
    env: tuple[tuple[str, str], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    cwd: str | None = None
    wrappers: tuple[str, ...] = ()
    """Programs that were unwrapped to reach this one, outermost first (sudo, env, bash …)."""
    via: str = "direct"
    """direct, pipe, substitution, inline (`sh -c`), heredoc, config (`git -c`), option (`tar --to-command`)."""
    dialect: str = "posix"
    """posix, cmd, powershell, sql, argv (given as a list, no shell)."""
    effects: frozenset[str] = frozenset()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    """Meaningful properties by name: recursive, force, dangerous_env, stdin_script, inline_code,
    response_file, glob_target, profile_unknown …"""
    opaque: tuple[str, ...] = ()
    """Why it can't be fully known: dynamic_program, dynamic_argument, eval, depth …"""
    piped_from: tuple[str, ...] = ()
    """Programs upstream in the same pipeline, nearest last."""


class ShellProgram(Struct, frozen=True, kw_only=True):
    """One shell source found in the arguments."""

    pointer: str
    source: str
    dialect: str
    """posix, cmd, powershell."""
    chain: tuple[str, ...] = ()
    declared: bool = True
    """The tool, schema or argument name says that it is a command; false = it only looks like one."""
    opaque: tuple[str, ...] = ()
    """has_error, line_continuation, control_char, too_long, too_deep, timeout …"""


class Statement(Struct, frozen=True, kw_only=True):
    """One SQL statement, or a fragment that would break out of somebody else's."""

    pointer: str
    kind: str
    """select, insert, update, delete, merge, truncate, create, alter, drop, grant, revoke, call, copy, set,
    transaction, explain, show, use, fragment, unknown."""
    dialect: str = ""
    text: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    """stacked, writes_in_cte, writes_in_explain, no_where, always_true, exec_comment, comment_tail,
    unicode_identifier, side_effect_function, file_access, time_delay, union_probe, schema_probe,
    quote_breakout, into_outfile, dynamic …"""
    declared: bool = True
    opaque: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()


class PathFact(Struct, frozen=True, kw_only=True):
    """One file path, in normal form."""

    pointer: str
    raw: str
    normal: str
    """Separators unified, `.`/`..`/`//` resolved textually; absolute paths start with `/` or `c:/`."""
    absolute: bool = False
    windows: bool = False
    climbs: bool = False
    """Resolves above the folder it starts from."""
    traversal: bool = False
    """`..` appeared, in any encoding."""
    encoded: bool = False
    """Was reached only after decoding (`%2e%2e`, overlong UTF-8 …)."""
    categories: frozenset[str] = frozenset()
    """Sensitive locations: credentials, ssh, shadow, env_file, history, cloud, kube, browser, system_config,
    startup, device, proc, log, source_control, unc, special_file …"""
    use: str = ""
    """read, write, delete, where a command or program says what it does with the path; uses, where it needs the file for
    its own work (`ssh -i key`) or only looks at its name (`ls`); code, named in a program; `""` for an argument."""
    declared: bool = True


class UrlFact(Struct, frozen=True, kw_only=True):
    """One URL, its host in canonical form."""

    pointer: str
    raw: str
    scheme: str
    host: str
    """Lower-case A-label, dotted IPv4 or RFC 5952 IPv6 without brackets."""
    port: int | None = None
    path: str = ""
    query: str = ""
    address: str = "name"
    """public, loopback, private, link_local, metadata, reserved, none; `name` = a DNS name not known to be special."""
    flags: frozenset[str] = frozenset()
    """odd_ip (decimal, octal, hex, mapped), userinfo, confusable_host, mixed_script, rebinding, redirect_param, data_uri,
    file_scheme, odd_scheme, credentials_in_query, long_query, ip_literal, backslash …"""
    declared: bool = True
    nested: bool = False
    """Was found inside another URL's parameter."""


class CodeFact(Struct, frozen=True, kw_only=True):
    """One piece of program text."""

    pointer: str
    language: str
    """python, javascript, unknown."""
    calls: tuple[str, ...] = ()
    """Dotted names called, as resolved through imports and aliases."""
    imports: tuple[str, ...] = ()
    effects: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    """process, shell, file_write, file_delete, sensitive_read, network, reflection, deserialise, dynamic_code,
    native, resource_bomb, env_read, obfuscated, computed_delete (it removes what cannot be known) …"""
    strings: tuple[str, ...] = ()
    """String constants worth looking at again as paths, URLs or commands."""
    opaque: tuple[str, ...] = ()
    declared: bool = True


class SecretFact(Struct, frozen=True, kw_only=True):
    """Something that must not leave, or must not have arrived."""

    pointer: str
    kind: str
    """Provider or form: aws_access_key, github_token, private_key, jwt, connection_string, high_entropy …"""
    confidence: str
    """checksum, format, context, entropy: strongest evidence first."""
    preview: str
    """First and last characters only."""
    start: int = 0
    end: int = 0


class Contact(Struct, frozen=True, kw_only=True):
    """An address money or words can be sent to."""

    pointer: str
    kind: str
    """email, iban, card, phone, wallet, account."""
    value: str
    """Normal form."""
    valid: bool = True
    """Its checksum holds, where its kind has one."""


class Amount(Struct, frozen=True, kw_only=True):
    pointer: str
    minor: int
    """In the currency's minor unit (or thousandths where none is named)."""
    currency: str = ""


class Signal(Struct, frozen=True, kw_only=True):
    """Words that speak to the model instead of to a person. Only ever a score, never alone a denial."""

    pointer: str
    kind: str
    """instruction_override, role_claim, authority_claim, exfiltration_request, hidden_text, tool_call_text,
    urgency, encoded_instruction …"""
    weight: int
    """0..100"""


class Meaning(Struct, frozen=True, kw_only=True):
    """What was found in texts that are read."""

    texts: tuple[Text, ...] = ()
    programs: tuple[ShellProgram, ...] = ()
    commands: tuple[Command, ...] = ()
    statements: tuple[Statement, ...] = ()
    paths: tuple[PathFact, ...] = ()
    urls: tuple[UrlFact, ...] = ()
    code: tuple[CodeFact, ...] = ()
    secrets: tuple[SecretFact, ...] = ()
    contacts: tuple[Contact, ...] = ()
    amounts: tuple[Amount, ...] = ()
    signals: tuple[Signal, ...] = ()
    blobs: tuple[str, ...] = ()
    """Pointers of values that are encoded or binary and could not be read."""


class Later(Meaning, frozen=True, kw_only=True):
    """Programs that the call writes into a file, and that somebody else runs: a script of `package.json`, a hook of git.

    Their pointers are the argument's, then `#/` and the names that lead to them in the file.
    """

    pointer: str
    file: str
    """The file's path as it is written."""
    title: str
    """What kind of file that is: `npm package`, `hook of git` … (`policies/files.yaml`)."""


class Facts(Meaning, frozen=True, kw_only=True):
    """Everything known about one call's arguments."""

    tool: str
    server: str | None = None
    does: frozenset[str] = frozenset()
    """Capabilities: declared in the manifest, else inferred from the tool's name and arguments."""
    does_inferred: bool = False
    size: int = 0
    """Bytes of the canonical arguments."""
    later: tuple[Later, ...] = ()
    """What the call does not run itself: its meaning stands in none of the other fields."""
    limits: tuple[str, ...] = ()
    """What was cut or failed: `bytes`, `depth`, `expansions`, `time`, `parser:shell`, … Empty = complete."""

    @property
    def truncated(self) -> bool:
        return bool(self.limits)
