"""Backups that lack much: restored twice, of an older schema, of before what terminals retain."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from cloud import db, migrations
from hwsim.errors import SimulatorError
from hwsim.processes import listens, run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from tests.integration.test_path import WholePath

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_FIRST_SCHEMA = "0001"


@contextmanager
def platform(home: Path) -> Iterator[WholePath]:
    with Stack(home / "stack") as stack, SerialReader(home / "reader", "rdm6300") as reader:
        yield WholePath(stack, reader)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholePath]:
    """One for several tests: each begins with everything delivered, and ends so."""
    with platform(tmp_path_factory.mktemp("older")) as path:
        yield path


def cloud(path: WholePath, *words: str | Path) -> str:
    return run("cloud", *words, "--config", path.stack.settings)


def alarms(path: WholePath, kind: str) -> list[str]:
    items = path.stack.get("/v1/alarms")["items"]
    return [alarm["detail"] for alarm in items if alarm["kind"] == kind]


def registered(path: WholePath) -> None:
    """Wait until there are as many registrations as taps; which, `check` says at the end."""
    wait_for(lambda: len(path.stack.registrations()) == path.made, "taps are not registered")


def serve_anew(path: WholePath) -> None:
    path.api.stop()
    path.api.start()
    path.api.wait_ready(lambda: listens(path.stack.api_port))


def test_restored_twice_everything_comes_back_twice(path: WholePath, tmp_path: Path) -> None:
    path.tap(3)
    registered(path)
    held = path.made
    cloud(path, "backup", "--out", tmp_path / "saved")
    path.tap(5)
    registered(path)
    for generation in range(2):
        path.ingest.kill()
        with pytest.raises(SimulatorError, match="stop serve first"):
            cloud(path, "restore", "--force", tmp_path / "saved")
        assert len(path.stack.registrations()) > held
        path.api.stop()
        said = cloud(path, "restore", "--force", tmp_path / "saved")
        assert f"generation is {generation + 2}." in said
        serve_anew(path)
        assert len(path.stack.registrations()) == held
        path.ingest.start()
        # A terminal with nothing to say learns of it within the hour; this one has.
        path.tap(1)
        registered(path)
    path.check()
    assert len(alarms(path, "restored")) == 1
    assert alarms(path, "gap") == []


def test_a_backup_of_an_older_schema_is_migrated(path: WholePath, tmp_path: Path) -> None:
    path.tap(3)
    registered(path)
    path.ingest.stop()
    path.api.stop()
    engine = db.writer_engine(path.stack.database)
    migrations.downgrade(engine, _FIRST_SCHEMA)
    engine.dispose()
    cloud(path, "backup", "--out", tmp_path / "older")
    cloud(path, "migrate")
    path.ingest.start()
    path.tap(5)
    path.terminal.wait_delivered()
    path.ingest.stop()

    cloud(path, "restore", "--force", tmp_path / "older")
    for program in ("ingest", "serve"):
        with pytest.raises(SimulatorError, match=r"revision 0001, not .*pointeuse cloud migrate"):
            cloud(path, program)
    assert f"brought from {_FIRST_SCHEMA}" in cloud(path, "migrate")
    path.ingest.start()
    path.stack.start_api()
    path.tap(1)
    path.check()
    assert alarms(path, "gap") == []


def test_what_no_terminal_retains_is_shown_as_a_gap(tmp_path: Path) -> None:
    with platform(tmp_path) as path:
        path.tap(3)
        registered(path)
        cloud(path, "backup", "--out", tmp_path / "saved")
        path.tap(5)
        registered(path)
        path.terminal.agent.stop()
        config = path.terminal.directory / "agent.toml"
        config.write_text(config.read_text() + "[retention]\ndays = 0\n")
        path.ingest.stop()
        path.start_agent()
        path.tap(2)
        # Seqs 1 to 10 are receipted; what is left begins with this process's own seal.
        wait_for(lambda: _oldest(path, tmp_path) == 11, "nothing is pruned")
        path.api.stop()
        cloud(path, "restore", "--force", tmp_path / "saved")
        path.ingest.start()
        path.stack.start_api()
        path.tap(2)
        path.terminal.wait_delivered()
        wait_for(lambda: bool(alarms(path, "gap")), "no gap is shown")
        assert alarms(path, "gap") == ["records 6 to 10 are gone for good"]
        path.stack.wait_settled(7)
        numbers = [int(each["badge"], 16) for each in path.stack.registrations()]
        assert sorted(numbers) == [1, 2, 3, 9, 10, 11, 12]


def _oldest(path: WholePath, home: Path) -> int:
    """The first seq in a running terminal's journal, by a copy; 0 when that is half written."""
    for end in ("", "-wal"):
        shutil.copy(path.terminal.state / f"journal.sqlite{end}", home / f"copy{end}")
    with closing(sqlite3.connect(home / "copy")) as conn, suppress(sqlite3.DatabaseError):
        first: int = conn.execute("SELECT first FROM epochs").fetchone()[0]
        return first
    return 0
