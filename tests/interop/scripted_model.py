"""A model that plays a script: it asks for one shell command a turn, whatever it is told, and then stops.

Speaks what coding agents speak to their models: Anthropic's messages (streamed), OpenAI's responses, Gemini's
`generateContent`. What it was sent is kept, because there stands what the agent told it about each command.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"input_tokens": 1, "output_tokens": 1}


class ScriptedModel:
    """Serves on a loopback port from `__enter__` on.

    Args:
        commands: what it asks the shell for, in turn.
        before: called with the number of a turn before it is answered.
    """

    def __init__(self, commands: Sequence[str], before: Callable[[int], None] = lambda _: None) -> None:
        self.commands = commands
        self.before = before
        self.seen: list[str] = []
        handler = type("Handler", (_Handler,), {"model": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ScriptedModel:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def turn(self, done: int) -> str | None:
        """The command of this turn; None when the script has ended."""
        self.before(done)
        return self.commands[done] if done < len(self.commands) else None


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """An agent that has been told enough hangs up."""


class _Handler(BaseHTTPRequestHandler):
    model: ScriptedModel
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._say({"data": [], "models": []})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        body = json.loads(raw or "{}")
        path = self.path.partition("?")[0]
        if path.endswith("/messages"):
            self._anthropic(body, raw)
        elif path.endswith("/responses"):
            self._openai(body, raw)
        elif "enerateContent" in path:
            self._gemini(body, raw, streamed="stream" in path)
        else:
            self._say({"input_tokens": 1, "totalTokens": 1})

    def _anthropic(self, body: dict[str, Any], raw: str) -> None:
        parts = [
            part
            for message in body["messages"]
            if isinstance(message["content"], list)
            for part in message["content"]
        ]
        shell = [tool["name"] for tool in body.get("tools", ()) if tool.get("name") in ("Bash", "bash")]
        command = self._turn(raw, sum(part.get("type") == "tool_result" for part in parts), bool(shell))
        block: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "done"}
        if command is not None:
            block = {"type": "tool_use", "id": f"toolu_{len(parts)}", "name": shell[0], "input": {}}
            asked = json.dumps({"command": command, "description": "a step"})
            delta = {"type": "input_json_delta", "partial_json": asked}
        message = {"id": "m", "type": "message", "role": "assistant", "model": body["model"], "content": []}
        stop = "end_turn" if command is None else "tool_use"
        self._stream(
            {"type": "message_start", "message": {**message, "stop_reason": None, "usage": USAGE}},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": USAGE},
            {"type": "message_stop"},
        )

    def _openai(self, body: dict[str, Any], raw: str) -> None:
        done = sum(item.get("type") == "function_call_output" for item in body["input"])
        command = self._turn(raw, done, True)
        item: dict[str, Any] = {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "done"}],
        }
        if command is not None:
            names = [tool.get("name") for tool in body["tools"]]
            tool = next(name for name in ("exec_command", "shell_command") if name in names)
            asked = json.dumps({"cmd" if tool == "exec_command" else "command": command})
            item = {"type": "function_call", "id": f"f{done}", "call_id": f"c{done}"}
            item |= {"name": tool, "arguments": asked}
        response = {"id": "r", "output": [item], "usage": {**USAGE, "total_tokens": 2}}
        self._stream(
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        )

    def _gemini(self, body: dict[str, Any], raw: str, streamed: bool) -> None:
        parts = [part for content in body["contents"] for part in content["parts"]]
        tools = [each["name"] for tool in body.get("tools") or () for each in tool["functionDeclarations"]]
        done = sum("functionResponse" in part for part in parts)
        command = self._turn(raw, done, "run_shell_command" in tools)
        part: dict[str, Any] = {"text": "done"}
        if command is not None:
            part = {"functionCall": {"name": "run_shell_command", "args": {"command": command}}}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        answer = {"candidates": [candidate], "usageMetadata": {"totalTokenCount": 2}}
        if streamed:
            self._stream(answer)
        else:
            self._say(answer)

    def _turn(self, raw: str, done: int, can: bool) -> str | None:
        """The command of this turn. Requests without a shell (titles, summaries) are no turns."""
        if not can:
            return None
        self.model.seen.append(raw)
        return self.model.turn(done)

    def _stream(self, *events: dict[str, Any]) -> None:
        lines = []
        for event in events:
            if "type" in event:
                lines.append(f"event: {event['type']}\n")
            lines.append(f"data: {json.dumps(event)}\n\n")
        self._send("".join(lines).encode(), "text/event-stream")

    def _say(self, answer: dict[str, Any]) -> None:
        self._send(json.dumps(answer).encode(), "application/json")

    def _send(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
