"""Backups: whole or absent, checked before use; what they lack comes again from the terminals."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select

from cloud import db, migrations
from cloud.backup import databases, service
from cloud.backup.files import BackupError
from cloud.backup.presence import present
from cloud.custody import saying
from cloud.custody.tables import alarms
from cloud.errors import RefusedError
from cloud.ingest import generation
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Answer, Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from protocol.receipts import Verdict
from tests.cloud.terminal import FakeTerminal


class Platform:
    """A platform whose process is started and ended by the test, and one terminal."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.directory = url, home / "platform"
        (self.directory / "keys").mkdir(parents=True)
        (self.directory / "keys" / "sealing.key").write_text("secret")
        self.out, self.keys = home / "backup", home / "apart"
        self.terminal = FakeTerminal()

    def work(self, *messages: tuple[str, bytes], new: bool = False) -> list[Answer]:
        """Run a platform for these messages, and end it; its answers."""
        engine = db.writer_engine(self.url, owner=True)
        number = generation.settle(engine, self.directory)
        if new:
            with engine.begin() as conn:
                self.terminal.register(conn)
        custody = Custody(engine, self.directory, number)
        group = [Incoming(self.terminal.device, name, payload) for name, payload in messages]
        answers = custody.accept(group)
        Interpreter(engine, [self.terminal.platform]).run_to_end()
        engine.dispose()
        return answers

    def taps(self, count: int) -> None:
        for _ in range(count):
            self.terminal.tap()

    def rows(self, table: Any) -> list[Any]:
        engine = db.writer_engine(self.url)
        with engine.begin() as conn:
            found = list(conn.execute(select(table).order_by(table.c.id)).mappings())
        engine.dispose()
        return found

    def restore(self, *, force: bool = True, keys: bool = False) -> int:
        source = self.keys if keys else None
        return service.restore(self.url, self.directory, self.out, source, force=force).generation


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """Migrated, and the test's own: nobody else is connected to it."""
    engine = db.writer_engine(empty_database_url)
    migrations.upgrade(engine)
    engine.dispose()
    return empty_database_url


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Platform:
    platform = Platform(database_url, tmp_path)
    platform.taps(3)
    platform.work(("records", platform.terminal.batch()), new=True)
    service.backup(platform.url, platform.directory, platform.out, platform.keys)
    return platform


def test_what_a_backup_lacks_comes_again_and_counts_once(platform: Platform) -> None:
    held = platform.terminal.head
    platform.taps(2)
    platform.work(("records", platform.terminal.batch(held + 1)))
    assert len(platform.rows(registrations)) == 5
    assert platform.restore() == 2
    assert len(platform.rows(registrations)) == 3
    head = platform.terminal.head
    leaf = platform.work(("hello", platform.terminal.hello(acked=head)))[-1].leaf
    assert leaf is not None
    assert (leaf.verdict, leaf.resume, leaf.generation) == (Verdict.RESUME, held + 1, 2)
    platform.work(("records", platform.terminal.batch(held + 1)))
    assert [row["seq"] for row in platform.rows(registrations)] == [3, 4, 5, 6, 7]
    assert "restored" in [row["kind"] for row in platform.rows(alarms)]


def test_what_is_gone_from_the_terminal_too_is_said(platform: Platform) -> None:
    held = platform.terminal.head
    platform.taps(4)
    platform.work(("records", platform.terminal.batch(held + 1)))
    platform.restore()
    hello = platform.terminal.hello(acked=platform.terminal.head, first=held + 3)
    platform.work(("hello", hello), ("records", platform.terminal.batch(held + 3)))
    gaps = [saying.told(row["detail"]) for row in platform.rows(alarms) if row["kind"] == "gap"]
    assert gaps == [f"records {held + 1} to {held + 2} are gone for good"]
    assert len(platform.rows(registrations)) == 5


def test_each_restore_is_a_newer_generation(platform: Platform) -> None:
    assert [platform.restore() for _ in range(3)] == [2, 3, 4]
    platform.work()
    assert generation.outside(platform.directory) == 4


def test_keys_stand_apart_and_come_back(platform: Platform) -> None:
    assert not any("secret" in file.read_text("latin-1") for file in platform.out.iterdir())
    assert {file.stat().st_mode & 0o777 for file in platform.keys.rglob("*.key")} == {0o600}
    assert platform.keys.stat().st_mode & 0o777 == 0o700
    with pytest.raises(BackupError, match="is not empty"):
        platform.restore(keys=True)
    platform.directory.rename(platform.directory.with_name("lost"))
    assert platform.restore(keys=True) == 2
    assert (platform.directory / "keys" / "sealing.key").read_text() == "secret"


def test_a_damaged_backup_changes_nothing(platform: Platform) -> None:
    saved = next(file for file in platform.out.iterdir() if file.name.startswith("database"))
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 1
    saved.write_bytes(content)
    with pytest.raises(BackupError, match=r"is not as it was made: database\."):
        platform.restore()
    assert len(platform.rows(registrations)) == 3
    assert generation.outside(platform.directory) == 1


def test_a_working_platform_and_a_full_database_are_refused(platform: Platform) -> None:
    with pytest.raises(RefusedError, match="--force"):
        platform.restore(force=False)
    with (
        present(platform.directory, alone=False),
        pytest.raises(RefusedError, match="stop it first"),
    ):
        platform.restore()
    assert generation.outside(platform.directory) == 1


def test_a_backup_is_never_written_over(platform: Platform) -> None:
    with pytest.raises(BackupError, match="is there already"):
        service.backup(platform.url, platform.directory, platform.out, None)


def test_a_backup_of_an_older_schema_leaves_nothing_of_a_newer_one(
    database_url: str, tmp_path: Path
) -> None:
    platform = Platform(database_url, tmp_path)
    engine = db.writer_engine(database_url)
    migrations.downgrade(engine, "0004")
    engine.dispose()
    service.backup(platform.url, platform.directory, platform.out, None)
    migrations.upgrade(engine)
    engine.dispose()
    platform.restore()
    with engine.connect() as conn:
        assert migrations.current(conn) == "0004"
        assert "audit" not in inspect(conn).get_table_names()
    migrations.upgrade(engine)
    with engine.connect() as conn:
        migrations.require_current(conn)
    engine.dispose()


def test_a_dump_that_is_cut_short_changes_nothing(platform: Platform) -> None:
    (dump,) = platform.out.glob("database.*")
    content = dump.read_bytes()
    dump.write_bytes(content[: len(content) * 2 // 3])
    before = platform.rows(registrations)
    assert before
    with pytest.raises(BackupError):
        databases.put_back(platform.url, platform.out, 9, 0)
    assert platform.rows(registrations) == before


def test_a_reader_that_was_left_running_is_noticed(platform: Platform) -> None:
    """As `serve` is, between two requests, on either database."""
    reader = db.reader_engine(platform.url)
    with reader.connect() as conn:
        conn.execute(select(registrations.c.id))
    before = platform.rows(registrations)
    with pytest.raises(RefusedError, match="serve"):
        platform.restore()
    assert platform.rows(registrations) == before
    reader.dispose()
    platform.restore()


def test_a_database_that_decayed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "platform.sqlite"
    engine = db.writer_engine(f"sqlite:///{path}")
    migrations.upgrade(engine)
    engine.dispose()
    platform = Platform(f"sqlite:///{path}", tmp_path)
    platform.taps(3)
    platform.work(("records", platform.terminal.batch()), new=True)
    service.backup(platform.url, platform.directory, platform.out, None)
    path.write_bytes(b"not a database at all" * 500)
    platform.restore()
    assert len(platform.rows(registrations)) == 3
