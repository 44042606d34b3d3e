"""Witnesses, the quorum, and what they prove against a log that was cut, rolled back or forked."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from yett_audit import anchor, cli, merkle, note, witness
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import Broken, LogRefused
from yett_audit.trust import Trust
from yett_audit.verify import Anchor, Demand, verify_log
from yett_audit.writer import Writer

Open = Callable[..., Writer]
ORIGIN = "host.example/yett/test"
LOG = SigningKey(bytes(range(32)))
LOG_VKEY = note.VerifierKey(ORIGIN, LOG.public)
LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(20)]


def read(level: int, index: int) -> bytes:
    return merkle.root_of(LEAVES[index << level : (index + 1) << level])


def request(
    old: int, size: int, *, origin: str = ORIGIN, key: SigningKey = LOG, proof: Any = None, root: Any = None
) -> bytes:
    text = note.Checkpoint(origin, size, root or merkle.root_of(LEAVES[:size])).text()
    signed = note.Note(text, (note.sign(text, origin, key),))
    if proof is None:
        proof = merkle.consistency_proof(read, old, size) if 0 < old < size else []
    return "\n".join([f"old {old}", *map(note.to_base64, proof), "", str(signed)]).encode()


@pytest.fixture
def one(tmp_path: Path) -> witness.Witness:
    return witness.Witness(
        "w.example/1", SigningKey(b"w" * 32), [LOG_VKEY], witness.Store(tmp_path / "w"), lambda: 1_800_000_000
    )


def test_consistent_growth_is_cosigned_and_remembered(one: witness.Witness) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 20)):
        answer = one.add_checkpoint(request(old, size))
        assert answer.status == 200
        text = note.Checkpoint(ORIGIN, size, merkle.root_of(LEAVES[:size])).text()
        signed = note.parse(text + "\n" + answer.text)
        assert note.verified(signed, [one.vkey]) == {one.vkey: 1_800_000_000}
    found = note.parse(one.checkpoint(ORIGIN).text)
    assert note.Checkpoint.parse(found.text).size == 20


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"old 1", 400),
        (b"old x\n\n", 400),
        (b"old 01\n\nx", 400),
        (b"new 1\n\nx", 400),
        (b"old 5\n!!!!\n\nx", 400),
        (b"old 5\n" + b"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n" * 64 + b"\nx", 400),
        (request(9, 8, proof=[]), 400),
        (request(0, 8, origin="unknown.example"), 404),
        (request(5, 8, key=SigningKey(bytes(32))), 403),
        (request(0, 8), 409),
        (request(4, 8), 409),
        (request(5, 5, root=bytes(32)), 409),
        (request(5, 8, proof=[]), 422),
        (request(5, 8, proof=[bytes(32)] * 4), 422),
        (request(5, 8, root=bytes(32)), 422),
        (request(5, 5, proof=[bytes(32)]), 422),
    ],
)
def test_everything_else_gets_the_published_status_and_changes_nothing(
    one: witness.Witness, body: bytes, status: int
) -> None:
    assert one.add_checkpoint(request(0, 5)).status == 200
    before = one.checkpoint(ORIGIN)
    answer = one.add_checkpoint(body)
    assert answer.status == status
    if status == 409:
        assert (answer.kind, answer.text) == ("text/x.tlog.size", "5\n")
    assert one.checkpoint(ORIGIN) == before


def test_a_first_checkpoint_with_a_proof_is_refused(one: witness.Witness) -> None:
    assert one.add_checkpoint(request(0, 5, proof=[bytes(32)])).status == 422


def test_a_restarted_witness_remembers(tmp_path: Path) -> None:
    store = witness.Store(tmp_path)
    one = witness.Witness("w", SigningKey(bytes(32)), [LOG_VKEY], store)
    assert one.add_checkpoint(request(0, 8)).status == 200
    with pytest.raises(BlockingIOError):
        witness.Store(tmp_path)
    store.close()
    again = witness.Witness("w", SigningKey(bytes(32)), [LOG_VKEY], witness.Store(tmp_path))
    assert again.add_checkpoint(request(0, 5)).status == 409
    assert again.add_checkpoint(request(8, 9)).status == 200


def test_racing_requests_never_take_the_witness_back(one: witness.Witness) -> None:
    one.add_checkpoint(request(0, 1))
    statuses: list[int] = []

    def race(size: int) -> None:
        statuses.append(one.add_checkpoint(request(1, size)).status)

    threads = [threading.Thread(target=race, args=(size,)) for size in range(2, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 17


class Town:
    """Three witnesses that listen, and the policy that wants two of them."""

    def __init__(self, folder: Path) -> None:
        self.servers = []
        self.trust = Trust(logs=[LOG_VKEY])
        lines = [f"log {LOG_VKEY}"]
        for number in range(3):
            name = f"w{number}.example"
            store = witness.Store(folder / name)
            each = witness.Witness(name, SigningKey(bytes([number + 50]) * 32), [LOG_VKEY], store)
            path = str(folder / f"{name}.sock")
            if number == 0:
                server: Any = witness.server(each, unix=path)
                url = f"unix:{path}"
            else:
                server = witness.server(each)
                url = f"http://127.0.0.1:{server.server_address[1]}"
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self.servers.append(server)
            lines.append(f"witness {name} {each.vkey} {url}")
        lines += ["group two 2 w0.example w1.example w2.example", "quorum two"]
        self.policy = "\n".join(lines) + "\n"
        self.trust = Trust.parse(self.policy)

    def stop(self, number: int) -> None:
        self.servers[number].shutdown()
        self.servers[number].server_close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    for number in range(3):
        made.stop(number)


def fill(log: Writer, count: int) -> None:
    for number in range(count):
        log.append("decision", {"n": number})
    log.flush()


def test_a_quorum_makes_the_log_witnessed_and_bounds_the_exposure(
    opened: Open, town: Town, tmp_path: Path
) -> None:
    log = opened()
    fill(log, 30)
    sink = tmp_path / "anchors"
    anchorer = anchor.Anchorer(log, town.trust, [anchor.FileSink(sink)])
    assert anchorer.exposure()["records"] == log.head().checkpoint.size
    first = anchorer.anchor()
    assert (first.quorum, len(first.witnesses), first.failures) == (True, 3, ())
    fill(log, 5)
    assert anchorer.exposure()["records"] > 5
    found = verify_log(log.directory, Demand(trust=town.trust))
    assert (found.exit_code, found.verdict) == (0, "WITNESSED")
    assert found.exposure is not None
    assert found.exposure["records"] == log.head().checkpoint.size - first.size
    assert first.signed in sink.read_text()
    fill(log, 300)
    assert anchorer.anchor().quorum


def test_two_of_three_survive_one_witness_down_and_one_does_not_suffice(opened: Open, town: Town) -> None:
    log = opened()
    fill(log, 10)
    anchorer = anchor.Anchorer(log, town.trust, timeout=60)
    town.stop(0)
    second = anchorer.anchor()
    assert (second.quorum, len(second.witnesses), len(second.failures)) == (True, 2, 1)
    town.stop(1)
    fill(log, 10)
    third = anchorer.anchor()
    assert (third.quorum, len(third.witnesses)) == (False, 1)


def test_without_a_cosigned_checkpoint_the_demand_is_not_met(opened: Open, town: Town) -> None:
    log = opened()
    fill(log, 10)
    found = verify_log(log.directory, Demand(trust=town.trust))
    assert (found.exit_code, found.verdict) == (3, "SEALED")


def test_cutting_rolling_back_and_forking_are_proven_with_evidence(
    opened: Open, town: Town, tmp_path: Path, capsys: Any
) -> None:
    log = opened()
    fill(log, 10)
    copy = tmp_path / "older"
    shutil.copytree(log.directory, copy)
    fill(log, 10)
    anchored = anchor.Anchorer(log, town.trust).anchor()
    log.close()
    kept, policy, evidence = tmp_path / "kept", tmp_path / "policy", tmp_path / "evidence"
    kept.write_text(anchored.signed)
    policy.write_text(town.policy)
    assert cli.main(["log", str(log.directory), "--trust", str(policy), "--anchor", str(kept)]) == 0
    for name in ("cut", "fork"):
        directory = tmp_path / name
        shutil.copytree(copy, directory)
        if name == "fork":
            other = opened(directory=directory)
            for number in range(30):
                other.append("decision", {"n": -number})
            other.close()
        arguments = [
            "log",
            str(directory),
            "--trust",
            str(policy),
            "--anchor",
            str(kept),
            "--evidence",
            str(evidence),
        ]
        assert cli.main(arguments) == 4
        assert ORIGIN in json.loads(evidence.read_text())["anchor"]
    capsys.readouterr()


def test_witnesses_raise_the_alarm_when_the_log_itself_went_back(
    opened: Open, town: Town, tmp_path: Path
) -> None:
    log = opened()
    fill(log, 10)
    copy = tmp_path / "older"
    shutil.copytree(log.directory, copy)
    fill(log, 10)
    anchor.Anchorer(log, town.trust).anchor()
    log.close()
    alarms: list[str] = []
    again = opened(directory=copy)
    result = anchor.Anchorer(again, town.trust, on_alarm=lambda a: alarms.append(a.alarm)).anchor()
    assert (result.quorum, alarms) == (False, ["rollback"])
    fill(again, 40)
    result = anchor.Anchorer(again, town.trust, on_alarm=lambda a: alarms.append(a.alarm)).anchor()
    assert (result.quorum, alarms) == (False, ["rollback", "fork"])


def test_the_guardian_keeps_a_rolled_back_log_from_being_continued(
    opened: Open, town: Town, tmp_path: Path
) -> None:
    log = opened()
    fill(log, 10)
    older = tmp_path / "older"
    shutil.copytree(log.directory, older)
    fill(log, 10)
    anchor.Anchorer(log, town.trust).anchor()
    log.close()
    guardian = town.trust.witnesses["w0.example"]
    floor = anchor.latest(town.trust.urls["w0.example"], ORIGIN, guardian)
    assert floor is not None
    with pytest.raises(LogRefused) as refused:
        opened(directory=older, floor=floor)
    assert refused.value.code == "ROLLBACK"
    opened(floor=floor).close()
    with pytest.raises(Broken):
        anchor.latest(town.trust.urls["w0.example"], ORIGIN, town.trust.witnesses["w1.example"])


def test_a_cosignature_counts_for_its_own_checkpoint_and_once(opened: Open, town: Town) -> None:
    log = opened()
    fill(log, 5)
    anchorer = anchor.Anchorer(log, town.trust)
    first = note.parse(anchorer.anchor().signed)
    fill(log, 5)
    head = note.parse(log.head().note)
    moved = note.Note(head.text, (*head.signatures, *first.signatures[1:]))
    with pytest.raises(Broken):
        note.verified(moved, town.trust.witnesses.values())
    twice = note.Note(first.text, (first.signatures[0], *[first.signatures[1]] * 3))
    assert len(note.verified(twice, town.trust.witnesses.values())) == 1
    directory = log.directory
    log.close()
    only_one = Anchor.parse(str(twice).encode(), "given")
    found = verify_log(directory, Demand(trust=Trust.parse(town.policy), anchors=[only_one]))
    assert found.verdict == "WITNESSED"  # by the log's own anchor record, not by this note
    assert not town.trust.satisfied(note.verified(twice, town.trust.witnesses.values()))


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "quorum w1",
        "quorum none\nquorum none",
        "log x\nquorum none",
        "group g 1 a\nquorum g",
        "nonsense\nquorum none",
        f"log {LOG_VKEY}\nlog {LOG_VKEY}\nquorum none",
        f"witness w {LOG_VKEY}\nquorum w",
    ],
)
def test_a_malformed_policy_is_refused(policy: str) -> None:
    with pytest.raises(Broken):
        Trust.parse(policy)


def test_groups_of_groups_and_thresholds_are_counted() -> None:
    vkeys = [
        note.VerifierKey(f"w{n}", SigningKey(bytes([n + 1]) * 32).public, note.COSIGNATURE) for n in range(4)
    ]
    text = "".join(f"witness {key.name} {key}\n" for key in vkeys)
    text += "group a 2 w0 w1 w2\ngroup b any w3\n# both\ngroup c all a b\nquorum c\n"
    trust = Trust.parse(text)
    assert trust.satisfied(vkeys)
    assert trust.satisfied([vkeys[0], vkeys[2], vkeys[3]])
    assert not trust.satisfied(vkeys[:3])
    assert not trust.satisfied([vkeys[0], vkeys[3]])
    for wrong in ("group d 3 w0 w1\n", "group d 1 w0\n", "group d 0 w0\n", "group d 1\n"):
        with pytest.raises(Broken):
            Trust.parse(text.replace("quorum", wrong + "quorum"))
