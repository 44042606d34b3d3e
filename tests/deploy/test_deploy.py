"""The deployment files hold together as far as that can be seen without an engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from waiting import until
from yett.serve.auth import FILE_NAME, Credentials
from yett.serve.probe import ready

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def load(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.strip().partition(" ") for line in lines)]


class TestDockerfile:
    def test_everything_it_copies_is_there_and_in_the_build_context(self) -> None:
        ignore = (ROOT / ".dockerignore").read_text().splitlines()
        for word, rest in instructions():
            if word == "COPY" and not rest.startswith("--from"):
                for source in shlex.split(rest)[:-1]:
                    assert (ROOT / source).exists(), source
                    assert f"!{source}" in ignore, source

    def test_it_does_not_run_as_root(self) -> None:
        users = [rest for word, rest in instructions() if word == "USER"]
        assert users[-1].split(":")[0] not in ("0", "root")

    def test_what_runs_was_not_what_built(self) -> None:
        assert [word for word, _ in instructions()].count("FROM") == 2

    def test_its_command_is_one_the_command_line_knows(self) -> None:
        command = next(rest for word, rest in instructions() if word == "CMD")
        assert_serve_understands(yaml.safe_load(command)[1:])

    def test_the_build_context_holds_no_state_and_no_tests(self) -> None:
        ignore = (ROOT / ".dockerignore").read_text().splitlines()
        assert ignore[0] == "*"
        assert not {"!tests", "!state", "!.git"} & set(ignore)


class TestCompose:
    compose = load("compose.yaml")[0]

    def test_every_service_is_read_only_and_without_capabilities(self) -> None:
        for name, service in self.compose["services"].items():
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert "no-new-privileges:true" in service["security_opt"], name

    def test_the_gateway_has_no_network(self) -> None:
        assert self.compose["services"]["gateway"]["network_mode"] == "none"

    def test_the_agent_never_sees_the_state(self) -> None:
        agent = self.compose["services"]["agent"]
        assert not [mount for mount in agent["volumes"] if mount.startswith("state")]
        assert agent["user"].split(":")[0] != "10001"

    def test_named_volumes_are_declared_and_paths_exist(self) -> None:
        for service in self.compose["services"].values():
            for mount in service["volumes"]:
                source = mount.split(":")[0]
                if source.startswith("."):
                    assert (DEPLOY / source).resolve().exists(), source
                else:
                    assert source in self.compose["volumes"]
            if "build" in service:
                context = (DEPLOY / service["build"]["context"]).resolve()
                assert context == ROOT
                assert (context / service["build"]["dockerfile"]).is_file()

    def test_its_command_is_one_the_command_line_knows(self) -> None:
        assert_serve_understands(self.compose["services"]["gateway"]["command"][1:])

    def test_the_policy_it_names_exists(self) -> None:
        command = self.compose["services"]["gateway"]["command"]
        policies = [word.split("=")[1] for word in command if word.startswith("--policy")]
        for path in policies:
            assert (ROOT / path.replace("/etc/yett/", "")).is_file()

    def test_compose_understands_it(self) -> None:
        file = str(DEPLOY / "compose.yaml")
        if shutil.which("compose-lint"):
            command = ["compose-lint", file]
        elif (
            shutil.which("docker")
            and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
            == 0
        ):
            command = ["docker", "compose", "-f", file, "config", "--quiet"]
        else:
            pytest.skip("neither docker compose nor compose-lint (compose-go's cmd) here")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


class TestAgentExample:
    def test_it_runs_against_a_real_gateway_and_its_hostile_call_does_not(self, tmp_path: Path) -> None:
        keys = Credentials(tmp_path / "state" / FILE_NAME, clock=lambda: time.time_ns() // 1_000_000)
        (tmp_path / "token").write_text(keys.create("agent", "demo", "example")[1] + "\n")
        path = tmp_path / "yett.sock"
        command = [sys.executable, "-c", "from yett.cli import main; main()", "serve", "--no-tcp"]
        options = ["--state", str(tmp_path / "state"), "--socket", str(path)]
        with (tmp_path / "log").open("wb") as log:
            gateway = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        try:
            until(lambda: ready(str(path)), lambda: gateway.poll() is None)
            example = subprocess.run(
                [sys.executable, str(DEPLOY / "agent-example" / "agent.py")],
                env={**os.environ, "YETT_SOCKET": str(path), "YETT_TOKEN_FILE": str(tmp_path / "token")},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            gateway.terminate()
            gateway.wait(timeout=120)
        assert example.returncode == 0, example.stdout + example.stderr
        assert "docs/readme.md: read" in example.stdout
        assert "../../etc/shadow: " in example.stdout


class TestSystemd:
    unit = DEPLOY / "systemd" / "yett.service"

    def settings(self) -> list[tuple[str, str]]:
        lines = [
            line for line in self.unit.read_text().splitlines() if "=" in line and not line.startswith("#")
        ]
        return [(key, value) for key, _, value in (line.partition("=") for line in lines)]

    def test_its_command_is_one_the_command_line_knows(self) -> None:
        command = dict(self.settings())["ExecStart"].split()
        assert command[:3] == ["/usr/bin/env", "yett", "serve"]
        assert_serve_understands(command[3:])

    def test_state_and_socket_lie_in_directories_it_may_write(self) -> None:
        settings = dict(self.settings())
        assert "/var/lib/" + settings["StateDirectory"] in settings["ExecStart"]
        assert "/run/" + settings["RuntimeDirectory"] in settings["ExecStart"]

    def test_systemd_finds_nothing_wrong(self, tmp_path: Path) -> None:
        if not shutil.which("systemd-analyze"):
            pytest.skip("no systemd-analyze here")
        copy = tmp_path / "yett.service"
        # The user of the service need not exist where the test runs.
        text = self.unit.read_text().replace("User=yett", "User=daemon").replace("Group=yett", "Group=daemon")
        copy.write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
        )
        complaints = [line for line in done.stderr.splitlines() if "yett.service" in line]
        assert complaints == []

    def test_its_exposure_is_small(self) -> None:
        if not shutil.which("systemd-analyze"):
            pytest.skip("no systemd-analyze here")
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(self.unit)],
            capture_output=True,
            text=True,
            check=False,
        )
        if "Unknown" in done.stderr or "unrecognized" in done.stderr:
            pytest.skip("this systemd-analyze cannot judge a file")
        assert done.returncode == 0, done.stdout[-400:] + done.stderr[-400:]


class TestKubernetes:
    documents = load("kubernetes/sidecar.yaml")
    pod = next(d for d in documents if d["kind"] == "StatefulSet")["spec"]["template"]["spec"]

    def containers(self) -> Iterator[Any]:
        yield from self.pod["initContainers"]
        yield from self.pod["containers"]

    def test_every_container_is_confined(self) -> None:
        assert self.pod["automountServiceAccountToken"] is False
        assert self.pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in self.containers():
            context = container["securityContext"]
            assert context["runAsNonRoot"] is True
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]

    def test_the_agent_never_sees_the_state_and_is_another_user(self) -> None:
        agent = self.pod["containers"][0]
        gateway = next(c for c in self.pod["initContainers"] if c["name"] == "gateway")
        assert "state" not in [mount["name"] for mount in agent["volumeMounts"]]
        assert agent["securityContext"]["runAsUser"] != gateway["securityContext"]["runAsUser"]

    def test_the_gateway_is_a_sidecar_that_is_ready_before_the_agent_starts(self) -> None:
        gateway = next(c for c in self.pod["initContainers"] if c["name"] == "gateway")
        assert gateway["restartPolicy"] == "Always"
        assert gateway["startupProbe"]["exec"]["command"][:3] == ["python", "-m", "yett.serve.probe"]
        assert_serve_understands(gateway["args"][1:])

    def test_mounts_are_declared(self) -> None:
        stateful = next(d for d in self.documents if d["kind"] == "StatefulSet")["spec"]
        declared = {volume["name"] for volume in self.pod["volumes"]}
        declared |= {claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"]}
        for container in self.containers():
            assert {mount["name"] for mount in container["volumeMounts"]} <= declared

    def test_selector_and_labels_agree(self) -> None:
        stateful = next(d for d in self.documents if d["kind"] == "StatefulSet")["spec"]
        assert stateful["selector"]["matchLabels"] == stateful["template"]["metadata"]["labels"]

    def test_the_policy_layers_load_together_and_leave_an_honest_call_alone(self, tmp_path: Path) -> None:
        from yett.gateway import Gateway
        from yett.model import ToolCall

        layers = next(d for d in self.documents if d["kind"] == "ConfigMap")["data"]
        for name, text in layers.items():
            (tmp_path / name).write_text(text)
        gateway = next(c for c in self.pod["initContainers"] if c["name"] == "gateway")
        named = [word.split("=")[1] for word in gateway["args"] if word.startswith("--policy=")]
        paths = [
            ROOT / "policies" / Path(path).name
            if "/usr/share/yett/policies/" in path
            else tmp_path / Path(path).name
            for path in named
        ]
        with Gateway.open(paths, tmp_path / "state") as opened:
            call = ToolCall(tool="read_file", arguments={"path": "docs/readme.md"})
            assert opened.decide(call).allowed


class TestHelm:
    chart = DEPLOY / "helm" / "yett"

    def templates(self) -> str:
        return "\n".join(path.read_text() for path in sorted((self.chart / "templates").iterdir()))

    def test_every_value_it_uses_has_a_default(self) -> None:
        values = yaml.safe_load((self.chart / "values.yaml").read_text())
        used = set(re.findall(r"\.Values((?:\.\w+)+)", self.templates()))
        assert used
        for path in used:
            found = values
            for step in path.strip(".").split("."):
                assert step in found, path
                found = found[step]

    def test_blocks_are_closed(self) -> None:
        text = self.templates()
        opened = re.findall(r"\{\{-? *(?:if|range|with|define)\b", text)
        closed = re.findall(r"\{\{-? *end\b", text)
        assert len(opened) == len(closed)
        assert "{{" not in re.sub(r"\{\{.*?\}\}", "", text)

    def test_every_helper_it_includes_is_defined(self) -> None:
        text = self.templates()
        assert set(re.findall(r'include "([^"]+)"', text)) <= set(re.findall(r'define "([^"]+)"', text))

    def test_its_gateway_is_started_like_the_plain_manifests(self) -> None:
        words = re.findall(r"^ +- (--[a-z-]+=?[^\s{]*)$", self.templates(), re.MULTILINE)
        assert_serve_understands(words)
        pod = TestKubernetes.pod
        gateway = next(c for c in pod["initContainers"] if c["name"] == "gateway")
        plain = {word for word in gateway["args"][1:] if not word.startswith("--policy=/etc")}
        assert plain == set(words)

    def test_helm_renders_it(self, tmp_path: Path) -> None:
        if not shutil.which("helm"):
            pytest.skip("no helm here")
        done = subprocess.run(
            [
                "helm",
                "template",
                "agent",
                str(self.chart),
                "--kube-version",
                "1.31.0",
                "--set",
                "policies.team\\.yaml=policy: team",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout) if document]
        assert sorted(kinds) == ["ConfigMap", "StatefulSet"]


class TestEnvoy:
    config = load("envoy/envoy.yaml")[0]
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]

    def test_it_asks_before_it_routes_and_fails_closed(self) -> None:
        names = [each["name"] for each in self.manager["http_filters"]]
        assert names == ["envoy.filters.http.ext_authz", "envoy.filters.http.router"]
        asking = self.manager["http_filters"][0]["typed_config"]
        assert asking["failure_mode_allow"] is False
        assert asking["with_request_body"]["allow_partial_message"] is False

    def test_clusters_that_are_named_exist(self) -> None:
        clusters = {each["name"] for each in self.config["static_resources"]["clusters"]}
        asking = self.manager["http_filters"][0]["typed_config"]["http_service"]
        routed = self.manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"]
        assert {asking["server_uri"]["cluster"], routed} == clusters

    def test_the_path_it_asks_under_is_a_door_of_the_sidecar(self) -> None:
        from yett.proxy.doors import routes

        asking = self.manager["http_filters"][0]["typed_config"]["http_service"]
        paths = [route.path for route in routes(SimpleNamespace(), lambda headers: None)]  # type: ignore[arg-type, return-value]
        assert any(path.startswith(asking["path_prefix"]) for path in paths)


class TestGrafana:
    def test_every_metric_it_asks_for_is_one_that_the_sidecar_has(self) -> None:
        from yett.serve.anchoring import anchoring
        from yett.serve.metrics import Metrics, observe
        from yett.serve.settings import Settings

        metrics = Metrics()
        paper: Any = SimpleNamespace(policy_error=None, ledger=_PaperLedger())
        observe(metrics, paper)
        with anchoring(paper.ledger, metrics, Settings(policy=(), state=ROOT)):
            pass
        known = set(re.findall(r"^# TYPE (\w+)", metrics.render().decode(), re.MULTILINE)) | {"up"}
        dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        rules = yaml.safe_load((DEPLOY / "grafana" / "alerts.yaml").read_text())
        asked += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
        for expression in asked:
            names = re.findall(r"\b((?:yett|process)_\w+|up)\b", expression)
            assert names, expression
            for name in names:
                assert name.removesuffix("_bucket") in known or name in known, name

    def test_alerts_say_what_is_wrong(self) -> None:
        rules = yaml.safe_load((DEPLOY / "grafana" / "alerts.yaml").read_text())
        for rule in rules["groups"][0]["rules"]:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert rule["annotations"]["summary"]


class _PaperLedger:
    failure = None
    behind = 0
    head = SimpleNamespace(checkpoint=SimpleNamespace(size=1))

    def anchorer(self, *args: Any, **options: Any) -> Any:
        return SimpleNamespace(last=None, exposure=lambda: {"records": 1, "ms": 0})

    def frozen(self) -> tuple[()]:
        return ()

    def in_doubt(self) -> tuple[()]:
        return ()


def assert_serve_understands(words: list[str]) -> None:
    """Every option stands in `yett serve --help`."""
    import typer
    import typer.main

    from yett.cli import serve

    app = typer.Typer()
    app.callback()(lambda: None)
    serve.register(app)
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    command.make_context("serve", [str(word) for word in words], resilient_parsing=False)
