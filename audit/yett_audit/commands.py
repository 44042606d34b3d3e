"""The commands of `yett-verify` beside `log`: receipts, checkpoints, proofs, mandates, comparisons.

Each takes parsed arguments and returns an exit code. Whatever reads a log verifies it first, under the pinned key.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yett_audit import canonical, export, merkle, note, once, reader, record, report, tile, verify
from yett_audit.commitments import PREFIX, open_commitment
from yett_audit.errors import OK, ROLLBACK, TAMPERED, UNANCHORED, USAGE, Broken
from yett_audit.inputs import read_input, trust_of
from yett_audit.receipt import Receipt
from yett_audit.trust import Trust


def say(value: dict[str, Any], as_json: bool) -> None:
    """Prints a result: one JSON object, or a line a member."""
    if as_json:
        print(json.dumps(value, sort_keys=True))
        return
    for name, item in value.items():
        text = item if isinstance(item, str) else json.dumps(item, sort_keys=True)
        print(f"{name:<10} {report.escaped(text)}")


def verified_log(args: argparse.Namespace, path: str | None = None) -> tuple[verify.Report, Trust]:
    """Verifies the log a command is about to read; raises if it does not hold under the pinned key."""
    trust = trust_of(args)
    found = verify.verify_log(Path(path or args.path), verify.Demand(trust=trust, level="UNPINNED"))
    if found.failure is not None:
        broken = Broken(found.failure["cause"], found.failure["message"], found.exit_code)
        raise broken
    return found, trust


def receipt(args: argparse.Namespace) -> int:
    """Checks one `.tlog-proof`, without the log."""
    line = read_input(args.record).removesuffix(b"\n") if args.record else None
    found = Receipt.parse(read_input(args.file)).verify(trust_of(args), line)
    verdict = "WITNESSED" if found["witnesses"] else "SEALED"
    say(
        {
            "verdict": verdict,
            "size": found["size"],
            "witnesses": found["witnesses"],
            "record": found["record"],
        },
        args.json,
    )
    return OK


def checkpoint(args: argparse.Namespace) -> int:
    """Checks the signatures of one checkpoint."""
    trust = trust_of(args)
    parsed = note.parse(read_input(args.file))
    point = note.Checkpoint.parse(parsed.text)
    if not any(key.name == point.origin for key in note.verified(parsed, trust.logs)):
        raise Broken("key", "no pinned key of this log signed the checkpoint", UNANCHORED)
    signers = note.verified(parsed, trust.witnesses.values())
    say(
        {
            "verdict": "WITNESSED" if signers and trust.satisfied(signers) else "SEALED",
            "origin": point.origin,
            "size": point.size,
            "root": note.to_base64(point.root),
            "witnesses": {key.name: time for key, time in sorted(signers.items())},
        },
        args.json,
    )
    return OK if trust.satisfied(signers) else UNANCHORED


def consistency(args: argparse.Namespace) -> int:
    """Checks that one checkpoint's tree extends another's, by a proof file or by the log itself."""
    trust = trust_of(args)
    points = []
    for path in (args.old, args.new):
        parsed = note.parse(read_input(path))
        if trust.logs and not note.verified(parsed, trust.logs):
            raise Broken("key", "no pinned key signed a checkpoint", UNANCHORED)
        points.append(note.Checkpoint.parse(parsed.text))
    old, new = points
    if old.origin != new.origin:
        raise Broken("anchor-origin", "the checkpoints belong to two logs")
    if args.log:
        proof = tile.Tiles(Path(args.log), write=False).consistency(old.size, new.size)
    elif args.proof:
        rows = read_input(args.proof).decode("ascii", "replace").split()
        proof = [note.from_base64(row) for row in rows]
    elif old.size == new.size:
        proof = []
    else:
        raise Broken("usage", "give --log or --proof", USAGE)
    try:
        merkle.verify_consistency(old.size, new.size, old.root, new.root, proof)
    except Broken as broken:
        code = ROLLBACK if old.size == new.size else TAMPERED
        raise Broken("fork" if old.size == new.size else broken.cause, broken.message, code) from None
    say(
        {
            "verdict": "CONSISTENT",
            "old": old.size,
            "new": new.size,
            "proof": [note.to_base64(p) for p in proof],
        },
        args.json,
    )
    return OK


def prove(args: argparse.Namespace) -> int:
    """Writes the receipt of one record, found by its index or by its decision id."""
    found, _ = verified_log(args)
    index = int(args.what) if args.what.isascii() and args.what.isdigit() else _find(args.path, args.what)
    if index < found.pruned_below:
        raise Broken("missing", f"the records below {found.pruned_below} were removed", USAGE)
    if not 0 <= index < found.sealed:
        raise Broken("missing", "no sealed record is the one asked for", USAGE)
    (line,) = tile.lines(Path(args.path), index, index + 1)
    proof = tile.Tiles(Path(args.path), write=False).inclusion(index, found.sealed)
    text = str(Receipt(index, tuple(proof), found.checkpoint, line))
    if args.out:
        Path(args.out).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return OK


def _find(path: str, wanted: str) -> int:
    for each in reader.records(path):
        if wanted in (each.body.get("id"), each.body.get("decision_id")):
            return each.index
    raise Broken("missing", "no record has this id", USAGE)


def tiles(args: argparse.Namespace) -> int:
    """Writes the log as static tlog-tiles files."""
    found, _ = verified_log(args)
    if found.pruned_below:
        raise Broken(
            "missing", f"a static log is a whole one; records below {found.pruned_below} were removed", USAGE
        )
    count = tile.export(Path(args.path), Path(args.out), found.sealed, found.checkpoint)
    say({"size": found.sealed, "files": count}, args.json)
    return OK


def once_command(args: argparse.Namespace) -> int:
    """Certifies how often a mandate was used."""
    found, _ = verified_log(args)
    certificate = once.certify(args.mandate, reader.records(args.path), whole=not found.pruned_below)
    say({**dataclasses.asdict(certificate), "checkpoint": found.checkpoint, "log": found.verdict}, args.json)
    return {"violated": TAMPERED, "in doubt": UNANCHORED, "unknown": UNANCHORED}.get(certificate.verdict, OK)


def disclose(args: argparse.Namespace) -> int:
    """Checks one disclosed field: a JSON file {index, path, salt (hex), value} against the record's commitments."""
    verified_log(args)
    try:
        told = json.loads(read_input(args.disclosure))
        index, path, salt = int(told["index"]), str(told["path"]), bytes.fromhex(told["salt"])
        value = told["canonical"].encode() if "canonical" in told else canonical.encode(told["value"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Broken("usage", "a disclosure is {index, path, salt, value}", USAGE) from None
    (line,) = list(tile.lines(Path(args.path), index, index + 1)) or (None,)
    if line is None or len(salt) != 32:
        raise Broken("missing", "there is no such record, or the salt has not 32 bytes", USAGE)
    held = [text for text in _strings(canonical.decode(line)) if text.startswith(PREFIX)]
    opened = any(open_commitment(text, salt, path, value) for text in held)
    say({"verdict": "DISCLOSED" if opened else "REFUTED", "index": index, "path": path}, args.json)
    return OK if opened else TAMPERED


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def compare(args: argparse.Namespace) -> int:
    """Compares two copies of a log, or two checkpoints: the same, one a prefix, or proof of two histories."""
    if Path(args.a).is_dir() and Path(args.b).is_dir():
        return _compare_logs(args)
    notes = [read_input(path).decode("utf-8", "replace") for path in (args.a, args.b)]
    trust = trust_of(args)
    parsed = [note.parse(text) for text in notes]
    signed = [note.verified(each, trust.logs) for each in parsed]
    a, b = (note.Checkpoint.parse(each.text) for each in parsed)
    if trust.logs and not all(signed):
        raise Broken("key", "no pinned key signed a checkpoint", UNANCHORED)
    if a.origin != b.origin:
        raise Broken("anchor-origin", "the checkpoints belong to two logs")
    if a.size == b.size and a.root != b.root:
        return _fork(args, {"size": a.size}, notes)
    verdict = "SAME" if a == b else "NOT COMPARABLE: two sizes; use `consistency` with the log"
    say({"verdict": verdict, "sizes": [a.size, b.size]}, args.json)
    return OK if a == b else UNANCHORED


def _compare_logs(args: argparse.Namespace) -> int:
    first, _ = verified_log(args, args.a)
    second, _ = verified_log(args, args.b)
    if first.origin != second.origin:
        raise Broken("anchor-origin", "these are two logs")
    size = min(first.sealed, second.sealed)
    pairs = zip(tile.lines(Path(args.a), 0, size), tile.lines(Path(args.b), 0, size), strict=False)
    for index, (x, y) in enumerate(pairs):
        if x != y:
            leaves = [note.to_base64(record.leaf_of(line)) for line in (x, y)]
            return _fork(args, {"record": index, "leaves": leaves}, [first.checkpoint, second.checkpoint])
    verdict = "SAME" if first.sealed == second.sealed else "PREFIX"
    say({"verdict": verdict, "sizes": [first.sealed, second.sealed]}, args.json)
    return OK


def export_command(args: argparse.Namespace) -> int:
    """Writes sealed records as rows for another system, each with origin, number and leaf."""
    found, _ = verified_log(args)
    row = export.FORMATS[args.format]
    for each in reader.records(args.path, args.start):
        print(row(found.origin, each))
    return OK


def against(args: argparse.Namespace) -> int:
    """Holds the log against an exported copy: rows it has lost or has otherwise."""
    found, _ = verified_log(args)
    first = found.pruned_below
    with open(args.copy, encoding="utf-8", errors="replace") as rows:
        lines = tile.lines(Path(args.path), first, found.sealed)
        told = export.against(found.origin, found.sealed, lines, rows, first)
    verdict = (
        "FORK"
        if told.differing
        else "ROLLBACK"
        if told.beyond
        else "GAPS IN THE COPY"
        if told.missing
        else "ANCHORED"
    )
    say({"verdict": verdict, "sealed": found.sealed, **dataclasses.asdict(told)}, args.json)
    return ROLLBACK if told.differing or told.beyond else UNANCHORED if told.missing else OK


def _fork(args: argparse.Namespace, where: dict[str, Any], notes: list[str]) -> int:
    evidence = {"verdict": "FORK: one key signed two histories", **where, "notes": notes}
    if args.evidence:
        Path(args.evidence).write_text(json.dumps(evidence, indent=1), encoding="utf-8")
    say(evidence, args.json)
    return ROLLBACK


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Registers the commands on the parser; `common` holds --key, --trust and --json."""

    def add(name: str, run: Any, text: str, *arguments: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(name, help=text, parents=[common])
        for argument in arguments:
            parser.add_argument(argument)
        parser.set_defaults(run=run)
        return parser

    add("receipt", receipt, "check one receipt without the log", "file").add_argument(
        "--record", help="the record's line"
    )
    add("checkpoint", checkpoint, "check a checkpoint's signatures", "file")
    parser = add("consistency", consistency, "check that one checkpoint extends another", "old", "new")
    parser.add_argument("--log", help="make the proof from this log")
    parser.add_argument("--proof", help="file with the proof, a base64 hash a line")
    add("prove", prove, "write a record's receipt", "path", "what").add_argument("--out")
    add("tiles", tiles, "write the log as static tlog-tiles", "path", "out")
    add("once", once_command, "certify how often a mandate was used", "path", "mandate")
    add("disclose", disclose, "check a disclosed field", "path", "disclosure")
    parser = add("export", export_command, "write records as rows for another system", "path")
    parser.add_argument("--format", choices=sorted(export.FORMATS), required=True)
    parser.add_argument("--start", type=int, default=0, help="first record")
    add("against", against, "hold the log against an exported copy", "path", "copy")
    add("compare", compare, "compare two copies or checkpoints", "a", "b").add_argument("--evidence")
