"""The journal file: one SQLite connection, one owner, every commit flushed before it returns.

WAL with `synchronous=FULL`: NORMAL may roll back committed rows after a power cut. EXCLUSIVE, and
one connection ever: SQLite before 3.51.3 can corrupt a WAL that two connections reset.

    JournalError
    ├── CannotStoreError     a commit failed: nothing was recorded, and no green may be shown
    └── CannotOpenError      the file cannot be opened, or does not hold what it must
        └── DamagedError     its pages contradict each other: no later try will read it
"""

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

_log = logging.getLogger("pointeuse.journal")
_SEQ_BITS = 40
_RECEIPT_EVERY = 1000
_RECEIPT_EVERY_MS = 3_600_000
MIGRATION = "m001_records"
CHECKPOINT_PAGES = 1000
"""WAL pages (4 MiB) after which an idle moment is used to checkpoint."""
FORCED_CHECKPOINT_PAGES = 8000


class JournalError(Exception):
    """Something is wrong with the journal."""


class CannotStoreError(JournalError):
    """A commit failed: nothing was recorded, and no green may be shown."""


class CannotOpenError(JournalError):
    """The journal cannot be opened, or does not hold what it must."""


class DamagedError(CannotOpenError):
    """The journal's pages contradict each other: no later try will read it."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch as the journal keeps it.

    `anchor` = link(`first`-1); records up to `acked` are held by the platform under `acked_link`;
    `head` is the last record's seq and `head_link` its link.
    """

    ordinal: int
    epoch: bytes
    first: int
    anchor: bytes
    acked: int
    acked_link: bytes
    head: int
    head_link: bytes


class Row(msgspec.Struct, frozen=True):
    """One record: raw body, blob (None: none, or erased), link; if last, the head's signature."""

    seq: int
    body: bytes
    blob: bytes | None
    link: bytes
    signature: bytes | None


def _position(ordinal: int, seq: int) -> int:
    return ordinal << _SEQ_BITS | seq


