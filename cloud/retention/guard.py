"""Opening what refuses to lose a row: the trail, corrections and decisions.

Their triggers let rows be deleted while `erasing` has one. That row is gone before the transaction
is committed, so nobody else ever sees it: a statement that was not meant deletes nothing still.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, insert

from cloud.retention.tables import erasing


@contextmanager
def opened(conn: Connection) -> Iterator[None]:
    """Let rows be deleted in the block; the caller's transaction is to be undone if it fails."""
    made = conn.execute(insert(erasing).values({}).returning(erasing.c.id)).scalar_one()
    yield
    conn.execute(delete(erasing).where(erasing.c.id == made))
