"""`yett-witness`: remembers the last checkpoint of each log and countersigns only what extends it.

A witness is the anchor that a log cannot be for itself. For each log (origin and public keys are configured) it
keeps one checkpoint. A request brings a newer one with a consistency proof from the remembered size; if the
proof holds, the new one is stored, and only then cosigned. So no two histories of a log, and no shorter one,
ever carry this witness's signature. Run beside the gateway under another user, over a Unix socket, it is the
*guardian*: whoever steals the gateway's key still cannot roll its log back unseen.

    yett-witness key FILE --name witness.example/w1           make a key, print its vkey
    yett-witness serve --key FILE --name … --log VKEY --state DIR [--listen HOST:PORT | --unix PATH]

Source: c2sp.org/tlog-witness; statuses 200 400 403 404 409 422 as published.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import socketserver
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

from yett_audit import disk, keys, merkle, note
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import AuditError, Broken

MAX_BODY = 64 << 10
MAX_PROOF = 63
TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """An HTTP answer: status, content type, body."""

    status: int
    kind: str
    text: str


class Store:
    """The last cosigned checkpoint of each log: one file each, replaced atomically and durably."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._lock_fd = disk.lock(directory / "lock")

    def _path(self, origin: str) -> Path:
        return self._directory / (hashlib.sha256(origin.encode()).hexdigest() + ".json")

    def get(self, origin: str) -> tuple[note.Checkpoint, str]:
        """The checkpoint and its note; size 0 if there is none. A damaged file raises: never start over."""
        try:
            data = json.loads(self._path(origin).read_bytes())
        except FileNotFoundError:
            return note.Checkpoint(origin, 0, merkle.EMPTY_ROOT), ""
        return note.Checkpoint(origin, int(data["size"]), note.from_base64(data["root"])), str(data["note"])

    def put(self, point: note.Checkpoint, signed: str) -> None:
        data = {
            "origin": point.origin,
            "size": point.size,
            "root": note.to_base64(point.root),
            "note": signed,
        }
        disk.write_new(self._path(point.origin), json.dumps(data).encode(), 0o600)

    def close(self) -> None:
        os.close(self._lock_fd)


