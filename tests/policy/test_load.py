"""What does not load, and what is said about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from policy_helpers import BANK, loaded

from yett import policy
from yett.errors import PolicyError

ALLOW = "rules:\n  - id: a\n    allow: send_money\n    when: "


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("policy: [", "YAML_SYNTAX", None),
        ("policy: p\npolicy: q", "YAML_SYNTAX", 2),
        ("policy: &a p\nlayer: *a", "YAML_SYNTAX", None),
        ("policy: !!python/object:os.system p", "YAML_SYNTAX", None),
        ("policy: p", "POLICY_INVALID", 1),
        ("rules: []", "POLICY_INVALID", 1),
        ("tools: {x: {}}", "POLICY_INVALID", None),
        ("polcy: p", "POLICY_INVALID", 1),
        ("policy: p\ntools: {x: {does: [fly]}}\nrules: [{id: a, allow: x}]", "MANIFEST_INVALID", 2),
        (
            "policy: p\ntools: {x: {args: {a: {role: aim}}}}\nrules: [{id: a, allow: x}]",
            "MANIFEST_INVALID",
            2,
        ),
        (
            "policy: p\ntools: {x: {args: {a: {type: strng}}}}\nrules: [{id: a, allow: x}]",
            "MANIFEST_INVALID",
            2,
        ),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {id: a, allow: y}", "POLICY_INVALID", 4),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {id: a, allow: x, deny: x}", "POLICY_INVALID", 4),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {allow: x}", "POLICY_INVALID", 4),
        (
            "policy: p\ntools: {x: {}}\nrules:\n  - {id: a, allow: x}\n  - {id: a, deny: x}",
            "POLICY_INVALID",
            5,
        ),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {id: a, allow: {}}", "POLICY_INVALID", 4),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {id: a, allow: {does: []}}", "POLICY_INVALID", 4),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {id: a, allow: {does: fly}}", "POLICY_INVALID", 4),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {id: a, deny: x, approvers: [q]}", "POLICY_INVALID", 4),
        (
            "policy: p\ntools: {x: {}}\nrules:\n  - {id: a, deny: x, require: {mandate: true}}",
            "POLICY_INVALID",
            4,
        ),
        ("policy: p\ntools: {x: {}}\nrules:\n  - {id: a, allow: x, wen: 'true'}", "POLICY_INVALID", 4),
        (BANK + ALLOW + "args.recipiant == 'A'", "EXPR_NAME", 18),
        (BANK + ALLOW + "args.amount == 'A'", "EXPR_TYPE", 18),
        (BANK + ALLOW + "spent('pay', 'today') > 1 and origin(targets) == 'prompt'", "EXPR_TYPE", 18),
        (BANK + ALLOW + "spent('gold', '1h') > 1", "EXPR_TYPE", 18),
        (BANK + ALLOW + "session.read_untrustd", "EXPR_NAME", 18),
        (BANK + ALLOW + "origin(args.recipient) == 'untrusted' and frm(args)", "EXPR_NAME", 18),
        (BANK + ALLOW + "args.amount < 5", "TARGET_UNCONSTRAINED", 16),
        (
            BANK + ALLOW + "args.amount < 5 and (args.recipient == 'A' or args.subject == 'x')",
            "TARGET_UNCONSTRAINED",
            16,
        ),
        (BANK + ALLOW + "args.amount < 5 and has(args.recipient)", "TARGET_UNCONSTRAINED", 16),
        (BANK + ALLOW + "args.amount < 5 and args.amount > 6 and args.recipient == 'A'", "RULE_DEAD", 16),
        (
            BANK + ALLOW + "args.recipient == 'A' and args.recipient in ('B', 'C') and args.amount < 5",
            "RULE_DEAD",
            16,
        ),
        (
            BANK + ALLOW + "args.amount < 5 and args.recipient == 'A' and args.note == 'x'",
            "ARGUMENT_OPTIONAL",
            16,
        ),
        (BANK + ALLOW + "args.amount < 5 and startswith(args.recipient, 'DE')", "PATTERN_LOOSE", 16),
        (
            BANK + ALLOW + "args.amount > 5 and args.amount < 9 and args.recipient == 'A'\n"
            "  - id: d\n    deny: {does: [pay]}\n    when: args.amount > 3\n",
            "RULE_SHADOWED",
            16,
        ),
        (
            BANK + "rules:\n  - {id: h, hold: send_money, when: args.amount > 5}\n"
            "  - {id: d, deny: '*', when: args.amount > 50}\n  - {id: r, allow: read_file}\n",
            "ARGUMENT_OPTIONAL",
            17,
        ),
        (
            BANK
            + "rules: [{id: a, allow: '*', free: true}]\ntests:\n  - deny: {tool: read_file, args: {path: x}}",
            "TEST_FAILED",
            17,
        ),
        (
            BANK + "rules: [{id: a, allow: '*', free: true}]\ntests:\n  - deny: {tol: read_file}",
            "POLICY_INVALID",
            17,
        ),
        (
            BANK + "rules: [{id: a, allow: '*', free: true}]\n---\ntools: {send_money: {does: [pay, send]}}",
            "MANIFEST_CONFLICT",
            17,
        ),
    ],
)
def test_refused(tmp_path: Path, text: str, code: str, line: int | None) -> None:
    with pytest.raises(PolicyError) as refused:
        loaded(tmp_path, text)
    assert refused.value.code == code
    assert refused.value.path is not None
    if line is not None:
        assert refused.value.path.endswith(f"p0.yaml:{line}"), refused.value.path


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="FILE_UNREADABLE"):
        policy.load([tmp_path / "no.yaml"])


def test_manifests_can_stand_in_other_files(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text("manifest: t\nserver: s\ntools: {x: {does: [read]}}")
    one = loaded(tmp_path, "policy: p\nuse: tools.yaml\nrules: [{id: a, allow: x}]")
    spec = one.spec("x", "s")
    assert spec is not None
    assert spec.does == ("read",)
    assert one.spec("x", None) is None
    assert len(one.sources) == 2


def test_words_that_yaml_1_1_takes_for_booleans_are_words(tmp_path: Path) -> None:
    one = loaded(
        tmp_path,
        "policy: p\ntools: {x: {}}\ndata: {countries: [no, on, yes, 010]}\nrules: [{id: a, allow: x}]",
    )
    assert one.layers[0].data["countries"] == ["no", "on", "yes", 10]


def test_the_longest_glob_describes_a_tool(tmp_path: Path) -> None:
    one = loaded(
        tmp_path,
        "policy: p\ntools: {'*': {open: true}, 'fs_*': {does: [read]}, fs_rm: {does: [delete]}}\n"
        "rules: [{id: a, allow: '*'}]",
    )
    assert [spec.does for name in ("x", "fs_ls", "fs_rm") if (spec := one.spec(name))] == [
        (),
        ("read",),
        ("delete",),
    ]


def test_the_log_preview_can_be_switched_off(tmp_path: Path) -> None:
    assert loaded(tmp_path, BANK + "rules: [{id: a, allow: read_file}]").preview
    assert not loaded(tmp_path, BANK + "log: {preview: false}\nrules: [{id: a, allow: read_file}]").preview


@pytest.mark.parametrize("member", ["use: {}", "data: {{a: {{file: {}}}}}"])
def test_only_regular_files_are_read(tmp_path: Path, member: str) -> None:
    """A pipe or a device would keep a reload waiting for ever."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("pipe", "/dev/zero", "x" * 300, "folder.yaml", '"a\\0b"'):
        if name == "folder.yaml" and member.startswith("use"):
            continue  # a folder of manifests
        text = f"policy: p\n{member.format(name)}\nrules: [{{id: a, deny: '*'}}]"
        with pytest.raises(PolicyError, match="FILE_UNREADABLE"):
            loaded(tmp_path, text)


def test_a_folder_that_contains_itself_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path)
    with pytest.raises(PolicyError, match="FILE_UNREADABLE"):
        policy.load([tmp_path])


@pytest.mark.parametrize("text", ["use: 5", "use: {a: b}", "tools: {x: {result: {trust: [a]}}}"])
def test_values_of_another_kind_are_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError) as refused:
        loaded(tmp_path, f"policy: p\n{text}\nrules: [{{id: a, deny: '*'}}]")
    assert str(refused.value.path).endswith("p0.yaml:2")
