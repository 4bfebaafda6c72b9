import os
import socket
import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from cloud import db
from cloud.companies.tables import divisions
from cloud.custody.tables import platform
from cloud.errors import DatabaseError

LONG = "x" * (db.CHECKPOINT_BYTES + 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "platform.sqlite"


@pytest.fixture
def backend() -> str:
    """Only where a test does not ask for another."""
    return "sqlite"


def put(engine: Engine, key: str, value: str = "") -> None:
    with engine.begin() as conn:
        conn.execute(insert(platform).values(key=key, value=value))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def wal(engine_url: str) -> Path:
    return Path(engine_url.removeprefix("sqlite:///") + "-wal")


class TestBothDatabases:
    @pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
    def backend(self, request: pytest.FixtureRequest) -> str:
        name: str = request.param
        return name

    def test_a_reader_sees_what_is_committed_and_cannot_write(
        self, engine: Engine, reader: Engine
    ) -> None:
        put(engine, "a")
        with reader.connect() as conn:
            assert conn.execute(select(platform.c.key)).scalars().all() == ["a"]
            with pytest.raises(DBAPIError, match=r"read.?only"):
                conn.execute(insert(platform).values(key="b", value=""))

    def test_what_is_rolled_back_never_was(self, engine: Engine, reader: Engine) -> None:
        with engine.connect() as conn:
            conn.execute(insert(platform).values(key="a", value=""))
            conn.rollback()
        with reader.connect() as conn:
            assert conn.execute(select(func.count()).select_from(platform)).scalar() == 0

    def test_foreign_keys_hold(self, engine: Engine) -> None:
        with pytest.raises(IntegrityError), engine.begin() as conn:
            conn.execute(insert(divisions).values(company_id=12, name="x"))

    def test_checkpoint_may_always_be_called(self, engine: Engine) -> None:
        with engine.connect() as conn:
            assert db.checkpoint(conn) is False


class TestPostgresql:
    @pytest.fixture
    def backend(self) -> str:
        return "postgresql"

    def test_every_session_commits_synchronously(self, engine: Engine) -> None:
        with engine.connect() as conn:
            assert conn.execute(text("SHOW synchronous_commit")).scalar() == "on"

    def test_a_server_or_a_client_that_is_gone_is_noticed(self, engine: Engine) -> None:
        with engine.connect() as conn:
            shown = conn.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
            raw: Any = conn.connection.driver_connection
            peer = socket.socket(fileno=os.dup(raw.fileno()))
            with peer:
                told = [
                    peer.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (socket.TCP_KEEPIDLE, socket.TCP_USER_TIMEOUT)
                ]
        assert (shown, told) == ("5min", [30, 60_000])

    def test_a_session_that_would_not_is_refused(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect = psycopg.connect

        def forgetful_pooler(*args: Any, options: str, **kwargs: Any) -> Any:
            return connect(*args, options=options.replace("=on", "=local"), **kwargs)

        monkeypatch.setattr(psycopg, "connect", forgetful_pooler)
        engine = db.writer_engine(database_url)
        with pytest.raises(DatabaseError, match="synchronous_commit = local"):
            engine.connect()
        engine.dispose()

    def test_its_password_is_never_shown(self, database_url: str) -> None:
        assert ":***@" in db.shown(database_url)


class TestSqlite:
    def test_settings_are_read_back(self, engine: Engine) -> None:
        with engine.connect() as conn:
            found = {
                name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
            }
        assert found == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "wal_autocheckpoint": 0,
        }

    def test_a_setting_that_does_not_hold_is_refused(self) -> None:
        raw = sqlite3.connect(":memory:")
        with pytest.raises(DatabaseError, match="journal_mode = memory instead of WAL"):
            db._set(raw, "journal_mode", "WAL", "wal")
        raw.close()

    def test_a_new_file_is_private(self, path: Path) -> None:
        engine = db.writer_engine(f"sqlite:///{path}")
        engine.connect().close()
        engine.dispose()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_nobody_checkpoints_but_the_owner(self, engine: Engine, database_url: str) -> None:
        command = db.writer_engine(database_url)
        put(engine, "a", LONG)
        put(command, "b", LONG)
        command.dispose()
        assert wal(database_url).stat().st_size > 2 * db.CHECKPOINT_BYTES
        with engine.connect() as conn:
            assert db.checkpoint(conn) is True

    def test_the_log_starts_again_after_a_checkpoint(
        self, engine: Engine, database_url: str
    ) -> None:
        put(engine, "a", LONG)
        with engine.connect() as conn:
            assert db.checkpoint(conn) is True
        put(engine, "b")
        assert wal(database_url).stat().st_size < db.CHECKPOINT_BYTES
        with engine.connect() as conn:
            assert db.checkpoint(conn) is False

    def test_no_checkpoint_while_another_writes(self, engine: Engine, database_url: str) -> None:
        put(engine, "a", LONG)
        command = db.writer_engine(database_url)
        with command.begin() as conn:
            conn.execute(insert(platform).values(key="b", value=""))
            with engine.connect() as owner:
                assert db.checkpoint(owner) is False
        with engine.connect() as owner:
            assert db.checkpoint(owner) is True
        command.dispose()

    def test_a_writer_waits_for_the_one_before_it(self, engine: Engine, database_url: str) -> None:
        command = db.writer_engine(database_url)
        started = threading.Event()

        def write() -> None:
            started.set()
            put(command, "b")

        with engine.begin() as conn:
            conn.execute(insert(platform).values(key="a", value=""))
            thread = threading.Thread(target=write)
            thread.start()
            started.wait()
        thread.join()
        with engine.connect() as conn:
            assert conn.execute(select(func.count()).select_from(platform)).scalar() == 2
        command.dispose()

    def test_no_descriptor_is_left_open(self, database_url: str) -> None:
        before = open_descriptors()
        command = db.writer_engine(database_url)
        for key in "abc":
            put(command, key)
        with command.connect() as conn:
            conn.execute(insert(platform).values(key="d", value=""))
        command.dispose()
        assert open_descriptors() == before


class TestUrl:
    @pytest.mark.parametrize(
        "url", ["mysql://a/b", "sqlite://", "sqlite:///:memory:", "nonsense", "", "postgresql"]
    )
    def test_others_are_refused_in_one_line(self, url: str) -> None:
        with pytest.raises(DatabaseError, match="expected sqlite:////path") as error:
            db.writer_engine(url)
        assert "\n" not in str(error.value)

    def test_a_reader_says_how_to_make_a_database(self, path: Path) -> None:
        with pytest.raises(DatabaseError, match=f"no database at {path}.*pointeuse cloud migrate"):
            db.reader_engine(f"sqlite:///{path}").connect()

    def test_a_directory_that_is_not_there(self, path: Path) -> None:
        with pytest.raises(DatabaseError, match="No such file or directory"):
            db.writer_engine(f"sqlite:///{path.parent}/none/x.sqlite").connect()
