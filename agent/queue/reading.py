"""A journal's file, read by somebody who does not own it: whole, unchanged, and never a live one.

The owner's lock is SQLite's own, so that neither of the two can begin while the other is there. A
file with a write-ahead log is copied first: reading the log in place would write beside it.
"""

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agent.queue.errors import CannotOpenError, why
from agent.queue.file import wal_of
from agent.queue.rows import Epoch, Row, place, position
from protocol.errors import MalformedError
from protocol.fields import as_bytes, as_uint

MAGIC = b"SQLite format 3\0"
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
"""The octets SQLite locks in a database: readers share them, an exclusive owner has them alone."""
_FAILURES = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""Of a damaged file: SQLite quotes its octets in messages, which need not be UTF-8."""
_TABLES = ("epochs", "records", "receipts")


class JournalInUseError(CannotOpenError):
    """An agent is running on the journal: it is the one to ask."""


class ReadOnlyJournal:
    """The questions of `Journal` that change nothing. Every answer may raise MalformedError."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path

    def epochs(self) -> list[Epoch]:
        """Every retained epoch, oldest first."""
        rows = self._all(
            "SELECT ordinal, epoch, first, anchor, acked, acked_link FROM epochs ORDER BY ordinal"
        )
        return [self._epoch(row) for row in rows]

    def rows(self, ordinal: int, first: int, limit: int) -> Iterator[Row]:
        """Up to `limit` records of an epoch from seq `first` on, in order."""
        cursor = self._each(
            "SELECT position, body, blob, link, signature FROM records"
            " WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",
            (position(ordinal, first), position(ordinal + 1, 0), limit),
        )
        for key, body, blob, link, signature in cursor:
            yield Row(place(as_uint(key, "position"))[1], body, blob, link, signature)

    def receipts(self) -> list[tuple[int, int, bytes]]:
        """Kept receipts, oldest first: ordinal, seq, message."""
        rows = self._all("SELECT position, message FROM receipts ORDER BY position")
        return [
            (*place(as_uint(key, "position")), as_bytes(message, "a receipt"))
            for key, message in rows
        ]

    def ordinals(self) -> list[int]:
        """The ordinals of all epochs of which there are records."""
        found: list[int] = []
        after = 0
        while True:
            sql = "SELECT min(position) FROM records WHERE position >= ?"
            ((key,),) = self._all(sql, (after,))
            if key is None:
                return found
            ordinal, _ = place(as_uint(key, "position"))
            found.append(ordinal)
            after = position(ordinal + 1, 0)

    def _epoch(self, row: tuple[Any, ...]) -> Epoch:
        ordinal, epoch, first, anchor, acked, acked_link = row
        last = self._all(
            "SELECT position, link FROM records WHERE position >= ? AND position < ?"
            " ORDER BY position DESC LIMIT 1",
            (position(as_uint(ordinal, "ordinal", 2**22), 0), position(ordinal + 1, 0)),
        )
        as_uint(first, "first")
        head, link = (place(last[0][0])[1], last[0][1]) if last else (first - 1, anchor)
        return Epoch(
            ordinal,
            as_bytes(epoch, "epoch", 16),
            first,
            as_bytes(anchor, "anchor", 32),
            as_uint(acked, "acked"),
            as_bytes(acked_link, "acked link", 32),
            0,
            head,
            as_bytes(link, "a link", 32),
        )

    def _all(self, sql: str, values: tuple[int, ...] = ()) -> list[Any]:
        return list(self._each(sql, values))

    def _each(self, sql: str, values: tuple[int, ...]) -> Iterator[Any]:
        try:
            yield from self._db.execute(sql, values)
        except _FAILURES as error:
            raise MalformedError(f"{self._path.name} cannot be read: {_why(error)}") from error


@contextmanager
def open_read_only(path: Path, scratch: Path | None = None) -> Iterator[ReadOnlyJournal]:
    """The journal at `path`, for as long as the block lasts; its agent cannot start meanwhile.

    `scratch` is a directory for a copy, made only if there is a write-ahead log; by default that of
    the system. Raises CannotOpenError, JournalInUseError.
    """
    with _locked(path), _settled(path, scratch) as settled:
        try:
            db = sqlite3.connect(f"file:{quote(str(settled))}?mode=ro&immutable=1", uri=True)
        except _FAILURES as error:
            raise CannotOpenError(f"cannot open the journal {path}: {_why(error)}") from error
        try:
            _demand_tables(db, path)
            yield ReadOnlyJournal(db, path)
        finally:
            db.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotOpenError(f"cannot open the journal {path}: {error.strerror}") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        yield
    except BlockingIOError:
        raise JournalInUseError(
            f"{path} is in use: ask the running agent, with `pointeuse agent export`"
        ) from None
    finally:
        os.close(descriptor)


@contextmanager
def _settled(path: Path, scratch: Path | None) -> Iterator[Path]:
    """A file that holds everything: the journal, or a copy of it with its log moved into it."""
    wal = wal_of(path)
    if not wal.exists() or wal.stat().st_size == 0:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="pointeuse-", dir=scratch) as directory:
        copy = Path(directory) / "journal.sqlite"
        try:
            shutil.copyfile(path, copy)
            shutil.copyfile(wal, wal_of(copy))
            db = sqlite3.connect(copy)
            with suppress(*_FAILURES):  # it is found again when the records are read
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            db.close()
        except OSError as error:
            raise CannotOpenError(f"cannot copy {path}: {error.strerror}") from error
        yield copy


def _demand_tables(db: sqlite3.Connection, path: Path) -> None:
    """Ours, and real ones: a view may be made never to end."""
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        rows = db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
        ).fetchall()
    except _FAILURES as error:
        raise CannotOpenError(f"{path} is no journal: {_why(error)}") from error
    missing = [name for name in _TABLES if (name,) not in rows]
    if missing:
        raise CannotOpenError(f"{path} is no journal: it has no table {missing[0]}")


def _why(error: Exception) -> str:
    """In one line that is fit for a terminal: SQLite quotes names, which may be anything."""
    reason = why(error) if isinstance(error, sqlite3.Error) else f"it is damaged ({error})"
    return "".join(character if character.isprintable() else "?" for character in reason)
