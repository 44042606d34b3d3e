"""Every way to write a path is the same path."""

from __future__ import annotations

import pytest

from yett.extract.values import paths


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("/etc//passwd", "/etc/passwd"),
        ("/etc/./shadow", "/etc/shadow"),
        ("/var/www/../../etc/passwd", "/etc/passwd"),
        ("a/b/../c", "a/c"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("....//....//etc/passwd", "../../etc/passwd"),
        ("..;/..;/etc/passwd", "../../etc/passwd"),
        ("..\\..\\boot.ini", "../../boot.ini"),
        ("C:\\Windows\\..\\Users\\a", "c:/Users/a"),
        ("\\\\?\\C:\\Windows\\win.ini", "c:/Windows/win.ini"),
        ("\\\\server\\share\\x", "//server/share/x"),
        ("file:///etc/passwd", "/etc/passwd"),
        ("file://localhost/etc/passwd", "/etc/passwd"),
        ("$HOME/.ssh/id_rsa", "~/.ssh/id_rsa"),
        ("%USERPROFILE%\\.aws\\credentials", "~/.aws/credentials"),
        ("~root/.profile", "~/.profile"),
        ("x.png\0.exe", "x.png"),
        ("'/etc/passwd'", "/etc/passwd"),
        ("", "."),
    ],
)
def test_normal_form(raw: str, normal: str) -> None:
    assert paths.analyse(raw, "/p").normal == normal


@pytest.mark.parametrize(
    ("raw", "category"),
    [
        ("/etc/shadow", "shadow"),
        ("../../../etc/shadow", "shadow"),
        ("get/etc/passwd", "accounts"),
        ("~/.ssh/id_ed25519", "ssh"),
        ("/home/ann/.aws/credentials", "cloud"),
        ("/root/.kube/config", "kube"),
        ("app/.env", "env_file"),
        (".env.production", "env_file"),
        ("/var/run/docker.sock", "container"),
        ("~/.bashrc", "startup"),
        ("/etc/cron.d/x", "startup"),
        ("/dev/sda1", "device"),
        ("/proc/self/environ", "process_memory"),
        ("C:\\Windows\\System32\\config\\SAM", "shadow"),
        ("/home/ann/.claude/settings.json", "agent_config"),
        ("/var/log/auth.log", "audit"),
        (".git/config", "source_control"),
        (".github/workflows/ci.yml", "automation"),
        ("certs/server-cert.pem", "ssh_public"),
        ("/ETC/SHADOW", "shadow"),
        ("\\\\evil.example\\x", "unc"),
    ],
)
def test_sensitive_locations_are_known(raw: str, category: str) -> None:
    assert category in paths.analyse(raw, "/p").categories


@pytest.mark.parametrize(
    "raw",
    [
        "src/main.py", "docs/ssh.md", ".env.example", ".env.sample", "etc/app.yaml", "tests/data/shadow.txt", "/home/ann/project/README.md",
        "./Makefile", "lib/history.go", "C:\\work\\notes.txt", "/workspace/app/log.txt", ".github/dependabot.yml", "/tmp/out.json", "/dev/null",
    ],
)  # fmt: skip
def test_ordinary_files_are_not_sensitive(raw: str) -> None:
    assert paths.analyse(raw, "/p").categories == frozenset()


def test_climbing_and_traversal_are_told_apart() -> None:
    inside = paths.analyse("src/../README.md", "/p")
    outside = paths.analyse("../README.md", "/p")
    assert inside.traversal
    assert not inside.climbs
    assert outside.climbs


def test_an_encoded_path_says_so() -> None:
    assert paths.analyse("../x", "/p", chain=("percent",)).encoded


@pytest.mark.parametrize(
    "text", ["hello world", "and/or", "Meet at 5", "R&D", "a sentence with a / in it", ""]
)
def test_prose_is_no_sensitive_path(text: str) -> None:
    assert not paths.analyse(text, "/p").categories


@pytest.mark.parametrize(
    ("raw", "category"),
    [
        ("//?/UNC/203.0.113.7/share", "unc"),
        ("\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy1\\x", "device"),
        ("\\\\.\\PhysicalDrive0", "device"),
    ],
)
def test_namespaces_of_windows_lead_out(raw: str, category: str) -> None:
    assert category in paths.analyse(raw, "/p").categories


def test_a_monstrous_path_is_cut() -> None:
    assert len(paths.analyse("../" * 100_000, "/p").raw) == paths.MAX_PATH


def test_a_link_of_a_page_is_not_an_encoded_path() -> None:
    assert not paths.analyse("../a.html", "/x", chain=("xml",)).encoded
    assert paths.analyse("../a", "/x", chain=("percent",)).encoded


def test_what_climbs_for_longer_than_a_path_is_read_is_no_other_text() -> None:
    assert paths.looks_like("/srv/" + "a/../" * 900 + "../etc/shadow")
    assert not paths.looks_like("/9j/" + "4AAQSkZJRg" * 500)
    assert not paths.looks_like("/srv/a " + "../b " * 900)
