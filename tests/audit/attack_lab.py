"""A log in the hands of an attacker: the tools that the attack corpus is made with.

An attack is a function that takes a `Lab` (a copy of a good log) and a seeded random generator and changes it. It
declares what is expected:

- `caught(causes…)`: the verifier with the pinned key finds it by itself, names one of these causes, exit code 1;
- `anchored(causes…)`: nobody can find it locally; the report says so (no exposure is claimed), and the same
  verification with a remembered checkpoint proves it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yett_audit import canonical, merkle, note, record, report, segment
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import ROLLBACK, TAMPERED
from yett_audit.writer import Writer

ORIGIN = "host.example/yett/test"
KEYS = [SigningKey(bytes([n]) * 32) for n in range(4)]
THIEF = SigningKey(b"thief" + bytes(27))
VKEYS = [note.VerifierKey(ORIGIN, key.public) for key in KEYS]
_TAIL = re.compile(rb',"seq":\d+,"~prev":"[A-Za-z0-9_-]{43}"(,"~sig":"[A-Za-z0-9_-]{86}")?\}$')


def build(
    directory: Path, *, origin: str = ORIGIN, seed: int = 0, mode: str = "sealed", records: int = 90
) -> None:
    """A good log: several segments, batches of changing size, one key rotation, an orderly end."""
    rng = random.Random(seed)
    clock = iter(range(1_800_000_000_000 + seed, 1_900_000_000_000, 7))
    log = Writer.open(
        directory, origin=origin, key=KEYS[0], mode=mode, segment_bytes=9_000, now=clock.__next__,
        entropy=lambda n: rng.randbytes(n),
    )  # fmt: skip
    for number in range(records):
        body = {
            "effect": rng.choice(["allow", "deny"]),
            "n": number,
            "who": rng.choice(["Zoë", "bob"]),
            "amount": 500,
        }
        log.append("decision", body)
        if rng.random() < 0.3:
            log.flush()
        if number == records // 2:
            log.rotate(KEYS[1])
    log.flush()
    log.close()


@dataclass
class Lab:
    """A log in the hands of an attacker: its files as lists of lines."""

    files: list[list[bytes]]
    odd: dict[str, Callable[[Path], None]] = field(default_factory=dict)
    raw: dict[int, bytes] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    tail: bytes = b""

    @classmethod
    def of(cls, directory: Path) -> Lab:
        return cls([p.read_bytes().split(b"\n")[:-1] for p in segment.paths(directory)])

    def write(self, directory: Path) -> None:
        directory.mkdir()
        for number, lines in enumerate(self.files):
            if not lines and number not in self.raw:
                continue
            name = self.names.get(number) or segment.name_of(number_of(lines[0]) if lines else 0)
            data = self.raw.get(number, b"".join(line + b"\n" for line in lines))
            (directory / name).write_bytes(data + (self.tail if number == len(self.files) - 1 else b""))
        for act in self.odd.values():
            act(directory)

    def places(self, *, seals: bool | None = None, last_batch: bool = True) -> list[tuple[int, int]]:
        """(file, line) of records, of seals, or of both; without the last batch and its seal on demand."""
        found = [(f, n) for f, lines in enumerate(self.files) for n in range(len(lines))]
        if not last_batch:
            ends = [p for p in found if is_seal(self.files[p[0]][p[1]])]
            found = [p for p in found if p <= ends[-2]]
        return [p for p in found if seals is None or is_seal(self.files[p[0]][p[1]]) == seals]

    def decisions(self) -> list[tuple[int, int]]:
        return [p for p in self.places(seals=False) if b'"ev":"decision"' in self.files[p[0]][p[1]]]

    def rechain(
        self,
        sign: Callable[[int], list[SigningKey]] | None,
        *,
        roots: bool = True,
        key: SigningKey | None = None,
    ) -> None:
        """Recomputes numbers, links, segment headers and seals, as an attacker would who tidies up.

        `sign(epoch)` gives the keys he signs seals with; without it the old signatures stay, and with
        `roots` false the old notes as well.
        """
        state, prev, index, at, epoch, rotating = merkle.Range(), record.ZERO, 0, 0, 0, False
        in_force = KEYS[0] if key is None else key
        for number, lines in enumerate(self.files):
            for position, line in enumerate(lines):
                if is_seal(line):
                    line, in_force = self._seal(
                        line, state, prev, index, at, sign, roots, epoch, rotating, in_force
                    )
                    epoch, rotating = epoch + rotating, False
                else:
                    body = json.loads(line)["body"] if b'"ev":"log.' in line else {}
                    rotating = b'"ev":"log.rotate"' in line
                    if b'"ev":"log.segment"' in line:
                        value = json.loads(line)
                        value["body"]["range"] = [note.to_base64(h) for h in state.hashes]
                        line = canonical.encode(value)
                    elif key is not None and "key" in body and b"log.genesis" in line:
                        value = json.loads(line)
                        value["body"]["key"] = str(note.VerifierKey(value["body"]["origin"], key.public))
                        line = canonical.encode(value)
                    line = _TAIL.sub(b"", line) + record.tail(index, prev) + b"}"
                    found = re.search(rb'"at":(\d+)', line)
                    at = int(found[1]) if found else at
                prev = record.leaf_of(line)
                state.append(prev)
                lines[position] = line
                index += 1
            self.files[number] = lines

    def _seal(self, line, state, prev, index, at, sign, roots, epoch, rotating, in_force):  # type: ignore[no-untyped-def]
        old = note.parse(json.loads(line)["body"]["note"])
        origin = note.Checkpoint.parse(old.text).origin
        text = note.Checkpoint(origin, index, state.root()).text() if roots else old.text
        signatures = old.signatures
        if sign is not None:
            signers = sign(epoch) if not rotating else [*sign(epoch), *sign(epoch + 1)]
            signatures = tuple(note.sign(text, origin, k) for k in signers)
        return seal_line(text, signatures, at, index, prev), in_force


def seal_line(text: str, signatures: tuple[note.Signature, ...], at: int, index: int, prev: bytes) -> bytes:
    signed = str(note.Note(text, signatures)).replace("\n", "\\n").encode()
    return record.SEAL_START % at + signed + record.SEAL_END + record.tail(index, prev) + b"}"


def is_seal(line: bytes) -> bool:
    return b'"},"ev":"log.seal","seq"' in line


def number_of(line: bytes) -> int:
    found = re.search(rb',"seq":(\d+),"~prev":"', line)
    return int(found[1]) if found else 0


def epochs(number: int) -> list[SigningKey]:
    """The real keys, all stolen."""
    return [KEYS[number]]


@dataclass(frozen=True)
class Attack:
    name: str
    act: Callable[[Lab, random.Random], None]
    causes: frozenset[str]
    codes: frozenset[int]
    local: bool
    mode: str


ATTACKS: list[Attack] = []


def caught(*causes: str, codes: tuple[int, ...] = (TAMPERED,), mode: str = "sealed") -> Callable[[Any], Any]:
    """The verifier finds it alone."""

    def register(act: Callable[[Lab, random.Random], None]) -> Callable[[Lab, random.Random], None]:
        ATTACKS.append(Attack(act.__name__, act, frozenset(causes), frozenset(codes), True, mode))
        return act

    return register


def anchored(*causes: str, mode: str = "sealed") -> Callable[[Any], Any]:
    """Only an anchor finds it."""

    def register(act: Callable[[Lab, random.Random], None]) -> Callable[[Lab, random.Random], None]:
        ATTACKS.append(Attack(act.__name__, act, frozenset(causes), frozenset((ROLLBACK,)), False, mode))
        return act

    return register


def edit(lab: Lab, place: tuple[int, int], old: bytes, new: bytes) -> None:
    file, line = place
    changed = lab.files[file][line].replace(old, new, 1)
    assert changed != lab.files[file][line]
    lab.files[file][line] = changed


def flip_effect(lab: Lab, place: tuple[int, int]) -> None:
    line = lab.files[place[0]][place[1]]
    edit(lab, place, *((b'"deny"', b'"allow"') if b'"deny"' in line else (b'"allow"', b'"deny"')))


EVERYTHING = tuple(report.CAUSES)

OTHER: list[Lab] = []
