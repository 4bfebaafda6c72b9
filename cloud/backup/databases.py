"""The database into a file, and back: SQLite by its backup API, PostgreSQL by its own tools."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from sqlalchemy import URL, Engine, inspect, text

from cloud import db
from cloud.backup.files import BackupError
from cloud.errors import RefusedError
from protocol.durable import sync_directory

_SQLITE, _POSTGRESQL = "database.sqlite", "database.dump"
_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'pointeuse' AND pid <> pg_backend_pid()
"""
_LINGER_S = 3.0
_PIECE = 1 << 20
_ROLE = b"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pointeuse_reader') THEN
        CREATE ROLE pointeuse_reader NOLOGIN;
        GRANT pointeuse_reader TO CURRENT_USER;
    END IF;
END $$;
"""
"""On a server of its own the dump's policies speak of a role that is not there yet."""
_CLEAR = b"""
DO $$
DECLARE each record;
BEGIN
    FOR each IN SELECT tablename AS name FROM pg_tables
            WHERE schemaname = 'public' AND tableowner = current_user LOOP
        EXECUTE format('DROP TABLE public.%I CASCADE', each.name);
    END LOOP;
    FOR each IN SELECT oid::regprocedure AS name FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user
    LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', each.name);
    END LOOP;
END $$;
"""
"""Takes away all that is ours, whatever schema it is of."""


def kind(url: str) -> str:
    """`sqlite` or `postgresql`."""
    return db.parse_url(url).get_backend_name()


def save(url: str, directory: Path) -> None:
    """Write one moment of the database into `directory`, while others write. Raises BackupError."""
    parsed = db.parse_url(url)
    if kind(url) == "postgresql":
        _run(parsed, ["pg_dump", "-Fc", "--no-owner", "--file", str(directory / _POSTGRESQL)])
        return
    try:
        with (
            closing(_read_only(Path(str(parsed.database)))) as source,
            closing(sqlite3.connect(directory / _SQLITE)) as target,
        ):
            source.backup(target)
            # In WAL mode whoever reads it would leave files beside it.
            target.execute("PRAGMA journal_mode = DELETE")
            _sound(target)
    except sqlite3.Error as error:
        raise BackupError(f"cannot copy {parsed.database}: {error}") from error


def refuse_unless_free(url: str, *, force: bool) -> None:
    """Raise RefusedError when somebody works on the database, or, without `force`, it holds any."""
    parsed = db.parse_url(url)
    if kind(url) == "sqlite":
        path = Path(str(parsed.database))
        if path.exists():
            if not force:
                raise RefusedError(f"{path} is there: --force puts the backup in its place")
            _refuse_if_open(path)
        return
    engine = db.writer_engine(url)
    try:
        others = _others(engine)
        with engine.connect() as conn:
            tables = inspect(conn).get_table_names()
    finally:
        engine.dispose()
    if others:
        raise RefusedError(
            f"{others} connections of the platform are open: stop ingest and serve first"
        )
    if tables and not force:
        raise RefusedError("the database holds tables: --force puts the backup in their place")


def put_back(url: str, directory: Path, number: int, held: int) -> None:
    """Make the database what the backup in `directory` holds: all of it, or nothing.

    A SQLite database that was there stays beside it as `<name>.replaced-<number>`. `held` is the
    descriptor of the platform's lock: a `psql` that outlives us keeps it. Raises BackupError.
    """
    parsed = db.parse_url(url)
    if kind(url) == "postgresql":
        _replay(parsed, directory / _POSTGRESQL, held)
        return
    path = Path(str(parsed.database))
    new = path.with_name(f"{path.name}.restoring")
    try:
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with (
            closing(_read_only(directory / _SQLITE)) as source,
            closing(sqlite3.connect(new)) as target,
        ):
            target.execute("PRAGMA synchronous = FULL")
            source.backup(target)
            _sound(target)
        # The log of the old database must never meet the new one, and the old one never be found
        # without its log: cut short in between, there is no database.
        for end in ("", "-wal", "-shm"):
            old = path.with_name(path.name + end)
            if old.exists():
                old.rename(path.with_name(f"{path.name}.replaced-{number}{end}"))
        new.rename(path)
        sync_directory(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"cannot restore {path}: {error}") from error


