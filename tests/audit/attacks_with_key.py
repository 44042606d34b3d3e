"""Attacks of someone who holds the signing key, who cuts the end off, or who swaps the files."""

from __future__ import annotations

import os
import random
import re
import shutil
from pathlib import Path

from attack_lab import (
    ATTACKS,
    EVERYTHING,
    KEYS,
    ORIGIN,
    THIEF,
    VKEYS,
    Attack,
    Lab,
    anchored,
    caught,
    edit,
    epochs,
    flip_effect,
    is_seal,
    number_of,
)

from yett_audit import canonical, note, record, segment
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LIMIT, TAMPERED, UNSUPPORTED, USAGE

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
    lab.names[number] = segment.name_of(number_of(lab.files[number][0]))
    lab.raw[number], lab.files[number] = b"", []


@caught("empty")
def present_an_empty_log(lab: Lab, rng: random.Random) -> None:
    lab.files = []


@caught("missing", codes=(USAGE,))
def delete_the_whole_log(lab: Lab, rng: random.Random) -> None:
    lab.odd["gone"] = shutil.rmtree


@caught("file")
def replace_a_segment_by_something_else(lab: Lab, rng: random.Random) -> None:
    name = segment.name_of(number_of(lab.files[rng.randrange(len(lab.files))][0]))
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
