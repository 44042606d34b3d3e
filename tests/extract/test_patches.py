"""Patches as arguments: the files they touch are paths, what they add is a file's body, and nothing is a command."""

from __future__ import annotations

import base64

import pytest

from yett.extract import extract
from yett.extract.facts import Facts
from yett.model import ToolCall

PATCH = """*** Begin Patch
*** Update File: src/app.py
@@ def main():
-    print("a")
+    print("b")
*** Add File: .github/workflows/ci.yml
+on: push
*** Delete File: old.txt
*** Update File: a.txt
*** Move to: ../b.txt
*** End Patch
"""


def facts(tool: str = "apply_patch", name: str = "command", text: str = PATCH) -> Facts:
    return extract(ToolCall(tool=tool, arguments={name: text}), None, len(text))


@pytest.mark.parametrize("name", ["command", "input", "patch", "x"])
def test_the_files_of_a_patch_are_paths_whatever_its_argument_is_called(name: str) -> None:
    found = facts(name=name)
    assert [(path.use, path.normal) for path in found.paths] == [
        ("write", "src/app.py"),
        ("write", ".github/workflows/ci.yml"),
        ("delete", "old.txt"),
        ("write", "a.txt"),
        ("write", "../b.txt"),
    ]
    assert found.programs == ()
    assert {"write", "delete"} <= found.does


def test_what_a_patch_adds_is_looked_at_as_a_file() -> None:
    key = "AKIA" + "Q3EGRJ2Z5W7YH4KM"
    found = facts(text=f"*** Begin Patch\n*** Add File: a.py\n+KEY = '{key}'\n*** End Patch")
    assert found.secrets


@pytest.mark.parametrize(
    "line", ["apply_patch <<'EOF'\n{}EOF", "apply_patch '{}'", "cd . && applypatch <<EOF\n{}EOF"]
)
def test_a_patch_given_to_a_program_names_its_files(line: str) -> None:
    found = facts(text=line.format(PATCH), tool="shell")
    (command,) = [command for command in found.commands if "patch" in command.program]
    assert command.writes == ("src/app.py", ".github/workflows/ci.yml", "a.txt", "../b.txt")
    assert command.deletes == ("old.txt",)


def test_a_patch_that_nobody_sees_is_said_to_be_unseen() -> None:
    (command,) = facts(text="apply_patch", tool="shell").commands
    assert "dynamic_target" in command.flags


def test_a_patch_in_the_midst_of_a_text_is_no_patch() -> None:
    assert facts(name="text", text="They wrote:\n" + PATCH).paths == ()


@pytest.mark.parametrize(
    "text", ["*** Begin Patch", "*** Begin Patch\n" + "+x\n" * 30_000, "*** Begin Patch\n+"]
)
def test_odd_patches_are_read_without_complaint(text: str) -> None:
    assert "parser:patch" not in facts(text=text).limits


def test_what_is_encoded_and_cannot_be_read_is_a_blob() -> None:
    noise = bytes((i * 97 + i * i * 31) % 256 for i in range(300))
    assert facts("save", "data", base64.b64encode(noise).decode()).blobs == ("/data",)
    assert facts("save", "data", base64.b64encode(b"rm -rf / ; " * 30).decode()).blobs == ()
    assert facts("save", "data", "some words " * 30).blobs == ()
