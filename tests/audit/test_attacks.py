"""The attack corpus: every class of tampering we know of, seeded variants of each, and what must catch it.

An attack is a function that takes a copy of a good log and a seeded random generator and changes it. It
declares what is expected:

- `caught(causes…)`: the verifier with the pinned key finds it by itself, names one of these causes, exit code 1;
- `anchored(causes…)`: nobody can find it locally; the report says so (no exposure is claimed), and the same
  verification with a remembered checkpoint proves it.

By default a few variants of each class run; `YETT_LONG=1` runs at least 20 of each (over 1,000 logs).
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from yett_audit import canonical, chain, ed25519, merkle, note, record, report, segment
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LIMIT, OK, ROLLBACK, TAMPERED, UNANCHORED, UNSUPPORTED, USAGE
from yett_audit.trust import Trust
from yett_audit.verify import Anchor, Demand, Report, verify_log
from yett_audit.writer import Writer

VARIANTS = 20 if os.environ.get("YETT_LONG") else 3
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
            name = self.names.get(number) or segment.name_of(_number(lines[0]) if lines else 0)
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


def _number(line: bytes) -> int:
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

# --- bytes


@caught(*EVERYTHING, codes=(TAMPERED, UNSUPPORTED, LIMIT))
def flip_a_bit_anywhere(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.places())
    data = bytearray(lab.files[file][line])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    lab.files[file][line] = bytes(data)


@caught(*EVERYTHING)
def flip_a_bit_in_a_signed_record(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.places(seals=False)[1:])
    data = bytearray(lab.files[file][line])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    lab.files[file][line] = bytes(data)


ATTACKS[-1] = Attack(
    **{**ATTACKS[-1].__dict__, "mode": "per-record", "codes": frozenset((TAMPERED, UNSUPPORTED, LIMIT))}
)


@caught(*EVERYTHING)
def replace_a_line_by_garbage(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.places()[1:])
    lab.files[file][line] = rng.randbytes(rng.randrange(1, 400)).replace(b"\n", b"") or b"x"


@caught("crlf")
def convert_to_crlf(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(len(lab.files))
    lab.files[number] = [line + b"\r" for line in lab.files[number]]


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "causes": frozenset(("crlf", "not-canonical", "json"))})


@caught("encoding", "utf-8", "json")
def convert_to_utf16(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(len(lab.files))
    text = b"".join(line + b"\n" for line in lab.files[number]).decode()
    lab.raw[number] = text.encode("utf-16")


@caught("encoding", "json", "not-canonical")
def add_a_byte_order_mark(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(len(lab.files))
    lab.files[number][0] = b"\xef\xbb\xbf" + lab.files[number][0]
    lab.names[number] = segment.name_of(_number(lab.files[number][0]))


@caught("json")
def let_an_editor_add_a_newline(lab: Lab, rng: random.Random) -> None:
    lab.tail = b"\n" * rng.randrange(1, 4)


@caught("json", "chain", "sequence", "members", "not-canonical")
def glue_two_lines(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice([p for p in lab.places(last_batch=False) if p[1] + 1 < len(lab.files[p[0]])][1:])
    lab.files[file][line : line + 2] = [b"".join(lab.files[file][line : line + 2])]


# --- records without the key


@caught("record-changed")
def edit_a_field(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()))


@caught("seal-root")
def edit_a_field_and_rehash(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()))
    lab.rechain(None, roots=False)


@caught("seal-signature")
def edit_a_field_rehash_and_correct_the_roots(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()))
    lab.rechain(None)


@caught("sequence", "chain", "record-changed")
def swap_two_records(lab: Lab, rng: random.Random) -> None:
    (a, i), (b, j) = rng.sample(lab.decisions(), 2)
    lab.files[a][i], lab.files[b][j] = lab.files[b][j], lab.files[a][i]


@caught("seal-root", "time")
def swap_two_records_and_rehash(lab: Lab, rng: random.Random) -> None:
    (a, i), (b, j) = rng.sample(lab.decisions(), 2)
    lab.files[a][i], lab.files[b][j] = lab.files[b][j], lab.files[a][i]
    lab.rechain(None, roots=False)


@caught("sequence")
def insert_a_copy(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.decisions())
    lab.files[file].insert(line + 1, lab.files[file][line])


@caught("seal-size", "seal-root")
def insert_a_forged_record_and_rehash(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.decisions())
    lab.files[file].insert(line + 1, lab.files[file][line])
    lab.rechain(None, roots=False)


@caught("seal-signature")
def insert_a_forged_record_and_correct_the_roots(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.decisions())
    lab.files[file].insert(line + 1, lab.files[file][line])
    lab.rechain(None)


@caught("sequence", "segment")
def delete_a_record(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.decisions())
    del lab.files[file][line]


@caught("seal-size", "seal-root", "seal")
def delete_a_record_and_rehash(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.decisions())
    del lab.files[file][line]
    lab.rechain(None, roots=False)


@caught("record-changed")
def exchange_a_letter_for_its_decomposed_form(lab: Lab, rng: random.Random) -> None:
    edit(
        lab,
        rng.choice([p for p in lab.decisions() if "ë".encode() in lab.files[p[0]][p[1]]]),
        "ë".encode(),
        "e\u0308".encode(),
    )


# --- beginning and segments


@caught("segment", "genesis")
def delete_the_first_segments(lab: Lab, rng: random.Random) -> None:
    del lab.files[: rng.randrange(1, len(lab.files))]


@caught("genesis", "sequence", "members", "chain")
def delete_the_genesis(lab: Lab, rng: random.Random) -> None:
    lab.names[0] = segment.name_of(0)
    del lab.files[0][: rng.randrange(1, 3)]


@caught("key")
def replace_everything_under_an_own_key(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()))
    text = json.loads(next(line for lines in lab.files for line in lines if b"log.rotate" in line))["body"][
        "key"
    ]
    for lines in lab.files:
        for number, line in enumerate(lines):
            if b'"ev":"log.segment"' in line or b'"ev":"log.rotate"' in line:
                for old in (str(VKEYS[0]), text):
                    line = line.replace(
                        old.encode(), str(note.VerifierKey(ORIGIN, _thief(old).public)).encode()
                    )
                lines[number] = line
    lab.rechain(lambda epoch: [_thief(str(VKEYS[epoch]))], key=_thief(str(VKEYS[0])))


def _thief(vkey: str) -> SigningKey:
    return THIEF if vkey == str(VKEYS[0]) else SigningKey(b"thief's second key" + bytes(14))


@caught("segment")
def lose_a_segment(lab: Lab, rng: random.Random) -> None:
    del lab.files[rng.randrange(1, len(lab.files) - 1)]


@caught("segment", "sequence", "chain")
def swap_two_segments(lab: Lab, rng: random.Random) -> None:
    a, b = rng.sample(range(1, len(lab.files)), 2)
    lab.names = {a: segment.name_of(_number(lab.files[a][0])), b: segment.name_of(_number(lab.files[b][0]))}
    lab.files[a], lab.files[b] = lab.files[b], lab.files[a]


@caught("segment")
def present_a_segment_twice(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(1, len(lab.files))
    first = _number(lab.files[number][0]) + rng.randrange(1, 5)
    lab.files.insert(number + 1, list(lab.files[number]))
    lab.names[number + 1] = segment.name_of(first)


@caught("unsealed", "torn", "segment")
def cut_a_middle_segment(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(0, len(lab.files) - 1)
    data = b"".join(line + b"\n" for line in lab.files[number])
    lab.raw[number] = data[: rng.randrange(1, len(data))]


@caught("segment", "sequence", "chain")
def splice_a_segment_of_another_log(lab: Lab, rng: random.Random) -> None:
    other = OTHER[0]
    number = rng.randrange(1, min(len(lab.files), len(other.files)))
    lab.names[number] = segment.name_of(_number(lab.files[number][0]))
    lab.files[number] = list(other.files[number])


@caught("origin")
def present_another_log(lab: Lab, rng: random.Random) -> None:
    lab.files = [list(lines) for lines in OTHER[1].files]


# --- signatures and seals


@caught("seal", "unsealed", "segment", "sequence", "chain", "rotation")
def strip_one_seal(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(list(lab.places(seals=True, last_batch=False)))
    del lab.files[file][line]
    lab.rechain(None, roots=False)


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "causes": ATTACKS[-1].causes | {"seal-size", "seal-root"}})


@caught("unsealed", "segment", "rotation")
def strip_all_seals_and_rehash(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()))
    lab.files = [[line for line in lines if not is_seal(line)] for lines in lab.files]
    lab.rechain(None)


@caught("members", "sequence", "chain")
def strip_a_record_signature(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.decisions())
    lab.files[file][line] = re.sub(rb',"~sig":"[^"]+"\}$', b"}", lab.files[file][line])


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "mode": "per-record"})


@caught("record-signature")
def forge_a_record_signature(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice(lab.decisions())
    text = lab.files[file][line]
    start = text[: -record.SIG_LENGTH]
    if rng.random() < 0.5:
        start = start.replace(b'"amount":500', b'"amount":900')
    forged = THIEF.sign(record.signed_bytes(ORIGIN, "0" * 32, start))
    lab.files[file][line] = start + b',"~sig":"' + record.b64(forged) + b'"}'


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "mode": "per-record"})


@caught("record-signature")
def stretch_a_record_signature(lab: Lab, rng: random.Random) -> None:
    """S + L: the same equation, another signature."""
    file, line = rng.choice(lab.decisions())
    text = lab.files[file][line]
    raw = note.base64.urlsafe_b64decode(text[-88:-2] + b"==")
    s = int.from_bytes(raw[32:], "little") + ed25519.L
    lab.files[file][line] = text[:-88] + record.b64(raw[:32] + s.to_bytes(32, "little")) + b'"}'


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "mode": "per-record"})


def _resign(lab: Lab, place: tuple[int, int], change: Callable[[note.Note], note.Note]) -> None:
    file, line = place
    value = json.loads(lab.files[file][line])
    value["body"]["note"] = str(change(note.parse(value["body"]["note"])))
    lab.files[file][line] = canonical.encode(value)


@caught("seal-signature")
def stretch_a_seal_signature(lab: Lab, rng: random.Random) -> None:
    def change(old: note.Note) -> note.Note:
        first, *rest = old.signatures
        s = int.from_bytes(first.signature[32:], "little") + ed25519.L
        return note.Note(
            old.text, (first._replace(signature=first.signature[:32] + s.to_bytes(32, "little")), *rest)
        )

    _resign(lab, rng.choice(lab.places(seals=True)), change)


@caught("seal-signature")
def use_a_commitment_of_low_order(lab: Lab, rng: random.Random) -> None:
    low = rng.choice(sorted(ed25519.LOW_ORDER)).to_bytes(32, "little")

    def change(old: note.Note) -> note.Note:
        first, *rest = old.signatures
        return note.Note(old.text, (first._replace(signature=low + first.signature[32:]), *rest))

    _resign(lab, rng.choice(lab.places(seals=True)), change)


@caught("seal-signature")
def take_the_signature_of_another_seal(lab: Lab, rng: random.Random) -> None:
    places = [p for p in lab.places(seals=True) if lab.files[p[0]][p[1]].count("—".encode()) == 1]
    half = [p for p in places if p < places[len(places) // 2 - 2]]
    target, source = rng.sample(half, 2)
    other = note.parse(json.loads(lab.files[source[0]][source[1]])["body"]["note"]).signatures
    _resign(lab, target, lambda old: note.Note(old.text, other))


@caught("seal-key", "seal")
def sign_a_seal_with_a_foreign_key(lab: Lab, rng: random.Random) -> None:
    _resign(
        lab,
        rng.choice(lab.places(seals=True)),
        lambda old: note.Note(old.text, (note.sign(old.text, ORIGIN, THIEF),)),
    )


@caught("seal")
def add_a_signature_to_a_seal(lab: Lab, rng: random.Random) -> None:
    _resign(
        lab, rng.choice(lab.places(seals=True)),
        lambda old: note.Note(old.text, (*old.signatures, note.sign(old.text, ORIGIN, THIEF))),
    )  # fmt: skip


@caught("seal-origin")
def seal_for_another_origin(lab: Lab, rng: random.Random) -> None:
    def change(old: note.Note) -> note.Note:
        text = old.text.replace(ORIGIN, "evil.example/log")
        return note.Note(text, (note.sign(text, "evil.example/log", KEYS[1]),))

    _resign(lab, rng.choice(lab.places(seals=True)), change)


@caught("seal-size")
def put_an_older_seal_in_place(lab: Lab, rng: random.Random) -> None:
    places = lab.places(seals=True)
    source, target = sorted(rng.sample(places, 2))
    old = note.parse(json.loads(lab.files[source[0]][source[1]])["body"]["note"])
    _resign(lab, target, lambda _: old)


@caught("seal")
def change_the_time_of_a_seal(lab: Lab, rng: random.Random) -> None:
    place = rng.choice(lab.places(seals=True))
    value = json.loads(lab.files[place[0]][place[1]])
    value["at"] += rng.choice([-1, 1, 10**9])
    lab.files[place[0]][place[1]] = canonical.encode(value)


@caught("seal", "members")
def add_a_member_to_a_seal(lab: Lab, rng: random.Random) -> None:
    place = rng.choice(lab.places(seals=True))
    value = json.loads(lab.files[place[0]][place[1]])
    value["body"]["x"] = 1
    lab.files[place[0]][place[1]] = canonical.encode(value)


@caught("key", "note", "genesis", "format")
def change_the_type_of_the_key(lab: Lab, rng: random.Random) -> None:
    """Algorithm confusion: the key's type byte says something else."""
    kind = rng.choice([0, 2, 4, 6, 0xFF])
    forged = note.VerifierKey(ORIGIN, KEYS[0].public, kind)
    edit(lab, (0, 0), str(VKEYS[0]).encode(), str(forged).encode())
    lab.rechain(lambda epoch: [KEYS[epoch]])


