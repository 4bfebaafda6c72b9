"""The journal's file: one SQLite connection, one owner, every commit flushed before it returns.

WAL with `synchronous=FULL`: NORMAL may roll back committed rows after a power cut. EXCLUSIVE, and
one connection ever: SQLite before 3.51.3 can corrupt a WAL that two connections reset.
"""

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from agent.queue.errors import (
    SQLITE_ERRORS,
    BrokenError,
    CannotOpenError,
    CannotStoreError,
    DamagedError,
    NoRoomError,
    SqliteError,
    in_doubt,
    is_damage,
    is_full,
    why,
)
from protocol.durable import sync_directory

_log = logging.getLogger("pointeuse.journal")
_NEWEST = "SELECT wrapped FROM epochs LIMIT 0"
"""What only a file of the newest schema answers."""
DAMAGED = 65
"""Exit status of `agent.queue.schema` when the file is not a journal (EX_DATAERR of sysexits.h)."""
FULL = 73
"""Its exit status when there is no room on the disk (EX_CANTCREAT)."""
CHECKPOINT_PAGES = 500
"""WAL pages (2 MiB) after which an idle moment is used to checkpoint."""
FORCED_CHECKPOINT_PAGES = 1000
_WAL_HEADER, _FRAME_HEADER, _PAGE = 32, 24, 4096
_FRAME = _FRAME_HEADER + _PAGE
OPEN = "open"
"""The fact that says whether a process has, or had, the file open: then there is a WAL."""


class JournalFile:
    """An open file. Used by one thread, the gate's."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`, creating or migrating it.

        Raises CannotOpenError; DamagedError when it is to be put aside.
        """
        self.path = path
        self.broken: str | None = None
        """Why nothing more may be written to this file, if so."""
        self.torn = b""
        """What stands in the WAL after the last commit that SQLite believes."""
        self._pages = 0
        self._put_off: str | None = None
        """Why the last checkpoint failed, if it did."""
        self._tidy = False
        """Whether the log is to be cut with the next checkpoint."""
        try:
            self._open()
        except SQLITE_ERRORS as error:
            message = f"cannot open the journal {path}: {why(error)}"
            if is_damage(error):
                raise DamagedError(message, self.let_go) from error
            self.let_go()
            raise (NoRoomError if is_full(error) else CannotOpenError)(message) from error
        except subprocess.CalledProcessError as error:
            message = f"cannot create or migrate the journal {path}"
            if error.returncode == DAMAGED:
                raise DamagedError(message, self.let_go) from error
            self.let_go()
            if error.returncode == FULL:
                raise NoRoomError(f"{message}: the disk is full") from error
            raise CannotOpenError(message) from error
        except OSError as error:
            self.let_go()
            message = f"cannot open the journal {path}: {error.strerror}"
            raise (NoRoomError if is_full(error) else CannotOpenError)(message) from error
        except DamagedError:
            raise
        except CannotOpenError:
            self.let_go()
            raise

    def close(self) -> None:
        """Checkpoint and close."""
        said = self.broken is not None
        if not said:
            with suppress(sqlite3.Error):
                self.db.execute(SET_FACT, (OPEN, b"0"))
                said = True
                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.let_go()
        if not said:
            # The disk is full: the file says that it is open, and SQLite has tidied its log away.
            with suppress(OSError):
                wal_of(self.path).touch(mode=0o600)

    def let_go(self) -> None:
        """Close now: closed later, SQLite would delete the -wal of a file begun in its place."""
        if hasattr(self, "db"):
            with suppress(sqlite3.Error):
                self.db.close()

    def take(self) -> None:
        """Begin to use what was found: from here on `torn` is gone, and a WAL must be there."""
        self.torn = b""
        with self.transaction():
            self.db.execute(SET_FACT, (OPEN, b"1"))
        self._checkpoint("PASSIVE")

    # -- writing -----------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable commit, or none and a CannotStoreError; a BrokenError if it ends the file."""
        self.refuse_broken()
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.db.execute("COMMIT")
        except SQLITE_ERRORS as error:
            raise self.failed(error) from error
        finally:
            if self.db.in_transaction:
                with suppress(sqlite3.Error):
                    self.db.rollback()
        self._pages += 2

    def refuse_broken(self) -> None:
        """Raises BrokenError when this file may not be written any more."""
        if self.broken is not None:
            raise BrokenError(self.broken)

    def failed(self, error: SqliteError) -> CannotStoreError:
        """The error to raise for one of SQLite's; notes what ends the file."""
        message = f"cannot store in {self.path}: {why(error)}"
        if not in_doubt(error):
            self.tidy()  # what the commit left in the log has to go
            return CannotStoreError(message)
        self.broken = message
        return BrokenError(message)

    def wrote(self, records: int) -> None:
        """Count what a commit outside `transaction` added to the WAL."""
        self._pages += 1 + records // 8

    def tidy(self) -> None:
        """Have the log cut with the next checkpoint, which is now due."""
        self._pages, self._tidy = FORCED_CHECKPOINT_PAGES, True

    def checkpoint(self, *, idle: bool) -> None:
        """Move the WAL into the file when it is long and nobody waits, or is far too long."""
        if self.broken is None and self._pages >= (
            CHECKPOINT_PAGES if idle else FORCED_CHECKPOINT_PAGES
        ):
            self._checkpoint("TRUNCATE" if self._tidy else "PASSIVE")
            self._tidy = False

    def _checkpoint(self, how: str) -> None:
        """PASSIVE leaves the log its length: written over, it needs no new blocks to be flushed."""
        try:
            self.db.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
            self._put_off = None
        except SQLITE_ERRORS as error:
            if why(error) != self._put_off:  # each second, while a disk is full
                self._put_off = why(error)
                _log.warning("checkpoint of %s put off: %s", self.path, self._put_off)
            if in_doubt(error):
                self.broken = f"cannot checkpoint {self.path}: {why(error)}"
        self._pages = 0

    # -- opening -----------------------------------------------------------------------------

    def _open(self) -> None:
        wal = wal_of(self.path)
        had_wal = wal.exists()
        if is_empty(self.path):
            if not is_empty(wal):
                message = f"{self.path} is missing or empty, and {wal.name} is not"
                raise DamagedError(message, self.let_go)
            _create(self.path)
        self._connect()
        frames = self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
        self.torn = _after(wal, frames)
        if not self._is_current():
            if self.torn:  # closing it would tidy that away
                message = f"{self.path} is of another version, and its log is torn"
                raise DamagedError(message, self.let_go)
            self.db.close()
            migrate(self.path)
            self._connect()
        if not had_wal and self._was_open():
            raise DamagedError(f"{wal} is missing: {self.path} was not closed", self.let_go)
        # EXCLUSIVE takes effect with the first write: a second agent must fail now, not later.
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("COMMIT")

    def _connect(self) -> None:
        self.db = sqlite3.connect(
            self.path, timeout=0, isolation_level=None, check_same_thread=False
        )
        for pragma, wanted in _PRAGMAS.items():
            self.db.execute(f"PRAGMA {pragma}={wanted}").fetchone()
        for pragma, wanted in _PRAGMAS.items():
            found = self.db.execute(f"PRAGMA {pragma}").fetchone()[0]
            if str(found) != wanted:
                raise CannotOpenError(
                    f"SQLite keeps {pragma} at {found!r} in {self.path}, not {wanted!r}"
                )

    def _is_current(self) -> bool:
        try:
            self.db.execute(_NEWEST)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # locked, unreadable...
                raise
            return False  # there is no such table, or no such column
        return True

    def _was_open(self) -> bool:
        row: Any = self.db.execute("SELECT value FROM facts WHERE name = ?", (OPEN,)).fetchone()
        return row is not None and bytes(row[0]) == b"1"