class Journal:
    """An open journal. Used by one thread, the gate's."""

    def __init__(self, path: Path) -> None:
        """Open the journal at `path`, creating or migrating it.

        Raises CannotOpenError; DamagedError when it is to be put aside.
        """
        self.path = path
        try:
            self._connect()
            self.epochs()
        except sqlite3.DatabaseError as error:
            self._let_go()
            damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
            kind = DamagedError if damaged else CannotOpenError
            raise kind(f"cannot open the journal {path}: {_why(error)}") from error
        except subprocess.CalledProcessError as error:
            raise CannotOpenError(f"cannot create or migrate the journal {path}") from error
        self._pages = 0

    def close(self) -> None:
        """Checkpoint and close."""
        self._db.close()

    # -- appending ---------------------------------------------------------------------------

    def append(self, ordinal: int, rows: Sequence[Row]) -> None:
        """Add rows in one durable commit: when this returns, they survive a power cut.

        Raises CannotStoreError: then none of them is in the journal.
        """
        values = [(_position(ordinal, r.seq), r.body, r.blob, r.link, r.signature) for r in rows]
        try:
            if len(values) == 1:
                self._db.execute(_INSERT, values[0])  # autocommit: a transaction by itself
            else:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(_INSERT, values)
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._rollback()
            raise CannotStoreError(f"cannot store in {self.path}: {_why(error)}") from error
        self._pages += 1 + len(values) // 8

    def open_epoch(self, ordinal: int, epoch: bytes, anchor: bytes, now_ms: int, row: Row) -> None:
        """Begin an epoch with its first record, in one durable commit. Raises CannotStoreError."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO epochs (ordinal, epoch, first, anchor, acked, acked_link, opened_ms)"
                " VALUES (?, ?, 1, ?, 0, ?, ?)",
                (ordinal, epoch, anchor, anchor, now_ms),
            )
            self._db.execute(
                _INSERT,
                (_position(ordinal, row.seq), row.body, row.blob, row.link, row.signature),
            )

    # -- reading -----------------------------------------------------------------------------

    def epochs(self) -> list[Epoch]:
        """Every retained epoch, oldest first."""
        rows = self._db.execute(
            "SELECT ordinal, epoch, first, anchor, acked, acked_link FROM epochs ORDER BY ordinal"
        ).fetchall()
        return [
            Epoch(
                ordinal,
                epoch,
                first,
                anchor,
                acked,
                acked_link,
                *self._head(ordinal, first, anchor),
            )
            for ordinal, epoch, first, anchor, acked, acked_link in rows
        ]

    def rows(self, ordinal: int, first: int, limit: int) -> Iterator[Row]:
        """Up to `limit` records of an epoch from seq `first` on, in order."""
        cursor = self._db.execute(
            "SELECT position, body, blob, link, signature FROM records"
            " WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",
            (_position(ordinal, first), _position(ordinal + 1, 0), limit),
        )
        mask = (1 << _SEQ_BITS) - 1
        for position, body, blob, link, signature in cursor:
            yield Row(position & mask, body, blob, link, signature)

    def link(self, epoch: Epoch, seq: int) -> bytes | None:
        """The link of `seq` in an epoch, or None when it is not retained."""
        if seq == epoch.first - 1:
            return epoch.anchor
        row = self._db.execute(
            "SELECT link FROM records WHERE position = ?", (_position(epoch.ordinal, seq),)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def unacknowledged(self) -> int:
        """Records that the platform has not receipted, over all epochs."""
        return sum(epoch.head - epoch.acked for epoch in self.epochs())

    # -- receipts and retention --------------------------------------------------------------

    def acknowledge(
        self, ordinal: int, seq: int, link: bytes, message: bytes, leaf_hash: bytes, now_ms: int
    ) -> None:
        """Note a receipt: `acked` moves, and the message is kept. Raises CannotStoreError."""
        with self._transaction():
            self._db.execute(
                "UPDATE epochs SET acked = ?, acked_link = ? WHERE ordinal = ?",
                (seq, link, ordinal),
            )
            self._db.execute(
                "INSERT OR REPLACE INTO receipts (position, accepted_ms, message) VALUES (?, ?, ?)",
                (_position(ordinal, seq), now_ms, message),
            )
            self._db.execute(_SET_FACT, ("receipt-hash", leaf_hash))
            self._thin_receipts(_position(ordinal, seq), now_ms)

    def _thin_receipts(self, newest: int, now_ms: int) -> None:
        # One receipt a thousand records or an hour is enough to prune at: the last but one goes
        # when it is nearer than that to the one before it.
        kept = self._db.execute(
            "SELECT position, accepted_ms FROM receipts WHERE position < ?"
            " ORDER BY position DESC LIMIT 2",
            (newest,),
        ).fetchall()
        if len(kept) < 2:
            return
        (last, _), (before, before_ms) = kept
        if last - before < _RECEIPT_EVERY and now_ms - before_ms < _RECEIPT_EVERY_MS:
            self._db.execute("DELETE FROM receipts WHERE position = ?", (last,))

    def receipts(self) -> list[tuple[int, int, bytes]]:
        """Kept receipts, oldest first: ordinal, seq, message."""
        mask = (1 << _SEQ_BITS) - 1
        return [
            (position >> _SEQ_BITS, position & mask, message)
            for position, message in self._db.execute(
                "SELECT position, message FROM receipts ORDER BY position"
            )
        ]

    def prune(self, accepted_before_ms: int, live_seal: int | None) -> int:
        """Drop records acknowledged before `accepted_before_ms`; how many went.

        Cuts only where a receipt was kept, which becomes the anchor, and never at or after
        `live_seal`, the seq of the newest epoch's current seal record. Raises CannotStoreError.
        """
        try:
            return self._prune(accepted_before_ms, live_seal)
        except sqlite3.Error as error:
            raise CannotStoreError(f"cannot prune {self.path}: {_why(error)}") from error

    def _prune(self, accepted_before_ms: int, live_seal: int | None) -> int:
        dropped = 0
        epochs = self.epochs()
        for epoch in epochs:
            newest = epoch is epochs[-1]
            limit = epoch.head if not newest else min(epoch.acked, (live_seal or epoch.head) - 1)
            row = self._db.execute(
                "SELECT max(position) FROM receipts WHERE position BETWEEN ? AND ?"
                " AND accepted_ms < ?",
                (
                    _position(epoch.ordinal, epoch.first),
                    _position(epoch.ordinal, min(limit, epoch.acked)),
                    accepted_before_ms,
                ),
            ).fetchone()
            if row[0] is None:
                continue
            cut = row[0] & (1 << _SEQ_BITS) - 1
            anchor = self.link(epoch, cut)
            with self._transaction():
                dropped += self._db.execute(
                    "DELETE FROM records WHERE position BETWEEN ? AND ?",
                    (_position(epoch.ordinal, 0), row[0]),
                ).rowcount
                self._db.execute("DELETE FROM receipts WHERE position < ?", (row[0],))
                if cut == epoch.head and not newest:
                    self._db.execute("DELETE FROM epochs WHERE ordinal = ?", (epoch.ordinal,))
                else:
                    self._db.execute(
                        "UPDATE epochs SET first = ?, anchor = ? WHERE ordinal = ?",
                        (cut + 1, anchor, epoch.ordinal),
                    )
        return dropped

    # -- facts -------------------------------------------------------------------------------

    def fact(self, name: str) -> bytes | None:
        """A fact about the terminal, as it was last set."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def number(self, name: str) -> int:
        """A fact that is a number; 0 when it was never set."""
        return int(self.fact(name) or b"0")

    def set_fact(self, name: str, value: bytes) -> None:
        """Set a fact, durably. Raises CannotStoreError."""
        with self._transaction():
            self._db.execute(_SET_FACT, (name, value))

    # -- upkeep ------------------------------------------------------------------------------

    def checkpoint(self, *, idle: bool) -> None:
        """Move the WAL into the file when it is long and nobody waits, or is far too long."""
        if self._pages < (CHECKPOINT_PAGES if idle else FORCED_CHECKPOINT_PAGES):
            return
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            _log.warning("checkpoint of %s put off: %s", self.path, _why(error))
        self._pages = 0

    def _connect(self) -> None:
        fresh = not self.path.exists()
        if fresh or not self._current():
            subprocess.run([sys.executable, "-m", "agent.queue.schema", self.path], check=True)
            if fresh:
                _sync_directory(self.path.parent)
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        for pragma, wanted in _PRAGMAS.items():
            self._db.execute(f"PRAGMA {pragma}={wanted}").fetchone()
        for pragma, wanted in _PRAGMAS.items():
            found = self._db.execute(f"PRAGMA {pragma}").fetchone()[0]
            if str(found) != wanted:
                raise CannotOpenError(
                    f"SQLite keeps {pragma} at {found!r} in {self.path}, not {wanted!r}"
                )
        # EXCLUSIVE takes effect with the first write: a second agent must fail now, not later.
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("COMMIT")

    def _let_go(self) -> None:
        """Close now: closed later, SQLite would delete the -wal of a journal begun in its place."""
        if hasattr(self, "_db"):
            with suppress(sqlite3.Error):
                self._db.close()

    def _current(self) -> bool:
        db = sqlite3.connect(self.path)
        try:
            row = db.execute(
                "SELECT 1 FROM _sqlite_migrations WHERE migration_set = 'journal' AND name = ?",
                (MIGRATION,),
            ).fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # locked, unreadable...
                raise
            return False  # there is no such table
        finally:
            db.close()
        return row is not None

    def _head(self, ordinal: int, first: int, anchor: bytes) -> tuple[int, bytes]:
        row = self._db.execute(
            "SELECT position, link FROM records WHERE position >= ? AND position < ?"
            " ORDER BY position DESC LIMIT 1",
            (_position(ordinal, 0), _position(ordinal + 1, 0)),
        ).fetchone()
        if row is None:
            return first - 1, anchor
        return row[0] & (1 << _SEQ_BITS) - 1, row[1]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One durable commit, or none and a CannotStoreError."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise CannotStoreError(f"cannot store in {self.path}: {_why(error)}") from error
        finally:
            self._rollback()
        self._pages += 1

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.rollback()


_INSERT = "INSERT INTO records (position, body, blob, link, signature) VALUES (?, ?, ?, ?, ?)"
_SET_FACT = "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRAGMAS = {
    "locking_mode": "exclusive",
    "journal_mode": "wal",
    "synchronous": "2",
    "wal_autocheckpoint": "0",
    "cache_size": "-512",
}


def _why(error: sqlite3.Error) -> str:
    return f"{error} ({getattr(error, 'sqlite_errorname', 'SQLITE_ERROR')})"


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
