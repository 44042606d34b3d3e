"""The sockets: nobody else's is taken, none is open to all, and what a killed gateway left is cleared away."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from yett.errors import YettError
from yett.serve.run import bind, notify_ready
from yett.serve.settings import Settings


def settings(folder: Path, **more: object) -> Settings:
    return Settings(policy=(), state=folder, socket=folder / "yett.sock", **more)  # type: ignore[arg-type]


def test_the_socket_has_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    (bound,) = bind(settings(tmp_path, socket_mode=0o600))
    with bound:
        assert stat.S_IMODE((tmp_path / "yett.sock").stat().st_mode) == 0o600


def test_a_socket_that_is_in_use_is_not_taken(tmp_path: Path) -> None:
    (bound,) = bind(settings(tmp_path))
    with bound, pytest.raises(YettError) as refused:
        bind(settings(tmp_path))
    assert refused.value.code == "SOCKET_IN_USE"


def test_a_socket_left_by_a_killed_gateway_is_replaced(tmp_path: Path) -> None:
    (bound,) = bind(settings(tmp_path))
    bound.close()
    (again,) = bind(settings(tmp_path))
    again.close()


def test_a_file_in_place_of_the_socket_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "yett.sock").write_text("precious")
    with pytest.raises(YettError) as refused:
        bind(settings(tmp_path))
    assert refused.value.code == "NOT_A_SOCKET"
    assert (tmp_path / "yett.sock").read_text() == "precious"


def test_a_taken_port_is_said_to_be_and_leaves_no_socket_open(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(YettError) as refused:
            bind(settings(tmp_path, port=other.getsockname()[1]))
    assert refused.value.code == "CANNOT_BIND"
    (bound,) = bind(settings(tmp_path))
    bound.close()


def test_nothing_to_listen_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(YettError):
        bind(Settings(policy=(), state=tmp_path))


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify_ready()
        assert manager.recv(64) == b"READY=1"
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify_ready()
    assert "NOTIFY_SOCKET" not in os.environ
