"""Prompts in other languages than English: what they ask for, and what nobody concludes from them."""

from __future__ import annotations

import pytest

from yett.policy.words import intent, tongues


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("Bitte überweise die Rechnung von Holm, die gestern per Mail kam.", "intent:pay"),
        ("Responde a Marta que sí y añade la cena al calendario.", "intent:send"),
        ("Responde a Marta que sí y añade la cena al calendario.", "intent:write"),
        ("Supprime les factures de mon dossier.", "intent:delete"),
        ("Verwijder de oude mappen van het project.", "intent:delete"),
        ("Montre moi les factures de la semaine.", "intent:read"),
    ],
)
def test_everyday_requests_are_understood(prompt: str, asked: str) -> None:
    assert tongues.is_foreign(prompt)
    assert asked in intent.of_prompt(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "Pay Carla de la Cruz 5 euros.",
        "Rebook the flight to Rio de Janeiro.",
        "What does the letter of the landlord say?",
        "make the tests pass",
        "",
    ],
)
def test_foreign_names_make_no_foreign_prompt(prompt: str) -> None:
    assert not tongues.is_foreign(prompt)


def test_who_only_asks_is_told_only_if_nothing_is_joined_on() -> None:
    """prevents: `sag ihm`, a verb that no list has, looking like something nobody asked for."""
    assert intent.ONLY_LOOKS in intent.of_prompt("Zeige mir die Mails von der Bank.")
    assert intent.UNREAD in intent.of_prompt(
        "Lies mir die Mail vom Vermieter vor und sag ihm, dass es passt."
    )


@pytest.mark.parametrize(
    "prompt", ["请总结我的邮件", "Прочитай моё письмо", "Proszę o to za mnie i na de la"]
)
def test_nothing_is_concluded_from_a_language_that_is_not_known(prompt: str) -> None:
    assert intent.of_prompt(prompt) == (intent.UNREAD,)
