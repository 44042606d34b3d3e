"""The AuthZEN working group's "todo" interop scenario, answered by a real gateway under `todo.yaml`.

Forty questions: five users, each reads a user (twice), reads todos, creates one, and updates and deletes one
of Rick's and one of a user's own. Requests have the form of the published suite, its fields outside
`properties` included; the expected answers follow from the scenario's rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from yett.gateway import Gateway
from yett.model import Identity
from yett.proxy.pdp import authzen

POLICY = Path(__file__).with_name("todo.yaml")
RICK, MORTY, SUMMER, BETH, JERRY = (
    "rick@the-citadel.com",
    "morty@the-citadel.com",
    "summer@the-smiths.com",
    "beth@the-smiths.com",
    "jerry@the-smiths.com",
)
EDITORS = (MORTY, SUMMER)


def questions() -> Iterator[tuple[dict[str, Any], bool]]:
    for user in (RICK, MORTY, SUMMER, BETH, JERRY):
        own = user if user != RICK else MORTY

        def ask(action: str, resource: dict[str, Any], user: str = user) -> dict[str, Any]:
            subject = {"type": "user", "id": user, "identity": f"subject-of-{user}"}
            return {"subject": subject, "action": {"name": action}, "resource": resource}

        for other in (BETH, user):
            yield ask("can_read_user", {"type": "user", "id": other, "userID": other}), True
        todo = {"type": "todo", "id": "todo-1"}
        yield ask("can_read_todos", todo), True
        yield ask("can_create_todo", todo), user == RICK or user in EDITORS
        for action in ("can_update_todo", "can_delete_todo"):
            for owner in (RICK, own):
                resource = {"type": "todo", "id": f"todo-of-{owner}", "ownerID": owner}
                yield ask(action, resource), user == RICK or (user in EDITORS and owner == user)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    pep = Identity(principal="pep", agent="pep", role="operator", credential="pep")
    with Gateway.open(POLICY, tmp_path_factory.mktemp("state")) as gateway:
        yield TestClient(Starlette(routes=authzen.routes(gateway, lambda _: pep)))


def test_every_evaluation_is_answered_as_the_scenario_says(client: TestClient) -> None:
    wrong = []
    asked = list(questions())
    for body, expected in asked:
        answer = client.post("/access/v1/evaluation", json=body)
        if answer.status_code != 200 or answer.json()["decision"] is not expected:
            wrong.append((body, answer.json()))
    assert wrong == []
    assert len(asked) == 40


def test_the_same_questions_in_one_request_get_the_same_answers(client: TestClient) -> None:
    asked = list(questions())
    answer = client.post("/access/v1/evaluations", json={"evaluations": [body for body, _ in asked]}).json()
    assert [one["decision"] for one in answer["evaluations"]] == [expected for _, expected in asked]


def test_a_missing_owner_is_no_owner(client: TestClient) -> None:
    body = {
        "subject": {"type": "user", "id": MORTY},
        "action": {"name": "can_update_todo"},
        "resource": {"type": "todo", "id": "t"},
    }
    assert client.post("/access/v1/evaluation", json=body).json()["decision"] is False
