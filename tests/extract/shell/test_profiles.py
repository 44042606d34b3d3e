"""Profiles are data: they load as a whole, refuse what they do not know, and read options as getopt does."""

from __future__ import annotations

from pathlib import Path

import pytest

from yett import resources
from yett.errors import PolicyError
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.options import distribute, parse_options
from yett.extract.shell.profiles import Arg, Profile, library, load
from yett.extract.shell.programs.handlers import HANDLERS


def every_profile() -> list[tuple[str, Profile]]:
    found = list(library().programs.items())
    for name, profile in found:
        found.extend(
            (f"{name} {sub}", inner) for sub, inner in profile.sub.items() if name in library().programs
        )
    return found


def given(profile: Profile, *args: str) -> list[tuple[str, str | None]]:
    parsed = parse_options(profile, [Field(a) for a in args])
    return [(g.name, g.value.text if g.value else None) for g in parsed.given]


def test_the_shipped_profiles_load_and_name_only_known_handlers() -> None:
    assert len(library().programs) > 1_000
    for name, profile in every_profile():
        assert not profile.special or profile.special in HANDLERS, name


def test_every_wrapper_stops_at_its_program() -> None:
    for name, profile in library().programs.items():
        if profile.wrapper:
            assert profile.style == "posix", name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("programs: {x: {does: fly}}", "unknown effect fly"),
        ("programs: {x: {args: gizmo}}", "unknown kind gizmo"),
        ("programs: {x: {style: odd}}", "unknown style odd"),
        ("programs: {x: {wheels: 4}}", "unknown field wheels"),
        ("programs: {x: {}, 'y x': {}}", "two profiles of x"),
        ("things: {}", "unknown section things"),
        ("[1, 2", "not YAML"),
        ("- 1", "not a mapping"),
    ],
)
def test_a_profile_with_an_unknown_word_does_not_load(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(PolicyError, match=message):
        load(tmp_path)


def test_a_folder_without_profiles_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no program profiles"):
        load(tmp_path)


def test_the_folder_of_profiles_is_the_shipped_one() -> None:
    assert load(resources.policies() / "programs" / "posix").programs.keys() == library().programs.keys()


def test_options_are_read_as_getopt_reads_them() -> None:
    tar = library().programs["sort"]
    assert given(tar, "-k2", "-o", "out", "-u") == [("-k", "2"), ("-o", "out"), ("-u", None)]
    assert given(tar, "-uoout") == [("-u", None), ("-o", "out")]
    assert given(tar, "--output=out") == [("--output", "out")]
    assert given(tar, "--output", "out") == [("--output", "out")]
    assert given(tar, "--out", "out") == [("--output", "out")]
    assert given(tar, "--", "-o", "out") == []


def test_an_ambiguous_abbreviation_means_all_it_may_mean() -> None:
    names = {name for name, _ in given(library().programs["sort"], "--r=x")}
    assert {"--random-source", "--reverse"} <= names


def test_positionals_are_shared_out_from_both_ends() -> None:
    args = (Arg("read", True), Arg("write"))
    assert distribute(args, 3) == ["read", "read", "write"]
    assert distribute(args, 1) == ["write"]
    assert distribute((Arg("value"), Arg("read", True)), 3) == ["value", "read", "read"]
    assert distribute((Arg("read"), Arg("write")), 3) == ["read", "write", "value"]
    assert distribute((), 2) == ["value", "value"]


@pytest.mark.parametrize(
    ("name", "value", "dangerous"),
    [
        ("LD_PRELOAD", "/tmp/x.so", True),
        ("LD_LIBRARY_PATH", "/opt/lib", True),
        ("BASH_FUNC_ls%%", "() { id; }", True),
        ("GIT_SSH_COMMAND", "ssh -i key", True),
        ("GIT_PAGER", "cat", False),
        ("GIT_AUTHOR_NAME", "A", False),
        ("PAGER", "less -R", False),
        ("PAGER", "sh -c id", True),
        ("NODE_OPTIONS", "--max-old-space-size=4096", False),
        ("NODE_OPTIONS", "--require /tmp/x.js", True),
        ("PYTHONUNBUFFERED", "1", False),
        ("DEBUG", "1", False),
    ],
)
def test_variables_are_dangerous_by_name_and_value(name: str, value: str, dangerous: bool) -> None:
    assert library().environment.dangerous(name, value) is dangerous
