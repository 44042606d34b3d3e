"""What bash really runs is what we said it would run, or we said that we cannot know.

Generated programs hide a command in every way of the shell: variables, quoting, substitutions, functions,
evaluations, pipes into shells, encodings. Each is run by a real bash in an empty folder, in which no program
`zap…` exists; bash's own hook for unknown commands writes down what it was asked to run. Every name written
down must be among the effective commands, or the program must be severely opaque.
"""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yett.extract import shell
from yett.extract.budget import Budget

BASH = shutil.which("bash")
EXAMPLES = 20 if os.environ.get("YETT_LONG") == "1" else 2
BATCH = 40
PROGRAMS = (
    "base64",
    "cat",
    "xxd",
    "rev",
    "tr",
    "env",
    "nice",
    "timeout",
    "xargs",
    "find",
    "sleep",
    "dirname",
)

pytestmark = pytest.mark.skipif(BASH is None, reason="needs bash")


class Evasions:
    """Programs that run `zap…`, and do their best not to look like it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def name(self) -> str:
        self.count += 1
        return f"zap{self.count}x"

    def program(self) -> str:
        return "\n".join(self.statement() for _ in range(self.random.randint(1, 4)))

    def split(self, text: str) -> tuple[str, str]:
        k = self.random.randint(1, len(text) - 1)
        return text[:k], text[k:]

    def pick(self, *choices: Callable[[], str]) -> str:
        return self.random.choice(choices)()

    def plain(self) -> str:
        """A simple command without quotes, dollars or newlines."""
        return f"{self.name()} a b"

    def disguised(self) -> str:
        """A word that is a command's name."""
        name = self.name()
        a, b = self.split(name)
        v, w = self.random.sample(("v", "w", "x", "y", "long_name", "_"), 2)
        if "_" in (v, w):
            v, w = "v1", "w1"
        return self.pick(
            lambda: f"{a}''{b}",
            lambda: f"'{a}'\"{b}\"",
            lambda: f"\\{name}",
            lambda: f"$'{a}\\x{ord(b[0]):02x}{b[1:]}'",
            lambda: f"$'\\{ord(a[0]):03o}{a[1:]}{b}'",
            lambda: f"{v}={a} {w}={b}; ${v}${w}",
            lambda: f"{v}={name}; ${{{v}}}",
            lambda: f"{v}={a}; {v}+={b}; ${v}",
            lambda: f"{v}=Q{name}; ${{{v}#Q}}",
            lambda: f"{v}={name}.sh; ${{{v}%.*}}",
            lambda: f"{v}={name[::-1]}; $(echo ${v} | rev)",
            lambda: f"{v}={a}QQ{b}; ${{{v}/QQ/}}",
            lambda: f"{v}=xx{name}yy; ${{{v}:2:{len(name)}}}",
            lambda: f"{v}={name}; {w}={v}; ${{!{w}}}",
            lambda: f"{v}=({a} {b}); ${{{v}[0]}}${{{v}[1]}}",
            lambda: f"$(echo {name})",
            lambda: f"`printf {a}`{b}",
            lambda: f"$(printf '%s%s' {a} {b})",
            lambda: f"{a}$(: nothing){b}",
            lambda: f"{a}${{nope}}{b}",
            lambda: f"{a}$@{b}",
            lambda: f"$(base64 -d <<< {base64.b64encode(name.encode()).decode()})",
            lambda: f"$(xxd -r -p <<< {name.encode().hex()})",
            lambda: f"$(tr a-z n-za-m <<< {self.rot13(name)})",
            lambda: f"printf -v {v} %s {name}; ${v}",
            lambda: f"read {v} <<< {name}; ${v}",
            lambda: f"set -- {a} {b}; $1$2",
            lambda: f"{v}=; ${{{v}:-{name}}}",
            lambda: f": ${{{v}:={name}}}; ${v}",
            lambda: f"for {v} in {name}; do :; done; ${v}",
            lambda: f"declare {v}={name}; ${v}",
            lambda: f"export {v}={name}; ${v}",
            lambda: f"{v}=${{{w}:+no}}{name}; ${v}",
            lambda: f"{v}={name.upper()}; ${{{v},,}}",
            lambda: f"[ -n x ] && {v}={name} || {v}=no; ${v}",
            lambda: f"if true; then {v}={name}; fi; ${v}",
            lambda: f"case x in x) {v}={name};; esac; ${v}",
        )

    @staticmethod
    def rot13(text: str) -> str:
        return "".join(chr((ord(c) - 97 + 13) % 26 + 97) if c.isalpha() else c for c in text)

    def command(self) -> str:
        return self.pick(self.plain, lambda: f"{self.disguised()} a", lambda: f"{self.disguised()} 'b c'")

    def statement(self) -> str:
        line = self.command
        plain = self.plain
        return self.pick(
            line,
            line,
            line,
            lambda: f"eval '{plain()}'",
            lambda: f'eval "{plain()}"',
            lambda: f"e='{plain()}'; eval \"$e\"",
            lambda: f"e='{plain()}'; $e",
            lambda: f"bash -c '{plain()}'",
            lambda: f"bash -xc '{plain()}' n",
            lambda: f"bash -c '$0 $1' {self.name()} a",
            lambda: f"bash -c '\"$@\"' x {self.name()} a",
            lambda: f"echo '{plain()}' | bash",
            lambda: f"echo {base64.b64encode(plain().encode()).decode()} | base64 -d | bash",
            lambda: f"printf '%b' '{plain()}' | bash -s",
            lambda: f"bash <<< '{plain()}'",
            lambda: f"bash <<E\n{plain()}\nE",
            lambda: f"bash <<'E'\n{line()}\nE",
            lambda: f"v={self.name()}; bash <<E\n$v a\nE",
            lambda: f"cat <<E | bash\n{plain()}\nE",
            lambda: f"source <(echo '{plain()}')",
            lambda: f". /dev/stdin <<< '{plain()}'",
            lambda: f"bash <(echo '{plain()}')",
            lambda: f"f() {{ {plain()}; }}; f",
            lambda: f'f() {{ "$@"; }}; f {self.name()} a',
            lambda: f"f() {{ $1 a; }}; f {self.name()}",
            lambda: f"f() {{ local c=$2; $c a; }}; f x {self.name()}",
            lambda: f"f() {{ echo {self.name()}; }}; $(f) a",
            lambda: f"shopt -s expand_aliases; alias q='{plain()}'\nq",
            lambda: f"trap '{plain()}' EXIT; trap - EXIT; bash -c \"trap '{plain()}' EXIT\"",
            lambda: f"echo '{plain()}' > s.sh; bash s.sh",
            lambda: f"echo '{plain()}' > s2.sh; . ./s2.sh",
            lambda: f"cat > s3.sh <<'E'\n{plain()}\nE\nbash ./s3.sh",
            lambda: f"x='a[$({plain()})]'; echo $((x)) 2>/dev/null",
            lambda: f"test -v 'a[$({plain()})]'",
            lambda: f"echo ${{z:-$({plain()})}}",
            lambda: f'echo "`{plain()}`"',
            lambda: f"[[ -n $({plain()}) ]]",
            lambda: f"(( $({plain()}; echo 1) ))",
            lambda: f"a=([$({plain()}; echo 0)]=1)",
            lambda: f"cat <<E >/dev/null\n$({plain()})\nE",
            lambda: f"{{ {plain()}; }} | ( {plain()} )",
            lambda: f"while {plain()}; do :; done; until ! {plain()}; do break; done",
            lambda: f"for c in '{plain()}' '{plain()}'; do $c; done",
            lambda: f"cmd=({self.name()} a 'b c'); \"${{cmd[@]}}\"",
            lambda: f"IFS=,; c={self.name()},a; $c; unset IFS",
            lambda: f"{{{self.name()},-a,b}}",
            lambda: f"command {plain()}; builtin eval '{plain()}'",
            lambda: f"coproc {plain()}; wait",
            lambda: f"{plain()} & wait",
            lambda: f"! {plain()}; time -p {plain()}",
            lambda: f"exec 3< <({plain()}); cat <&3",
            lambda: f"mapfile -t l < <(echo '{plain()}'); ${{l[0]}}",
            lambda: f"echo '{plain()}' | while read -r c; do $c; done",
            lambda: f"p='$({plain()})'; echo \"${{p@P}}\"",
        )