class Witness:
    """The protocol without the transport. Thread-safe: check and update are one step."""

    def __init__(
        self,
        name: str,
        key: SigningKey,
        logs: Sequence[note.VerifierKey],
        store: Store,
        now: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self.vkey = note.VerifierKey(name, key.public, note.COSIGNATURE)
        self._name, self._key, self._store, self._now = name, key, store, now
        self._logs: dict[str, list[note.VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """`POST /add-checkpoint`: an `old SIZE` line, proof lines, an empty line, a signed checkpoint."""
        try:
            old, proof, parsed = _parse(body)
            point = note.Checkpoint.parse(parsed.text)
        except Broken as broken:
            return Answer(400, TEXT, broken.message + "\n")
        known = self._logs.get(point.origin)
        if known is None:
            return Answer(404, TEXT, "unknown log\n")
        try:
            signers = note.verified(parsed, known)
        except Broken:
            signers = {}
        if not signers:
            return Answer(403, TEXT, "no signature by a trusted key of this log\n")
        if old > point.size:
            return Answer(400, TEXT, "the old size is above the checkpoint's\n")
        with self._lock:
            return self._grow(old, proof, point, parsed)

    def _grow(self, old: int, proof: list[bytes], point: note.Checkpoint, parsed: note.Note) -> Answer:
        last, _ = self._store.get(point.origin)
        if old != last.size:
            return Answer(409, "text/x.tlog.size", f"{last.size}\n")
        if point.size == last.size and point.root != last.root:
            return Answer(409, "text/x.tlog.size", f"{last.size}\n")
        try:
            if old == 0 or point.size == old:
                if proof:
                    raise Broken("proof", "the proof must be empty")
            else:
                merkle.verify_consistency(old, point.size, last.root, point.root, proof)
        except Broken as broken:
            return Answer(422, TEXT, broken.message + "\n")
        line = note.cosign(parsed.text, self._name, self._key, self._now())
        self._store.put(point, str(note.Note(parsed.text, (*parsed.signatures, line))))
        return Answer(200, TEXT, line.line())

    def checkpoint(self, origin: str) -> Answer:
        """`GET /checkpoint?origin=…`: the last cosigned note, which a restarting writer takes as its floor."""
        if origin not in self._logs:
            return Answer(404, TEXT, "unknown log\n")
        _, signed = self._store.get(origin)
        return Answer(200, TEXT, signed) if signed else Answer(404, TEXT, "nothing cosigned yet\n")


def _parse(body: bytes) -> tuple[int, list[bytes], note.Note]:
    head, found, rest = body.partition(b"\n\n")
    rows = head.split(b"\n")
    digits = rows[0].removeprefix(b"old ").decode("ascii", "replace")
    if not found or not rows[0].startswith(b"old ") or not (digits.isascii() and digits.isdigit()):
        raise Broken("proof", "malformed request")
    if str(int(digits[:20])) != digits or len(digits) > 16 or len(rows) - 1 > MAX_PROOF:
        raise Broken("proof", "malformed old size, or too many proof lines")
    proof = [note.from_base64(row.decode("ascii", "replace")) for row in rows[1:]]
    if any(len(p) != 32 for p in proof):
        raise Broken("proof", "malformed proof line")
    return int(digits), proof, note.parse(rest)


def _handler(witness: Witness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "yett-witness", ""
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != "/add-checkpoint" or not length.isdigit() or int(length) > MAX_BODY:
                self.close_connection = True
                self._send(
                    Answer(413 if length.isdigit() and int(length) > MAX_BODY else 404, TEXT, "refused\n")
                )
                return
            self._send(witness.add_checkpoint(self.rfile.read(int(length))))

        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            origin = urllib.parse.parse_qs(url.query).get("origin", [""])[0]
            if url.path == "/healthz":
                self._send(Answer(200, TEXT, "ok\n"))
            elif url.path == "/checkpoint":
                self._send(witness.checkpoint(origin))
            else:
                self._send(Answer(404, TEXT, "not found\n"))

        def _send(self, answer: Answer) -> None:
            data = answer.text.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged: who asks is nobody's business, what was cosigned is in the store."""

    return Handler


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, _ = super().get_request()
        return connection, ("guardian", 0)


def server(
    witness: Witness, *, listen: tuple[str, int] | None = None, unix: str | None = None
) -> socketserver.BaseServer:
    """A bound server; the caller runs `serve_forever`. A Unix socket is for its owner and group only."""
    if unix is not None:
        if os.path.exists(unix):
            os.unlink(unix)
        before = os.umask(0o007)
        try:
            return _UnixServer(unix, _handler(witness))
        finally:
            os.umask(before)
    return _TcpServer(listen or ("127.0.0.1", 0), _handler(witness))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `yett-witness`; returns the exit code (2: usage or I/O)."""
    parser = argparse.ArgumentParser(
        prog="yett-witness", description="Countersigns only consistent growth of a log."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    key = commands.add_parser("key", help="make a key and print its vkey")
    key.add_argument("file")
    key.add_argument("--name", required=True)
    serve = commands.add_parser("serve", help="answer tlog-witness requests")
    serve.add_argument("--key", required=True, help="file made by `yett-witness key`")
    serve.add_argument("--name", required=True)
    serve.add_argument("--log", action="append", required=True, help="vkey of a log to witness (repeat)")
    serve.add_argument("--state", required=True, help="directory of the remembered checkpoints")
    serve.add_argument("--listen", default="127.0.0.1:7380")
    serve.add_argument("--unix", help="listen on this Unix socket instead")
    args = parser.parse_args(argv)
    try:
        if args.command == "key":
            made = keys.create(Path(args.file))
            print(note.VerifierKey(args.name, made.public, note.COSIGNATURE))
            return 0
        logs = [note.VerifierKey.parse(text) for text in args.log]
        witness = Witness(args.name, keys.load(Path(args.key)), logs, Store(Path(args.state)))
        host, _, port = args.listen.rpartition(":")
        bound = server(witness, listen=(host, int(port)), unix=args.unix)
    except (AuditError, OSError, ValueError) as error:
        print(f"yett-witness: {error}", file=sys.stderr)
        return 2
    print(f"yett-witness: {witness.vkey}", file=sys.stderr, flush=True)
    try:
        bound.serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
