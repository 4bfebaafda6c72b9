"""Other persistent queues for one machine, each made to flush every put before it returns.

None of them does more than ours for a put: they neither sign nor seal nor chain.

persist-queue: SQLiteQueue leaves SQLite's own default, `synchronous=FULL`, in WAL mode; with
`multithreading=True` one object is shared by all threads, as its documentation has it.
litequeue: sets `synchronous=NORMAL`, under which a put may vanish in a power cut; FULL is set after
it. An object holds one connection, so each thread has an object of its own.
simplebroker: `SYNC_MODE` is FULL unless configured otherwise; a persistent Queue keeps a connection
for each thread, and each thread has a Queue of its own.

What a thread's connection says of itself is read back, and must be WAL and FULL. SQLite calls
fdatasync once for each commit then; `tests/bench/test_queue.py` counts them with strace.
"""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from litequeue import LiteQueue  # type: ignore[import-untyped]
from persistqueue import SQLiteQueue
from simplebroker import Queue

Put = Callable[[bytes], Any]
_BUSY_S = 60.0
"""How long a put may wait for another thread's: none may fail."""
_FULL = 2


class PersistQueue:
    """persist-queue's SQLiteQueue."""

    name = "persist-queue"

    def __init__(self, directory: Path) -> None:
        self._queue = SQLiteQueue(str(directory), multithreading=True, timeout=_BUSY_S)
        connection: Any = self._queue._putter  # noqa: SLF001 - it has no other name
        _must_flush(self.name, connection)

    def writer(self) -> Put:
        """What a thread calls with each record."""
        return self._queue.put

    def close(self) -> None:
        """Close its connections."""
        self._queue.close()


class LiteQueues:
    """litequeue's LiteQueue, one for each thread."""

    name = "litequeue"

    def __init__(self, directory: Path) -> None:
        self._path = directory / "queue.sqlite"
        self._open: list[LiteQueue] = []
        self._opening = threading.Lock()

    def writer(self) -> Put:
        """What a thread calls with each record."""
        with self._opening:  # it sets the journal mode, for which SQLite waits for nobody
            queue = LiteQueue(self._path, timeout=_BUSY_S)
        queue.conn.execute("PRAGMA synchronous = FULL").fetchone()
        _must_flush(self.name, queue.conn)
        self._open.append(queue)
        put: Put = queue.put
        return put

    def close(self) -> None:
        """Close its connections."""
        for queue in self._open:
            queue.conn.close()


class SimpleBroker:
    """simplebroker's Queue, one for each thread."""

    name = "simplebroker"

    def __init__(self, directory: Path) -> None:
        self._path = directory / "broker.db"
        self._open: list[Queue] = []

    def writer(self) -> Put:
        """What a thread calls with each record."""
        queue = Queue("taps", db_path=str(self._path), persistent=True)
        with queue.get_connection() as connection:
            broker: Any = connection
            _must_flush(self.name, broker._runner._conn)  # noqa: SLF001 - as above
        self._open.append(queue)
        # Its messages are text.
        return lambda record: queue.write(record.decode("latin-1"))

    def close(self) -> None:
        """Close its connections."""
        for queue in self._open:
            queue.close()


Peer = PersistQueue | LiteQueues | SimpleBroker
PEERS: tuple[type[Peer], ...] = (PersistQueue, LiteQueues, SimpleBroker)


def _must_flush(name: str, connection: sqlite3.Connection) -> None:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if (mode, level) != ("wal", _FULL):
        raise RuntimeError(f"{name} does not flush each put: {mode}, synchronous={level}")
