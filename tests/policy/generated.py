"""Random policies and calls, well-typed and close to the edges: missing, mistyped, unknown, at the bound."""

from __future__ import annotations

import random
from typing import Any

TEXTS = ["a", "b", "abc", "A", "x y", ""]
NUMBERS = [0, 1, 5, 5.5, 0.1, 100, 2**53 - 1]
ORIGINS = ["prompt", "records", "directory", "untrusted", "novel"]
TYPES = ["string", "integer", "number", "money", "boolean", "list[string]", "list[integer]", "any"]
PATTERNS = ["[a-c]+", "[a-b]*", "a.*", "^b", "(?i)a", "[^a]|abc", "x y$"]
LISTS = ["data.list", '["a", "abc"]', '"abcd"']
DOES = ["read", "write", "send", "pay", "exec"]


class Policies:
    """A stream of policies, each with a stream of calls."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)

    def documents(self) -> list[dict[str, Any]]:
        tools = {f"t{i}": self.tool() for i in range(self.r.randint(1, 3))}
        layers = []
        for index in range(self.r.choice([1, 1, 2, 3])):
            document: dict[str, Any] = {"policy": f"p{index}", "data": {"list": ["a", "b"], "n": 5}}
            if index == 0:
                document["tools"] = tools
            document["rules"] = [self.rule(f"r{i}", tools) for i in range(self.r.randint(1, 5))]
            layers.append(document)
        return layers

    def tool(self) -> dict[str, Any]:
        args = {}
        for name in self.r.sample(["x", "y", "z"], self.r.randint(0, 3)):
            args[name] = {
                "type": self.r.choice(TYPES),
                "role": self.r.choice(["target", "content", "amount"]),
            }
            if args[name]["role"] == "amount":
                args[name]["type"] = self.r.choice(["integer", "number", "money"])
            if self.r.random() < 0.4:
                args[name]["optional"] = True
        return {
            "does": self.r.sample(DOES, self.r.randint(1, 2)),
            "args": args,
            "open": self.r.random() < 0.2,
        }

    def rule(self, name: str, tools: dict[str, Any]) -> dict[str, Any]:
        r = self.r
        selector = r.choice(
            [
                "*",
                r.choice(list(tools)),
                "t?",
                {"does": r.sample(DOES, 2)},
                {"tool": "t*", "agent": ["bot", "b?x"]},
            ]
        )
        rule: dict[str, Any] = {"id": name, r.choice(["allow", "allow", "hold", "deny"]): selector}
        if r.random() < 0.85:
            merged: dict[str, set[str]] = {}
            for tool in tools.values():
                for arg, spec in tool["args"].items():
                    merged.setdefault(arg, set()).add(spec["type"])
            rule["when"] = self.boolean(merged, 0)
        return rule

    def typed(self, args: dict[str, set[str]], kinds: set[str]) -> str | None:
        fitting = [name for name, types in args.items() if types <= kinds]
        return f"args.{self.r.choice(fitting)}" if fitting else None

    def number(self, args: dict[str, set[str]], depth: int) -> str:
        r = self.r
        options = [
            "0",
            "1",
            "5",
            "100",
            "2.5",
            "data.n",
            "risk.score",
            "session.risk",
            "facts.size",
            'spent("pay", "1h")',
            'count("send", "5m")',
        ]
        named = self.typed(args, {"integer", "number", "money"})
        if named:
            options += [named] * 6
        if depth < 2 and r.random() < 0.3:
            return f"({self.number(args, depth + 1)} {r.choice(['+', '-', '*', '//', '%'])} {self.number(args, depth + 1)})"
        if r.random() < 0.1:
            return r.choice(
                [
                    "len(targets)",
                    "len(contents)",
                    "sum(v for v in amounts)",
                    "sum(v for v in amounts if v != 5)",
                    "-data.n",
                ]
            )
        return r.choice(options)

    def text(self, args: dict[str, set[str]]) -> str:
        options = ["agent", "tool", '"abc"', "lower(agent)"]
        named = self.typed(args, {"string"})
        if named:
            options += [named] * 5 + [f"lower({named})"]
        return self.r.choice(options)

    def boolean(self, args: dict[str, set[str]], depth: int) -> str:
        r = self.r
        if depth < 3 and r.random() < 0.5:
            inner = [self.boolean(args, depth + 1) for _ in range(r.randint(2, 3))]
            joined = f" {r.choice(['and', 'or'])} ".join(f"({part})" for part in inner)
            return f"not ({joined})" if r.random() < 0.25 else joined
        choices = [
            lambda: f"{self.number(args, 0)} {r.choice(['<', '<=', '>', '>=', '==', '!='])} {self.number(args, 0)}",
            lambda: f"{self.text(args)} {r.choice(['==', '!='])} {self.text(args)}",
            lambda: f"{self.text(args)} {r.choice(['in', 'not in'])} {r.choice(LISTS)}",
            lambda: f"{r.choice(['matches', 'search'])}({self.text(args)}, \"{r.choice(PATTERNS)}\")",
            lambda: f"{r.choice(['startswith', 'endswith', 'contains'])}({self.text(args)}, \"{r.choice(['a', 'b', 'ab', ''])}\")",
            lambda: f"origin({r.choice(['targets', 'contents', *(f'args.{n}' for n in args)])}) {r.choice(['==', '!='])} \"{r.choice(ORIGINS)}\"",
            lambda: f"origin({r.choice(['targets', 'args'])}) in (\"prompt\", \"records\")",
            lambda: f"seen({r.choice(['targets', *(f'args.{n}' for n in args)])})",
            lambda: f"mentioned({r.choice(['targets', *(f'args.{n}' for n in args)])})",
            lambda: r.choice(["session.read_untrusted", "facts.truncated", "\"read_secret\" in session.labels"]),
            lambda: f"{r.choice(['any', 'all'])}(v > {r.choice(['1', '5'])} for v in amounts if v != 100)",
            lambda: f"{r.choice(['any', 'all'])}(t == \"a\" for t in targets{r.choice(['', ' if t != 5'])})",
        ]  # fmt: skip
        if args:
            choices.append(lambda: f"has(args.{r.choice(list(args))})")
        flag = self.typed(args, {"boolean"})
        if flag:
            choices.append(lambda: str(flag))
        listed = self.typed(args, {"list[string]"})
        if listed:
            choices.append(lambda: f"any(len(v) > 1 for v in {listed})")
            choices.append(lambda: f'"a" in {listed}')
        return r.choice(choices)()

    def call(self, documents: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
        r = self.r
        tools = documents[0]["tools"]
        name = r.choice([*tools] * 5 + ["other"])
        args: dict[str, Any] = {}
        for arg, spec in tools.get(name, {"args": {}})["args"].items():
            if r.random() < (0.5 if spec.get("optional") else 0.97):
                args[arg] = self.value(spec["type"] if r.random() < 0.95 else r.choice(TYPES))
        if r.random() < 0.07:
            args["w"] = self.value(r.choice(TYPES))
        given: dict[str, Any] = {
            "origins": {
                text: r.choice(ORIGINS) for text in ["a", "b", "abc", "5", "100"] if r.random() < 0.7
            },
            "labels": r.sample(["read_untrusted", "read_secret", "exec_done"], r.randint(0, 2)),
            "risk": r.choice([0, 0, 5, 500]),
            "session_risk": r.choice([0, 5, 100]),
            "spent": {"pay": r.choice([0, 5, 100])},
            "count": {"send": r.choice([0, 1])},
            "seen": r.sample(["a", "b", "5"], r.randint(0, 3)),
            "mentioned": r.sample(["a", "b", "5"], r.randint(0, 3)),
        }
        if r.random() < 0.1:
            given["limits"] = ["time"]
        return {"tool": name, "args": args, "agent": r.choice(["bot", "box", "other"])}, given

    def value(self, kind: str) -> Any:
        r = self.r
        if r.random() < 0.03:
            return None
        if kind.startswith("list"):
            return [self.value(kind[5:-1]) for _ in range(r.randint(0, 2))]
        if kind == "integer":
            return r.choice([0, 1, 5, 100, -1, 5.0])
        if kind in ("number", "money"):
            return r.choice([*NUMBERS, -1]) if kind == "number" else r.choice(NUMBERS)
        if kind == "boolean":
            return r.random() < 0.5
        if kind == "any":
            return r.choice(["a", 5, True, {"k": "a"}, ["a", 5], 0.1])
        return r.choice(TEXTS)
