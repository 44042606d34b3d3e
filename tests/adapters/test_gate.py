"""What all framework adapters share: judge, run with exactly what was judged, report."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, RootModel, SecretStr

from yett.errors import InvalidCall
from yett.model import Effect, Obligation
from yett.sdk.adapters import Gate, Stopped
from yett.sdk.adapters.gate import mcp_name, parsed, plain, reportable
from yett.sdk.decider import call_for
from yett.sdk.scripted import ScriptedDecider


def run(decider: ScriptedDecider, arguments: Any, kind: str, gate: Gate | None = None) -> list[Any]:
    """What the tool was run with, through the blocking or the asyncio half."""
    ran: list[Any] = []
    gate = gate or Gate(decider)

    def tool(judged: Any) -> str:
        ran.append(judged)
        return "done"

    async def atool(judged: Any) -> str:
        return tool(judged)

    if kind == "blocking":
        gate.run("t", arguments, tool)
    else:
        asyncio.run(gate.arun("t", arguments, atool))
    return ran


KINDS = pytest.mark.parametrize("kind", ["blocking", "asyncio"])


@KINDS
@pytest.mark.parametrize("lie", ["other_call", "expired", "garbage", "raise", "timeout"])
def test_a_decision_point_that_lies_or_fails_stops_the_tool(kind: str, lie: str) -> None:
    with pytest.raises(Stopped):
        run(ScriptedDecider(allow=["*"], lie=lie), {}, kind)


@KINDS
def test_a_change_made_while_the_gateway_thinks_does_not_reach_the_tool(kind: str) -> None:
    arguments: dict[str, Any] = {"to": ["alice"]}
    decider = ScriptedDecider(allow=["*"], on_decide=lambda _: arguments["to"].append("mallory"))
    assert run(decider, arguments, kind) == [{"to": ["alice"]}]


@KINDS
@pytest.mark.parametrize(
    "arguments", [{"a": object()}, {"a": float("nan")}, {"a": 2**60}, {1: 2}, ["a"], "text", {"a": "\ud800"}]
)
def test_arguments_that_cannot_be_judged_stop_the_tool(kind: str, arguments: Any) -> None:
    decider = ScriptedDecider(allow=["*"])
    with pytest.raises(Stopped):
        run(decider, arguments, kind)
    assert decider.calls == []


@KINDS
def test_a_session_is_opened_once_and_put_on_every_call(kind: str) -> None:
    decider = ScriptedDecider(allow=["*"])
    gate = Gate(decider, server="bank", prompt="pay alice")
    run(decider, {}, kind, gate)
    run(decider, {}, kind, gate)
    assert decider.sessions == ["s1"]
    assert [(call.session, call.server, call.context.prompt) for call in decider.calls] == [
        ("s1", "bank", "pay alice")
    ] * 2


@KINDS
def test_a_gateway_that_opens_no_session_stops_the_tool(kind: str) -> None:
    class Closed(ScriptedDecider):
        def open_session(self, **_: Any) -> str:
            raise OSError

    with pytest.raises(Stopped):
        run(Closed(allow=["*"]), {}, kind)


@KINDS
def test_a_result_whose_report_fails_is_withheld(kind: str) -> None:
    with pytest.raises(Stopped, match="withheld"):
        run(ScriptedDecider(allow=["*"], refuse_reports=True), {}, kind)


@KINDS
def test_an_obligation_nobody_here_can_fulfil_stops_the_tool(kind: str) -> None:
    decider = ScriptedDecider(
        allow=["*"], obligations=(Obligation(kind="redact", arguments={"fields": ["x"]}),)
    )
    with pytest.raises(Stopped) as stopped:
        run(decider, {}, kind)
    assert stopped.value.code == "OBLIGATION_UNKNOWN"
    assert decider.outcomes[0].status == "no_effect"


def test_a_tool_that_raises_is_reported_as_failed_and_its_exception_goes_on() -> None:
    decider = ScriptedDecider(allow=["*"])

    def broken(_: Any) -> None:
        raise KeyError("secret")

    with pytest.raises(KeyError):
        Gate(decider).run("t", {}, broken)
    assert (decider.outcomes[0].status, decider.outcomes[0].error) == ("error", "KeyError")


def test_a_tool_that_is_cancelled_is_in_doubt() -> None:
    decider = ScriptedDecider(allow=["*"])

    async def drive() -> None:
        started = asyncio.Event()

        async def slow(_: Any) -> None:
            started.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(Gate(decider).arun("t", {}, slow))
        await started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(drive())
    assert decider.outcomes[0].status == "unknown"


def test_a_held_call_can_be_told_from_a_refused_one() -> None:
    with pytest.raises(Stopped) as stopped:
        Gate(ScriptedDecider(hold=["t"])).run("t", {}, lambda _: None)
    assert stopped.value.held
    assert stopped.value.decision.effect is Effect.HOLD
    assert stopped.value.decision.approval == "ap1"


def test_arguments_written_by_a_model_are_read_strictly() -> None:
    assert parsed("") == parsed(None) == {}
    assert parsed('{"a":1}') == {"a": 1}
    with pytest.raises(InvalidCall):
        parsed('{"a":1,"a":2}')


def test_results_of_any_kind_can_be_reported() -> None:
    @dataclasses.dataclass
    class Point:
        x: int

    assert reportable(Point(1)) == {"x": 1}
    assert reportable({"a": (1, Point(2))}) == {"a": [1, {"x": 2}]}
    assert isinstance(reportable(object()), str)
    assert isinstance(reportable(float("inf")), str)


def test_a_result_that_says_it_failed_is_reported_as_failed() -> None:
    decider = ScriptedDecider(allow=["*"])
    Gate(decider).run("t", {}, lambda _: {"status": "error", "content": []})
    assert decider.outcomes[0].status == "error"


def test_tools_of_mcp_servers_are_told_from_an_agents_own() -> None:
    assert mcp_name("mcp__github__create_issue") == ("github", "create_issue")
    assert mcp_name("mcp__a__b__c") == ("a", "b__c")
    assert mcp_name("Bash") == (None, "Bash")
    assert mcp_name("mcp__x") == (None, "mcp__x")


class Server(BaseModel):
    host: str
    password: SecretStr = SecretStr("")
    run: str = Field("", exclude=True)
    limit: float = 0
    client: object = Field(None, exclude=True)


class Deploy(BaseModel):
    to: list[Server]


class Hidden(BaseModel):
    """What an agent sets with JSON, and the tool gets as something else."""

    key: SecretStr = Field(SecretStr(""), exclude=True)
    path: Path = Field(Path(), exclude=True)
    when: datetime.date = Field(datetime.date.min, exclude=True)
    names: set[str] = Field(set(), exclude=True)
    raw: bytes = Field(b"", exclude=True)


class Keys(RootModel[list[SecretStr]]):
    pass


def test_what_a_model_hides_when_it_is_written_down_is_judged_and_not_reported() -> None:
    """The agent sets it, and the tool runs with it."""
    model = Deploy.model_validate({"to": [{"host": "a", "password": "hush", "run": "rm -rf /"}]})
    model.to[0].client = object()
    assert plain(model) == {"to": [{"host": "a", "password": "hush", "run": "rm -rf /", "limit": 0.0}]}
    assert reportable({"made": model}) == {
        "made": {"to": [{"host": "a", "password": "*" * 10, "limit": 0.0}]}
    }
    given = {"key": "hush", "path": "/etc/shadow", "when": "2026-01-02", "names": ["a"], "raw": "rm -rf /"}
    assert plain(Hidden.model_validate(given)) == given
    assert plain(Hidden(raw=b"\xff\xfe"))["raw"] == "__4="  # type: ignore[index]
    assert plain(Keys.model_validate(["hush"])) == ["hush"]
    endless = Deploy.model_validate({"to": [{"host": "a", "limit": "inf"}]})
    with pytest.raises(InvalidCall):
        call_for("deploy", plain(endless))
