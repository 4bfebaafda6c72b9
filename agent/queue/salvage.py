"""Reads a journal put aside, and writes what is proved of it where it can be read in order.

Run as a program by the agent (`python -m agent.queue.salvage DAMAGED OUT`, an Order as JSON on
standard input): a million records would take the agent's memory and the worker's time. OUT appears
whole or not at all.
"""

import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from agent.queue import proofs
from agent.queue.carving import Found, carve_file
from agent.queue.file import wal_of
from agent.queue.salvaged import Item, Order, Writer
from protocol import cose
from protocol.durable import sync_directory
from protocol.errors import ProtocolError
from protocol.keys import VerifyKey
from protocol.receipts import Leaf, Verdict, verify_receipt
from protocol.salvaged import Gap

_HELD = (Verdict.STORED, Verdict.BRANCH)
_MISSING = "no head proves them in what is left of the journal"
_CUT = "the journal was damaged: how far it went is not known"


def salvage(damaged: Path, out: Path, order: Order) -> None:
    """Write to `out` every record of `damaged` and its log that is proved and not yet held.

    Raises OSError, sqlite3.Error: then there is no `out`.
    """
    scratch, new = out.with_name(out.name + ".scratch"), out.with_name(out.name + ".new")
    for leftover in (scratch, new):
        leftover.unlink(missing_ok=True)
    with closing(_Rows(scratch)) as rows:
        for path in (damaged, wal_of(damaged)):
            rows.gather(path, order)
        receipts, anchors = _hints(damaged, order)
        with closing(Writer(new)) as writer:
            epochs = sorted(rows.epochs(), key=_age(order), reverse=True)
            for place, epoch in enumerate(epochs):
                if place == 0 and order.limit is None:
                    _Epoch(rows, order, epoch, anchors).say_end_is_lost(writer)
                _Epoch(rows, order, epoch, anchors).save(writer, receipts.get(epoch))
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(out)
    sync_directory(out.parent)
    scratch.unlink()


