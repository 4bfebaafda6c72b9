"""Which records are to be interpreted next: a few of many epochs at once, or many of one."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Row, select

from cloud.bulk import update_rows
from cloud.custody.branches import is_attributed
from cloud.custody.tables import epochs, records
from cloud.rows import among
from cloud.terminals.tables import terminals

_EPOCHS = 512
"""Epochs in one turn at most."""


class Epoch(msgspec.Struct, frozen=True):
    """An epoch with records beyond its cursor."""

    id: int
    terminal_id: int
    status: str
    interpreted_seq: int
    head_seq: int
    terminal: bytes
    epoch: bytes
    branch: int

    @property
    def behind(self) -> int:
        """How many records wait."""
        return self.head_seq - self.interpreted_seq


Record = Row[int, int, bytes, bytes | None, int]
"""Epoch id, seq, body, blob and moment of receipt."""


def behind(conn: Connection) -> list[Epoch]:
    """Epochs with records beyond their cursors, of those that are attributed."""
    rows = conn.execute(
        select(
            epochs.c.id,
            epochs.c.terminal_id,
            terminals.c.status,
            epochs.c.interpreted_seq,
            epochs.c.head_seq,
            terminals.c.thumbprint,
            epochs.c.epoch,
            epochs.c.branch,
        )
        .join(terminals, terminals.c.id == epochs.c.terminal_id)
        .where(is_attributed(), epochs.c.interpreted_seq < epochs.c.head_seq)
        # The least behind first: a backlog being drained makes nobody else wait.
        .order_by(epochs.c.head_seq - epochs.c.interpreted_seq)
        .limit(_EPOCHS)
    )
    return [Epoch(*row) for row in rows.all()]


def lot(waiting: Sequence[Epoch], limit: int) -> Sequence[Epoch]:
    """The first of them, as many as have `limit` records between them; at least one.

    Of one terminal no more than one: what an epoch says may change what the next one is.
    """
    chosen: list[Epoch] = []
    seen: set[int] = set()
    left = limit
    for epoch in waiting:
        if chosen and (epoch.behind > left or epoch.terminal_id in seen):
            break
        chosen.append(epoch)
        seen.add(epoch.terminal_id)
        left -= epoch.behind
    return chosen


def read(conn: Connection, chosen: Sequence[Epoch], limit: int) -> Mapping[int, list[Record]]:
    """The records beyond the cursors, by epoch id, in the order of their seqs; about `limit`."""
    found: dict[int, list[Record]] = {epoch.id: [] for epoch in chosen}
    query = select(
        records.c.epoch_id,
        records.c.seq,
        records.c.body,
        records.c.blob,
        records.c.received_ms,
    ).order_by(records.c.epoch_id, records.c.seq)
    if len(chosen) == 1:
        (epoch,) = chosen
        here = (records.c.epoch_id == epoch.id) & (records.c.seq > epoch.interpreted_seq)
        query = query.where(here).limit(limit)
    else:
        # They were chosen to have `limit` between them; a few may have come since.
        query = query.join(epochs, epochs.c.id == records.c.epoch_id).where(
            among(conn, epochs.c.id, sorted(found)), records.c.seq > epochs.c.interpreted_seq
        )
    for row in conn.execute(query).all():
        found[row.epoch_id].append(row)
    return found


def pass_by(conn: Connection, done: Sequence[tuple[Epoch, int]]) -> None:
    """Move the cursors of epochs to seqs; one that was sent back meanwhile is left there.

    In the order of ids, as custody locks them.
    """
    if not done:
        return
    ids = sorted(epoch.id for epoch, _ in done)
    conn.execute(
        select(epochs.c.id)
        .where(among(conn, epochs.c.id, ids))
        .order_by(epochs.c.id)
        .with_for_update()
    )
    update_rows(
        conn,
        epochs,
        ("id", "interpreted_seq"),
        ("interpreted_seq",),
        [(epoch.id, epoch.interpreted_seq, seq) for epoch, seq in done],
    )
