"""Anchoring: taking the log's head to places that the log's owner cannot quietly change.

`Anchorer.anchor` submits the newest checkpoint to every witness of the policy, with a consistency proof from
what that witness knows, collects their cosignatures, and hands the cosigned note to the sinks (a file, syslog,
an HTTP endpoint) — and to the log itself, as a `log.anchor` record, once the quorum is reached. It never runs
on a decision's way. What lies behind the newest anchor is the *exposure*: all that could be cut off unseen.

A witness that knows more than the log holds, or another root at its size, has proven a rollback or a fork.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import syslog
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from yett_audit import disk, note, record
from yett_audit.errors import Broken, LogUnavailable
from yett_audit.notefile import notes_at_end
from yett_audit.trust import Trust
from yett_audit.writer import Writer

_MAX_ANSWER = 64 << 10


class Sink(Protocol):
    """A plain place for checkpoints. `send` raises OSError if the note did not get there."""

    def send(self, signed: str) -> None: ...


class FileSink:
    """Appends each note to a file (on another volume, or one that can only be appended to)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, signed: str) -> None:
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(signed + "\n")
            file.flush()
            disk.RealDisk().sync(file.fileno())

    def newest(self, key: note.VerifierKey) -> note.Checkpoint | None:
        """The furthest checkpoint that `key` signed, of those at the file's end; the rest is passed over.

        Raises:
            OSError: the file cannot be read.
        """
        found: note.Checkpoint | None = None
        for data in notes_at_end(self._path):
            with contextlib.suppress(Broken):
                parsed = note.parse(data)
                point = note.Checkpoint.parse(parsed.text)
                if point.origin == key.name and note.verified(parsed, [key]):
                    found = max(found or point, point, key=lambda each: each.size)
        return found


class SyslogSink:
    """One line a checkpoint to the local syslog, which forwards it."""

    def send(self, signed: str) -> None:
        syslog.syslog(syslog.LOG_NOTICE | syslog.LOG_AUTHPRIV, "yett checkpoint " + signed.replace("\n", "|"))


class HttpSink:
    """POSTs each note to an endpoint that keeps it (object lock, a colleague's bucket, a SIEM)."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._url, self._timeout = url, timeout

    def send(self, signed: str) -> None:
        status, _ = _request(
            self._url, "POST", urllib.parse.urlsplit(self._url).path or "/", signed, self._timeout
        )
        if status >= 300:
            raise OSError(f"the sink answered {status}")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _request(url: str, method: str, path: str, body: str | None, timeout: float) -> tuple[int, str]:
    """One HTTP request to `http://…`, `https://…` or `unix:/path`; status and body. Raises OSError."""
    parts = urllib.parse.urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "unix":
        connection = _UnixConnection(parts.path, timeout)
    elif parts.scheme in ("http", "https") and parts.hostname:
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname, parts.port, timeout=timeout)
    else:
        raise OSError("not an http, https or unix URL")
    try:
        connection.request(method, path, body=body.encode() if body is not None else None)
        answer = connection.getresponse()
        return answer.status, answer.read(_MAX_ANSWER).decode("utf-8", "replace")
    except http.client.HTTPException as error:
        raise OSError(f"broken answer: {type(error).__name__}") from None
    finally:
        connection.close()


def latest(url: str, origin: str, witness: note.VerifierKey, timeout: float = 5.0) -> note.Checkpoint | None:
    """The last checkpoint that a witness cosigned for a log: the `floor` of `Writer.open`. None if it has none.

    Raises:
        OSError: the witness cannot be asked. Broken: its answer is not its own word on this log.
    """
    status, text = _request(
        url, "GET", "/checkpoint?" + urllib.parse.urlencode({"origin": origin}), None, timeout
    )
    if status == 404:
        return None
    parsed = note.parse(text)
    point = note.Checkpoint.parse(parsed.text)
    if status != 200 or point.origin != origin or witness not in note.verified(parsed, [witness]):
        raise Broken("note-signature", "the witness's answer is not its own")
    return point


@dataclass(frozen=True)
class Anchored:
    """What one round of anchoring achieved."""

    size: int
    at: int
    """Milliseconds, the log's clock."""
    signed: str
    witnesses: tuple[str, ...]
    quorum: bool
    failures: tuple[str, ...]
    alarm: str = ""
    """`rollback` or `fork` if a witness contradicts this log: evidence, to be looked at by a person at once."""


