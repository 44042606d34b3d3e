"""`yett-verify`: checks a log without trusting anything that wrote it.

    yett-verify log PATH --key VKEY [--anchor FILE] [--state FILE] [--trust FILE] [--strict] [--json]
    yett-verify receipt FILE --key VKEY                 checkpoint FILE · consistency OLD NEW · compare A B
    yett-verify prove PATH INDEX|ID                     tiles PATH OUT · once PATH MANDATE · disclose PATH FILE
    yett-verify export PATH --format ocsf|cef|otel      against PATH COPY
    yett-verify explain CAUSE

Exit codes: 0 verified at the demanded assurance; 1 tampered; 2 usage or I/O; 3 consistent, but not anchored as
demanded; 4 rollback or fork proven; 5 unsupported format; 6 resource limit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from yett_audit import report, verify
from yett_audit.errors import OK, ROLLBACK, UNANCHORED, USAGE, AuditError, Broken
from yett_audit.inputs import anchors_of, load_state, save_state, trust_of


def _progress() -> verify.Progress:
    shown = [0.0]

    def show(sealed: int, _: int) -> None:
        now = time.monotonic()
        if now - shown[0] > 0.2:
            shown[0] = now
            sys.stderr.write(f"\r{sealed} records sealed")
            sys.stderr.flush()

    return show


def log_command(args: argparse.Namespace) -> int:
    """`yett-verify log`."""
    anchors = [anchor for path in args.anchor or () for anchor in anchors_of(path)]
    remembered = load_state(args.state) if args.state else None
    if remembered is not None:
        anchors.append(remembered.anchor)
    on_terminal = sys.stderr.isatty() and not args.json
    demand = verify.Demand(
        trust=trust_of(args),
        anchors=anchors,
        level=args.require.upper(),
        strict=args.strict,
        max_exposure_ms=None if args.max_exposure is None else int(args.max_exposure * 1000),
        now=time.time_ns() // 1_000_000,
        progress=_progress() if on_terminal else None,
        jobs=args.jobs or os.cpu_count() or 1,
        resume=remembered.resume if remembered is not None and args.incremental else None,
    )
    found = verify.verify_log(Path(args.path), demand)
    if on_terminal:
        sys.stderr.write("\r\x1b[K")
    if args.state and found.exit_code in (OK, UNANCHORED):
        save_state(args.state, found)
    if args.evidence and found.exit_code == ROLLBACK and found.evidence:
        Path(args.evidence).write_text(
            json.dumps({"cause": found.failure, **found.evidence}, indent=1), encoding="utf-8"
        )
    print(report.as_json(found) if args.json else report.as_text(found))
    if args.against is None or found.exit_code not in (OK, UNANCHORED):
        return found.exit_code
    from yett_audit import commands

    args.copy = args.against
    return max(found.exit_code, commands.against(args))


def explain_command(args: argparse.Namespace) -> int:
    """`yett-verify explain`."""
    if args.cause not in report.CAUSES:
        print("known causes: " + " ".join(sorted(report.CAUSES)), file=sys.stderr)
        return USAGE
    print(" ".join(report.CAUSES[args.cause]))
    return OK


def _parser(first: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="yett-verify", description="Checks an audit log; trusts nothing that wrote it."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--key", action="append", help="pinned verifier key, or a file with keys")
    common.add_argument("--trust", help="tlog-policy file: logs, witnesses, quorum")
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    found = parser.add_subparsers(dest="command", required=True)
    log = found.add_parser("log", help="verify a whole log", parents=[common])
    log.add_argument("path", help="the log's directory, or one file")
    log.add_argument(
        "--anchor",
        action="append",
        help="signed checkpoints kept elsewhere: a file with one, or an --anchor-file",
    )
    log.add_argument("--state", help="file that remembers the last verified checkpoint between runs")
    log.add_argument("--incremental", action="store_true", help="with --state: read only what came since")
    log.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes to verify with; 0 for one a core"
    )
    log.add_argument("--require", choices=("unpinned", "sealed", "anchored", "witnessed"), default="sealed")
    log.add_argument("--max-exposure", type=float, metavar="SECONDS", help="newest anchor must not be older")
    log.add_argument(
        "--strict", action="store_true", help="a torn tail, silence or missing close is exit code 3"
    )
    log.add_argument("--against", metavar="COPY", help="an exported copy: find rows missing or different")
    log.add_argument("--evidence", help="where to write the two notes that prove a rollback or fork")
    log.set_defaults(run=log_command)
    explain = found.add_parser("explain", help="what a cause means and what to do")
    explain.add_argument("cause")
    explain.set_defaults(run=explain_command)
    if first not in ("log", "explain"):  # the commonest command starts quicker without the others' modules
        from yett_audit import commands

        commands.add_to(found, common)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    words = sys.argv[1:] if argv is None else argv
    args = _parser(words[0] if words else "").parse_args(argv)
    try:
        code: int = args.run(args)
    except Broken as broken:
        print(f"yett-verify: {broken.cause}: {report.escaped(broken.message)}", file=sys.stderr)
        return broken.exit_code
    except AuditError as error:
        print(f"yett-verify: {report.escaped(error)}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.close(1)
        return USAGE
    except OSError as error:
        print(f"yett-verify: {error.strerror}", file=sys.stderr)
        return USAGE
    return code


if __name__ == "__main__":
    sys.exit(main())