# --- with the stolen key: what the format itself refuses


def signed(lab: Lab, rng: random.Random, old: bytes, new: bytes) -> None:
    """Edits one record and re-signs everything with the real keys."""
    edit(lab, rng.choice([p for p in lab.decisions() if old in lab.files[p[0]][p[1]]]), old, new)
    lab.rechain(epochs)


@caught("duplicate-key")
def sign_a_duplicate_key(lab: Lab, rng: random.Random) -> None:
    signed(
        lab, rng, b'"amount":500', rng.choice([b'"amount":900,"amount":500', b'"amount":500,"amount":500'])
    )


@caught("not-canonical", "json")
def sign_other_bytes_of_the_same_value(lab: Lab, rng: random.Random) -> None:
    old, new = rng.choice([
        (b'"amount":500', b'"amount": 500'), (b'"amount":500', b'"\\u0061mount":500'), (b'"bob"', b'"b\\u006fb"'),
        (b'{"amount":500,', b'{'), (b'"bob"', b'"bob" '), ("ë".encode(), b"\\u00eb"), (b'"at":', b'\t"at":'),
    ])  # fmt: skip
    if new == b"{":  # another order of members
        places = list(lab.decisions())
        edit(lab, rng.choice(places), b'"amount":500,"effect"', b'"zamount":500,"effect"')
        lab.rechain(epochs)
    else:
        signed(lab, rng, old, new)


