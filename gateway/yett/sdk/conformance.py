"""The conformance kit: does a way to a tool run the tool exactly when it may?

A *decision point that misbehaves* (`FaultyPoint`) speaks the sidecar's protocol over a Unix socket or TCP:
it is dead, hung, slow to death, cuts its answer, refuses with 413, 429 or 500, answers garbage, or allows
another call or an expired one. A *target* is any adapter, hook or proxy behind one function, which has the
scripted agent call one tool and says how often the tool ran and with what arguments. `check` drives a target
through every scenario; it passes only if nothing ran that may not, and what may run ran once, unchanged.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import msgspec

from yett.model import Json, Outcome, Struct, ToolCall
from yett.sdk.scripted import ScriptedDecider

TOOL: Final = "send_money"
ARGUMENTS: Final[dict[str, Json]] = {
    "recipient": "GB33BUKB20201555555555",
    "amount": 10,
    "note": "für «Käse» \u2028",
}
TOKEN: Final = "yett_conformance_token"  # noqa: S105 -- known to everybody; opens nothing
_IMPATIENT: Final = 0.6
"""Seconds; hung and slow last longer."""
_PATIENT: Final = 60.0
"""Where the tool may run: that the machine was busy is no fault of the way under test."""
_timeout: ContextVar[float] = ContextVar("timeout", default=_IMPATIENT)


def client_timeout() -> float:
    """Seconds the client of a target that is being driven waits for the decision point."""
    return _timeout.get()


class Scenario(Struct, frozen=True, kw_only=True):
    """One way the decision point behaves, and whether the tool may run."""

    name: str
    runs: bool
    what: str


SCENARIOS: Final = (
    Scenario(name="allow", runs=True, what="allows the call"),
    Scenario(name="deny", runs=False, what="denies the call"),
    Scenario(name="hold", runs=False, what="holds the call for a person"),
    Scenario(name="dead", runs=False, what="is not there"),
    Scenario(name="hung", runs=False, what="takes the question and never answers"),
    Scenario(name="slow", runs=False, what="drips its answer, a byte at a time, past every deadline"),
    Scenario(name="close", runs=False, what="closes the connection without a word"),
    Scenario(name="truncated", runs=False, what="sends half of an allow and closes"),
    Scenario(name="401", runs=False, what="does not know the token"),
    Scenario(name="413", runs=False, what="refuses the size"),
    Scenario(name="429", runs=False, what="refuses the rate"),
    Scenario(name="500", runs=False, what="fails inside"),
    Scenario(name="redirect", runs=False, what="points to an allow elsewhere"),
    Scenario(name="garbage", runs=False, what="answers with something that is no decision"),
    Scenario(name="html", runs=False, what="answers with a web page"),
    Scenario(name="empty", runs=False, what="answers 200 with no body"),
    Scenario(name="null", runs=False, what="answers 200 with null"),
    Scenario(name="effect", runs=False, what="allows with an effect nobody knows"),
    Scenario(name="duplicate", runs=False, what="says allow and deny under the same key"),
    Scenario(name="other_call", runs=False, what="allows another call"),
    Scenario(name="replayed", runs=False, what="sends an allow it gave before"),
    Scenario(name="expired", runs=False, what="allows, but the time is over"),
)


class Ran(Struct, frozen=True, kw_only=True):
    """What a target reports after the scripted agent has made its one call."""

    times: int
    """How often the tool's own body was entered."""
    arguments: dict[str, Json] | None = None
    """What it was entered with, the last time."""
    told: str = ""
    """What the model was told."""


class Row(Struct, frozen=True, kw_only=True):
    """One cell of the result table."""

    target: str
    scenario: str
    passed: bool
    detail: str = ""


Target = Callable[[str, str], Ran]
"""Makes one call of `TOOL` with `ARGUMENTS` through the way under test, against the decision point at an
address (socket path or URL) with a token, and says what ran."""


Hook = Callable[[ScriptedDecider, str, bytes, dict[str, str]], tuple[bytes, dict[str, str]]]
"""Given the decider, the agent, the event and the request's headers: the answer and its own headers."""


