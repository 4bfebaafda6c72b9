"""What may leave a journal: records the platform has receipted, once they are old enough.

A cut is made only where a receipt was kept: it becomes the anchor from which `verify` starts.
"""

import sqlite3
from collections.abc import Sequence

from agent.queue.file import JournalFile
from agent.queue.rows import Epoch, place, position

_RECEIPT_EVERY = 1000
_RECEIPT_EVERY_MS = 3_600_000


def thin_receipts(db: sqlite3.Connection, newest: int, now_ms: int) -> None:
    """Keep one receipt for a thousand records or an hour, and the newest: enough to cut at.

    The last but one goes when it is nearer than that to the one before it.
    """
    kept = db.execute(
        "SELECT position, accepted_ms FROM receipts WHERE position < ?"
        " ORDER BY position DESC LIMIT 2",
        (newest,),
    ).fetchall()
    if len(kept) < 2:
        return
    (last, _), (before, before_ms) = kept
    if last - before < _RECEIPT_EVERY and now_ms - before_ms < _RECEIPT_EVERY_MS:
        db.execute("DELETE FROM receipts WHERE position = ?", (last,))


def prune(
    file: JournalFile, epochs: Sequence[Epoch], accepted_before_ms: int, live_seal: int | None
) -> int:
    """Drop records acknowledged before `accepted_before_ms`, in each of `epochs`; how many went.

    Never at or after `live_seal`, the seq of the newest epoch's current seal record. What a closed
    epoch never delivered goes once it was carried over. Raises CannotStoreError.
    """
    dropped = 0
    for epoch in epochs[:-1]:
        if epoch.acked < epoch.head <= epoch.wrapped:
            dropped += _drop_carried_over(file, epoch)
    for epoch in epochs:
        newest = epoch is epochs[-1]
        limit = _limit(epoch, live_seal) if newest else epoch.acked
        cut = _last_receipt(file, epoch, limit, accepted_before_ms)
        if cut is not None:
            closed = not newest and epoch.head <= epoch.held
            dropped += _cut(file, epoch, cut, whole=closed and cut == epoch.acked)
    return dropped


def oldest_cut(file: JournalFile, epochs: Sequence[Epoch], live_seal: int | None) -> int | None:
    """When the oldest receipt at which `prune` may cut was accepted, in ms, or None."""
    oldest = []
    for epoch in epochs:
        limit = _limit(epoch, live_seal) if epoch is epochs[-1] else epoch.acked
        oldest += file.db.execute(
            "SELECT accepted_ms FROM receipts WHERE position BETWEEN ? AND ?"
            " ORDER BY accepted_ms LIMIT 1",
            (position(epoch.ordinal, epoch.first), position(epoch.ordinal, limit)),
        ).fetchall()
    return min((accepted_ms for (accepted_ms,) in oldest), default=None)


def spare(file: JournalFile) -> int:
    """Octets of the file that hold nothing, and are used before it grows."""
    (pages,), (size,) = (
        file.db.execute(f"PRAGMA {pragma}").fetchone() for pragma in ("freelist_count", "page_size")
    )
    return int(pages * size)


def _limit(epoch: Epoch, live_seal: int | None) -> int:
    """The last seq at which the newest epoch may be cut."""
    return min(epoch.acked, (live_seal or epoch.head) - 1)


def _last_receipt(
    file: JournalFile, epoch: Epoch, limit: int, accepted_before_ms: int
) -> int | None:
    """Seq of the last receipt in an epoch that is old enough to cut at."""
    key = file.db.execute(
        "SELECT max(position) FROM receipts WHERE position BETWEEN ? AND ? AND accepted_ms < ?",
        (position(epoch.ordinal, epoch.first), position(epoch.ordinal, limit), accepted_before_ms),
    ).fetchone()[0]
    return None if key is None else place(key)[1]


def _cut(file: JournalFile, epoch: Epoch, cut: int, *, whole: bool) -> int:
    """Drop the records of an epoch up to `cut`; the epoch too if that is all there is of it."""
    key = position(epoch.ordinal, cut)
    anchor = file.db.execute("SELECT link FROM records WHERE position = ?", (key,)).fetchone()[0]
    with file.transaction():
        dropped = file.db.execute(
            "DELETE FROM records WHERE position BETWEEN ? AND ?", (position(epoch.ordinal, 0), key)
        ).rowcount
        file.db.execute(
            "DELETE FROM receipts WHERE position >= ? AND position < ?",
            (position(epoch.ordinal, 0), key + whole),
        )
        if whole:
            file.db.execute("DELETE FROM epochs WHERE ordinal = ?", (epoch.ordinal,))
        else:
            file.db.execute(
                "UPDATE epochs SET first = ?, anchor = ? WHERE ordinal = ?",
                (cut + 1, anchor, epoch.ordinal),
            )
    file.wrote(2 * dropped)  # SQLite writes zeros where they were
    return dropped


def _drop_carried_over(file: JournalFile, epoch: Epoch) -> int:
    """Drop what a closed epoch never delivered; with it the epoch, if it delivered nothing."""
    with file.transaction():
        dropped = file.db.execute(
            "DELETE FROM records WHERE position BETWEEN ? AND ?",
            (position(epoch.ordinal, epoch.acked + 1), position(epoch.ordinal, epoch.head)),
        ).rowcount
        if epoch.acked < epoch.first:
            file.db.execute("DELETE FROM epochs WHERE ordinal = ?", (epoch.ordinal,))
    return dropped
