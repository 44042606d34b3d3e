"""The wire between a worker process and the process that holds the ledger: what is said, and how it is framed.

Both ends are the same program under the same user, joined by a socket pair that nobody else can open, so the
wire needs no authentication; it still believes nothing that the ledger can check itself. A frame is four bytes
of length (big-endian) and a MessagePack document: a question with a number, or the answer to that number.

A worker judges against a `Past` that it may have kept for a while. With a proposal it sends back what it has
judged by (`Past.basis`: everything but the bulk), and the ledger takes the proposal only if that is still so;
otherwise the answer is `Stale`, with the past as it is now.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from yett.errors import LedgerError
from yett.extract.facts import Facts
from yett.ledger.budget import Account
from yett.ledger.measure import Measure
from yett.ledger.proposal import Decided, Proposal
from yett.ledger.rows import Principal
from yett.ledger.session import Session
from yett.ledger.taint import Hasher, Taint
from yett.ledger.view import Snapshot
from yett.model import AdmittedCall, Decision, Identity, OutcomeFacts, PolicyRef, Risk, Struct, Verdict

MAX_FRAME: Final = 32 * 1024 * 1024
"""Bytes of one document; a call's arguments have at most `canonical.MAX_BYTES`, their facts a multiple."""
_HEAD: Final = struct.Struct(">I")


class Past(Struct, frozen=True, kw_only=True):
    """What a `Snapshot` is made of."""

    identity: Identity
    row: Session
    principal: Principal
    now: int
    frozen: str = ""
    lost: bool = False

    @classmethod
    def of(cls, view: Snapshot) -> Past:
        return cls(
            identity=view.identity,
            row=view.row,
            principal=view.principal,
            now=view.now,
            frozen=view.frozen,
            lost=view.lost,
        )

    def view(self, hasher: Hasher, now: int) -> Snapshot:
        """The snapshot, as of `now` (never earlier than it was taken)."""
        return Snapshot(
            identity=self.identity,
            row=self.row,
            principal=self.principal,
            hasher=hasher,
            now=max(now, self.now),
            frozen=self.frozen,
            lost=self.lost,
        )

    def basis(self) -> Past:
        """The same without the bulk: filters by their digest, accounts (their answers are sent) not at all."""
        return self._with(
            msgspec.structs.replace(self.principal, account=Account(key=self.principal.account.key)),
            *(Taint(digest=taint.digest) for taint in self.taints),
        )

    def lean(self, known: Past) -> Past:
        """For someone who has `known`: filters that are the same there are named by their digest."""
        return self._with(
            self.principal,
            *(
                Taint(digest=mine.digest) if mine.digest == theirs.digest else mine
                for mine, theirs in zip(self.taints, known.taints, strict=True)
            ),
        )

    def filled(self, known: Past) -> Past:
        """A `lean` past, made whole again."""
        return self._with(
            self.principal,
            *(
                theirs if mine.digest == theirs.digest else mine
                for mine, theirs in zip(self.taints, known.taints, strict=True)
            ),
        )

    @property
    def taints(self) -> tuple[Taint, Taint, Taint]:
        return self.row.taint, self.principal.taint, self.principal.earlier

    def _with(self, principal: Principal, row: Taint, taint: Taint, earlier: Taint) -> Past:
        return msgspec.structs.replace(
            self,
            row=msgspec.structs.replace(self.row, taint=row),
            principal=msgspec.structs.replace(principal, taint=taint, earlier=earlier),
        )


# -- questions -----------------------------------------------------------------------------------------


class Hello(Struct, frozen=True, tag=True):
    """The first question."""


class PastOf(Struct, frozen=True, kw_only=True, tag=True):
    """As `Ledger.snapshot`."""

    identity: Identity
    session: str