SET_FACT = "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)"
_PRAGMAS = {
    "locking_mode": "exclusive",
    "journal_mode": "wal",
    "synchronous": "2",
    "wal_autocheckpoint": "0",
    "cache_size": "-512",
}


def wal_of(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of the file at `path`."""
    return path.with_name(path.name + "-wal")


def is_empty(path: Path) -> bool:
    """Whether there is no file at `path`, or nothing in it."""
    return not path.exists() or path.stat().st_size == 0


def _create(path: Path) -> None:
    """Make an empty journal at `path`: whole or not at all."""
    new = path.with_name(path.name + ".new")
    for leftover in (new, wal_of(new), new.with_name(new.name + "-shm")):
        leftover.unlink(missing_ok=True)
    migrate(new)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def migrate(path: Path) -> None:
    """Create the journal at `path`, or bring it up to date. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "agent.queue.schema", path], check=True)


def _after(wal: Path, frames: int) -> bytes:
    """The pages that a write-ahead log holds after its first `frames` frames.

    Frames of an earlier pass through the log have other salts (SQLite's file format, section 4.2),
    and say nothing new; unless no frame is believed, since then the salts may be what is damaged.
    """
    try:
        with wal.open("rb") as file:
            salts = file.read(_WAL_HEADER)[16:24]
            pages = []
            file.seek(_WAL_HEADER + max(frames, 0) * _FRAME)
            while head := file.read(_FRAME_HEADER):
                if frames <= 0 or head[8:16] == salts:
                    pages.append(file.read(_PAGE))
                else:
                    file.seek(_PAGE, os.SEEK_CUR)
            return b"".join(pages)
    except FileNotFoundError:
        return b""
