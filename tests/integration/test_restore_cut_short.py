"""`cloud restore` ended by SIGKILL at any step: run again, it ends well; nothing was half done."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from hwsim.errors import SimulatorError
from hwsim.processes import POINTEUSE, Process, run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from tests.integration.test_path import WholePath
from tests.support.postgresql import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_RENAMES = "rename,renameat,renameat2"


def backup(path: WholePath, out: Path) -> list[str]:
    """Save a platform, let more come, end it with SIGKILL; the command that restores it."""
    path.tap(3)
    path.stack.wait_settled(3)
    config = ["--config", str(path.stack.settings)]
    run("cloud", "backup", *config, "--out", out)
    path.tap(5)
    path.stack.wait_settled(8)
    path.ingest.kill()
    path.api.kill()
    return ["cloud", "restore", *config, "--force", str(out)]


def works_again(path: WholePath) -> None:
    path.ingest.start()
    path.stack.start_api()
    path.tap(1)
    path.check()
    kinds = [alarm["kind"] for alarm in path.stack.get("/v1/alarms")["items"]]
    assert kinds == ["restored"]


def killed_at(number: int, call: str, command: list[str]) -> bool:
    """Run a command; whether SIGKILL met it as it made its system call `call` for the nth time."""
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    done = subprocess.run(
        [
            "strace",
            "-o",
            "/dev/null",
            "-e",
            f"trace={call}",
            "-e",
            inject,
            POINTEUSE,
            *command,
        ],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def found(database: Path, copy: Path) -> int | None:
    """How many registrations are in a SQLite database as it lies there; None without one."""
    if not database.exists():
        return None
    copy.mkdir()
    for end in ("", "-wal"):
        if (there := database.with_name(database.name + end)).exists():
            shutil.copy(there, copy / f"copy{end}")
    with closing(sqlite3.connect(copy / "copy")) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        count: int = conn.execute("SELECT count(*) FROM registrations").fetchone()[0]
        return count


def test_on_sqlite_there_is_the_old_database_or_the_new_or_none(tmp_path: Path) -> None:
    with (
        Stack(tmp_path / "stack") as stack,
        SerialReader(tmp_path / "reader", "rdm6300") as reader,
    ):
        path = WholePath(stack, reader)
        command = backup(path, tmp_path / "saved")
        database = Path(stack.database.removeprefix("sqlite:///"))
        # What was committed last is in the log alone, which must not be left behind.
        assert found(database, tmp_path / "before") == 8
        whole = {each.name: each.read_bytes() for each in stack.directory.glob("platform.sqlite*")}
        seen = []
        assert killed_at(3, "pwrite64", command)
        assert found(database, tmp_path / "copying") == 8
        step = 1
        while killed_at(step, _RENAMES, command):
            seen.append(found(database, tmp_path / f"step-{step}"))
            for each in stack.directory.glob("platform.sqlite*"):
                each.unlink()
            for name, content in whole.items():
                (stack.directory / name).write_bytes(content)
            step += 1
        assert seen[0] == 8
        assert None in seen
        assert set(seen) <= {8, 3, None}
        assert found(database, tmp_path / "after") == 3
        works_again(path)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.stop()


def test_on_postgresql_what_goes_on_without_it_keeps_ingest_away(
    cluster: Cluster, tmp_path: Path
) -> None:
    """`psql` outlives the command that began it: it does all it was told to, or nothing."""
    url = cluster.url(cluster.database())
    with (
        Stack(tmp_path / "stack", database=url) as stack,
        SerialReader(tmp_path / "reader", "rdm6300") as reader,
        closing(psycopg.connect(url, application_name="test")) as holder,
        closing(psycopg.connect(url, application_name="test", autocommit=True)) as observer,
    ):
        path = WholePath(stack, reader)
        command = backup(path, tmp_path / "saved")

        holder.execute("SELECT * FROM registrations")
        with Process("restore", [POINTEUSE, *command], tmp_path / "restore.log") as restore:
            wait_for(lambda: restoring(observer, waiting=True), "psql does not wait for the table")
            restore.kill()
        with pytest.raises(SimulatorError, match=r"is at work on .*: stop it first"):
            run("cloud", "ingest", "--config", stack.settings)
        with pytest.raises(SimulatorError, match=r"is at work on .*: stop it first"):
            run(*command)
        holder.rollback()
        wait_for(lambda: not restoring(observer), "psql does not end")
        # The one if COMMIT was told in time, and the other if not.
        count = observer.execute("SELECT count(*) FROM registrations").fetchone()
        assert count in [(3,), (8,)]
        run(*command)
        works_again(path)


def restoring(observer: psycopg.Connection, *, waiting: bool = False) -> bool:
    """Whether a `psql` is connected that restores, or waits for somebody's lock."""
    query = "SELECT wait_event_type FROM pg_stat_activity WHERE application_name = 'pointeuse psql'"
    states = [row[0] for row in observer.execute(query)]
    return "Lock" in states if waiting else bool(states)
