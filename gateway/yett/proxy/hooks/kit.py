"""The hooks of coding agents as targets of the conformance kit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable

import msgspec

from yett.model import Identity
from yett.proxy.hooks.desk import HookDesk
from yett.proxy.hooks.install import CLIENT
from yett.proxy.hooks.routes import sealed
from yett.proxy.hooks.verdict import event, runs
from yett.sdk.conformance import ARGUMENTS, TOOL, Counter, Target, client_timeout, counted
from yett.sdk.scripted import ScriptedDecider

_AGENT = Identity(principal="p", agent="a")


class _AsGateway:
    """A scripted decider with the face of a gateway."""

    def __init__(self, decider: ScriptedDecider) -> None:
        self.adecide = decider.adecide
        self.areport = decider.areport
        self.open_session = decider.open_session


def answer(
    decider: ScriptedDecider, agent: str, body: bytes, headers: dict[str, str]
) -> tuple[bytes, dict[str, str]]:
    """What the sidecar would answer to an event, judged by the script; the tool's end follows at once, so
    that the outcome is reported."""
    desk = HookDesk(_AsGateway(decider))

    async def both() -> bytes:
        said = await desk.answer(agent, body, _AGENT)
        await desk.answer(agent, _ended(agent, body), _AGENT)
        return said

    answered = asyncio.run(both())
    return answered, sealed(headers, answered)


def target(agent: str, python: str = sys.executable) -> Target:
    """The real client process, between a scripted agent that reads its answer as the real one does."""
    return counted(_driver(agent, python))


def _driver(agent: str, python: str) -> Callable[[Counter, str, str], object]:
    def drive(tool: Counter, address: str, token: str) -> object:
        with tempfile.NamedTemporaryFile("w", prefix="yett-") as file:
            file.write(token)
            file.flush()
            line = [python, "-I", "-S", str(CLIENT), agent, address, file.name, str(client_timeout())]
            done = subprocess.run(line, input=event(agent, TOOL, ARGUMENTS), capture_output=True, timeout=60)
        if runs(agent, done.returncode, done.stdout):
            tool(**ARGUMENTS)
        return done.stdout + done.stderr

    return drive


def _ended(agent: str, body: bytes) -> bytes:
    ended = msgspec.json.decode(body)
    names = {"PreToolUse": "PostToolUse", "BeforeTool": "AfterTool", "preToolUse": "postToolUse"}
    if "hook_event_name" in ended:
        ended["hook_event_name"] = names[ended["hook_event_name"]]
    ended |= (
        {"toolResult": {"resultType": "success"}}
        if agent == "copilot"
        else {"tool_response": {"output": "sent"}}
    )
    return msgspec.json.encode(ended)