@caught("number", "not-canonical", "json")
def sign_a_number_outside_the_profile(lab: Lab, rng: random.Random) -> None:
    number = rng.choice(
        [
            b"1.0",
            b"1e2",
            b"-0",
            b"9007199254740993",
            b"1" * 30,
            b"NaN",
            b"Infinity",
            b"0.1",
            b"-9007199254740992",
            b"01",
            b"+1",
        ]
    )
    signed(lab, rng, b'"amount":500', b'"amount":' + number)


@caught("utf-8", "json", "not-canonical")
def sign_text_that_is_no_unicode(lab: Lab, rng: random.Random) -> None:
    signed(
        lab,
        rng,
        b'"bob"',
        rng.choice(
            [
                b'"\xff"',
                b'"\\ud800"',
                b'"\xed\xa0\x80"',
                b'"\xc0\xaf"',
                b'"a\x00b"',
                b'"\x01"',
                b'"\xf5\x80\x80\x80"',
            ]
        ),
    )


@caught("members")
def sign_an_unknown_member(lab: Lab, rng: random.Random) -> None:
    signed(lab, rng, b',"seq":', rng.choice([b',"extra":1,"seq":', b',"Seq":1,"seq":', b',"ex":"","seq":']))


ATTACKS[-1] = Attack(
    **{**ATTACKS[-1].__dict__, "causes": frozenset(("members", "not-canonical", "seal", "sequence"))}
)


