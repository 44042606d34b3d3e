"""Every known way past a command allow-list, and the honest commands that look like them.

The table of bypasses stands in the shared vectors; most of its rows really ran their payload in bash 5.2.
The policy used here is the plainest there is: a few programs by name, and nothing that cannot be known.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yett.extract import shell
from yett.extract.budget import Budget
from yett.extract.facts import Command
from yett.extract.result import ShellResult

HARMLESS = frozenset(("ls", "cat", "echo", "printf"))
SURPRISING = frozenset(
    ("dangerous_env", "foreign_path", "stdin_script", "response_file", "inline_code", "runs_config")
)

PLACES = {
    "@BB": "/usr/bin/busybox", "@F": "/tmp/w/F", "@D": "/tmp/w", "@G": "/tmp/g", "@I": "7", "@N": "/tmp/n",
}  # fmt: skip

EXPECTED = {
    # what runs, where it is not `touch /tmp/w/F`
    "129": "/tmp/w/e.sh",
    "131": "/tmp/w/e.sh",
    "147": "/tmp/w/e.sh",
    "151": "/tmp/w/e.sh",
    "155": "/tmp/w/hooks/pre-commit",
    "161": "/tmp/w/gx/git-evil",
}


def read(source: str) -> ShellResult:
    return shell.analyse(source, "/command", budget=Budget(milliseconds=20_000))


def clear(result: ShellResult) -> bool:
    """Nothing in the program that could hide a command."""
    reasons = {o for c in result.commands for o in c.opaque} | set(result.program.opaque)
    return not reasons & shell.SEVERE


def is_plain(command: Command) -> bool:
    if command.effects - {"read"} or command.flags & (SURPRISING | {"profile_unknown"}):
        return False
    return command.program in HARMLESS or (command.program == "git" and command.argv[1:2] == ("status",))


def allowed_by_the_plain_list(result: ShellResult) -> bool:
    return clear(result) and bool(result.commands) and all(is_plain(c) for c in result.commands)


def allowed_by_name(result: ShellResult, programs: frozenset[str]) -> bool:
    """A policy that allows these programs with honest options."""
    return (
        clear(result)
        and bool(result.commands)
        and all(c.program in programs and not c.flags & SURPRISING for c in result.commands)
    )


def rows() -> list[dict[str, Any]]:
    path = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "shell" / "bypass.json"
    if not path.exists():
        return []
    found = [row for row in json.loads(path.read_text()) if row["verdict"] != "n/a"]
    for row in found:
        for mark, place in PLACES.items():
            row["input"] = row["input"].replace(mark, place)
    return found


def ids(row: dict[str, Any]) -> str:
    return f"{row['id']}-{row['verdict']}"


def test_the_table_of_bypasses_is_there(shared: Path) -> None:
    assert len(rows()) > 80


@pytest.mark.parametrize("row", rows(), ids=ids)
def test_a_bypass_is_not_allowed_by_a_list_of_harmless_programs(row: dict[str, Any]) -> None:
    assert not allowed_by_the_plain_list(read(row["input"])), row["why"]


@pytest.mark.parametrize("row", [r for r in rows() if r["verdict"] in ("inner", "inner+flag")], ids=ids)
def test_the_command_behind_a_bypass_is_found(row: dict[str, Any]) -> None:
    commands = read(row["input"]).commands
    program = EXPECTED.get(row["id"])
    if row["id"] == "171":
        assert any("/tmp/w/e.js" in c.reads and "script_file" in c.flags for c in commands)
    elif program is not None:
        assert any(c.path == program for c in commands), commands
    else:
        assert any(c.program == "touch" and "/tmp/w/F" in c.writes for c in commands), commands


@pytest.mark.parametrize("row", [r for r in rows() if r["verdict"] == "write"], ids=ids)
def test_a_hidden_write_is_a_write(row: dict[str, Any]) -> None:
    assert any("/tmp/w/F" in c.writes for c in read(row["input"]).commands)


@pytest.mark.parametrize("row", [r for r in rows() if r["verdict"] == "eval"], ids=ids)
def test_inline_code_is_called_so(row: dict[str, Any]) -> None:
    assert any("inline_code" in c.flags and "exec" in c.effects for c in read(row["input"]).commands)


@pytest.mark.parametrize("row", [r for r in rows() if r["verdict"] == "opaque"], ids=ids)
def test_what_cannot_be_known_is_opaque_or_followed_and_said(row: dict[str, Any]) -> None:
    result = read(row["input"])
    assert {o for c in result.commands for o in c.opaque} | set(result.program.opaque)


@pytest.mark.parametrize("row", [r for r in rows() if r["group"] == "env"], ids=ids)
def test_an_environment_that_runs_something_is_dangerous(row: dict[str, Any]) -> None:
    assert any("dangerous_env" in c.flags for c in read(row["input"]).commands)


SIBLINGS = [
    ("env LC_ALL=C sort names.txt", "sort"),
    ("env -u DEBUG ls -la", "ls"),
    ("env -i PATH=/usr/bin:/bin ls", "ls"),
    ("nice -n 10 make -j4", "make"),
    ("nice -5 gzip -k big.log", "gzip"),
    ("timeout -k 5 60 pytest -q", "pytest"),
    ("timeout --signal=INT 30s curl -fsS https://example.com/health", "curl"),
    ("setsid -w sleep 1", "sleep"),
    ("taskset -c 0,1 ffmpeg -i in.mp4 out.mkv", "ffmpeg"),
    ("time -p make test", "make"),
    ("time ls | wc -l", "ls wc"),
    ("flock /tmp/build.lock make", "make"),
    ("prlimit --nofile=1024 ls", "ls"),
    ("linux64 uname -a", "uname"),
    ("setpriv --no-new-privs ls", "ls"),
    ("strace -c ls", "ls"),
    ("exec ls -l", "ls"),
    ("busybox ls -l", "ls"),
    ("busybox wc -l README.md", "wc"),
    ("printf '%s\\n' a b | xargs -n 1 echo", "printf echo"),
    ("ls *.txt | xargs -I{} cat {}", "ls cat"),
    ("find . -name '*.py' -print0 | xargs -0 grep -n TODO", "find grep"),
    ("find . -type f -exec wc -l {} +", "find wc"),
    ("find src -maxdepth 2 -name '*.c'", "find"),
    ("tmux ls", "tmux"),
    ("bash -c 'ls -l && echo done'", "ls echo"),
    ("bash --norc -c 'ls'", "ls"),
    ("sh -c 'cat \"$1\"' x README.md", "cat"),
    ("bash scripts/build.sh", "bash"),
    ("sh -n install.sh", "sh"),
    ("python3 -m json.tool data.json", "python3"),
    ("python3 manage.py migrate", "python3"),
    ("python3 --version", "python3"),
    ("perl -v", "perl"),
    ("node server.js", "node"),
    ("node --version", "node"),
    ("awk '{print $1}' access.log", "awk"),
    ("awk -F: '$3 > 1000 {print $1}' users.txt", "awk"),
    ("awk 'NR==FNR {a[$1]; next} ($1 in a)' a.txt b.txt", "awk"),
    ("awk '/error|warning/ {n++} END {print n}' log.txt", "awk"),
    ("sed -n '1,20p' README.md", "sed"),
    ("sed 's/system/platform/g; s/write/read/' notes.txt", "sed"),
    ("sed -E 's|https?://[^/]+||' urls.txt", "sed"),
    ("sed '/^#/d' config.ini", "sed"),
    ("make -n all", "make"),
    ("make CC=clang all", "make"),
    ("gdb -q --args ./ls", "gdb"),
    ("gcc -O2 -Wall -o app main.c", "gcc"),
    ("'ls' -la", "ls"),
    ("l\"s\" -la", "ls"),
    ("$'ls' -la", "ls"),
    ("ls \\\n  -la \\\n  --color=never", "ls"),
    ("echo ok \\\n&& ls", "echo ls"),
    ("/usr/bin/ls -l", "ls"),
    ("dir=src; ls $dir", "ls"),
    ("DIR=build && ls \"$DIR/out\"", "ls"),
    ("echo \"$HOME\"", "echo"),
    ("echo \"today is $(date)\"", "echo date"),
    ("echo \"${NAME:-world}\"", "echo"),
    ("echo x & wait", "echo wait"),
    ("echo x\nls", "echo ls"),
    ("! grep -q TODO main.c", "grep"),
    ("for f in *.txt; do cat \"$f\"; done", "cat"),
    ("for i in 1 2 3; do echo $i; done", "echo"),
    ("while read -r line; do echo \"$line\"; done < names.txt", ": read echo"),
    ("greet() { echo \"hello $1\"; }; greet world", "echo"),
    ("ls > files.txt", "ls"),
    ("ls 2>/dev/null", "ls"),
    ("cat <<EOF\nplain text; rm -rf / is only text\nEOF", "cat"),
    ("cat <<'EOF'\n$(rm -rf /)\nEOF", "cat"),
    ("cat <<-EOF\n\tindented\n\tEOF", "cat"),
    ("cat <<< 'hello world'", "cat"),
    ("x=3; echo $((x + 1))", "echo"),
    ("echo $((2 * (3 + 4)))", "echo"),
    ("test -f README.md && cat README.md", "test cat"),
    ("[ -v HOME ] && echo yes", "[ echo"),
    ("[[ \"$a\" == *.txt ]] && echo text", "echo"),
    ("echo 'rm -rf /'", "echo"),
    ("echo \"a; b && c | d\"", "echo"),
    ("git commit -m 'remove rm -rf from the script; fix #12'", "git"),
    ("git log --oneline -10", "git"),
    ("git status --short", "git"),
    ("git -C repo diff HEAD~1", "git"),
    ("git -c color.ui=always status", "git"),
    ("git -c user.name='A B' commit -m x", "git"),
    ("git grep -n TODO", "git"),
    ("git clone --depth 1 https://example.com/repo.git", "git"),
    ("GIT_PAGER=cat git log", "git"),
    ("GIT_TERMINAL_PROMPT=0 git fetch", "git"),
    ("sort -S 50M -k2,2n data.tsv", "sort"),
    ("sort --unique --output=sorted.txt names.txt", "sort"),
    ("split --lines=1000 big.txt part-", "split"),
    ("tar czf backup.tgz src docs", "tar"),
    ("tar -xzf backup.tgz -C /tmp/out", "tar"),
    ("tar --checkpoint=1000 -cf out.tar src", "tar"),
    ("zip -qr out.zip src", "zip"),
    ("dd if=in.img of=out.img bs=1M count=10", "dd"),
    ("curl -s -o page.html https://example.com/", "curl"),
    ("wget -q https://example.com/file.txt", "wget"),
    ("ssh -o ConnectTimeout=5 host.example.com", "ssh"),
    ("ssh host.example.com 'ls -l'", "ssh ls"),
    ("scp -P 2222 a.txt host.example.com:/tmp/", "scp"),
    ("vi +10 main.c", "vi"),
    ("man -P cat ls", "man cat"),
    ("npm ci --ignore-scripts", "npm"),
    ("npm test", "npm"),
    ("apt-get -y install jq", "apt-get"),
    ("apt-get -o Acquire::Retries=3 update", "apt-get"),
    ("xxd -l 64 file.bin", "xxd"),
    ("crontab -l", "crontab"),
    ("PYTHONUNBUFFERED=1 python3 app.py", "python3"),
    ("NODE_OPTIONS=--max-old-space-size=4096 npm run build", "npm"),
    ("EDITOR=vim git commit", "git"),
    ("LC_ALL=C ls", "ls"),
    ("openssl version", "openssl"),
    ("less README.md", "less"),
    ("bash -lc 'ls'", "ls"),
    ("rsync -av --exclude .git src/ host.example.com:/srv/app/", "rsync"),
    ("jq '.items[] | select(.n > 1)' data.json", "jq"),
    ("docker run --rm -v \"$PWD\":/work -w /work alpine ls -l", "docker ls"),
    ("kubectl get pods -n web", "kubectl"),
    ("psql -h db.example.com -c 'select 1'", "psql"),
    ("trap 'rm -f \"$tmp\"' EXIT", "trap rm"),
    ("eval \"echo hello\"", "echo"),
    ("printf -v name '%s' x", "printf"),
    ("xargs -a names.txt echo", "echo xargs"),
]  # fmt: skip


def test_there_are_at_least_a_hundred_harmless_siblings() -> None:
    assert len({source for source, _ in SIBLINGS}) >= 100


@pytest.mark.parametrize(("source", "programs"), SIBLINGS)
def test_a_harmless_sibling_is_allowed_where_its_program_is(source: str, programs: str) -> None:
    result = read(source)
    assert allowed_by_name(result, frozenset(programs.split())), result.commands
