"""The official TypeScript client works through the gate, over stdio and HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_http import door, started  # type: ignore[import-not-found]

HERE = Path(__file__).parent
SCRIPT = """
import {{ Client }} from "{sdk}/client/index.js";
import {{ StdioClientTransport }} from "{sdk}/client/stdio.js";
import {{ StreamableHTTPClientTransport }} from "{sdk}/client/streamableHttp.js";
const [kind, ...rest] = process.argv.slice(2);
const transport = kind === "stdio"
  ? new StdioClientTransport({{ command: rest[0], args: rest.slice(1) }})
  : new StreamableHTTPClientTransport(new URL(rest[0]));
const client = new Client({{ name: "t", version: "1" }});
await client.connect(transport);
const tools = (await client.listTools()).tools.map((tool) => tool.name).sort();
const good = await client.callTool({{ name: "echo", arguments: {{ message: "«hi»" }} }});
const bad = await client.callTool({{ name: "get-env", arguments: {{}} }});
const progress = [];
const long = await client.callTool(
  {{ name: "trigger-long-running-operation", arguments: {{ duration: 1, steps: 2 }} }},
  undefined, {{ onprogress: (step) => progress.push(step.progress) }});
await client.close();
console.log(JSON.stringify({{ tools, good, bad, progress, long }}));
process.exit(0);
"""
SCRIPTED: dict[str, Any] = {"allow": ["echo", "trigger-long-running-operation"]}


@pytest.fixture
def client(npm_server: Callable[[str], list[str]], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    modules = Path(npm_server("everything")[1]).parents[3]
    sdk = (modules / "@modelcontextprotocol" / "sdk" / "dist" / "esm").as_uri()
    script = tmp_path / "client.mjs"
    script.write_text(SCRIPT.format(sdk=sdk))

    def run(*words: str) -> dict[str, Any]:
        done = subprocess.run(["node", str(script), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr[-2000:]
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    return run


def check(said: dict[str, Any]) -> None:
    assert said["tools"] == ["echo", "trigger-long-running-operation"]
    assert said["good"]["content"][0]["text"] == "Echo: «hi»"
    assert said["bad"]["isError"] is True
    assert "not allowed" in said["bad"]["content"][0]["text"]
    # Progress passes. This client drops a step that it reads together with the answer, as the last may be.
    assert said["progress"] in ([1], [1, 2])
    assert "completed" in said["long"]["content"][0]["text"]


def test_over_stdio(client: Callable[..., dict[str, Any]], npm_server: Callable[[str], list[str]]) -> None:
    proxy = [sys.executable, str(HERE / "scripted_proxy.py"), json.dumps(SCRIPTED), "--"]
    check(client("stdio", *proxy, *npm_server("everything")))


def test_over_http(client: Callable[..., dict[str, Any]], npm_server: Callable[[str], list[str]]) -> None:
    import os

    from httpside import free_port

    from yett.sdk.scripted import ScriptedDecider

    port = free_port()
    command = [*npm_server("everything"), "streamableHttp"]
    with (
        started(command, port, {**os.environ, "PORT": str(port)}) as upstream,
        door(upstream, ScriptedDecider(**SCRIPTED)) as (url, _),
    ):
        check(client("http", url + "/mcp"))