@caught("key")
def sign_a_key_that_is_not_ascii(lab: Lab, rng: random.Random) -> None:
    signed(lab, rng, b'"who":', '"whö":'.encode())


@caught("time")
def sign_a_record_older_than_its_predecessor(lab: Lab, rng: random.Random) -> None:
    place = rng.choice(lab.decisions()[10:])
    line = lab.files[place[0]][place[1]]
    edit(lab, place, re.search(rb'"at":\d+', line)[0], b'"at":%d' % rng.randrange(10**12))  # type: ignore[index]
    lab.rechain(epochs)


@caught("event", "members")
def sign_a_malformed_event(lab: Lab, rng: random.Random) -> None:
    signed(
        lab,
        rng,
        b'"ev":"decision"',
        rng.choice([b'"ev":""', b'"ev":"Decision"', b'"ev":7', b'"ev":"a b"', b'"ev":"' + b"x" * 65 + b'"']),
    )


@caught("too-long", codes=(LIMIT,))
def sign_a_gigantic_line(lab: Lab, rng: random.Random) -> None:
    signed(lab, rng, b'"bob"', b'"' + b"x" * rng.choice([65_536, 200_000, 3_000_000]) + b'"')


@caught("depth", codes=(LIMIT,))
def sign_a_deeply_nested_record(lab: Lab, rng: random.Random) -> None:
    depth = rng.choice([16, 17, 200, 3_000, 20_000])
    signed(
        lab, rng, b'"bob"', rng.choice([b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth])
    )


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "causes": frozenset(("depth", "too-long"))})