def check(
    name: str,
    target: Target,
    scenarios: tuple[Scenario, ...] = SCENARIOS,
    *,
    tcp: bool = False,
    hook: Hook | None = None,
) -> list[Row]:
    """Drive a target through all scenarios.

    A target that raises is a failure: it could not say what ran. `counted` makes one that can.
    """
    rows = []
    for scenario in scenarios:
        with FaultyPoint(scenario.name, tcp=tcp, hook=hook) as point:
            before = _timeout.set(_PATIENT if scenario.runs else _IMPATIENT)
            try:
                ran = target(point.address, TOKEN)
                problem = _problem(scenario, ran)
            except Exception as error:  # noqa: BLE001 -- the target's own defect, shown in its row
                problem = f"the target raised {type(error).__name__}: {error}"
            finally:
                _timeout.reset(before)
            if scenario.runs and not problem and not point.decider.outcomes:
                problem = "the outcome was not reported"
        rows.append(Row(target=name, scenario=scenario.name, passed=not problem, detail=problem))
    return rows


class Counter:
    """The tool of a target: counts its runs and keeps its arguments, also when the framework then raises."""

    def __init__(self) -> None:
        self.times = 0
        self.arguments: dict[str, Json] | None = None

    def __call__(self, **arguments: Json) -> str:
        self.times += 1
        self.arguments = arguments
        return "sent"

    def ran(self, told: object = "") -> Ran:
        """The report."""
        return Ran(times=self.times, arguments=self.arguments, told=str(told)[:2000])


def counted(drive: Callable[[Counter, str, str], object]) -> Target:
    """A target from a function that is given the tool's counter, an address and a token. What the function
    raises is what the model or the program was told; the count stands either way."""

    def target(address: str, token: str) -> Ran:
        counter = Counter()
        try:
            told = drive(counter, address, token)
        except Exception as error:  # noqa: BLE001 -- frameworks let refusals propagate in their own classes
            told = f"{type(error).__name__}: {error}"
        return counter.ran(told)

    return target


def _problem(scenario: Scenario, ran: Ran) -> str:
    if not scenario.runs:
        return f"the tool ran {ran.times} times" if ran.times else ""
    if ran.times != 1:
        return f"the tool ran {ran.times} times; {ran.told[:200]}"
    return "" if ran.arguments == ARGUMENTS else f"the tool ran with other arguments; {ran.told[:200]}"


