"""The attack corpus: every class of tampering we know of, seeded variants of each, and what must catch it.

By default a few variants of each class run; `YETT_LONG=1` runs at least 20 of each (over 1,000 logs).
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attacks_with_key  # noqa: F401 - registers its attacks
import attacks_without_key  # noqa: F401
import pytest
from attack_lab import ATTACKS, OTHER, VKEYS, Attack, Lab, build, epochs, flip_effect, number_of

from yett_audit import canonical, chain, record, report
from yett_audit.errors import OK, ROLLBACK, UNANCHORED
from yett_audit.trust import Trust
from yett_audit.verify import Anchor, Demand, Report, verify_log

VARIANTS = 20 if os.environ.get("YETT_LONG") else 3

# --- running it


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Lab, Anchor]]]:
    folder = tmp_path_factory.mktemp("good")
    logs = {}
    for mode in record.MODES:
        build(folder / mode, mode=mode, seed=1)
        head = (folder / mode / "head").read_bytes()
        logs[mode] = (Lab.of(folder / mode), Anchor.parse(head, "anchor"))
    build(folder / "other", seed=2)
    build(folder / "foreign", seed=3, origin="other.example/log")
    OTHER[:] = [Lab.of(folder / "other"), Lab.of(folder / "foreign")]
    return logs


def verify(directory: Path, *anchors: Anchor) -> Report:
    return verify_log(directory, Demand(trust=Trust(logs=[VKEYS[0]]), anchors=anchors))


def copy_of(lab: Lab) -> Lab:
    return Lab([list(lines) for lines in lab.files])


@pytest.mark.parametrize("mode", record.MODES)
def test_the_good_log_verifies_with_and_without_its_anchor(good: Any, tmp_path: Path, mode: str) -> None:
    lab, anchor = good[mode]
    lab.write(tmp_path / "log")
    alone, with_anchor = verify(tmp_path / "log"), verify(tmp_path / "log", anchor)
    assert (alone.exit_code, alone.verdict, alone.exposure) == (OK, "SEALED", None)
    assert (with_anchor.exit_code, with_anchor.verdict) == (OK, "ANCHORED")
    assert len(alone.keys) == 2


def test_rechaining_a_good_log_with_its_keys_changes_nothing(good: Any, tmp_path: Path) -> None:
    lab = copy_of(good["sealed"][0])
    lab.rechain(epochs)
    assert lab.files == good["sealed"][0].files


@pytest.mark.parametrize("variant", range(VARIANTS))
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_attack(
    good: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack, variant: int
) -> None:
    original, anchor = good[attack.mode]
    lab = copy_of(original)
    attack.act(lab, random.Random(f"{attack.name}/{variant}"))
    directory = tmp_path / "log"
    lab.write(directory)
    for decode in (canonical.decode, canonical.slow_decode):
        monkeypatch.setattr(chain.canonical, "decode", decode)
        alone, with_anchor = verify(directory), verify(directory, anchor)
        text = report.as_text(alone)
        assert "\x1b" not in text
        assert with_anchor.exit_code not in (OK, UNANCHORED)
        if attack.local:
            assert alone.failure is not None, text
            assert (alone.exit_code in attack.codes, alone.failure["cause"]) == (
                True,
                alone.failure["cause"],
            ), text
            assert alone.failure["cause"] in attack.causes, text
        else:
            assert alone.failure is None, text
            assert (alone.verdict, alone.exposure) == ("SEALED", None)
            assert with_anchor.exit_code == ROLLBACK
            assert with_anchor.failure is not None
            assert with_anchor.failure["cause"] in attack.causes
            assert with_anchor.evidence is not None


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_several_processes_come_to_the_same_verdict(good: Any, tmp_path: Path, attack: Attack) -> None:
    original, anchor = good[attack.mode]
    lab = copy_of(original)
    attack.act(lab, random.Random(f"{attack.name}/parallel"))
    lab.write(tmp_path / "log")
    for anchors in ((), (anchor,)):
        demand = Demand(trust=Trust(logs=[VKEYS[0]]), anchors=anchors)
        one = verify_log(tmp_path / "log", demand)
        several = verify_log(tmp_path / "log", dataclasses.replace(demand, jobs=3))
        assert (several.exit_code, several.verdict) == (one.exit_code, one.verdict)
        if one.failure is None:
            ignored = {"seconds": 0.0, "resume": None}
            assert dataclasses.replace(several, **ignored) == dataclasses.replace(one, **ignored)


def test_there_are_enough_classes() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 54


def test_the_changed_record_is_named_with_its_offset(good: Any, tmp_path: Path) -> None:
    for number, place in enumerate(good["sealed"][0].decisions()):
        lab = copy_of(good["sealed"][0])
        flip_effect(lab, place)
        directory = tmp_path / str(number)
        lab.write(directory)
        failure = verify(directory).failure
        assert failure is not None
        line = lab.files[place[0]][place[1]]
        assert (failure["cause"], failure["record"]) == ("record-changed", number_of(line))
        data = (directory / failure["file"]).read_bytes()
        assert data[failure["offset"] :].startswith(line + b"\n")
