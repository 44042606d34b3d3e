"""What the drives of all frameworks share: the tool, and a client for the kit's decision point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yett.sdk.client import Client
from yett.sdk.conformance import Counter, Target, client_timeout, counted


def sender(counter: Counter) -> Callable[..., str]:
    """The tool as a plain function with types and a docstring, as frameworks want it."""

    def send_money(recipient: str, amount: int, note: str) -> str:
        """Send money to somebody.

        Args:
            recipient: Who gets it.
            amount: How much.
            note: Words to go with it.
        """
        return counter(recipient=recipient, amount=amount, note=note)

    return send_money


def target_of(run: Callable[[Counter, Any], object]) -> Target:
    """The kit's target from a function that makes one call through the framework."""

    def drive(counter: Counter, address: str, token: str) -> object:
        with Client(address, token, timeout=client_timeout()) as client:
            return run(counter, client)

    return counted(drive)