def _refuse_if_open(path: Path) -> None:
    """Raise RefusedError when a process has the SQLite database open, were it only to read it.

    Its log can be put away only by who is alone with it (SQLite, "Write-Ahead Logging" 3).
    """
    with closing(sqlite3.connect(path, timeout=_LINGER_S)) as conn:
        try:
            conn.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise RefusedError(f"somebody works on {path}: stop serve first") from error
        except sqlite3.DatabaseError:
            return  # it is damaged: that is why it is replaced


def _others(engine: Engine) -> int:
    """Connections of the platform but for ours; the server needs a moment to end a closed one."""
    until = time.monotonic() + _LINGER_S
    while True:
        with engine.connect() as conn:
            found: int = conn.execute(text(_CONNECTIONS)).scalar_one()
        if not found or time.monotonic() >= until:
            return found
        time.sleep(0.05)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=30)


def _sound(conn: sqlite3.Connection) -> None:
    said = conn.execute("PRAGMA integrity_check").fetchone()[0]
    if said != "ok":
        raise BackupError(f"SQLite finds the copy damaged: {said}")


def _replay(url: URL, dump: Path, held: int) -> None:
    """Put a dump in place of everything of ours in the database, in one transaction.

    `pg_restore --clean` drops what the dump holds; of a newer schema's tables it knows nothing, and
    leaves them. So `pg_restore` only writes the statements, and `psql` carries them out between
    ours. Its input ends with COMMIT if all of them came, and else without. Raises BackupError.
    """
    restore = ["pg_restore", "--no-owner", "--exit-on-error", "--file", "-", str(dump)]
    psql = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--output", os.devnull]
    with (
        tempfile.TemporaryFile() as said,
        _started(url, restore, stdout=subprocess.PIPE, stderr=said) as source,
        _started(url, psql, stdin=subprocess.PIPE, stderr=said, pass_fds=(held,)) as target,
    ):
        assert source.stdout is not None  # noqa: S101 - as they were started
        assert target.stdin is not None  # noqa: S101
        # Where psql ends early, it has said why.
        with contextlib.suppress(BrokenPipeError):
            target.stdin.write(b"BEGIN;\n" + _ROLE + _CLEAR)
            shutil.copyfileobj(source.stdout, target.stdin, _PIECE)
            if source.wait() == 0:
                target.stdin.write(b"\nCOMMIT;\n")
        with contextlib.suppress(BrokenPipeError):
            target.stdin.close()
        source.stdout.close()
        failed = next((each for each in (source, target) if each.wait()), None)
        if failed is not None:
            said.seek(0)
            _fail("restoring", said.read().decode(errors="replace"))


def _run(url: URL, words: list[str]) -> None:
    """Run a tool of PostgreSQL to its end. Raises BackupError."""
    with _started(url, words, stderr=subprocess.PIPE) as tool:
        said = tool.communicate()[1]
    if tool.returncode:
        _fail(words[0], said.decode(errors="replace"))


def _started(url: URL, words: list[str], **options: Any) -> "subprocess.Popen[bytes]":
    """A tool of PostgreSQL; where the database is goes into its environment, unseen by `ps`.

    Raises BackupError.
    """
    given = {
        "PGHOST": url.host,
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGAPPNAME": f"pointeuse {words[0]}",
    }
    environment = os.environ | {name: str(value) for name, value in given.items() if value}
    try:
        return subprocess.Popen(words, env=environment, **options)
    except FileNotFoundError as error:
        raise BackupError(f"{words[0]} is not installed: install postgresql-client") from error


def _fail(what: str, said: str) -> NoReturn:
    raise BackupError(f"{what} failed: {(said.strip().splitlines() or ['no reason given'])[0]}")
