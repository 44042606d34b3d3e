"""Git, whose settings and subcommands run programs."""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract.patterns import pattern
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed
from yett.extract.shell.programs.actions import inner, run

_GIT_RUNS = (
    "core.pager", "core.editor", "core.sshcommand", "core.fsmonitor", "core.askpass", "core.gitproxy",
    "sequence.editor", "diff.external", "credential.helper", "gpg.program", "gpg.ssh.program",
    "gpg.ssh.defaultkeycommand", "uploadpack.packobjectshook", "web.browser", "init.templatedir",
    "core.hookspath", "protocol.ext.allow", "core.alternaterefscommand", "core.attributesfile",
)  # fmt: skip
_GIT_RUN_PARTS = (
    "alias.", "pager.", "filter.", ".command", ".cmd", ".textconv", ".driver", ".program", ".helper", ".clean",
    ".smudge", ".process", ".uploadpack", ".receivepack", ".vcs", "browser.", "man.", ".proxy", ".path",
)  # fmt: skip
_HARMLESS_PAGERS = frozenset(
    ("cat", "less", "more", "true", "", "vim", "nano", "vi", "code --wait", "store", "cache", "manager")
)
_LFS = pattern(r"git-lfs (?:clean|smudge|filter-process)(?: --skip)?(?: --)?(?: %f)?")
"""What `git lfs install` writes."""


def git(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`-c key=value` and `git config key value` can name programs; a transport can be a command line."""
    args = draft.argv[1:]
    k = 0
    subcommand = ""
    folder: Field | None = None
    while k < len(args):
        text = args[k].text
        if text in ("-c", "--config-env"):
            if k + 1 < len(args):
                key, _, value = args[k + 1].text.partition("=")
                _git_setting(walker, draft, key, Field(value, args[k + 1].unknown), ctx)
            k += 2
        elif text.startswith("-c") and "=" in text and not text.startswith("--"):
            key, _, value = text[2:].partition("=")
            _git_setting(walker, draft, key, Field(value, args[k].unknown), ctx)
            k += 1
        elif text in ("-C", "--git-dir", "--work-tree", "--namespace", "--super-prefix"):
            k += 2
        elif text.startswith("-"):
            if text.startswith("--exec-path="):
                # every sub-command is looked for there first
                folder = args[k]._replace(text=text[12:].rstrip("/"))
                draft.flags.add("runs_config")
                draft.effects.add("exec")
            k += 1
        else:
            subcommand = text
            break
    rest = args[k + 1 :]
    if folder is not None:
        program = folder._replace(text=f"{folder.text}/git-{subcommand}")
        walker.command([program, *rest], inner(ctx, draft, "option"), functions=False)
    if subcommand == "config":
        words = [
            field
            for before, field in zip([None, *rest], rest, strict=False)
            if not field.text.startswith("-")
            and (before is None or before.text not in ("-f", "--file", "--blob", "--type"))
        ]
        if words and words[0].text in ("set", "get", "unset", "list", "edit"):
            verb, words = words[0].text, words[1:]
            if verb != "set":
                words = words[:1]
        if len(words) > 1 and not any(f.text.startswith(("--get", "--list", "-l", "--unset")) for f in rest):
            draft.effects.add("config")
            if not (words[0].text.lower() == "core.hookspath" and _own_folder(words[1])):
                _git_setting(walker, draft, words[0].text, words[1], ctx)
    if subcommand in ("clone", "init"):
        _git_clone_settings(walker, draft, rest, ctx)
    for field in rest:
        if field.text.startswith("ext::"):
            run(walker, draft, Field(field.text[5:], field.unknown), ctx)
        elif "://" in field.text and subcommand != "commit":
            draft.url(field)
        elif "@" in field.text and ":" in field.text.partition("@")[2] and " " not in field.text:
            draft.touch("host", field)
    if subcommand in ("push", "pull", "fetch", "clone") and any(
        f.text.startswith("-") and "f" in f.text[:3] for f in rest
    ):
        draft.flags.add("force")
    return False


def _own_folder(folder: Field) -> bool:
    """Hooks that lie in the repository (`.githooks`, `.husky`) are part of the project that is worked on."""
    return not folder.unknown and folder.text[:1] not in ("/", "~", "$") and ".." not in folder.text


def _git_clone_settings(walker: Machine, draft: Draft, rest: list[Field], ctx: Context) -> None:
    """`clone -c key=value` configures the new repository before it is used; a template brings hooks."""
    for field, after in zip(rest, [*rest[1:], None], strict=False):
        name, equals, value = field.text.partition("=")
        given = Field(value, field.unknown) if equals and name.startswith("--") else after
        if given is None:
            continue
        if name in ("-c", "--config"):
            key, _, setting = given.text.partition("=")
            _git_setting(walker, draft, key, Field(setting, given.unknown), ctx)
        elif name == "--template":
            _git_setting(walker, draft, "init.templatedir", given, ctx)


def _git_setting(walker: Machine, draft: Draft, key: str, value: Field, ctx: Context) -> None:
    name = key.lower()
    if not (name in _GIT_RUNS or any(part in name for part in _GIT_RUN_PARTS)):
        return
    if value.text in _HARMLESS_PAGERS or _LFS.fullmatch(value.text):
        return
    if name.startswith("alias."):
        if value.text.startswith("!"):
            draft.flags.add("runs_config")
            run(walker, draft, Field(value.text[1:], value.unknown), ctx, "config")
        return
    draft.flags.add("runs_config")
    draft.effects.add("exec")
    if name in ("core.hookspath", "init.templatedir", "core.attributesfile", "protocol.ext.allow"):
        walker.command(
            [value._replace(text=value.text.rstrip("/") + "/pre-commit")],
            inner(ctx, draft, "config"),
            functions=False,
        )
        return
    text = value.text.removeprefix("!")
    if name.endswith("helper") and not value.text.startswith(("!", "/")):
        text = "git-credential-" + text
    run(walker, draft, Field(text, value.unknown), ctx, "config")


HANDLERS: Mapping[str, Handler] = {"git": git}
