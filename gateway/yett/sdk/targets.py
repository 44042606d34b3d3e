"""The SDK's own ways to a tool as targets of the conformance kit."""

from __future__ import annotations

import asyncio

from yett.model import Outcome, ToolCall
from yett.sdk import guard as guards
from yett.sdk.aclient import AsyncClient
from yett.sdk.client import Client
from yett.sdk.conformance import ARGUMENTS, TOOL, Counter, client_timeout, counted
from yett.sdk.decider import aask, ask, atell, tell


def _client(tool: Counter, address: str, token: str) -> object:
    with Client(address, token, timeout=client_timeout()) as client:
        decision = ask(client, ToolCall(tool=TOOL, arguments=ARGUMENTS, call_id="c-1"))
        if decision.allowed:
            tool(**ARGUMENTS)
            tell(client, Outcome(decision_id=decision.decision_id, result="sent"))
        return decision


def _async_client(tool: Counter, address: str, token: str) -> object:
    async def drive() -> object:
        async with AsyncClient(address, token, timeout=client_timeout()) as client:
            decision = await aask(client, ToolCall(tool=TOOL, arguments=ARGUMENTS, call_id="c-1"))
            if decision.allowed:
                tool(**ARGUMENTS)
                await atell(client, Outcome(decision_id=decision.decision_id, result="sent"))
            return decision

    return asyncio.run(drive())


def _guard(tool: Counter, address: str, token: str) -> object:
    with Client(address, token, timeout=client_timeout()) as client:

        @guards.tool(client, name=TOOL)
        def send_money(recipient: str, amount: int, note: str) -> str:
            return tool(recipient=recipient, amount=amount, note=note)

        return send_money(**ARGUMENTS)


client = counted(_client)
async_client = counted(_async_client)
guard = counted(_guard)
