"""The wire between a worker process and the process that holds the ledger: what is said, and how it is framed.

Both ends are the same program under the same user, joined by a socket pair that nobody else can open, so the
wire needs no authentication; it still believes nothing that the ledger can check itself. A frame is four bytes
of length (big-endian) and a MessagePack document: a question with a number, or the answer to that number.

A worker judges against a `Past` that it may have kept for a while. Each past that it is told has a number, under
which the ledger remembers it without the bulk (`Past.basis`). A draft names the one it was judged by, and the
ledger takes it only if that is still so; otherwise the answer is `Stale`, with the past as it is now. What an
approver would be shown of a call (`Details`) is sent where it is likely to be held, and else when it is `Wanted`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from yett.errors import LedgerError
from yett.extract.facts import Facts
from yett.ledger.memory.budget import Account
from yett.ledger.memory.session import Session
from yett.ledger.memory.taint import Hasher, Taint
from yett.ledger.projection.rows import Principal
from yett.ledger.proposal import Decided, Draft, MandateCheck, Proposal, Settled
from yett.ledger.tokens.keys import Issuer
from yett.ledger.view import Snapshot
from yett.model import AdmittedCall, Context, Decision, Identity, OutcomeFacts, PolicyRef, Risk, Struct

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
            *(Taint(digest=taint.digest) for taint in _taints(self)),
        )

    def lean(self, known: Past | Snapshot) -> Past:
        """For someone who has `known`: filters that are the same there are named by their digest."""
        return self._with(
            self.principal,
            *(
                Taint(digest=mine.digest) if mine.digest == theirs.digest else mine
                for mine, theirs in zip(_taints(self), _taints(known), strict=True)
            ),
        )

    def filled(self, known: Past) -> Past:
        """A `lean` past, made whole again."""
        return self._with(
            self.principal,
            *(
                theirs if mine.digest == theirs.digest else mine
                for mine, theirs in zip(_taints(self), _taints(known), strict=True)
            ),
        )

    def _with(self, principal: Principal, row: Taint, taint: Taint, earlier: Taint) -> Past:
        return msgspec.structs.replace(
            self,
            row=msgspec.structs.replace(self.row, taint=row),
            principal=msgspec.structs.replace(principal, taint=taint, earlier=earlier),
        )


def _taints(past: Past | Snapshot) -> tuple[Taint, Taint, Taint]:
    return past.row.taint, past.principal.taint, past.principal.earlier


# -- questions -----------------------------------------------------------------------------------------


class Hello(Struct, frozen=True, tag=True):
    """The first question."""


class PastOf(Struct, frozen=True, kw_only=True, tag=True):
    """As `Ledger.snapshot`."""

    identity: Identity
    session: str


class Details(Struct, frozen=True, kw_only=True):
    """What is needed of few calls: to show one to an approver, to compare it with a mandate known by its id."""

    admitted: AdmittedCall
    facts: Facts
    risk: Risk

    @classmethod
    def of(cls, proposal: Proposal) -> Details:
        call = msgspec.structs.replace(proposal.admitted.call, context=Context())
        admitted = msgspec.structs.replace(proposal.admitted, call=call)
        return cls(admitted=admitted, facts=proposal.facts, risk=proposal.risk)


class Commit(Struct, frozen=True, kw_only=True, tag=True):
    """A proposal's draft, and what it was judged by."""

    draft: Draft
    past: int
    """Number of the past."""
    reads: tuple[tuple[tuple[str, str, int], int], ...]
    final: bool
    """A denial to be recorded whatever has changed."""
    mandate: MandateCheck | None = None
    """Of the token that the call presents, checked but for what only the ledger knows."""
    presents: bool = False
    """The call presents a mandate by its id, which only the ledger can look up."""
    details: Details | None = None


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
    """What a worker needs to know once."""

    hasher: bytes
    """The key under which the ledger hashes values: to ask where a value came from."""
    origin: str = ""
    """The log's name."""
    issuers: tuple[Issuer, ...] = ()
    """Whose mandates are accepted: public keys."""


class Here(Struct, frozen=True, kw_only=True, tag=True):
    """The past that was asked for."""

    number: int
    past: Past


class Stale(Struct, frozen=True, kw_only=True, tag=True):
    """Nothing was recorded; this is the past now (`lean`, for whoever has what the draft was judged by)."""

    number: int
    past: Past


class Forgotten(Struct, frozen=True, tag=True):
    """Nothing was recorded: the past of this number is not remembered. Ask for it again."""


class Wanted(Struct, frozen=True, tag=True):
    """Nothing was recorded: send the same again with its `Details`."""


class Given(Struct, frozen=True, kw_only=True, tag=True):
    """What came of a commit, durable; and the past behind it, if what judging reads is not as it was before."""

    settled: Settled
    number: int = 0
    past: Past | None = None


class Recorded(Struct, frozen=True, kw_only=True, tag=True):
    """A report's answer: the decision reported on, with the place of the outcome's record."""

    decision: Decision


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


Reply = Welcome | Here | Stale | Forgotten | Wanted | Given | Recorded | Known | Done | Failed


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