@caught("members", codes=(LIMIT,))
def sign_a_record_with_very_many_members(lab: Lab, rng: random.Random) -> None:
    count = rng.choice([257, 1000, 4000])
    signed(lab, rng, b'"bob"', b"{" + b",".join(b'"%05d":1' % n for n in range(count)) + b"}")


@caught("event", codes=(UNSUPPORTED,))
def sign_an_event_of_a_later_version(lab: Lab, rng: random.Random) -> None:
    signed(lab, rng, b'"ev":"decision"', b'"ev":"log.%b"' % rng.choice([b"future", b"quorum", b"x"]))


@caught("format", codes=(UNSUPPORTED,))
def present_another_format(lab: Lab, rng: random.Random) -> None:
    edit(
        lab,
        (0, 0),
        *rng.choice(
            [(b"yett-log/1", b"yett-log/2"), (b'"mode":"sealed"', b'"mode":"none"'), (b"yett-log/1", b"")]
        ),
    )
    lab.rechain(epochs)


@caught("genesis", "segment")
def sign_a_second_genesis(lab: Lab, rng: random.Random) -> None:
    place = rng.choice(lab.decisions())
    lab.files[place[0]][place[1]] = lab.files[0][0]
    lab.rechain(epochs)


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "causes": frozenset(("genesis", "time"))})


# --- keys and epochs


@caught("seal-signature", "seal-key", "seal")
def forge_a_rotation_without_the_old_key(lab: Lab, rng: random.Random) -> None:
    place = rng.choice([p for p in lab.places(seals=True) if p[0] == 0][1:-1])
    line = lab.files[place[0]][place[1]]
    body = canonical.encode({"epoch": 1, "key": str(note.VerifierKey(ORIGIN, THIEF.public))})
    at = re.search(rb'"at":(\d+)', line)[1]  # type: ignore[index]
    forged = b'{"at":%b,"body":%b,"ev":"log.rotate"' % (at, body) + record.tail(0, record.ZERO) + b"}"
    lab.files[place[0]].insert(place[1], forged)
    lab.rechain(lambda epoch: [THIEF])


