"""Attacks by two readings: what is judged and what the server behind reads must be one text, one path, one host."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from httpside import answering, ok
from pdpside import Gateway, authenticate
from test_doors import Doors
from test_http import call, door

from yett.proxy.pdp.rpc import serving
from yett.sdk.scripted import ScriptedDecider

UTF7 = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{"path":"a.txt'
    b"+ACI-+AH0-,+ACI-name+ACI-:+ACI-delete+ACI-,+ACI-arguments+ACI-:+AHs-+ACI-path+ACI-:+ACI-x"
    b'"}}}'
)
"""`read` with an odd path for whoever takes it for UTF-8, `delete` in UTF-7, as its sender may say it is."""
OTHER_TEXTS = (
    "application/json; charset=utf-7",
    'application/json; charset="UTF-16"',
    "application/json;charset=utf-8;charset=utf-7",
    "application/json; charset = utf-7",
    "application/json; charset*=utf-8''utf-7",
    "application/json; x=charset=utf-7",
    "application/json, application/json; charset=ibm037",
)


def _says(upstream: str, *headers: tuple[str, str], body: bytes = UTF7, decider: Any = None) -> int:
    with door(upstream, decider) as (url, _):
        return httpx.post(url, content=body, headers=list(headers), timeout=60).status_code


def test_the_attack_is_one() -> None:
    assert json.loads(UTF7)["params"]["name"] == "read"
    assert json.loads(UTF7.decode("utf-7"))["params"]["name"] == "delete"


@pytest.mark.parametrize("kind", OTHER_TEXTS)
def test_no_charset_makes_a_message_another_one_for_the_server(kind: str) -> None:
    with answering(lambda _: ok(b"{}")) as (upstream, seen):
        assert _says(upstream, ("content-type", kind)) == 400
    assert seen == []


def test_of_two_media_types_none_counts() -> None:
    with answering(lambda _: ok(b"{}")) as (upstream, seen):
        kinds = [("content-type", "application/json"), ("content-type", OTHER_TEXTS[0])]
        assert _says(upstream, *kinds) == 400
        assert _says(upstream, ("content-type", "text/json-seq")) == 400
    assert seen == []


@pytest.mark.parametrize("kind", ["application/json", 'Application/JSON; charset="UTF-8"'])
def test_json_in_utf_8_passes_however_it_is_named(kind: str) -> None:
    answer = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
    with answering(lambda _: ok(answer)) as (upstream, seen):
        assert _says(upstream, ("content-type", kind)) == 200
    assert len(seen) == 1


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    gateway = Gateway(allow=["http", "read"])
    with serving(gateway, authenticate, f"unix:{tmp_path_factory.mktemp('grpc')}/s") as address:
        found = Doors(address, gateway)
        with contextlib.closing(found.channel):
            yield found


@pytest.mark.parametrize("kind", OTHER_TEXTS)
def test_envoys_doors_judge_no_body_in_another_charset(doors: Doors, kind: str) -> None:
    for extensions, over in (({"mcp_server": "files"}, [("x-mcp-server", "files")]), ({}, [])):
        body = UTF7 if extensions else b"a+ACI-b"
        assert not doors.grpc(body, headers={"content-type": kind}, context_extensions=extensions)
        assert not doors.over_http(body, ("content-type", kind), *over)
    assert doors.grpc(
        UTF7, headers={"content-type": "application/json"}, context_extensions={"mcp_server": "f"}
    )


def test_the_host_is_the_requests_own_and_not_what_a_header_says(doors: Doors) -> None:
    doors.http.get(
        "/ext_authz/x",
        headers={"x-yett-authorization": "Bearer pep", "host": "inside", "x-forwarded-host": "outside"},
    )
    assert doors.gateway.decider.calls[-1].arguments["host"] == "inside"


@pytest.mark.parametrize(
    ("sent", "judged"),
    [
        ("/public/..%2fadmin", "/public/..%2Fadmin"),
        ("/public/%2e%2E/admin", "/public/../admin"),
        ("/%61dmin", "/admin"),
        ("/a%3fb=/public", "/a%3Fb=/public"),
        ("/a%253f?q=%2F%61", "/a%253f?q=%2F%61"),
        ("/a%0d%0ab", "/a%0D%0Ab"),
        ("/a%zz%", "/a%zz%"),
    ],
)
def test_both_of_envoys_doors_judge_a_path_as_it_is_sent_and_in_one_spelling(
    doors: Doors, sent: str, judged: str
) -> None:
    doors.grpc(b"", method="GET", path=sent)
    first = doors.gateway.decider.calls[-1].arguments["path"]
    doors.http.get("/ext_authz" + sent, headers={"x-yett-authorization": "Bearer pep"})
    assert first == doors.gateway.decider.calls[-1].arguments["path"] == judged


def test_the_doors_own_name_is_spelled_in_one_way(doors: Doors) -> None:
    asked = len(doors.gateway.decider.calls)
    answer = doors.http.get("/ext%5fauthz/x", headers={"x-yett-authorization": "Bearer pep"})
    assert answer.status_code == 400
    assert len(doors.gateway.decider.calls) == asked


MIRRORED = call("read")
MIRRORED["params"]["arguments"] = {"region": "eu", "deep": {"n": 42, "dry": True}, "none": None}


@pytest.mark.parametrize(
    "headers",
    [
        [("mcp-param-region", "us")],
        [("mcp-param-region", "eu"), ("mcp-param-region", "us")],
        [("mcp-param-region", "=?base64?dXM=?=")],
        [("mcp-param-dry", "false")],
        [("mcp-param-n", "43")],
        [("mcp-param-none", "null")],
        [("mcp-param-x", "")],
    ],
)
def test_a_mirrored_argument_that_was_not_judged_goes_nowhere(headers: list[tuple[str, str]]) -> None:
    with answering(lambda _: ok(b"{}")) as (upstream, seen):
        body = json.dumps(MIRRORED).encode()
        assert _says(upstream, ("content-type", "application/json"), *headers, body=body) == 400
    assert seen == []


def test_mirrored_arguments_that_say_what_the_body_says_pass() -> None:
    answer = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
    mirrored = [("mcp-param-region", "=?base64?ZXU=?="), ("mcp-param-n", "42"), ("mcp-param-dry", "true")]
    with answering(lambda _: ok(answer)) as (upstream, seen):
        kind = ("content-type", "application/json")
        decider = ScriptedDecider(allow=["read"])
        assert _says(upstream, kind, *mirrored, body=json.dumps(MIRRORED).encode(), decider=decider) == 200
    assert b"mcp-param-n: 42" in seen[0]
