"""`yett doctor`: what is guarded, what is not, and does anything fail open?

Every line is `ok`, `note` (worth knowing) or `OPEN` (a tool can run unjudged, or the record can be changed);
the exit status is 1 if anything is open.
"""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from yett.cli.options import Policies, State
from yett.cli.words import say_line

Line = tuple[str, str]
"""(ok, note or OPEN; sentence)"""
HOOK_BUDGET_MS = 25.0
LOW_DISK_BYTES = 512 * 1024 * 1024


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    folder: Annotated[Path, typer.Argument(help="Project directory.", exists=True, file_okay=False)] = Path(),
    state: State = Path("state"),
    policy: Policies = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what is guarded, what is open, and whether the record can be trusted."""
    lines = [*_policy(policy or []), *_state(state), *_gateway(state), *_log(state), *_ways(folder)]
    if as_json:
        typer.echo(json.dumps([{"status": status, "what": what} for status, what in lines], indent=2))
    else:
        for status, what in lines:
            say_line(f"{status:5} {what}")
    raise typer.Exit(1 if any(status == "OPEN" for status, _ in lines) else 0)


def _policy(paths: list[Path]) -> Iterator[Line]:
    from yett import policy as language
    from yett import resources
    from yett.errors import YettError

    try:
        loaded = language.load(paths or [resources.baseline()])
    except YettError as error:
        yield "OPEN", f"policy: {error}"
        return
    yield "ok", f"policy: {loaded.id} loads ({loaded.digest[:19]}…)"
    if not paths:
        yield "note", "policy: the baseline knows none of your tools; `yett tools infer` proposes a manifest"


def _state(state: Path) -> Iterator[Line]:
    if not state.is_dir():
        yield "note", f"state: {state} does not exist yet"
        return
    for path in (state, *sorted((state / "keys").glob("*"))):
        mode = stat.S_IMODE(path.stat().st_mode)
        public = path.suffix == ".pub" or path.name == "origin"
        if mode & (0o022 if public else 0o077):
            yield "OPEN", f"state: {path} has mode {mode:03o}; others can read or change it"
            break
    else:
        yield "ok", "state: keys are readable by their owner only"
    free = shutil.disk_usage(state).free
    if free < LOW_DISK_BYTES:
        yield "note", f"state: {free // 2**20} MiB left on the disk; when it is full, everything is denied"


def _gateway(state: Path) -> Iterator[Line]:
    import http.client
    import socket

    path = state / "yett.sock"
    if not path.exists():
        yield "note", "gateway: no sidecar runs here"
        return
    connection = http.client.HTTPConnection("localhost", timeout=3)
    try:
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(3)
        connection.sock.connect(str(path))
        connection.request("GET", "/readyz")
        answer: Any = json.loads(connection.getresponse().read(65_536))
        problems = answer.get("problems") or []
    except (OSError, ValueError, http.client.HTTPException, AttributeError):
        yield "note", f"gateway: nothing answers on {path}; calls through it are denied"
        return
    finally:
        connection.close()
    if problems:
        yield "note", f"gateway: it runs, but is not ready: {problems}"
    else:
        yield "ok", "gateway: the sidecar is ready"


def _log(state: Path) -> Iterator[Line]:
    log, key = state / "log", state / "keys" / "log.pub"
    if not log.is_dir():
        return
    command = [sys.executable, "-m", "yett_audit.cli", "log", str(log), "--key", str(key), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=600)
        report: Any = json.loads(done.stdout)
    except (ValueError, subprocess.SubprocessError):
        yield "OPEN", "log: it cannot be verified; run yett-verify"
        return
    if done.returncode not in (0, 3):
        cause = (report.get("failure") or {}).get("message", report.get("verdict"))
        yield "OPEN", f"log: {cause}"
        return
    yield "ok", f"log: {report['sealed']} records, {report['verdict']}"
    if report.get("verdict") not in ("ANCHORED", "WITNESSED"):
        yield (
            "note",
            "log: not anchored: a shorter copy would look the same (`yett-verify --state`, a witness)",
        )


def _ways(folder: Path) -> Iterator[Line]:
    from yett.proxy import foreign
    from yett.proxy.hooks.heeded import ignored
    from yett.proxy.hooks.install import PLACES, our_hook
    from yett.proxy.survey import find

    for found in find(folder):
        what = f"{found.kind}: {found.name} ({found.where})"
        if not found.guarded:
            yield "OPEN", f"{what}: {found.note}"
        elif found.kind != "agent":
            yield "ok", what
        else:
            user = Path(PLACES[found.name].user).expanduser()
            placed = [(path, hook) for path in (found.where, user) if (hook := our_hook(foreign.text(path)))]
            why = [ignored(found.name, path, folder) for path, _ in placed]
            if placed and all(why):
                yield "OPEN", f"{what}: the agent does not run its hook: {why[0]}"
            else:
                yield from _hook(found.name, what, placed[0][1] if placed else None)


def _hook(agent: str, what: str, hook: dict[str, Any] | None) -> Iterator[Line]:
    from yett.proxy.hooks.probe import check, leaves_this_machine

    if hook is None:
        yield "OPEN", f"{what}: its hook cannot be found"
        return
    if leaves_this_machine(hook):
        yield "note", f"{what}: asks another machine; `yett hook test {agent}` tries it, with your token"
        return
    try:
        results = check(agent, hook)
    except (OSError, subprocess.SubprocessError) as error:
        yield "OPEN", f"{what}: its hook does not start ({type(error).__name__})"
        return
    for each in results["checks"]:
        if not each["ok"]:
            # Only a hook that lets something pass is open; one that blocks too much is a nuisance.
            status = "note" if each["what"].startswith("lets") else "OPEN"
            yield status, f"{what}: does not do this: {each['what']}"
    latency = results["p50_ms"]
    status = "ok" if latency < HOOK_BUDGET_MS else "note"
    yield status, f"{what}: answers in {latency:.1f} ms, interpreter included"
