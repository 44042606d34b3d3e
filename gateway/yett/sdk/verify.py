"""Is this answer an answer to my question? The remote client's check of every decision, without I/O.

A client that runs whatever a peer calls allowed has moved its trust to a socket. So before a decision is
handed on, an `Asked` compares it with the call as this process knows it:

1. the answer is a 200 with exactly one well-formed `Decision` in it;
2. `call_id` is the one sent: without one from the caller it is 128 random bits, so an answer given to an
   earlier question does not fit;
3. `action_digest` equals the digest of server, tool and canonical arguments computed *here*;
4. the session is the one named, and with a pinned identity the `call_digest` is that identity's;
5. it was issued after the question was sent and has not expired, each by the local clock give or take a
   bounded skew, and its life is short;
6. an `allow` names its record, and its permit, if the gateway's key is pinned, verifies;
7. this decision was not handed out before.

Whatever fails becomes a `deny` decision made here, with stage `client` and a code of its own. A genuine
`deny` needs only to be well formed: nobody gains anything by forging a refusal that could not be had by
cutting the wire.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from yett import canonical
from yett.errors import InvalidCall, YettError
from yett.model import Decision, Effect, Identity, PolicyRef, Reason, SessionState, ToolCall
from yett.sdk.errors import TransportError
from yett.sdk.http import Response

MAX_SKEW_MS: Final = 5_000
"""By how much the gateway's clock may differ from this one."""
MAX_LIFE_MS: Final = 600_000
"""No decision is good for longer, whatever it says."""
_REMEMBERED: Final = 65_536
_DECISION: Final = msgspec.json.Decoder(Decision)

Clock = Callable[[], int]
"""Milliseconds since the epoch."""


class Verifier:
    """What one client expects of every answer. Thread-safe."""

    def __init__(
        self,
        *,
        clock: Clock,
        public_key: bytes | None = None,
        identity: Identity | None = None,
        max_skew_ms: int = MAX_SKEW_MS,
    ) -> None:
        self.clock = clock
        self.public_key = public_key
        self.identity = identity
        self.max_skew_ms = max_skew_ms
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, call: ToolCall) -> Asked:
        """Fix a call as it will be judged and run.

        Raises:
            InvalidCall: the call is outside what can be judged; there is nothing to send.
        """
        arguments = canonical.check(call.arguments)
        encoded = canonical.encode(arguments)
        owned = msgspec.structs.replace(
            call, arguments=arguments, call_id=call.call_id or "c-" + os.urandom(16).hex()
        )
        try:
            action = canonical.action_digest(call.tool, call.server, encoded)
            return Asked(self, owned, action, self.clock())
        except (TypeError, ValueError):
            # A struct's fields are not checked when it is built in Python, and a name may be anything.
            raise InvalidCall("NOT_JSON", "the call's names or context are not text") from None

    def first_time(self, decision_id: str) -> bool:
        """Whether this decision is handed out for the first time. The oldest of many are forgotten: by
        then they have expired, or their `call_id` gives them away."""
        with self._lock:
            if decision_id in self._seen:
                return False
            self._seen[decision_id] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return True


