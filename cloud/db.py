"""Engines for the platform's database: SQLite in a file, or PostgreSQL.

SQLite. One process writes all day (ingest) and is the only one to checkpoint, by calling
`checkpoint` after its commits; a command may write beside it; everybody else reads. SQLite before
3.51.3 can corrupt a database when one connection checkpoints while another writes. So nobody
checkpoints by itself (`wal_autocheckpoint=0`); a writer that is not the owner holds a shared lock
on `<database>-guard` for its transaction, and `checkpoint` needs that lock exclusively.

    owner   = writer_engine(url, owner=True)    ingest; calls checkpoint(conn) after commits
    command = writer_engine(url)                `pointeuse cloud ...`
    reader  = reader_engine(url)                api, console: cannot write, whatever they try

PostgreSQL. psycopg 3; every session has `synchronous_commit=on`, read back and asserted.

Statements run in a transaction that the caller commits: `with engine.begin() as conn`. A writer's
transaction on SQLite begins IMMEDIATE, so it waits for its turn at the start, never half-way.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.exc import ArgumentError, OperationalError

from cloud.errors import DatabaseError

BUSY_S = 30.0
"""How long a SQLite connection waits for the writer before it."""
CHECKPOINT_BYTES = 16 * 1024 * 1024
"""The write-ahead log is moved into the database when its file is longer than this."""
_LIMIT_BYTES = CHECKPOINT_BYTES // 2
"""Its file is cut to this when it starts again, or every later `checkpoint` would have to run."""
_ALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A server that went away without a word is noticed in about a minute, not in the hours TCP takes.
Seconds, but for the last: milliseconds that what was sent may stay without an answer."""
_PATIENCE = "-c idle_in_transaction_session_timeout=300000"
"""Milliseconds after which the server ends a session of whoever stands still in the middle of a
transaction, and lets go of what it had locked."""


def writer_engine(url: str, *, owner: bool = False) -> Engine:
    """An engine that writes. On SQLite it has one connection, made when first asked for.

    `owner=True` is for the process that calls `checkpoint`. Raises DatabaseError when `url` is not
    one of SQLite or PostgreSQL.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed)
    path = _path(parsed)
    engine = create_engine(
        "sqlite://",
        creator=lambda: _open_sqlite(path, "rwc"),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
    )
    _begin_with(engine, "BEGIN IMMEDIATE", None if owner else _guard(path))
    return engine


def reader_engine(url: str) -> Engine:
    """An engine that cannot write and never checkpoints. Raises DatabaseError."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, "-c default_transaction_read_only=on")
    path = _path(parsed)
    engine = create_engine(
        "sqlite://",
        creator=lambda: _open_sqlite(path, "ro"),
        poolclass=QueuePool,
        pool_size=8,
        hide_parameters=True,
    )
    _begin_with(engine, "BEGIN", None)
    return engine


def checkpoint(conn: Connection) -> bool:
    """Move SQLite's write-ahead log into the database when it has grown long enough.

    To be called by the owner between transactions (after a commit), with an open connection.
    Costs two `stat`s when there is nothing to do. True when a checkpoint ran. False also on
    PostgreSQL, and while another process is writing: then the next call does it.

    After an erasure the log is emptied whatever its length, as soon as no reader needs it.
    """
    raw = conn.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        return False
    path = Path(raw.execute("PRAGMA database_list").fetchone()[2])
    if _scrubbing(path).exists():
        return _empty_log(raw, path)
    try:
        if path.with_name(path.name + "-wal").stat().st_size < CHECKPOINT_BYTES:
            return False
    except FileNotFoundError:
        return False
    with _alone(path) as alone:
        if alone:
            # Readers may hold pages back: TRUNCATE would wait for them, RESTART too.
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return alone


def scrub(engine: Engine) -> None:
    """Have what was deleted leave SQLite's write-ahead log as well: ingest does it, as the owner.

    Nothing of it is in the database's own file: writers overwrite what they delete. Of what
    PostgreSQL does, docs/privacy.md tells.
    """
    with engine.connect() as conn:
        raw = conn.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            path = Path(raw.execute("PRAGMA database_list").fetchone()[2])
            _scrubbing(path).touch(mode=0o600)