@caught("seal-key", "seal-signature", "seal")
def go_on_with_the_retired_key(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()[-20:]))
    lab.rechain(lambda epoch: [KEYS[0]])


@caught("seal-key", "seal-signature", "seal")
def use_the_new_key_for_the_old_epoch(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()[:30]))
    lab.rechain(lambda epoch: [KEYS[1]])


@caught("rotation")
def sign_a_skipped_epoch(lab: Lab, rng: random.Random) -> None:
    place = next(p for p in lab.places(seals=False) if b"log.rotate" in lab.files[p[0]][p[1]])
    edit(lab, place, b'"epoch":1', b'"epoch":%d' % rng.choice([0, 2, 3, 7]))
    lab.rechain(epochs)


@caught("rotation")
def rotate_to_the_key_in_force(lab: Lab, rng: random.Random) -> None:
    place = next(p for p in lab.places(seals=False) if b"log.rotate" in lab.files[p[0]][p[1]])
    edit(lab, place, str(VKEYS[1]).encode(), str(VKEYS[0]).encode())
    lab.rechain(lambda epoch: [KEYS[0]])


@caught("rotation", "seal", "seal-size")
def put_records_between_a_rotation_and_its_seal(lab: Lab, rng: random.Random) -> None:
    file, line = next(p for p in lab.places(seals=False) if b"log.rotate" in lab.files[p[0]][p[1]])
    extra = lab.files[file][line - 2 if is_seal(lab.files[file][line - 1]) else line - 1]
    lab.files[file].insert(
        line + 1, re.sub(rb'"at":\d+', re.search(rb'"at":\d+', lab.files[file][line])[0], extra)
    )  # type: ignore[index]
    lab.rechain(epochs)


# --- what no log can show by itself


def cut_at(lab: Lab, place: tuple[int, int]) -> None:
    lab.files = lab.files[: place[0] + 1]
    lab.files[-1] = lab.files[-1][: place[1] + 1]


def _choose_cut(lab: Lab, rng: random.Random) -> tuple[int, int]:
    return rng.choice(lab.places(seals=True, last_batch=False)[1:])


@anchored("rollback")
def cut_the_tail_at_a_seal(lab: Lab, rng: random.Random) -> None:
    cut_at(lab, _choose_cut(lab, rng))


@anchored("rollback")
def cut_the_tail_anywhere(lab: Lab, rng: random.Random) -> None:
    file, line = _choose_cut(lab, rng)
    rest = lab.files[file][line + 1] if line + 1 < len(lab.files[file]) else b""
    cut_at(lab, (file, line))
    if not is_seal(rest):
        lab.tail = rest[: rng.randrange(len(rest) + 1)]


@anchored("rollback")
def fake_a_crash_inside_the_last_batch(lab: Lab, rng: random.Random) -> None:
    lines = lab.files[-1]
    last = max(n for n, line in enumerate(lines[:-1]) if is_seal(line))
    cut = rng.randrange(last + 1, len(lines))
    lab.tail = lines[cut][: rng.randrange(len(lines[cut]))]
    lab.files[-1] = lines[:cut]


@anchored("rollback")
def flip_the_last_line_feed(lab: Lab, rng: random.Random) -> None:
    last = lab.files[-1].pop()
    lab.tail = last + bytes([rng.choice([0x0B, 0x1A, 0x8A, 0x4A])])


@anchored("rollback", "fork")
def cut_the_tail_and_go_on_with_the_key(lab: Lab, rng: random.Random) -> None:
    place = rng.choice([p for p in lab.places(seals=True) if p > lab.places()[-30]][:-1])
    cut_at(lab, place)
    extra = [line for lines in lab.files for line in lines if b'"ev":"decision"' in line][-1]
    template = lab.files[-1][-1]
    for _ in range(rng.randrange(1, 40)):
        lab.files[-1] += [extra, template]
    lab.rechain(epochs)


