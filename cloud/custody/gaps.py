"""What a chain misses in its midst, and what closes it again.

A terminal whose retention ended before its records were wanted continues its chain after a gap. The
link that the record after it continues is kept: it proves that record, and whatever of the missing
ones turns up after all.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from cloud.custody.alarms import clear_alarm, raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import epochs, gaps


class Hole(msgspec.Struct, frozen=True):
    """Records `first` to `last` of a chain are missing; `link` is the link at `last`."""

    first: int
    last: int
    link: bytes


def note(conn: Connection, terminal_id: int, epoch_id: int, hole: Hole) -> None:
    """Remember that records are missing, and raise the alarm."""
    conn.execute(
        insert(gaps).values(
            epoch_id=epoch_id, first_seq=hole.first, last_seq=hole.last, last_link=hole.link
        )
    )
    raise_alarm(conn, terminal_id, What.GONE, first=hole.first, last=hole.last)


def within(conn: Connection, epoch_id: int, first: int, last: int) -> Sequence[Hole]:
    """The holes that records `first` to `last` touch, the oldest first."""
    rows = conn.execute(
        select(gaps.c.first_seq, gaps.c.last_seq, gaps.c.last_link)
        .where(gaps.c.epoch_id == epoch_id, gaps.c.first_seq <= last, gaps.c.last_seq >= first)
        .order_by(gaps.c.first_seq)
    )
    return [Hole(*row) for row in rows]


def link_at(conn: Connection, epoch_id: int, seq: int) -> bytes | None:
    """The link at the end of a hole; None where none ends."""
    found: bytes | None = conn.execute(
        select(gaps.c.last_link).where(gaps.c.epoch_id == epoch_id, gaps.c.last_seq == seq)
    ).scalar()
    return found


def close(
    conn: Connection, terminal_id: int, epoch_id: int, hole: Hole, rest: Sequence[Hole]
) -> None:
    """Put what is left of a hole in its place, in the alarms too."""
    conn.execute(delete(gaps).where(gaps.c.epoch_id == epoch_id, gaps.c.first_seq == hole.first))
    same = (
        select(func.count())
        .select_from(gaps)
        .join(epochs, epochs.c.id == gaps.c.epoch_id)
        .where(epochs.c.terminal_id == terminal_id)
        .where(gaps.c.first_seq == hole.first, gaps.c.last_seq == hole.last)
    )
    if not conn.execute(same).scalar_one():
        clear_alarm(conn, terminal_id, What.GONE, first=hole.first, last=hole.last)
    for left in rest:
        note(conn, terminal_id, epoch_id, left)
