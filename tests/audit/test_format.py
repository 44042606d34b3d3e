"""The documented format: its vectors are what the writer writes and the verifier says, and every cause is explained."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from yett_audit import canonical, note, report
from yett_audit.errors import Broken
from yett_audit.trust import Trust
from yett_audit.verify import Demand, Report, verify_log

HERE = Path(__file__).parent
INDEX = json.loads((HERE / "vectors/index.json").read_text())


def test_the_vectors_are_what_the_program_writes_today(tmp_path: Path) -> None:
    runpy.run_path(str(HERE / "make_vectors.py"))["main"](tmp_path)
    for path in sorted((HERE / "vectors").rglob("*.json*")):
        assert (tmp_path / path.relative_to(HERE / "vectors")).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("case", INDEX["logs"], ids=lambda case: case["log"])
def test_each_vector_gets_its_verdict(case: dict[str, object]) -> None:
    demand = Demand(trust=Trust(logs=[note.VerifierKey.parse(INDEX["key"])]))
    found = verify_log(HERE / "vectors" / str(case["log"]), demand)
    assert (found.exit_code, found.verdict, found.sealed, found.root) == (
        case["exit"], case["verdict"], case["sealed"], case["root"],
    )  # fmt: skip
    assert (found.failure["cause"] if found.failure else None) == case["cause"]


@pytest.mark.parametrize("name", sorted(INDEX["refused"]))
@pytest.mark.parametrize("decode", [canonical.decode, canonical.slow_decode])
def test_lines_outside_the_profile_are_refused(name: str, decode: object) -> None:
    with pytest.raises(Broken):
        decode(bytes.fromhex(INDEX["refused"][name]))  # type: ignore[operator]


def test_every_cause_that_can_be_raised_is_explained(root: Path) -> None:
    import re

    raised = set()
    for path in (root / "audit/yett_audit").glob("*.py"):
        raised |= set(re.findall(r'Broken\(\s*"([a-z0-9-]+)"', path.read_text()))
    assert raised - set(report.CAUSES) <= {"usage"}


def test_the_json_report_has_exactly_the_members_of_its_schema(root: Path) -> None:
    schema = json.loads((root / "docs/verify-report.schema.json").read_text())
    told = json.loads(report.as_json(Report("x")))
    assert set(told) == set(schema["properties"]) == set(schema["required"])
    import jsonschema_rs

    for case in INDEX["logs"]:
        found = verify_log(HERE / "vectors" / case["log"], Demand())
        jsonschema_rs.validate(schema, json.loads(report.as_json(found)))