class Commit(Struct, frozen=True, kw_only=True, tag=True):
    """A proposal, and what it was judged by."""

    admitted: AdmittedCall
    facts: Facts
    risk: Risk
    verdicts: tuple[Verdict, ...]
    policy: PolicyRef
    lifetime_ms: int
    preview: bool
    measured: Measure
    basis: Past
    reads: tuple[tuple[tuple[str, str, int], int], ...]
    final: bool
    """A denial to be recorded whatever has changed."""

    @classmethod
    def of(cls, proposal: Proposal, measured: Measure, past: Past, *, final: bool) -> Commit:
        return cls(
            admitted=proposal.admitted,
            facts=proposal.facts,
            risk=proposal.risk,
            verdicts=proposal.verdicts,
            policy=proposal.policy,
            lifetime_ms=proposal.lifetime_ms,
            preview=proposal.preview,
            measured=measured,
            basis=past.basis(),
            reads=tuple(proposal.snapshot.reads.items()),
            final=final,
        )

    def proposal(self, view: Snapshot) -> Proposal:
        """The proposal, over a view that the ledger has taken itself."""
        return Proposal(
            admitted=self.admitted,
            facts=self.facts,
            risk=self.risk,
            verdicts=self.verdicts,
            policy=self.policy,
            snapshot=view,
            lifetime_ms=self.lifetime_ms,
            preview=self.preview,
        )


class DecidedOf(Struct, frozen=True, kw_only=True, tag=True):
    """As `Ledger.decided`."""

    decision_id: str
    identity: Identity


class Report(Struct, frozen=True, kw_only=True, tag=True):
    """As `Ledger.report`."""

    outcome: OutcomeFacts
    identity: Identity


class InForce(Struct, frozen=True, kw_only=True, tag=True):
    """Whether this policy is the one in force."""

    policy: PolicyRef


class Question(Struct, frozen=True, kw_only=True):
    number: int
    ask: Hello | PastOf | Commit | DecidedOf | Report | InForce


# -- answers -------------------------------------------------------------------------------------------


class Welcome(Struct, frozen=True, kw_only=True, tag=True):
    """The key under which the ledger hashes values: a worker needs it to ask where a value came from."""

    hasher: bytes


class Here(Struct, frozen=True, kw_only=True, tag=True):
    """The past that was asked for."""

    past: Past


class Stale(Struct, frozen=True, kw_only=True, tag=True):
    """Nothing was recorded; this is the past now (`lean`, for whoever has what the proposal was judged by)."""

    past: Past


class Given(Struct, frozen=True, kw_only=True, tag=True):
    """The decision, durable; and the past behind it, if what judging reads is not as it was before."""

    decision: Decision
    past: Past | None = None


class Known(Struct, frozen=True, kw_only=True, tag=True):
    decided: Decided


class Done(Struct, frozen=True, tag=True):
    """It is done; there is nothing to tell."""


class Failed(Struct, frozen=True, kw_only=True, tag=True):
    """A `LedgerError`."""

    code: str
    message: str
    path: str | None = None

    def error(self) -> LedgerError:
        return LedgerError(self.code, self.message, path=self.path)


Reply = Welcome | Here | Stale | Given | Known | Done | Failed


class Answer(Struct, frozen=True, kw_only=True):
    number: int
    reply: Reply


# -- frames --------------------------------------------------------------------------------------------


class BadFrame(Exception):
    """The other end said something that is no frame: the link cannot be used any more."""


_encode: Final = msgspec.msgpack.Encoder().encode


def frame(document: Question | Answer) -> bytes:
    """One document, framed."""
    body = _encode(document)
    return _HEAD.pack(len(body)) + body


class Frames:
    """Cuts a stream into documents of one type."""

    def __init__(self, kind: type[Question] | type[Answer]) -> None:
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Question | Answer]:
        """The documents that these bytes complete.

        Raises:
            BadFrame: too long, or not what is expected.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _HEAD.size:
                (length,) = _HEAD.unpack_from(buffer, start)
                if length > MAX_FRAME:
                    raise BadFrame(f"a frame of {length} bytes")
                end = start + _HEAD.size + length
                if end > len(buffer):
                    break
                document = self._decode(bytes(buffer[start + _HEAD.size : end]))
                start = end
                yield document
        except msgspec.MsgspecError as error:
            raise BadFrame(f"a frame that is not understood ({type(error).__name__})") from None
        finally:
            del buffer[:start]
