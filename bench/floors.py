"""The least that a durable append can cost on the disk that is measured."""

import os
import sqlite3
import time
from pathlib import Path

from protocol.keys import SigningKey

_PUTS_PER_PASS = 500
"""Commits after which a log that is written over is begun again."""


class Floor:
    """One signature and one durable commit of as many bytes as a tap stores.

    Its log grows with each commit; `written_over`, it is begun again now and then and keeps its
    length, as a log does that is never cut: then the disk has less to flush.
    """

    def __init__(
        self, path: Path, key: SigningKey, row: tuple[bytes, ...], *, written_over: bool = False
    ) -> None:
        self._key, self._row = key, row
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=wal", "synchronous=full", "locking_mode=exclusive"):
            self._db.execute(f"PRAGMA {pragma}").fetchone()
        self._db.execute("PRAGMA wal_autocheckpoint=0").fetchone()
        self._db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, a, b, c, d)")
        self._written_over = written_over
        self._puts = 0

    def once(self) -> float:
        """Milliseconds for one."""
        if self._written_over and self._puts % _PUTS_PER_PASS == 0:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self._puts += 1
        begun = time.perf_counter_ns()
        self._key.sign(self._row[0])
        self._db.execute("INSERT INTO rows (a, b, c, d) VALUES (?, ?, ?, ?)", self._row)
        return (time.perf_counter_ns() - begun) / 1e6

    def close(self) -> None:
        """Checkpoint and close."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._db.close()


class RawFloor:
    """One write of a record's bytes at the end of a file, and one fdatasync."""

    def __init__(self, path: Path, record: bytes) -> None:
        self._record = record
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def once(self) -> float:
        """Milliseconds for one."""
        begun = time.perf_counter_ns()
        os.write(self._fd, self._record)
        os.fdatasync(self._fd)
        return (time.perf_counter_ns() - begun) / 1e6

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