def _empty_log(raw: sqlite3.Connection, path: Path) -> bool:
    """Move the log into the database and cut its file to nothing, unless somebody is at it."""
    with _alone(path) as alone:
        if not alone:
            return False
        # Taken away first: what is erased from here on asks once more.
        _scrubbing(path).unlink(missing_ok=True)
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            raw.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
        if busy:
            _scrubbing(path).touch(mode=0o600)
    return not busy


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether no other process writes, and none does within the block."""
    guard = os.open(_guard(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    alone = True
    try:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone = False
        yield alone
    finally:
        os.close(guard)


def parse_url(url: str) -> URL:
    """Check a database URL. Raises DatabaseError naming what is expected."""
    expected = "expected sqlite:////path/to/file.sqlite or postgresql://user@host/database"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(f"database url: {expected}") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise DatabaseError(f"database url: {backend!r} is not supported; {expected}")
    if not parsed.database or parsed.database == ":memory:":
        raise DatabaseError(f"database url: SQLite needs a file; {expected}")
    return parsed


def shown(url: str) -> str:
    """A database URL as it may be printed: without its password."""
    return parse_url(url).render_as_string(hide_password=True)


def cannot_connect(url: str, error: OperationalError) -> DatabaseError:
    """The error to show a person when the database did not answer."""
    reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
    return DatabaseError(f"cannot use {shown(url)}: {reason}")


def unavailable(error: BaseException) -> bool:
    """Whether the database failed, and not the values given to it: another time may be better."""
    if isinstance(error, sqlalchemy_errors.DataError | sqlalchemy_errors.IntegrityError):
        return False
    return isinstance(error, sqlalchemy_errors.DBAPIError | sqlalchemy_errors.TimeoutError)


def _path(url: URL) -> Path:
    return Path(str(url.database)).absolute()


def _scrubbing(path: Path) -> Path:
    return path.with_name(path.name + "-scrub")


def _guard(path: Path) -> Path:
    return path.with_name(path.name + "-guard")


def _open_sqlite(path: Path, mode: str) -> sqlite3.Connection:
    if mode == "ro" and not path.exists():
        raise DatabaseError(
            f"there is no database at {path}; make it with"
            f" `pointeuse cloud migrate --db sqlite:///{path}`"
        )
    if mode != "ro":
        _create_private(path)
    raw = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    raw.execute("PRAGMA foreign_keys = ON")
    if mode == "ro":
        raw.execute("PRAGMA query_only = ON")
        return raw
    _set(raw, "journal_mode", "WAL", "wal")
    _set(raw, "synchronous", "FULL", 2)
    _set(raw, "wal_autocheckpoint", "0", 0)
    _set(raw, "journal_size_limit", str(_LIMIT_BYTES), _LIMIT_BYTES)
    # What was erased is not to be read out of the file.
    _set(raw, "secure_delete", "ON", 1)
    return raw


def _create_private(path: Path) -> None:
    """Names and presences are personal data: nobody else on the machine reads the file.

    An existing file is not opened: closing it would drop the locks SQLite holds in this process.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise DatabaseError(f"cannot open the database {path}: {error.strerror}") from error


def _set(raw: sqlite3.Connection, pragma: str, value: str, expected: str | int) -> None:
    raw.execute(f"PRAGMA {pragma} = {value}")
    found = raw.execute(f"PRAGMA {pragma}").fetchone()[0]
    if found != expected:
        raise DatabaseError(
            f"SQLite kept {pragma} = {found} instead of {value}: the file system cannot keep the"
            " promises of a local disk; put the database on one"
        )


def _begin_with(engine: Engine, statement: str, guard: Path | None) -> None:
    """Begin transactions with `statement`, holding `guard` shared until the connection is idle."""

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        if guard is not None and "guard" not in conn.info:
            descriptor = os.open(guard, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            conn.info["guard"] = descriptor
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        conn.exec_driver_sql(statement)

    @event.listens_for(engine, "checkin")
    def checkin(_: Any, record: Any) -> None:
        descriptor = record.info.pop("guard", None)
        if descriptor is not None:
            os.close(descriptor)


def _postgresql(url: URL, options: str = "") -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=True,
        # Names and badge numbers are no business of logs.
        hide_parameters=True,
        connect_args={
            "options": f"-c synchronous_commit=on {_PATIENCE} {options}".rstrip(),
            "application_name": "pointeuse",
            "connect_timeout": 10,
            **_ALIVE,
        },
    )

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _: Any) -> None:
        with dbapi_connection.cursor() as cursor:
            found = cursor.execute("SHOW synchronous_commit").fetchone()[0]
        dbapi_connection.rollback()
        if found != "on":
            raise DatabaseError(
                f"PostgreSQL kept synchronous_commit = {found}: a receipt would promise what a"
                " crash can undo; connect without a pooler that drops options"
            )

    return engine
