"""Guard plain functions: judged before they run, reported after.

    @guard.tool(gateway)
    def send_money(recipient: str, amount: int) -> str: ...

What happens on a call, in order:

1. the arguments are bound to the function's signature, defaults included, so that positional and keyword
   calls are the same call to the policy;
2. each value is copied; the copy is what is judged *and* what is passed to the function, so nobody who
   still holds the caller's objects can change them in between;
3. the gateway (in process) or the client (over a socket) decides. `hold` raises `Held`, anything but a
   clean `allow` raises `Denied`: the function has not run. A delay that a rule obliges to is waited for; an
   obligation to change the result is not one that a decorator can fulfil, and denies;
4. the function runs and its outcome is reported: `ok` with the result, `error` with the exception, `unknown`
   if it was interrupted. If the report fails, `Unreported` is raised instead of returning a result that
   nobody looked at.

Values that JSON does not know are denied with a message that names the argument, unless an `encoder` says
how they are written down.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import inspect
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec, TypeVar, cast

from yett import canonical
from yett.errors import InvalidCall, YettError
from yett.model import Context, Decision, Effect, Json, Outcome, ToolCall
from yett.sdk.decider import AnyDecider, Decider, aask_dutifully, ask_dutifully, awaited, enforcing
from yett.sdk.errors import Denied, Held, Unreported
from yett.sdk.verify import deny

P = ParamSpec("P")
R = TypeVar("R")

Encoder = Callable[[Any], Json]
"""Writes a value that JSON does not know as one that it does; raises TypeError if it cannot."""

_MAX_TEXT: Final = 64 * 1024
_KINDS: Final = inspect.Parameter


def enforce(decision: Decision) -> Decision:
    """Return an `allow`; raise for everything else.

    Raises:
        Held: a person must approve first.
        Denied: refused, or no answer that could be trusted.
    """
    if decision.effect is Effect.ALLOW:
        return decision
    if decision.effect is Effect.HOLD:
        raise Held(decision)
    raise Denied(decision)


def tool(
    decider: AnyDecider,
    *,
    name: str | None = None,
    server: str | None = None,
    session: str | Callable[[], str] = "",
    prompt: str | Callable[[], str] | None = None,
    mandate: str | Callable[[], str | None] | None = None,
    encoder: Encoder | None = None,
    wait: float = 0.0,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function or coroutine function so that it runs only when allowed.

    Args:
        decider: a `Gateway`, `Client` or, for coroutine functions, an `AsyncClient`.
        name: the tool's name in the policy; the function's own by default.
        server: where the tool lives, if the policy tells servers apart.
        session: the session's id, or a function that gives the current one.
        prompt: what the user asked for, or a function that gives it; recorded and scanned, never believed.
        mandate: a mandate to present, or a function that gives the one to use now.
        encoder: writes values that JSON does not know.
        wait: seconds to wait for a person when a call is held, over a client; then it is asked for again.

    Raises (from the decorated function):
        Denied, Held, Unreported; and whatever the function raises.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        guarded = _Guarded(decider, function, name, server, session, prompt, mandate, encoder, wait)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                return await guarded.run_async(args, kwargs)

            return cast("Callable[P, R]", run_async)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            return cast(R, guarded.run(args, kwargs))

        return run

    return decorate


class _Guarded:
    """One decorated function."""

    def __init__(
        self,
        decider: AnyDecider,
        function: Callable[..., Any],
        name: str | None,
        server: str | None,
        session: str | Callable[[], str],
        prompt: str | Callable[[], str] | None,
        mandate: str | Callable[[], str | None] | None,
        encoder: Encoder | None,
        wait: float,
    ) -> None:
        if wait > 0 and not hasattr(decider, "await_approval"):
            raise TypeError("whoever judges here cannot wait for an approval")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("a generator runs after it was called; guard a function that returns its result")
        if not inspect.iscoroutinefunction(function) and inspect.iscoroutinefunction(
            getattr(decider, "decide", None)
        ):
            raise TypeError("an asyncio client guards coroutine functions; give a Client or a Gateway here")
        self._decider: AnyDecider = enforcing(decider)
        self._function = function
        self._signature = inspect.signature(function)
        self._name = name or function.__name__
        owner = function.__qualname__.rpartition(".")[0]
        self._is_method = bool(owner) and not owner.endswith("<locals>")
        self._server = server
        self._session = session
        self._prompt = prompt
        self._mandate = mandate
        self._encoder = encoder
        self._wait = wait

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound, call = self._bind(args, kwargs)
        decider = cast(Decider, self._decider)
        decision = enforce(self._decide(call))
        try:
            result = self._function(*bound.args, **bound.kwargs)
        except Exception as error:
            self._report(self._failed(decision, error))
            raise
        except BaseException:
            self._report(Outcome(decision_id=decision.decision_id, status="unknown"))
            raise
        outcome = self._succeeded(decision, result)
        try:
            decider.report(outcome)
        except Exception as error:
            raise Unreported(decision.decision_id, result, _cause(error)) from error
        return result

    async def run_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound, call = self._bind(args, kwargs)
        decision = enforce(await self._decide_async(call))
        try:
            result = await self._function(*bound.args, **bound.kwargs)
        except Exception as error:
            await self._report_async(self._failed(decision, error))
            raise
        except BaseException:
            # Cancelled half-way: what it did is unknown, and the report must outlive the cancellation.
            await asyncio.shield(
                self._report_async(Outcome(decision_id=decision.decision_id, status="unknown"))
            )
            raise
        outcome = self._succeeded(decision, result)
        try:
            await self._call("report", outcome)
        except Exception as error:
            raise Unreported(decision.decision_id, result, _cause(error)) from error
        return result

    def _waits(self, decision: Decision) -> bool:
        return decision.effect is Effect.HOLD and self._wait > 0 and decision.approval is not None

    def _decide(self, call: ToolCall) -> Decision:
        decider = cast(Decider, self._decider)
        decision = ask_dutifully(decider, call)
        if not self._waits(decision):
            return decision
        try:
            approved = cast(Any, decider).await_approval(decision.approval, self._wait)
        except YettError as refused:
            return deny(call, refused)
        return ask_dutifully(decider, call) if approved else decision

    async def _decide_async(self, call: ToolCall) -> Decision:
        decision = await aask_dutifully(self._decider, call)
        if not self._waits(decision):
            return decision
        try:
            await_approval = cast(Any, self._decider).await_approval
            if inspect.iscoroutinefunction(await_approval):
                approved = await await_approval(decision.approval, self._wait)
            else:
                approved = await asyncio.to_thread(await_approval, decision.approval, self._wait)
        except YettError as refused:
            return deny(call, refused)
        return await aask_dutifully(self._decider, call) if approved else decision

    async def _call(self, verb: str, argument: Any) -> Any:
        return await awaited(self._decider, verb, argument)

    def _report(self, outcome: Outcome) -> None:
        """Report a run that is about to raise anyway; its own exception says more than a failed report."""
        try:
            cast(Decider, self._decider).report(outcome)
        except YettError as error:
            _note_unreported(outcome, error)

    async def _report_async(self, outcome: Outcome) -> None:
        try:
            await self._call("report", outcome)
        except YettError as error:
            _note_unreported(outcome, error)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[inspect.BoundArguments, ToolCall]:
        """The arguments as judged, in two shapes: for the function, and for the gateway."""
        bound = self._signature.bind(*args, **kwargs)  # a TypeError here is the caller's own
        bound.apply_defaults()
        call = ToolCall(
            tool=self._name,
            call_id=secrets.token_hex(16),
            server=self._server,
            session=_current(self._session) or "",
            mandate=_current(self._mandate),
            context=Context(prompt=_current(self._prompt)),
        )
        try:
            judged = self._freeze(bound)
        except InvalidCall as refused:
            raise Denied(deny(call, refused)) from None
        return bound, _with_arguments(call, judged)

    def _freeze(self, bound: inspect.BoundArguments) -> dict[str, Json]:
        """Replace every bound value by a copy of its own; return what is judged of them, by name."""
        judged: dict[str, Json] = {}
        flattened: Mapping[str, Any] = {}
        for index, (name, parameter) in enumerate(self._signature.parameters.items()):
            if index == 0 and self._is_method and name in ("self", "cls"):
                continue  # the object a method belongs to is the tool itself, not an argument
            value = bound.arguments[name]
            if parameter.kind is _KINDS.VAR_POSITIONAL:
                pairs = [self._copy(item, f"/{name}/{place}") for place, item in enumerate(value)]
                bound.arguments[name] = tuple(passed for passed, _ in pairs)
                judged[name] = [seen for _, seen in pairs]
            elif parameter.kind is _KINDS.VAR_KEYWORD:
                named = {key: self._copy(item, f"/{key}") for key, item in value.items()}
                bound.arguments[name] = {key: passed for key, (passed, _) in named.items()}
                flattened = {key: seen for key, (_, seen) in named.items()}
            else:
                bound.arguments[name], judged[name] = self._copy(value, f"/{name}")
        for name in flattened:
            if name in judged:
                # def f(a, /, **rest) called as f(1, a=2): two values, one name.
                raise InvalidCall("AMBIGUOUS_ARGUMENT", "two arguments have the same name", path=f"/{name}")
        return {**judged, **flattened}

    def _copy(self, value: Any, path: str) -> tuple[Any, Json]:
        """The value to pass, and the value to judge; the same object unless an encoder was needed."""
        try:
            plain = canonical.check(value)
        except InvalidCall as refused:
            if refused.code != "NOT_JSON" or self._encoder is None:
                hint = "; give the guard an encoder for it" if refused.code == "NOT_JSON" else ""
                where = path + (refused.path or "")
                raise InvalidCall(refused.code, refused.message + hint, path=where) from None
        else:
            return plain, plain
        try:
            own = copy.deepcopy(value)
            return own, canonical.check(_encode(own, self._encoder))
        except InvalidCall as refused:
            raise InvalidCall(refused.code, refused.message, path=path + (refused.path or "")) from None
        except Exception as error:  # noqa: BLE001 - somebody else's encoder; whatever it raises is a denial
            message = f"the encoder failed ({type(error).__name__})"
            raise InvalidCall("NOT_JSON", message, path=path) from None

    def _succeeded(self, decision: Decision, result: Any) -> Outcome:
        return Outcome(decision_id=decision.decision_id, status="ok", result=self._describe(result))

    def _failed(self, decision: Decision, error: Exception) -> Outcome:
        # The exception's own words often quote what the tool read: they are looked at like a result.
        return Outcome(
            decision_id=decision.decision_id,
            status="error",
            error=_readable(f"{type(error).__name__}: {error}"),
        )

    def _describe(self, result: Any) -> Json:
        """The result as the gateway sees it: whole if it is JSON, else as much of it as can be read."""
        try:
            return canonical.check(_encode(result, self._encoder))
        except (InvalidCall, TypeError):
            return describe(result)


def describe(value: Any) -> Json:
    """A JSON rendering of any result, for looking at: bytes and objects become bounded text."""
    try:
        if isinstance(value, bytes | bytearray | memoryview):
            return _readable(bytes(value)[:_MAX_TEXT].decode("utf-8", "replace"))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return canonical.check(dataclasses.asdict(value))
        return canonical.check(value)
    except (InvalidCall, TypeError, ValueError, RecursionError):
        return _readable(str(value))


def _encode(value: Any, encoder: Encoder | None) -> Any:
    """Apply the encoder to every value inside that is not JSON."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {key: _encode(item, encoder) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item, encoder) for item in value]
    if encoder is None:
        return value
    return encoder(value)


def _current(given: Any) -> Any:
    return given() if callable(given) else given


def _with_arguments(call: ToolCall, arguments: dict[str, Json]) -> ToolCall:
    return ToolCall(
        tool=call.tool,
        call_id=call.call_id,
        arguments=arguments,
        server=call.server,
        session=call.session,
        mandate=call.mandate,
        context=call.context,
    )


def _readable(text: str) -> str:
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def _cause(error: Exception) -> str:
    return error.code if isinstance(error, YettError) else type(error).__name__


def _note_unreported(outcome: Outcome, error: YettError) -> None:
    import warnings

    warnings.warn(
        f"the outcome of {outcome.decision_id} could not be reported ({error.code})",
        RuntimeWarning,
        stacklevel=3,
    )
