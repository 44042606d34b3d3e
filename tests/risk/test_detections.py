"""Every shipped detection does what its examples say, and what would be unsafe does not load."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from yett import resources
from yett.errors import PolicyError
from yett.extract import extract
from yett.model import Level, ToolCall
from yett.risk import Assessor, Detection, detections


@lru_cache(maxsize=1)
def shipped() -> Assessor:
    return Assessor.load()


def found(example: Any) -> set[str]:
    call = (
        ToolCall(tool="notes.create", arguments={"text": example})
        if isinstance(example, str)
        else _call(example)
    )
    return {finding.id for finding in shipped().detections.find(extract(call, None, len(str(example))))}


def _call(example: dict[str, Any]) -> ToolCall:
    arguments = dict(example["arguments"])
    generated = arguments.pop("generated", None)
    if generated == "deep":
        nested: Any = "x"
        for _ in range(100):
            nested = {"a": nested}
        arguments["value"] = nested
    if generated == "long":
        arguments["url"] += "A1b2" * 200
    if generated == "wide":
        arguments["value"] = [str(index) for index in range(9_000)]
    return ToolCall(tool=example["tool"], arguments=arguments)


def _cases(kind: str) -> list[Any]:
    return [
        pytest.param(entry, example, id=f"{entry.id}-{number}")
        for entry in shipped().detections.all
        for number, example in enumerate(getattr(entry, kind))
    ]


@pytest.mark.parametrize(("entry", "example"), _cases("positive"))
def test_a_positive_example_is_found(entry: Detection, example: Any) -> None:
    assert entry.id in found(example)


@pytest.mark.parametrize(("entry", "example"), _cases("negative"))
def test_a_negative_example_is_not(entry: Detection, example: Any) -> None:
    assert entry.id not in found(example)


def test_there_are_enough_and_each_is_explained() -> None:
    assert len(shipped().detections.all) >= 60
    for entry in shipped().detections.all:
        assert entry.title
        assert entry.why
        assert any(tag.startswith(("ASI", "AML.")) for tag in entry.tags), entry.id


def test_no_shipped_example_holds_a_live_looking_secret() -> None:
    from yett.extract.values import secrets

    for path in (resources.policies() / "detections").glob("*.yaml"):
        for fact in secrets.scan(path.read_text("utf-8"), "/"):
            assert fact.confidence != "checksum", path
            assert fact.kind not in ("aws_access_key", "github_token", "slack_token", "stripe_key"), path


BASE = """
family: test
detections:
  - id: one
    title: One
    level: low
    tags: [ASI01]
    why: Because.
    {body}
    examples:
      positive: [a, b]
      negative: [c, d]
"""


def load(tmp_path: Path, body: str, examples: str | None = None) -> detections.Detections:
    text = textwrap.dedent(BASE).format(body=body)
    if examples is not None:
        text = text[: text.index("    examples:")] + examples
    (tmp_path / "test.yaml").write_text(text)
    return detections.load([tmp_path])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pattern: 'a.{0,300}b'", "PATTERN_GAP"),
        ("pattern: 'a{21}'", "PATTERN_GAP"),
        ("pattern: '(?=a)b'", "PATTERN_REFUSED"),
        ("pattern: '(a'", "PATTERN_REFUSED"),
        ("when: nonsense > 1", "EXPR_NAME"),
        ("{each: urls, when: it.adress == 'metadata'}", "DETECTION_FILE"),
        ("each: urls\n    when: it.adress == 'metadata'", "EXPR_NAME"),
        ("each: everything\n    when: len(limits) > 0", "DETECTION_EACH"),
        ("points: 3", "DETECTION_FORM"),
        ("unknown: 1\n    pattern: a", "DETECTION_FILE"),
        ("pattern: a\n    in: nowhere", "DETECTION_IN"),
    ],
)
def test_what_is_wrong_does_not_load(tmp_path: Path, body: str, code: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(tmp_path, body)
    assert refused.value.code in (code, "EXPR_TYPE")


def test_too_few_examples_do_not_load(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="examples"):
        load(tmp_path, "pattern: a", "    examples: {positive: [a], negative: [b, c]}\n")


def test_an_id_occurs_once(tmp_path: Path) -> None:
    load(tmp_path, "pattern: a")
    (tmp_path / "again.yaml").write_text((tmp_path / "test.yaml").read_text())
    with pytest.raises(PolicyError, match="taken"):
        detections.load([tmp_path])


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        detections.load([tmp_path])


def test_a_pattern_looks_at_keys_only_where_it_says_so(tmp_path: Path) -> None:
    loaded = load(tmp_path, "pattern: '^b_d__k'\n    in: keys")
    keyed = extract(ToolCall(tool="t", arguments={"x": {"b_d__k": "v"}}), None, 10)
    valued = extract(ToolCall(tool="t", arguments={"x": "b_d__k"}), None, 10)
    assert loaded.find(keyed)[0].level is Level.LOW
    assert loaded.find(valued) == ()


def test_the_digest_names_the_data() -> None:
    assert shipped().digest.startswith("sha256:")
    assert shipped().digest == Assessor.load().digest
