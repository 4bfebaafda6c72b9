"""Looking back through what a terminal wrote, page by page."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from cloud.custody.branches import is_attributed
from cloud.custody.tables import epochs, records
from protocol.bodies import Body
from protocol.errors import MalformedError

_PAGE = 500
_BEYOND = 2**62


def epoch_ids(conn: Connection, terminal_id: int) -> list[tuple[int, bytes]]:
    """The epochs of a terminal that are registered, newest first: id and epoch."""
    rows = conn.execute(
        select(epochs.c.id, epochs.c.epoch)
        .where(epochs.c.terminal_id == terminal_id, is_attributed())
        .order_by(epochs.c.id.desc())
    )
    return [(row.id, row.epoch) for row in rows]


def bodies(
    conn: Connection, epoch_id: int, before: int = _BEYOND, *, bare: bool = False
) -> Iterator[Body]:
    """The bodies of an epoch before seq `before`, newest first, but for those nobody can read.

    `bare`: only those of records without a blob.
    """
    while True:
        query = (
            select(records.c.seq, records.c.body)
            .where(records.c.epoch_id == epoch_id, records.c.seq < before)
            .order_by(records.c.seq.desc())
            .limit(_PAGE)
        )
        rows = conn.execute(query.where(records.c.blob.is_(None)) if bare else query).all()
        for row in rows:
            try:
                yield Body.decode(row.body)
            except MalformedError:
                continue
        if len(rows) < _PAGE:
            return
        before = rows[-1].seq