class Anchorer:
    """Anchors one writer's log; call `anchor` when it suits, or `start` a thread that does."""

    def __init__(
        self,
        writer: Writer,
        trust: Trust,
        sinks: Sequence[Sink] = (),
        *,
        timeout: float = 5.0,
        on_alarm: Callable[[Anchored], None] | None = None,
    ) -> None:
        self._writer, self._trust, self._sinks, self._timeout = writer, trust, sinks, timeout
        self._known = dict.fromkeys(trust.urls, 0)
        self._stop = threading.Event()
        self._own = 0
        self._on_alarm = on_alarm
        self.last: Anchored | None = None

    def anchor(self) -> Anchored:
        """One round: witnesses, then sinks, then the log."""
        head = self._writer.head()
        failures: list[str] = []
        found: list[note.Signature] = []
        signers: list[note.VerifierKey] = []
        alarm = ""
        for name in self._trust.urls:
            try:
                line = self._ask(name, head.checkpoint, head.note)
                found.append(line)
                signers.append(self._trust.witnesses[name])
            except Broken as broken:
                alarm = broken.cause if broken.cause in ("rollback", "fork") else alarm
                failures.append(f"{name}: {broken.message}")
            except OSError as error:
                failures.append(f"{name}: {error.strerror or error}")
        parsed = note.parse(head.note)
        signed = str(note.Note(parsed.text, (*parsed.signatures, *found)))
        sent = 0
        for sink in self._sinks:
            try:
                sink.send(signed)
                sent += 1
            except OSError as error:
                failures.append(f"{type(sink).__name__}: {error.strerror or error}")
        quorum = bool(signers) and self._trust.satisfied(signers)
        result = Anchored(
            head.checkpoint.size,
            head.at,
            signed,
            tuple(key.name for key in signers),
            quorum,
            tuple(failures),
            alarm,
        )
        if quorum or (sent and not self._trust.urls):
            self.last = result
        if quorum and head.checkpoint.size > self._own:
            self._own = self._writer.append_own(record.ANCHOR, {"note": signed})
        if alarm and self._on_alarm is not None:
            self._on_alarm(result)
        return result

    def exposure(self) -> dict[str, int]:
        """{records, ms} behind the newest anchor: a metric, and a line in every report."""
        head = self._writer.head()
        size, at = (self.last.size, self.last.at) if self.last else (0, 0)
        return {"records": max(0, head.checkpoint.size - size), "ms": max(0, head.at - at) if at else head.at}

    def start(self, interval: float) -> None:
        """Anchors every `interval` seconds if the log has grown, in a daemon thread, until `stop`."""
        threading.Thread(target=self._run, args=(interval,), name="yett-anchor", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self, interval: float) -> None:
        while not self._stop.wait(interval):
            if self._writer.head().checkpoint.size > max(self._own, self.last.size if self.last else 0):
                with contextlib.suppress(LogUnavailable, Broken):
                    self.anchor()

    def _ask(self, name: str, point: note.Checkpoint, signed: str) -> note.Signature:
        """One witness's cosignature; tells what it remembers if it differs, and tries once more from there."""
        key, url = self._trust.witnesses[name], self._trust.urls[name]
        for _ in range(2):
            old = min(self._known[name], point.size)
            proof = self._writer.tiles.consistency(old, point.size) if 0 < old < point.size else []
            rows = [f"old {old}", *map(note.to_base64, proof), "", signed]
            status, text = _request(url, "POST", "/add-checkpoint", "\n".join(rows), self._timeout)
            if status == 409:
                self._known[name] = _size_of(text)
                if self._known[name] > point.size:
                    raise Broken(
                        "rollback", f"it has seen {self._known[name]} records, the log holds {point.size}"
                    )
                if old == self._known[name]:
                    raise Broken("fork", f"it has seen another history of {old} records")
                continue
            if status == 422:
                raise Broken("fork", "it knows a history that this log does not extend")
            if status != 200:
                raise OSError(f"it answered {status}")
            parsed = note.parse(signed)
            answer = note.parse(str(note.Note(parsed.text, ())) + text)
            line = next((s for s in answer.signatures if (s.name, s.id) == (key.name, key.id)), None)
            if line is None:
                raise OSError("its answer lacks its signature")
            note.check(note.Note(parsed.text, ()), line, key)
            self._known[name] = point.size
            return line
        raise OSError("it changes its mind")


def _size_of(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 16:
        raise OSError("its answer is no size")
    return int(digits)


__all__ = ["Anchored", "Anchorer", "FileSink", "HttpSink", "Sink", "SyslogSink", "latest"]
