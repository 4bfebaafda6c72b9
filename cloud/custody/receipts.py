"""Receipts that terminals were given, kept as they were signed. The caller commits.

A receipt vouches for every record up to its own, so not all of them are kept: of each epoch the
newest, and of the older ones one an hour. They are written after they were sent, and hold up
nothing; one that is lost with its process is covered by the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, tuple_

from cloud.custody.tables import epochs, receipts
from cloud.rows import among
from cloud.terminals.tables import terminals
from protocol.receipts import Leaf, Verdict

EVERY_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt message, and what its leaf says: `at_ms` is the platform's clock."""

    message: bytes
    seq: int
    at_ms: int


def keep(conn: Connection, given: Sequence[tuple[Leaf, bytes]]) -> None:
    """Keep what was given: leaves with the messages that hold them, of epochs in custody.

    Those that say anything else than that records are held are left out, and so are those that
    reach no farther than one that is kept.
    """
    newest: dict[tuple[bytes, bytes], tuple[Leaf, bytes]] = {}
    for leaf, message in given:
        key = leaf.terminal, leaf.epoch
        known = newest.get(key)
        if leaf.verdict is Verdict.STORED and (known is None or leaf.seq > known[0].seq):
            newest[key] = leaf, message
    known_ids = _epoch_ids(conn, newest)
    last = _last(conn, list(known_ids.values()))
    over: list[tuple[int, int]] = []
    rows = []
    for key, epoch_id in sorted(known_ids.items(), key=lambda item: item[1]):
        leaf, message = newest[key]
        since_ms = 0
        if epoch_id in last:
            seq, at_ms, before_ms = last[epoch_id]
            if leaf.seq <= seq:
                continue
            since_ms = at_ms
            if at_ms - before_ms < EVERY_MS:
                over.append((epoch_id, seq))
                since_ms = before_ms
        rows.append(
            {"epoch_id": epoch_id, "seq": leaf.seq, "at_ms": leaf.at, "since_ms": since_ms,
             "message": message}
        )  # fmt: skip
    if over:
        conn.execute(delete(receipts).where(tuple_(receipts.c.epoch_id, receipts.c.seq).in_(over)))
    if rows:
        conn.execute(insert(receipts), rows)


def covering(conn: Connection, epoch_id: int, seq: int) -> Receipt | None:
    """The first receipt kept that vouches for a record of an epoch; None while there is none."""
    row = conn.execute(
        select(receipts)
        .where(receipts.c.epoch_id == epoch_id, receipts.c.seq >= seq)
        .order_by(receipts.c.seq)
        .limit(1)
    ).one_or_none()
    return None if row is None else Receipt(row.message, row.seq, row.at_ms)


def _epoch_ids(
    conn: Connection, of: dict[tuple[bytes, bytes], tuple[Leaf, bytes]]
) -> dict[tuple[bytes, bytes], int]:
    """The chains that are attributed, by terminal and epoch."""
    if not of:
        return {}
    rows = conn.execute(
        select(terminals.c.thumbprint, epochs.c.epoch, epochs.c.id)
        .join(terminals, terminals.c.id == epochs.c.terminal_id)
        .where(
            among(conn, terminals.c.thumbprint, sorted({terminal for terminal, _ in of})),
            among(conn, epochs.c.epoch, sorted({epoch for _, epoch in of})),
            epochs.c.branch == 0,
        )
    )
    found = {(bytes(row.thumbprint), bytes(row.epoch)): int(row.id) for row in rows}
    return {key: number for key, number in found.items() if key in of}


def _last(conn: Connection, epoch_ids: list[int]) -> dict[int, tuple[int, int, int]]:
    """The newest receipt kept of each epoch: its seq, its moment, and that of the one before."""
    newest = (
        select(receipts.c.epoch_id, func.max(receipts.c.seq).label("seq"))
        .where(among(conn, receipts.c.epoch_id, epoch_ids))
        .group_by(receipts.c.epoch_id)
        .subquery()
    )
    same = (receipts.c.epoch_id == newest.c.epoch_id) & (receipts.c.seq == newest.c.seq)
    rows = conn.execute(select(receipts).join(newest, same))
    return {row.epoch_id: (row.seq, row.at_ms, row.since_ms) for row in rows}
