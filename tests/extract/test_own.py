"""A running gateway's own files are protected by where they are, not only by their usual names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yett.extract import extract
from yett.extract.own import Own
from yett.gateway import Gateway
from yett.model import ToolCall


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, in which the gateway is started and the agent works."""
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return project


def marked(own: Own, command: str, tool: str = "shell", name: str = "command") -> set[str]:
    facts = own.marked(extract(ToolCall(tool=tool, arguments={name: command}), None, len(command)))
    return {category for path in facts.paths for category in path.categories if "gateway" in category}


SECRET, RECORD, BOTH = {"gateway"}, {"gateway_record"}, {"gateway", "gateway_record"}


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("cat vault/keys/log.seed", SECRET),
        ("cat ./sub/../vault/KEYS/log.seed", SECRET),
        ("cat {here}/vault/credentials.json", SECRET),
        ("cat va*/keys/log.seed", SECRET),
        ("cp /run/gate.sock /tmp/x", SECRET),
        ("cat vault/log/000000000000.jsonl", RECORD),
        ("sed -i s/deny/allow/ rules.yaml", RECORD),
        ("cp -r vault /tmp/x", BOTH),
        ("rm -rf vault", BOTH),
        ("rm -rf ../project/vault/", BOTH),
        ("rm -rf v*t", BOTH),
        ("rm -rf [u-w]a*l?", BOTH),
        ("rm -rf {{vault,other}}", BOTH),
        ("rm -rf *", BOTH),
        ("rm -rf */keys/*", SECRET),
        ("rm -rf .", BOTH),
        ("mv ../project /tmp", BOTH),
        ("find vault -delete", BOTH),
        ("rm -rf {here}", BOTH),
        ("python3 -c 'import shutil; shutil.rmtree(\"vault\")'", BOTH),
    ],
)
def test_what_reaches_the_gateways_own_files_is_marked(here: Path, command: str, found: set[str]) -> None:
    own = Own.of(Path("vault"), [Path("/run/gate.sock")]).with_records([Path("rules.yaml")])
    assert marked(own, command.format(here=here)) == found


@pytest.mark.parametrize(
    "command",
    [
        "cat *",
        "cat vault/readme.txt",
        "rm -rf vaults other/vault.old",
        "rm -f *.pyc",
        "rm -rf build/*",
        "rm -rf */node_modules",
        "find . -name '*.pyc' -delete",
        "find . -name '*.pyc' | xargs rm -f",
        "find . -name core -exec rm -f {{}} +",
        'for f in *\\ *; do mv "$f" "${{f// /_}}"; done',
        "cat other/rules.yaml",
        "cp rules.yaml.example /tmp",
        "ls -la /tmp",
        "cat {here}/src/keys/log.seed",
        "tar czf /tmp/project.tgz .",
    ],
)
def test_everything_else_is_not(here: Path, command: str) -> None:
    own = Own.of(Path("vault"), [Path("/run/gate.sock")]).with_records([Path("rules.yaml")])
    assert marked(own, command.format(here=here)) == set()


def test_a_home_folder_is_known_by_each_of_its_names(here: Path) -> None:
    own = Own.of(Path(os.environ["HOME"]) / ".local" / "gate")
    for home in ("~", "$HOME", os.environ["HOME"]):
        assert marked(own, f"cat {home}/.local/gate/keys/log.seed") == SECRET
    assert marked(own, "rm -rf ~/.local") == BOTH


def test_a_link_on_the_way_hides_nothing(here: Path) -> None:
    (here / "real").mkdir()
    (here / "link").symlink_to("real")
    own = Own.of(Path("link"))
    assert marked(own, "cat link/keys/log.seed") == SECRET
    assert marked(own, "cat real/keys/log.seed") == SECRET


def test_a_state_in_the_working_folder_itself_does_not_make_all_of_it_secret(here: Path) -> None:
    own = Own.of(Path("."))
    assert marked(own, "cat readme.md") == set()
    assert marked(own, "cat .") == set()
    assert marked(own, "cat keys/log.seed") == SECRET


def test_without_a_gateway_nothing_is_marked(here: Path) -> None:
    facts = extract(ToolCall(tool="shell", arguments={"command": "rm -rf vault"}), None, 9)
    assert Own().marked(facts) is facts


def test_the_folder_may_be_gone(here: Path) -> None:
    here.rmdir()
    assert marked(Own.of(Path("/srv/vault")), "cat /srv/vault/keys/log.seed") == SECRET


def test_an_open_gateway_refuses_what_touches_its_own_files_and_nothing_like_it(
    here: Path, root: Path
) -> None:
    policy = here / "mine.yaml"
    policy.write_text((root / "policies" / "baseline.yaml").read_text())

    def allowed(tool: str, **arguments: str) -> bool:
        return gateway.decide(ToolCall(tool=tool, arguments=arguments)).allowed

    with Gateway.open(policy, here / "vault", own=[Path("/run/gate.sock")]) as gateway:
        assert allowed("shell", command="rm -rf build")
        assert allowed("shell", command="cat mine.yaml")
        assert allowed("shell", command="ls vault")
        assert allowed("write_file", path="yours.yaml", content="x")
        assert not allowed("shell", command="rm -rf vault")
        assert not allowed("shell", command="cp -r vault /tmp/x")
        assert not allowed("shell", command="chmod 777 /run/gate.sock")
        assert not allowed("write_file", path="mine.yaml", content="rules: []")
        gateway.reload()
        assert not allowed("write_file", path="mine.yaml", content="rules: []"), "and after a reload"