class _Rows:
    """Every row found, each once, on disk."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE found (epoch, seq, digest, body, blob, link, signature,"
            " PRIMARY KEY (epoch, seq, digest)) WITHOUT ROWID;"
        )

    def close(self) -> None:
        self._db.close()

    def gather(self, path: Path, order: Order) -> None:
        """Add the rows in a file, if there is one."""
        if not path.exists():
            return
        with path.open("rb") as file:
            self._db.executemany(
                "INSERT OR IGNORE INTO found VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (r.epoch, r.seq, _digest(r), r.body, r.blob, r.link, r.signature)
                    for r in carve_file(file, order.terminal)
                    if order.limit is None or r.epoch != order.limit[0] or r.seq <= order.limit[1]
                ),
            )

    def epochs(self) -> list[bytes]:
        return [row[0] for row in self._db.execute("SELECT DISTINCT epoch FROM found")]

    def at(self, epoch: bytes, seq: int) -> list[Found]:
        rows = self._db.execute(
            "SELECT epoch, seq, body, blob, link, signature FROM found WHERE epoch = ? AND seq = ?",
            (epoch, seq),
        )
        return [Found(*row) for row in rows]

    def lowest(self, epoch: bytes) -> int:
        found: int = self._db.execute(
            "SELECT min(seq) FROM found WHERE epoch = ?", (epoch,)
        ).fetchone()[0]
        return found

    def signed(self, epoch: bytes, terminal: bytes, signer: VerifyKey) -> int:
        """Seq of the newest head that is true; 0 if none is. A damaged row may name any seq."""
        rows = self._db.execute(
            "SELECT epoch, seq, body, blob, link, signature FROM found"
            " WHERE epoch = ? AND signature IS NOT NULL ORDER BY seq DESC",
            (epoch,),
        )
        heads = (Found(*row) for row in rows)
        return next((row.seq for row in heads if proofs.is_signed(row, terminal, signer)), 0)


class _Epoch:
    """One epoch, from its newest record to its oldest."""

    def __init__(self, rows: _Rows, order: Order, epoch: bytes, anchors: Sequence[bytes]) -> None:
        self._rows, self._order, self._epoch, self._anchors = rows, order, epoch, anchors
        self._signer = VerifyKey.from_cose(order.signer)

    def say_end_is_lost(self, writer: Writer) -> None:
        """How far the newest epoch went is not known when nobody says."""
        signed = self._rows.signed(self._epoch, self._order.terminal, self._signer)
        writer.add_gap(Gap(self._epoch, signed + 1, None, _CUT))

    def save(self, writer: Writer, receipt: Leaf | None) -> None:
        """Write what the platform does not hold by `receipt`, and what is missing of that."""
        order, epoch = self._order, self._epoch
        signed = self._rows.signed(epoch, order.terminal, self._signer)
        limit = order.limit
        last = limit[1] if limit is not None and limit[0] == epoch else signed
        first = 1 if receipt is None or not self._agrees(receipt) else receipt.seq + 1
        proved = proofs.prove(
            lambda seq: self._rows.at(epoch, seq),
            signed,
            max(first, self._rows.lowest(epoch)),
            terminal=order.terminal,
            epoch=epoch,
            signer=self._signer,
            anchors=self._anchors,
        )
        for record in proved:
            row = record.row
            self._gap(writer, row.seq + 1, last)
            writer.add(Item(epoch, row.seq, row.body, row.blob, record.whole))
            last = row.seq - 1
        self._gap(writer, first, last)

    def _gap(self, writer: Writer, first: int, last: int) -> None:
        if first <= last:
            writer.add_gap(Gap(self._epoch, first, last, _MISSING))

    def _agrees(self, receipt: Leaf) -> bool:
        """Whether the platform holds this very chain, as far as can be seen here."""
        links = {row.link for row in self._rows.at(self._epoch, receipt.seq)}
        return not links or receipt.link in links


def _hints(damaged: Path, order: Order) -> tuple[dict[bytes, Leaf], list[bytes]]:
    """What SQLite can still read of the file: the newest receipts, which are proved, and anchors.

    Anchors need no proof: one that is wrong leads to no link.
    """
    lookup = cose.keyring(VerifyKey.from_cose(key) for key in order.receipt_keys)
    receipts: dict[bytes, Leaf] = {}
    anchors: list[bytes] = []
    try:
        with closing(sqlite3.connect(f"file:{damaged}?mode=ro&immutable=1", uri=True)) as db:
            for (message,) in db.execute("SELECT message FROM receipts ORDER BY position"):
                leaf = _proved(message, lookup, order.terminal)
                if leaf is not None:
                    receipts[leaf.epoch] = leaf
            anchors = [bytes(row[0]) for row in db.execute("SELECT anchor FROM epochs")]
    except (sqlite3.Error, TypeError):  # damaged there too
        return receipts, anchors
    return receipts, anchors


def _proved(message: bytes, lookup: cose.KeyLookup, terminal: bytes) -> Leaf | None:
    try:
        leaf, _ = verify_receipt(message, lookup)
    except ProtocolError:
        return None
    return leaf if leaf.terminal == terminal and leaf.verdict in _HELD else None


def _age(order: Order) -> Callable[[bytes], int]:
    """Orders epochs as the terminal began them; one it does not remember is the newest."""
    places = {epoch: place for place, epoch in enumerate(order.epochs)}
    return lambda epoch: places.get(epoch, len(places))


def _digest(row: Found) -> bytes:
    parts = (row.body, row.blob or b"", row.link, row.signature or b"")
    return hashlib.sha256(b"".join(parts)).digest()[:16]


if __name__ == "__main__":
    salvage(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        msgspec.json.decode(sys.stdin.buffer.read(), type=Order),
    )
