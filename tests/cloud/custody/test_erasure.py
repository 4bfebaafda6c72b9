"""Taking who tapped out of custody: every copy goes, the chain verifies, nothing comes back."""

import io
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, insert, select, update

from agent.proof.cli import verify
from cloud.cli import cloud
from cloud.custody import archive, erasure
from cloud.custody.erasure import ERASED, Copies
from cloud.custody.tables import epochs, records, rejected, waiting
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from cloud.retention import presences, removal
from protocol.archive import read
from protocol.verification import verify as verified
from tests.cloud.terminal import FakeTerminal


class Held:
    """A terminal with an epoch of taps, and a later one."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.old = FakeTerminal()
        self.new = self.old.next_epoch()
        self.custody = Custody(engine, directory, generation=1)
        with engine.begin() as conn:
            self.terminal_id = self.old.register(conn)

    def deliver(self, terminal: FakeTerminal, first: int = 1) -> None:
        self.custody.accept([Incoming(terminal.device, "records", terminal.batch(first))])
        self.interpret()

    def interpret(self) -> None:
        Interpreter(self.engine, [self.old.platform]).run_to_end()

    def again(self) -> None:
        with self.engine.begin() as conn:
            conn.execute(update(epochs).values(interpreted_seq=0))
        self.interpret()

    def rows(self, table: Any) -> list[Any]:
        with self.engine.begin() as conn:
            return list(conn.execute(select(table).order_by(*table.primary_key)).mappings())

    def erase(self, *, mark: bool = True) -> None:
        """Take away everything that is registered."""
        with self.engine.begin() as conn:
            rows = conn.execute(presences.selected()).all()
            found = erasure.sealed(conn, [(row.epoch_id, row.seq) for row in rows])
            if mark:
                erasure.mark(conn, found)
            erasure.forget_refused(conn, found)
            removal.remove(conn, rows, found, Copies(), 1)

    def blobs(self) -> list[bytes | None]:
        return [row["blob"] for row in self.rows(records)]

    def report(self) -> Any:
        file = io.BytesIO()
        with self.engine.begin() as conn:
            archive.write(conn, self.terminal_id, file)
        file.seek(0)
        return verified(read(file), key=self.old.key.public)


@pytest.fixture
def held(engine: Engine, tmp_path: Path) -> Held:
    return Held(engine, tmp_path)


def test_the_chain_verifies_with_who_tapped_erased(held: Held) -> None:
    for number in range(5):
        held.old.tap(f"{number:010}")
    held.deliver(held.old)
    before = held.report()
    assert (before.found, before.epochs[0].erased) == (0, 0)
    held.erase()
    assert [blob for blob in held.blobs() if blob] == []
    after = held.report()
    assert (after.found, after.epochs[0].erased) == (0, 5)
    assert after.epochs[0].signed == before.epochs[0].signed == held.old.head


def test_it_is_found_out_when_a_body_went_instead(held: Held) -> None:
    held.old.tap()
    held.old.tap()
    held.deliver(held.old)
    with held.engine.begin() as conn:
        conn.execute(records.delete().where(records.c.seq == 3))
    assert held.report().found


def test_on_the_command_line(held: Held, database_url: str, tmp_path: Path) -> None:
    held.old.tap()
    held.deliver(held.old)
    held.erase()
    out = tmp_path / "gate.pointeuse"
    run = CliRunner()
    made = run.invoke(cloud, ["archive", held.old.device, "--out", str(out), "--db", database_url])
    assert made.exit_code == 0, made.output
    assert out.stat().st_mode & 0o777 == 0o600
    assert run.invoke(verify, [str(out)]).exit_code == 0


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_copy_that_is_carried_over_goes_as_well(held: Held, late: bool, first: bool) -> None:
    """Whether it was there before the erasure, and whether the record stood in its own place."""
    held.old.tap("1111111111")
    for seq in (2, 3):
        held.new.carry(held.old, seq)
    if first:
        held.deliver(held.old)
    if not (late and first):
        held.deliver(held.new)
    assert len(held.rows(registrations)) == 1
    held.erase()
    held.deliver(held.old)
    held.deliver(held.new)
    held.again()
    assert held.rows(registrations) == []
    assert [blob for blob in held.blobs() if blob] == []
    assert held.rows(waiting) == []


def test_a_carried_copy_of_what_went_by_its_age_is_emptied_when_it_comes(held: Held) -> None:
    """Nothing is remembered of it but the empty part itself."""
    held.old.tap("1111111111")
    held.deliver(held.old)
    held.erase(mark=False)
    for seq in (2, 3):
        held.new.carry(held.old, seq)
    held.deliver(held.new)
    assert held.rows(registrations) == []
    assert [blob for blob in held.blobs() if blob] == []


def test_the_other_record_of_a_branch_stays(held: Held) -> None:
    held.old.tap("1111111111")
    copy = held.old.clone()
    held.old.tap("2222222222")
    copy.tap("3333333333")
    held.deliver(held.old)
    held.deliver(copy)
    held.erase()
    left = [row for row in held.rows(records) if row["blob"]]
    assert [row["blob"] for row in left] == [copy.records[-1][1]]


def test_refused_messages_with_the_sealed_part_go(held: Held) -> None:
    held.old.tap()
    held.deliver(held.old)
    blob = held.old.records[-1][1]
    assert blob
    with held.engine.begin() as conn:
        for number, message in enumerate((b"before" + blob + b"after", b"something else")):
            conn.execute(
                insert(rejected).values(
                    digest=bytes([number]) * 32, device=held.old.device, topic="t", reason="r",
                    detail="d", message=message, first_ms=1, last_ms=1,
                )
            )  # fmt: skip
    held.erase()
    assert [row["message"] for row in held.rows(rejected)] == [b"something else"]


def test_a_sealed_part_that_was_lost_still_waits_visibly(held: Held) -> None:
    held.old.tap()
    held.deliver(held.old)
    with held.engine.begin() as conn:
        conn.execute(registrations.delete())
        conn.execute(update(records).where(records.c.seq == 3).values(blob=None))
    held.again()
    assert [row["reason"] for row in held.rows(waiting)] == ["erased"]
    with held.engine.begin() as conn:
        conn.execute(update(records).where(records.c.seq == 3).values(blob=ERASED))
    held.again()
    assert held.rows(waiting) == []