@anchored("fork", "rollback")
def rewrite_with_all_keys(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()))
    lab.rechain(epochs)


@anchored("fork", "rollback")
def rewrite_the_current_epoch_with_its_key(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()[-20:]))
    lab.rechain(epochs)


@caught("seal-signature")
def rewrite_an_earlier_epoch_with_the_current_key(lab: Lab, rng: random.Random) -> None:
    flip_effect(lab, rng.choice(lab.decisions()[:30]))

    def sign(epoch: int) -> list[SigningKey]:
        return [KEYS[1]] if epoch else [note_key(rng)]

    lab.rechain(sign)


ATTACKS[-1] = Attack(**{**ATTACKS[-1].__dict__, "causes": frozenset(("seal-signature", "seal-key"))})


def note_key(rng: random.Random) -> SigningKey:
    return rng.choice([KEYS[1], THIEF])


@anchored("fork", "rollback")
def backdate_a_record_with_the_key(lab: Lab, rng: random.Random) -> None:
    place = rng.choice(lab.decisions()[-20:-1])
    line = lab.files[place[0]][place[1]]
    at = int(re.search(rb'"at":(\d+)', line)[1])  # type: ignore[index]
    edit(lab, place, b'"at":%d' % at, b'"at":%d' % (at + rng.choice([-1, 1, -2, 2])))
    lab.rechain(epochs)


@anchored("fork", "rollback")
def delete_a_record_with_the_key(lab: Lab, rng: random.Random) -> None:
    file, line = rng.choice([p for p in lab.decisions() if not is_seal(lab.files[p[0]][p[1] - 1])])
    del lab.files[file][line]
    lab.rechain(epochs)


@anchored("fork", "rollback")
def fork_the_log(lab: Lab, rng: random.Random) -> None:
    """Another valid history from some point on, as shown to somebody else."""
    for place in lab.decisions()[rng.randrange(20, 60) :]:
        flip_effect(lab, place)
    lab.rechain(epochs)


# --- files


@caught("empty")
def empty_a_segment(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(len(lab.files))
    lab.names[number] = segment.name_of(_number(lab.files[number][0]))
    lab.raw[number], lab.files[number] = b"", []


@caught("empty")
def present_an_empty_log(lab: Lab, rng: random.Random) -> None:
    lab.files = []


@caught("missing", codes=(USAGE,))
def delete_the_whole_log(lab: Lab, rng: random.Random) -> None:
    lab.odd["gone"] = shutil.rmtree


@caught("file")
def replace_a_segment_by_something_else(lab: Lab, rng: random.Random) -> None:
    name = segment.name_of(_number(lab.files[rng.randrange(len(lab.files))][0]))
    how = rng.choice(["link", "fifo", "directory", "dangling"])

    def act(directory: Path) -> None:
        path, aside = directory / name, directory / "aside"
        path.rename(aside)
        if how == "fifo":
            os.mkfifo(path)
        elif how == "directory":
            path.mkdir()
        else:
            path.symlink_to(aside if how == "link" else directory / "nowhere")

    lab.odd["replace"] = act


@caught("file")
def name_a_segment_oddly(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(len(lab.files))
    lab.names[number] = rng.choice(
        ["-1.jsonl", "1.jsonl", "..jsonl", "00000000000x.jsonl", "٠٠٠٠٠٠٠٠٠٠٠٠.jsonl", "+00000000000.jsonl"]
    )


@caught(*EVERYTHING, codes=(TAMPERED, LIMIT))
def compress_a_segment(lab: Lab, rng: random.Random) -> None:
    import gzip

    number = rng.randrange(len(lab.files))
    data = b"".join(line + b"\n" for line in lab.files[number])
    lab.raw[number] = gzip.compress(data * rng.randrange(1, 50), mtime=0)


# --- running it

OTHER: list[Lab] = []


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
        assert (failure["cause"], failure["record"]) == ("record-changed", _number(line))
        data = (directory / failure["file"]).read_bytes()
        assert data[failure["offset"] :].startswith(line + b"\n")