class Asked:
    """One question that was sent, and what an answer to it must look like."""

    def __init__(self, verifier: Verifier, call: ToolCall, action_digest: str, sent_at: int) -> None:
        self.call = call
        self.body = msgspec.json.encode(call)
        self._verifier = verifier
        self._action = action_digest
        self._sent_at = sent_at

    def answer(self, response: Response) -> Decision:
        """The gateway's decision if it is an answer to this question; otherwise a local `deny`."""
        try:
            decision = read_decision(response)
            self._check(decision)
        except YettError as refused:
            return deny(self.call, refused)
        except Exception as error:  # noqa: BLE001 - a check that breaks has not passed
            kind = type(error).__name__
            return deny(
                self.call, TransportError("CLIENT_FAILED", f"the answer could not be checked ({kind})")
            )
        return decision

    def _check(self, decision: Decision) -> None:
        if decision.effect is Effect.DENY:
            return
        call, verifier = self.call, self._verifier
        if decision.call_id != call.call_id:
            raise _mismatch("CALL_ID_MISMATCH", "the answer belongs to another question")
        if decision.action_digest != self._action:
            raise _mismatch("DIGEST_MISMATCH", "the answer is for another tool or other arguments")
        if call.session and decision.session.id != call.session:
            raise _mismatch("SESSION_MISMATCH", "the answer is for another session")
        self._check_identity(decision)
        self._check_time(decision)
        if decision.effect is not Effect.ALLOW:
            return
        if decision.record is None or not decision.permit:
            raise _mismatch("NO_RECORD", "an allow without a record and a permit")
        if verifier.public_key is not None:
            # Only here, so that a client without a pinned key never loads the ledger.
            from yett.ledger.tokens import permit

            signed = permit.verify(
                decision.permit, verifier.public_key, decision.call_digest, verifier.clock()
            )
            if signed.action != self._action or signed.jti != decision.decision_id:
                raise _mismatch("PERMIT_MISMATCH", "the permit was signed for another decision")
        if not verifier.first_time(decision.decision_id):
            raise _mismatch("DECISION_REPLAYED", "this decision was already acted on")

    def _check_identity(self, decision: Decision) -> None:
        who = self._verifier.identity
        if who is None:
            return
        expected = canonical.call_digest(
            who.tenant, who.principal, who.agent, decision.session.id, self._action
        )
        if decision.call_digest != expected:
            raise _mismatch("IDENTITY_MISMATCH", "the answer is for another principal or agent")

    def _check_time(self, decision: Decision) -> None:
        now, skew = self._verifier.clock(), self._verifier.max_skew_ms
        if decision.issued_at > now + skew:
            raise _mismatch("DECISION_FROM_FUTURE", "issued later than this clock allows; compare the clocks")
        if decision.issued_at < self._sent_at - skew:
            raise _mismatch("DECISION_STALE", "issued before the question was asked; compare the clocks")
        # No grace: a decision's life is several times the skew, so an honest slow clock does not use it up.
        if decision.expires_at <= now or decision.expires_at <= decision.issued_at:
            raise _mismatch("DECISION_EXPIRED", "the decision is over; ask again")
        if decision.expires_at - decision.issued_at > MAX_LIFE_MS:
            raise _mismatch("DECISION_TOO_LONG", "a decision is not good for that long")


def read_decision(response: Response) -> Decision:
    """
    Raises:
        TransportError: GATEWAY_REFUSED with the gateway's own code, or GATEWAY_GARBAGE.
    """
    if response.status != 200:
        raise refusal(response)
    decision = canonical.parse_as(_DECISION, response.body)
    if decision is not None and not decision.obligations:
        return decision
    try:
        value = canonical.parse(response.body, max_bytes=1024 * 1024)
        return msgspec.convert(value, Decision, strict=True)
    except (InvalidCall, msgspec.ValidationError):
        raise TransportError("GATEWAY_GARBAGE", "the answer is not a decision") from None


def refusal(response: Response) -> TransportError:
    """What an answer that is not a 200 says: its problem document's code (RFC 9457), or its status."""
    code, detail = f"HTTP_{response.status}", "the gateway refused to answer"
    try:
        problem = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problem = None
    if isinstance(problem, dict):
        given, words = problem.get("code"), problem.get("detail")
        if isinstance(given, str) and given.isascii() and given.isprintable() and len(given) <= 64:
            code = given
        if isinstance(words, str):
            detail = "".join(c if c.isprintable() else "?" for c in words[:500])
    return TransportError(code, f"{detail} (HTTP {response.status})")


def deny(call: ToolCall, error: YettError) -> Decision:
    """The decision of a client that could not get one."""
    return denied(call, Reason(stage="client", code=error.code, message=error.message, path=error.path))


def denied(call: ToolCall, reason: Reason) -> Decision:
    """A deny made on this side of the wire, recorded nowhere: no decision could be had or believed."""
    return Decision(
        decision_id="",
        call_id=call.call_id,
        action_digest="",
        call_digest="",
        effect=Effect.DENY,
        reasons=(reason,),
        session=SessionState(id=call.session),
        policy=PolicyRef(id="", digest=""),
    )


def _mismatch(code: str, message: str) -> TransportError:
    return TransportError(code, message)
