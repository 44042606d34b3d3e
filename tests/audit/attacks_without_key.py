"""Attacks of someone who holds the files, but not the signing key."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

from attack_lab import (
    ATTACKS,
    EVERYTHING,
    KEYS,
    ORIGIN,
    OTHER,
    THIEF,
    VKEYS,
    Attack,
    Lab,
    caught,
    edit,
    flip_effect,
    is_seal,
    number_of,
)

from yett_audit import canonical, ed25519, note, record, segment
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LIMIT, TAMPERED, UNSUPPORTED

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
    lab.names[number] = segment.name_of(number_of(lab.files[number][0]))


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
    lab.names = {
        a: segment.name_of(number_of(lab.files[a][0])),
        b: segment.name_of(number_of(lab.files[b][0])),
    }
    lab.files[a], lab.files[b] = lab.files[b], lab.files[a]


@caught("segment")
def present_a_segment_twice(lab: Lab, rng: random.Random) -> None:
    number = rng.randrange(1, len(lab.files))
    first = number_of(lab.files[number][0]) + rng.randrange(1, 5)
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
    lab.names[number] = segment.name_of(number_of(lab.files[number][0]))
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