HOOK = 'command_not_found_handle() { echo "$1" >> "$ZAP_LOG"; return 127; }; export -f command_not_found_handle; '


def executed(program: str, folder: Path) -> set[str]:
    """The names that bash was asked to run and did not find."""
    log = folder / "log"
    log.write_text("")
    tools = folder / "bin"
    if not tools.exists():
        tools.mkdir()
        for name in (*PROGRAMS, "bash"):
            if found := shutil.which(name):
                (tools / name).symlink_to(found)
    subprocess.run(
        [str(BASH), "--norc", "-c", HOOK + program],
        cwd=folder,
        env={"PATH": str(tools), "ZAP_LOG": str(log), "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    return {line for line in log.read_text().splitlines() if line.startswith("zap")}


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=0, max_value=2**63))
def test_what_bash_runs_was_foreseen(seed: int, tmp_path: Path) -> None:
    generator = Evasions(seed)
    for _ in range(BATCH):
        program = generator.program()
        result = shell.analyse(program, "/command", budget=Budget(milliseconds=20_000))
        opaque = {o for c in result.commands for o in c.opaque} | set(result.program.opaque)
        if opaque & shell.SEVERE:
            continue
        missed = executed(program, tmp_path) - {c.program for c in result.commands}
        assert not missed, f"{missed} in\n{program}\n{[c.argv for c in result.commands]}"


def test_most_of_these_disguises_are_undone_not_only_refused() -> None:
    generator = Evasions(1)
    programs = [generator.program() for _ in range(300)]
    clear = 0
    for program in programs:
        result = shell.analyse(program, "/command", budget=Budget(milliseconds=20_000))
        opaque = {o for c in result.commands for o in c.opaque} | set(result.program.opaque)
        clear += not opaque & shell.SEVERE
    assert clear > len(programs) * 0.6, clear
