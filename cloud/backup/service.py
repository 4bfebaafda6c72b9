"""Backing up and restoring a platform: the database in one place, its keys in another.

After a restore the platform works under a newer generation than any before. That makes terminals
send again what the backup lacks, from the journals in which they keep what was receipted. Whoever
was erased since the backup was made is erased once more, by the log that stands beside the keys.
"""

import shutil
from pathlib import Path

import msgspec
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from cloud import db, migrations
from cloud.audit.service import OPERATOR, note
from cloud.backup import databases, files
from cloud.backup.files import BackupError, Manifest
from cloud.backup.presence import present
from cloud.ingest import generation
from cloud.retention import redo
from cloud.retention.log import Log
from cloud.settings import LIMITS, Retention
from cloud.times import now_ms

_KEYS = "keys"


def backup(url: str, directory: Path, out: Path, keys: Path | None) -> Manifest:
    """Save the database to `out` and, if asked, the platform's directory to `keys`.

    Both are new directories. That it was made stands in the backup as well. Raises BackupError.
    """
    number, made_ms = generation.outside(directory), now_ms()

    def copy(target: Path) -> None:
        shutil.copytree(directory, target / _KEYS, ignore=shutil.ignore_patterns("ingest.lock"))

    def save(target: Path) -> None:
        _note(url, "back-up", {"generation": number, "keys": keys is not None})
        databases.save(url, target)

    if keys is not None:
        files.write(keys, "keys", made_ms, number, copy)
    return files.write(out, databases.kind(url), made_ms, number, save)


class Restored(msgspec.Struct, frozen=True):
    """What a restore came to: the generation from now on, and erasures.

    `again` were done once more, `waiting` have to be, once the schema is the present one.
    """

    generation: int
    again: int = 0
    waiting: int = 0


def restore(
    url: str,
    directory: Path,
    source: Path,
    keys: Path | None,
    *,
    force: bool,
    limits: Retention = LIMITS,
) -> Restored:
    """Put a backup in the database's place, and erase once more what was erased since.

    `keys` names a backup of the platform's directory, when that is lost too. Raises BackupError,
    RefusedError, GenerationError, ErasureLogError.
    """
    manifest = files.check(source)
    if manifest.kind != databases.kind(url):
        raise BackupError(f"{source} is of {manifest.kind}, the database of {databases.kind(url)}")
    known = manifest.generation
    if keys is not None:
        known = max(known, files.check(keys).generation)
        _restore_keys(directory, keys)
    with present(directory, alone=True) as held:
        databases.refuse_unless_free(url, force=force)
        # Raised first: cut short here, the next ingest only finds a number above its own.
        number = generation.raise_above(directory, known)
        databases.put_back(url, source, number, held)
        return _erase_again(url, directory, number, limits)


def _erase_again(url: str, directory: Path, number: int, limits: Retention) -> Restored:
    _note(url, "restore", {"generation": number})
    engine = db.writer_engine(url)
    try:
        with engine.connect() as conn:
            current = migrations.current(conn) == migrations.head()
        if not current:
            return Restored(number, waiting=Log(directory).last())
        return Restored(number, again=redo.catch_up(engine, directory, limits))
    finally:
        engine.dispose()


def _note(url: str, action: str, told: dict[str, object]) -> None:
    """Write a line to the trail, which any schema has but the very first. Raises BackupError."""
    reading, writing = db.reader_engine(url), db.writer_engine(url)
    try:
        # Who only reads makes no database where there is none.
        with reading.connect() as conn:
            has_trail = inspect(conn).has_table("audit")
        if has_trail:
            with writing.begin() as conn:
                note(conn, OPERATOR, "database", action, detail=told)
    except DBAPIError as error:
        raise BackupError(f"{db.shown(url)}: the trail cannot be written: {error.orig}") from error
    finally:
        reading.dispose()
        writing.dispose()


def _restore_keys(directory: Path, keys: Path) -> None:
    if directory.exists() and any(directory.iterdir()):
        raise BackupError(f"{directory} is not empty: leave --keys out, or move it away first")
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(keys / _KEYS, partial)
        partial.rename(directory)
    except OSError as error:
        raise BackupError(f"cannot restore {directory}: {error.strerror or error}") from error
