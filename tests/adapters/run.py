"""Every framework adapter on its real framework: an environment each, the conformance kit and the checks.

    python tests/adapters/run.py [NAME…] [--update FILE]

An environment is made once, under `YETT_TEST_CACHE` (or ~/.cache/yett-tests), with the framework pinned in
`PINS`; Yett itself and its own dependencies come from the environment this runs in. `drive_NAME.py` has a
function `drive` that makes calls through the framework, for the kit and the contract of all frameworks, and `check_…`
functions for what is particular to it.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = (
    Path(os.environ.get("YETT_TEST_CACHE") or Path.home() / ".cache" / "yett-tests")
    / f"adapters-{sys.implementation.cache_tag}"
)
PINS: dict[str, list[str]] = {
    "openai_agents": ["openai-agents==0.24.0"],
    "langchain": ["langchain==1.4.7", "langgraph==1.2.22"],
    "pydantic_ai": ["pydantic-ai-slim==2.68.0"],
    "crewai": ["crewai==1.15.30"],
    "google_adk": ["google-adk==2.13.0"],
    "autogen": ["autogen-agentchat==0.7.5", "autogen-core==0.7.5", "autogen-ext==0.7.5"],
    "agent_framework": ["agent-framework-core==1.23.0"],
    "llama_index": ["llama-index-core==0.14.25"],
    "smolagents": ["smolagents==1.26.0"],
    "strands": ["strands-agents==1.62.0"],
    "fastmcp": ["fastmcp==4.1.2"],
    "claude_agent": ["claude-agent-sdk==0.2.186"],
}
QUIET = {
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OPENAI_API_KEY": "none",
    "ANONYMIZED_TELEMETRY": "false",
}


class Unavailable(Exception):
    """The framework's environment can't be made here."""


def environment(name: str) -> str:
    """The Python of a framework's environment, made if it is not there yet.

    Raises:
        Unavailable: pip can't install it.
    """
    folder = CACHE / name
    python = folder / "bin" / "python"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pins = "\n".join(PINS[name])
        done = folder / ".pins"
        if not done.exists() or done.read_text() != pins:
            shutil.rmtree(folder, ignore_errors=True)
            for command in (
                [sys.executable, "-m", "venv", str(folder)],
                [str(python), "-m", "pip", "install", "-q", *PINS[name]],
            ):
                if subprocess.run(command, capture_output=True, timeout=900).returncode:
                    raise Unavailable(f"{name}: {' '.join(command[:5])} failed; is there a network?")
            done.write_text(pins)
        _lend(folder)
    return str(python)


def _lend(folder: Path) -> None:
    """Put Yett and what it needs behind the framework's own packages."""
    target = next(folder.glob("lib/python*/site-packages")) / "zz-yett.pth"
    paths = [str(ROOT / "gateway"), str(ROOT / "audit"), *site.getsitepackages()]
    target.write_text("\n".join(paths) + "\n")


def drive(name: str) -> list[dict[str, object]]:
    """The rows of one framework: the kit's, and one for each of its checks."""
    python = environment(name)
    env = {**os.environ, **QUIET, "PYTHONWARNINGS": "ignore"}
    command = [python, str(HERE / "inside.py"), str(HERE / f"drive_{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env, cwd=CACHE)
    rows = [json.loads(line[1:]) for line in done.stdout.split("\n") if line.startswith("\x1e")]
    if done.returncode or not rows:
        rows.append({"target": name, "scenario": "start", "passed": False, "detail": done.stderr[-3000:]})
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PINS, []], default=[])
    parser.add_argument("--update", type=Path, help="write the rows as JSON lines to this file")
    options = parser.parse_args()
    everything: list[dict[str, object]] = []
    for name in options.names or PINS:
        try:
            rows = drive(name)
        except Unavailable as error:
            print(f"SKIP {error}")
            continue
        everything += rows
        bad = [row for row in rows if not row["passed"]]
        print(
            f"{'ok  ' if not bad else 'OPEN'} {name} {', '.join(PINS[name])}: {len(rows) - len(bad)} of {len(rows)}"
        )
        for row in bad:
            print(f"     {row['scenario']}: {str(row['detail'])[-600:]}")
    if options.update:
        options.update.write_text("".join(json.dumps(row) + "\n" for row in everything))
    return 1 if any(not row["passed"] for row in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