def table(rows: list[Row]) -> str:
    """The result table as Markdown: a line a target, a column a scenario."""
    names = [scenario.name for scenario in SCENARIOS]
    lines = ["| way to the tool | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for target in dict.fromkeys(row.target for row in rows):
        cells = {row.scenario: "ok" if row.passed else "**open**" for row in rows if row.target == target}
        lines.append(f"| {target} | " + " | ".join(cells.get(name, "–") for name in names) + " |")
    return "\n".join(lines) + "\n"


class FaultyPoint:
    """A decision point on a socket of its own, behaving as its scenario says. A context manager.

    Args:
        scenario: a name of `SCENARIOS`.
        tcp: listen on a loopback port instead of a Unix socket.
        hook: answers events of coding agents (`POST /v1/hooks/AGENT`), given the decider, agent and event.
    """

    def __init__(self, scenario: str, *, tcp: bool = False, hook: Hook | None = None) -> None:
        self.scenario = scenario
        self._hook = hook
        self.decider = ScriptedDecider(
            allow=["*"] if scenario not in ("deny", "hold") else [],
            hold=[TOOL] if scenario == "hold" else [],
            lie=scenario if scenario in ("other_call", "expired") else "none",
        )
        self._tcp = tcp
        self._folder = tempfile.TemporaryDirectory(prefix="yett-")
        self._stop = threading.Event()
        self.address = str(Path(self._folder.name) / "point.sock")
        self._connections: list[socket.socket] = []

    def __enter__(self) -> FaultyPoint:
        if self.scenario == "dead":
            if self._tcp:
                with socket.create_server(("127.0.0.1", 0)) as free:
                    self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
            return self
        if self._tcp:
            self._server = socket.create_server(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        else:
            self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._server.bind(self.address)
            self._server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self.scenario != "dead":
            for connection in [self._server, *self._connections]:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            stream = connection.makefile("rb")
            while request := _read_request(stream):
                if not self._answer(connection, *request):
                    break
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _answer(self, connection: socket.socket, path: str, headers: dict[str, str], body: bytes) -> bool:
        """Answer one request; False to close the connection."""
        judged = path.startswith(("/v1/decisions", "/v1/hooks/"))
        if not judged:
            connection.sendall(_response(200, self._plain(path, body)))
            return True
        answer, echo = self._judged(path, headers, body)
        return self._send(connection, answer, echo)

    def _send(self, connection: socket.socket, answer: bytes, echo: dict[str, str]) -> bool:
        scenario = self.scenario
        if scenario == "hung":
            self._stop.wait(60)
            return False
        if scenario == "close":
            return False
        if scenario == "slow":
            for byte in _response(200, answer, echo):
                connection.sendall(bytes([byte]))
                if self._stop.wait(0.05):
                    return False
            return True
        if scenario == "truncated":
            whole = _response(200, answer, echo)
            connection.sendall(whole[: len(whole) - len(answer) // 2 - 1])
            return False
        if scenario in ("401", "413", "429", "500"):
            problem = {"type": "about:blank", "status": int(scenario), "code": "SCRIPTED", "detail": "no"}
            connection.sendall(_response(int(scenario), msgspec.json.encode(problem), echo))
            return scenario != "413"
        if scenario == "redirect":
            connection.sendall(_response(307, answer, {**echo, "location": "/v1/decisions"}))
            return True
        connection.sendall(_response(200, _spoiled(scenario, answer), echo))
        return True

    def _judged(self, path: str, headers: dict[str, str], body: bytes) -> tuple[bytes, dict[str, str]]:
        if self._hook is not None and path.startswith("/v1/hooks/"):
            if self.scenario == "replayed":
                headers = {**headers, "x-yett-nonce": "0" * 32}
            return self._hook(self.decider, path.rpartition("/")[2], body, headers)
        call = msgspec.json.decode(body, type=ToolCall)
        if self.scenario == "replayed":
            call = msgspec.structs.replace(call, call_id="c-" + "0" * 32)
        decision = self.decider.decide(call)
        return msgspec.json.encode(msgspec.structs.replace(decision, permit="e30.e30.c2ln")), {}

    def _plain(self, path: str, body: bytes) -> bytes:
        if path.startswith("/v1/outcomes"):
            self.decider.report(msgspec.json.decode(body, type=Outcome))
            return b"{}"
        if path.startswith("/v1/sessions"):
            return msgspec.json.encode({"session": self.decider.open_session()})
        return b"{}"


def _spoiled(scenario: str, answer: bytes) -> bytes:
    if scenario == "garbage":
        return b'{"allow":true,"decision":"allow"}'
    if scenario == "html":
        return b"<html>allow</html>"
    if scenario == "empty":
        return b""
    if scenario == "null":
        return b"null"
    if scenario == "effect":
        spoiled = answer.replace(b'"effect":"allow"', b'"effect":"permit"')
        return spoiled if spoiled != answer else b'{"permission":"permit","permissionDecision":"permit"}'
    if scenario == "duplicate":
        spoiled = answer.replace(b'"effect":"allow"', b'"effect":"deny","effect":"allow"')
        return spoiled if spoiled != answer else b'{"permission":"deny","permission":"allow"}'
    return answer


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", "content-type: application/json", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _read_request(stream: Any) -> tuple[str, dict[str, str], bytes] | None:
    line = stream.readline(65536)
    if not line:
        return None
    path = line.split(b" ")[1].decode("ascii")
    headers: dict[str, str] = {}
    while (line := stream.readline(65536)) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return path, headers, stream.read(int(headers.get("content-length", "0")))
