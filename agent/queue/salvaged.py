"""What was saved of a journal put aside: a file of records to carry over, and of gaps."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.queue.aside import aside_of
from protocol.salvaged import Gap


class Order(msgspec.Struct, frozen=True):
    """What `agent.queue.salvage` is told. Keys are COSE_Keys, and public.

    `epochs` are those this terminal remembers, oldest first. `limit` is the epoch and seq of the
    last record that was committed, when that is known: what stands after it was never shown green.
    """

    terminal: bytes
    signer: bytes
    receipt_keys: Sequence[bytes]
    epochs: Sequence[bytes]
    limit: tuple[bytes, int] | None = None


class Item(msgspec.Struct, frozen=True):
    """A record to carry over; `whole` as in `agent.queue.proofs.Proved`."""

    epoch: bytes
    seq: int
    body: bytes
    blob: bytes | None
    whole: bool


def salvaged_of(path: Path, number: int) -> Path:
    """Where what was saved of journal `number`, put aside from `path`, is kept meanwhile."""
    aside = aside_of(path, number)
    return aside.with_name(aside.name.replace(".damaged-", ".salvaged-"))


class Salvaged:
    """Reads such a file."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error."""
        self._db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        lowest, count = self._db.execute("SELECT min(n), count(*) FROM items").fetchone()
        self._lowest: int = lowest or 0
        self.count: int = count

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def items(self, after: int, limit: int) -> list[Item]:
        """Up to `limit` items as they were recorded, leaving out the first `after`."""
        rows = self._db.execute(
            "SELECT epoch, seq, body, blob, whole FROM items WHERE n >= ? ORDER BY n LIMIT ?",
            (self._lowest + after, limit),
        )
        return [Item(epoch, seq, body, blob, bool(whole)) for epoch, seq, body, blob, whole in rows]

    def gaps(self) -> list[Gap]:
        """What is known to be missing."""
        rows = self._db.execute("SELECT epoch, first, last, why FROM gaps ORDER BY rowid DESC")
        return [Gap(*row) for row in rows]


class Writer:
    """Writes such a file, from the newest record to the oldest: so the proof runs."""

    def __init__(self, path: Path) -> None:
        self._n = 0
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE items (n INTEGER PRIMARY KEY, epoch, seq, body, blob, whole);"
            "CREATE TABLE gaps (epoch, first, last, why);"
        )

    def add(self, item: Item) -> None:
        """The item before the last one added."""
        self._n -= 1
        self._db.execute(
            "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)",
            (self._n, item.epoch, item.seq, item.body, item.blob, item.whole),
        )

    def add_gap(self, gap: Gap) -> None:
        """The gap before the last one added."""
        self._db.execute(
            "INSERT INTO gaps VALUES (?, ?, ?, ?)", (gap.epoch, gap.first, gap.last, gap.why)
        )

    def close(self) -> None:
        """Commit and close; the file is not flushed."""
        self._db.execute("COMMIT")
        self._db.close()
