"""The journal: epochs of records, what the platform receipted of them, and facts of the terminal.

Append-only: a record is never changed. It goes by `agent.queue.pruning` alone, long after the
platform receipted it, or with a file that is put aside.
"""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.queue import aside, pruning
from agent.queue.epoch_log import EpochLog
from agent.queue.errors import (
    SQLITE_ERRORS,
    BrokenError,
    CannotOpenError,
    DamagedError,
    JournalError,
    SqliteError,
    in_doubt,
    is_damage,
    why,
)
from agent.queue.file import OPEN, SET_FACT, JournalFile
from agent.queue.rows import Epoch, Row, place, position

_log = logging.getLogger("pointeuse.journal")
_INSERT = "INSERT INTO records (position, body, blob, link, signature) VALUES "
_ROW = "(?, ?, ?, ?, ?)"


class Journal:
    """An open journal. Used by one thread, the gate's."""

    def __init__(self, path: Path) -> None:
        """Open the journal at `path`, creating or migrating it.

        Raises CannotOpenError; DamagedError when it is to be put aside.
        """
        self.path = path
        self.file = JournalFile(path)
        self._log = EpochLog(path.with_name("epochs.log"))
        self._kept: dict[str, bytes] = {}
        """Facts of a file put aside that no other file holds yet."""
        try:
            epochs = self.epochs()
        except OverflowError as error:
            message = f"{path} has an epoch whose ordinal is too large"
            raise DamagedError(message, self.file.let_go) from error
        except SQLITE_ERRORS as error:
            message = f"cannot read the journal {path}: {why(error)}"
            if is_damage(error):
                raise DamagedError(message, self.file.let_go) from error
            self.file.let_go()
            raise CannotOpenError(message) from error
        for epoch in epochs:
            self._log.add(epoch.ordinal, epoch.epoch)
        self._begun = bool(epochs)
        """Whether there is a record in this file that somebody may miss."""

    def close(self) -> None:
        """Checkpoint and close."""
        self.file.close()

    @property
    def torn(self) -> bytes:
        """What stands in the log after the last commit that SQLite believes, until `take`."""
        return self.file.torn

    def take(self) -> None:
        """Begin to use what was found. Raises CannotStoreError."""
        self.file.take()

    # -- appending ---------------------------------------------------------------------------

    def append(self, ordinal: int, rows: Sequence[Row]) -> None:
        """Add rows in one durable commit: when this returns, they survive a power cut.

        Raises CannotStoreError: then none of them is in the journal.
        """
        self.file.refuse_broken()
        try:
            self._insert(ordinal, rows)  # one statement: a transaction by itself
        except SQLITE_ERRORS as error:
            raise self.file.failed(error) from error
        self.file.wrote(len(rows))

    def carry_over(self, ordinal: int, rows: Sequence[Row], source: int | str, up_to: int) -> None:
        """Append rows that hold records of another place, if any, and note how far, in one commit.

        `source` is the ordinal of a closed epoch, or the fact that counts what was taken from a
        journal put aside. Raises CannotStoreError.
        """
        with self.file.transaction():
            if rows:
                self._insert(ordinal, rows)
            if isinstance(source, str):
                self.file.db.execute(SET_FACT, (source, b"%d" % up_to))
            else:
                self.file.db.execute(
                    "UPDATE epochs SET wrapped = ? WHERE ordinal = ?", (up_to, source)
                )

    def open_epoch(self, ordinal: int, epoch: bytes, anchor: bytes, now_ms: int, row: Row) -> None:
        """Begin an epoch with its first record, in one durable commit. Raises CannotStoreError."""
        with self.file.transaction():
            self.file.db.execute(
                "INSERT INTO epochs (ordinal, epoch, first, anchor, acked, acked_link, opened_ms)"
                " VALUES (?, ?, 1, ?, 0, ?, ?)",
                (ordinal, epoch, anchor, anchor, now_ms),
            )
            self._insert(ordinal, [row])
        self._begun = True
        self._log.add(ordinal, epoch)

    def _insert(self, ordinal: int, rows: Sequence[Row]) -> None:
        # One statement, one step: after each step, other threads are let in before this one.
        values: list[Any] = []
        for row in rows:
            values += (position(ordinal, row.seq), row.body, row.blob, row.link, row.signature)
        self.file.db.execute(_INSERT + ",".join([_ROW] * len(rows)), values)

    # -- reading -----------------------------------------------------------------------------

    def epochs(self) -> list[Epoch]:
        """Every retained epoch, oldest first."""
        rows = self.file.db.execute(
            "SELECT ordinal, epoch, first, anchor, acked, acked_link, wrapped FROM epochs"
            " ORDER BY ordinal"
        ).fetchall()
        found = []
        for ordinal, epoch, first, anchor, acked, acked_link, wrapped in rows:
            head, link = self._head(ordinal, first, anchor)
            found.append(
                Epoch(ordinal, epoch, first, anchor, acked, acked_link, wrapped, head, link)
            )
        return found

    def known_epochs(self) -> list[tuple[int, bytes]]:
        """Ordinal and epoch of all that this terminal remembers to have begun, oldest first."""
        return self._log.entries()

    def rows(self, ordinal: int, first: int, limit: int) -> Iterator[Row]:
        """Up to `limit` records of an epoch from seq `first` on, in order."""
        cursor = self.file.db.execute(
            "SELECT position, body, blob, link, signature FROM records"
            " WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",
            (position(ordinal, first), position(ordinal + 1, 0), limit),
        )
        for key, body, blob, link, signature in cursor:
            yield Row(place(key)[1], body, blob, link, signature)

    def link(self, epoch: Epoch, seq: int) -> bytes | None:
        """The link of `seq` in an epoch, or None when it is not retained."""
        if seq == epoch.first - 1:
            return epoch.anchor
        row = self.file.db.execute(
            "SELECT link FROM records WHERE position = ?", (position(epoch.ordinal, seq),)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def unacknowledged(self) -> int:
        """Records that the platform has not receipted, over all epochs."""
        return sum(epoch.head - epoch.held for epoch in self.epochs())

    # -- receipts ----------------------------------------------------------------------------

    def acknowledge(
        self, ordinal: int, seq: int, link: bytes, message: bytes, leaf_hash: bytes, now_ms: int
    ) -> None:
        """Note a receipt: `acked` moves, and the message is kept. Raises CannotStoreError."""
        with self.file.transaction():
            self.file.db.execute(
                "UPDATE epochs SET acked = ?, acked_link = ? WHERE ordinal = ?",
                (seq, link, ordinal),
            )
            self.file.db.execute(
                "INSERT OR REPLACE INTO receipts (position, accepted_ms, message) VALUES (?, ?, ?)",
                (position(ordinal, seq), now_ms, message),
            )
            self.file.db.execute(SET_FACT, ("receipt-hash", leaf_hash))
            pruning.thin_receipts(self.file.db, position(ordinal, seq), now_ms)

    def receipts(self) -> list[tuple[int, int, bytes]]:
        """Kept receipts, oldest first: ordinal, seq, message."""
        return [
            (*place(key), message)
            for key, message in self.file.db.execute(
                "SELECT position, message FROM receipts ORDER BY position"
            )
        ]

    def has_receipt(self, epoch: Epoch) -> bool:
        """Whether the receipt is kept by which an epoch is acknowledged as far as it is."""
        key = position(epoch.ordinal, epoch.acked)
        query = "SELECT 1 FROM receipts WHERE position = ?"
        return self.file.db.execute(query, (key,)).fetchone() is not None

    def prune(self, accepted_before_ms: int, live_seal: int | None) -> int:
        """Drop records acknowledged before `accepted_before_ms`; how many went.

        See `agent.queue.pruning`. Raises CannotStoreError.
        """
        try:
            return pruning.prune(self.file, self.epochs(), accepted_before_ms, live_seal)
        except SQLITE_ERRORS as error:
            raise self.file.failed(error) from error

    # -- facts -------------------------------------------------------------------------------

    def fact(self, name: str) -> bytes | None:
        """A fact about the terminal, as it was last set."""
        row = self.file.db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def number(self, name: str) -> int:
        """A fact that is a number; 0 when it was never set, and when it decayed."""
        value = self.fact(name) or b"0"
        try:
            return int(value)
        except ValueError:
            _log.error("%s: its fact %s is not a number: %r", self.path, name, value[:32])
            return 0

    def set_fact(self, name: str, value: bytes) -> None:
        """Set a fact, durably. Raises CannotStoreError."""
        with self.file.transaction():
            self.file.db.execute(SET_FACT, (name, value))

    # -- upkeep ------------------------------------------------------------------------------

    @property
    def broken(self) -> str | None:
        """Why this journal has to be renewed, if it must."""
        return self.file.broken

    def distrust(self, reason: str | SqliteError) -> bool:
        """Note that what is in the file cannot be believed; whether it is so.

        Of an error of SQLite's, only one that puts the file in doubt counts.
        """
        if not isinstance(reason, str):
            if not in_doubt(reason):
                return False
            reason = f"cannot read {self.path}: {why(reason)}"
        self.file.broken = self.file.broken or reason
        return True

    def checkpoint(self, *, idle: bool) -> None:
        """Move the WAL into the file when it is long and nobody waits, or is far too long."""
        self.file.checkpoint(idle=idle)

    def renew(self, limit: tuple[bytes, int]) -> None:
        """Put the file aside, and go on in an empty one that knows the same facts.

        `limit` is the epoch and seq of the last record committed: it is kept with the number the
        file gets (see `agent.queue.aside`). Raises BrokenError: then this can be called again.
        """
        self._kept |= self._facts()
        try:
            if self._begun:
                number = aside.put_aside(self.path)
                self._kept[aside.limit_fact(number)] = limit[0] + limit[1].to_bytes(8, "big")
                self._begun = False
            self.file.let_go()
            aside.clear(self.path)
            self.file = JournalFile(self.path)
            self.file.take()
            with self.file.transaction():
                self.file.db.executemany(SET_FACT, list(self._kept.items()))
        except (OSError, JournalError) as error:
            self.file.broken = f"cannot begin a new journal: {error}"
            raise BrokenError(self.file.broken) from error
        self._kept = {}

    def _facts(self) -> dict[str, bytes]:
        with suppress(sqlite3.Error):
            rows = self.file.db.execute("SELECT name, value FROM facts WHERE name <> ?", (OPEN,))
            return {name: bytes(value) for name, value in rows}
        return {}

    def _head(self, ordinal: int, first: int, anchor: bytes) -> tuple[int, bytes]:
        row = self.file.db.execute(
            "SELECT position, link FROM records WHERE position >= ? AND position < ?"
            " ORDER BY position DESC LIMIT 1",
            (position(ordinal, 0), position(ordinal + 1, 0)),
        ).fetchone()
        return (first - 1, anchor) if row is None else (place(row[0])[1], row[1])
