"""Tokens are hashed, checked in constant time, reloaded at once, and never admitted by a doubtful file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yett.errors import Unauthorized, YettError
from yett.serve.auth import Credentials, bearer, require


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def credentials(tmp_path: Path, clock: Clock) -> Credentials:
    return Credentials(tmp_path / "state" / "credentials.json", clock=clock)


def code(credentials: Credentials, token: str) -> str:
    with pytest.raises(Unauthorized) as refused:
        credentials.identify(token)
    return refused.value.code


def test_a_token_stands_for_the_identity_it_was_made_for(credentials: Credentials) -> None:
    _, token = credentials.create("approver", "ann", "ann-phone", tenant="bank", groups=("treasury",))
    identity = credentials.identify(token).identity
    assert (identity.role, identity.principal, identity.agent) == ("approver", "ann", "ann-phone")
    assert (identity.tenant, identity.groups) == ("bank", ("treasury",))


def test_the_file_does_not_hold_the_token(credentials: Credentials, tmp_path: Path) -> None:
    _, token = credentials.create("agent", "ann", "coder")
    path = tmp_path / "state" / "credentials.json"
    assert token.split("_", 2)[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_tokens_are_different_and_long(credentials: Credentials) -> None:
    tokens = {credentials.create("agent", "ann", "coder")[1] for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token.split("_", 2)[2]) == 43 for token in tokens)


@pytest.mark.parametrize("token", ["", "yett_", "yett__", "x", "yett_aa_bb", "Yett_a_b", "yett_\ud800_x"])
def test_unknown_tokens_are_refused(credentials: Credentials, token: str) -> None:
    credentials.create("agent", "ann", "coder")
    assert code(credentials, token) == "TOKEN_UNKNOWN"


def test_every_changed_character_makes_a_token_unknown(credentials: Credentials) -> None:
    _, token = credentials.create("agent", "ann", "coder")
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert code(credentials, changed) == "TOKEN_UNKNOWN"


def test_a_secret_with_another_id_is_unknown(credentials: Credentials) -> None:
    one, token = credentials.create("agent", "ann", "coder")
    two, _ = credentials.create("operator", "root", "root")
    assert code(credentials, token.replace(one.id, two.id)) == "TOKEN_UNKNOWN"


def test_revocation_counts_at_once_and_for_every_process(
    credentials: Credentials, tmp_path: Path, clock: Clock
) -> None:
    credential, token = credentials.create("agent", "ann", "coder")
    other_process = Credentials(tmp_path / "state" / "credentials.json", clock=clock)
    assert other_process.identify(token).id == credential.id
    credentials.revoke(credential.id)
    assert code(other_process, token) == "TOKEN_REVOKED"


def test_revoking_again_keeps_the_first_time(credentials: Credentials, clock: Clock) -> None:
    credential, _ = credentials.create("agent", "ann", "coder")
    first = credentials.revoke(credential.id).revoked
    clock.now += 5
    assert credentials.revoke(credential.id).revoked == first


def test_a_token_expires(credentials: Credentials, clock: Clock) -> None:
    _, token = credentials.create("agent", "ann", "coder", lifetime_ms=1000)
    clock.now += 999
    credentials.identify(token)
    clock.now += 1
    assert code(credentials, token) == "TOKEN_EXPIRED"


def test_without_a_file_nobody_is_known(credentials: Credentials) -> None:
    assert code(credentials, "yett_a_b") == "TOKEN_UNKNOWN"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version":2}', b'{"credentials":[{"id":"a"}]}', b"\xff"]
)
def test_a_broken_file_admits_nobody_even_who_was_known_before(
    credentials: Credentials, tmp_path: Path, content: bytes
) -> None:
    _, token = credentials.create("agent", "ann", "coder")
    credentials.identify(token)
    path = tmp_path / "state" / "credentials.json"
    path.write_bytes(content)
    assert code(credentials, token) in ("CREDENTIALS_UNAVAILABLE", "TOKEN_UNKNOWN")
    assert code(credentials, token) in ("CREDENTIALS_UNAVAILABLE", "TOKEN_UNKNOWN")


def test_a_file_that_others_can_use_or_its_group_can_write_admits_nobody(
    credentials: Credentials, tmp_path: Path
) -> None:
    _, token = credentials.create("agent", "ann", "coder")
    path = tmp_path / "state" / "credentials.json"
    path.chmod(0o640)
    assert credentials.identify(token).role == "agent"
    for mode in (0o666, 0o660, 0o604):
        path.chmod(mode)
        assert code(credentials, token) == "CREDENTIALS_UNAVAILABLE"


def test_a_link_in_place_of_the_file_admits_nobody(credentials: Credentials, tmp_path: Path) -> None:
    _, token = credentials.create("agent", "ann", "coder")
    path = tmp_path / "state" / "credentials.json"
    elsewhere = tmp_path / "elsewhere.json"
    os.rename(path, elsewhere)
    path.symlink_to(elsewhere)
    assert code(credentials, token) == "CREDENTIALS_UNAVAILABLE"


def test_a_removed_file_revokes_everything(credentials: Credentials, tmp_path: Path) -> None:
    _, token = credentials.create("agent", "ann", "coder")
    (tmp_path / "state" / "credentials.json").unlink()
    assert code(credentials, token) == "TOKEN_UNKNOWN"


def test_names_and_roles_are_checked(credentials: Credentials) -> None:
    for role, principal in (("root", "ann"), ("agent", ""), ("agent", "a\nb"), ("agent", "x" * 257)):
        with pytest.raises(YettError):
            credentials.create(role, principal, "coder")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Basic abc")],
        [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")],
        [(b"authorization", b"Bearer " + b"a" * 600)],
        [(b"authorization", b"Bearer \xff")],
    ],
)
def test_anything_but_one_bearer_token_is_no_token(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Unauthorized):
        bearer(headers)


def test_roles_do_not_imply_each_other(credentials: Credentials) -> None:
    for role in ("agent", "operator", "auditor", "watcher"):
        identity = credentials.create(role, "ann", "x")[0].identity
        with pytest.raises(Unauthorized):
            require(identity, "approver")
