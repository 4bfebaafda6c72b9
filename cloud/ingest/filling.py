"""Records that turn up after custody went on without them: late messages, repeated ones."""

from collections.abc import Sequence

from sqlalchemy import Connection, case, select, update

from cloud.custody import gaps
from cloud.custody.gaps import Hole
from cloud.custody.tables import epochs, records
from cloud.ingest.verify import Proven


def holes_filled(
    conn: Connection, epoch_id: int, start: bytes, head: tuple[int, bytes], proven: Proven
) -> Sequence[Hole]:
    """The holes of a chain that a batch fills, wholly or in part; none when it contradicts it.

    `start` is the link before the epoch's first record, `head` the chain's last seq and its link.
    A batch fits when it continues what stands below the hole, or leads to what stands above it.
    """
    first, last = proven.batch.first, proven.last
    holes = gaps.within(conn, epoch_id, first, last)
    if not holes:
        return ()
    known = {0: start, head[0]: head[1]} | {hole.last: hole.link for hole in holes}
    rows = conn.execute(
        select(records.c.seq, records.c.link).where(
            records.c.epoch_id == epoch_id, records.c.seq.between(first - 1, last)
        )
    )
    known |= {row.seq: row.link for row in rows}
    if any(first - 1 <= seq <= last and proven.link(seq) != link for seq, link in known.items()):
        return ()
    # At either end of a hole the links speak for all that lies below; in its midst nothing does.
    proved = any(
        (first <= hole.first and hole.first - 1 in known) or last >= hole.last for hole in holes
    )
    return holes if proved else ()


def left_of(hole: Hole, proven: Proven) -> Sequence[Hole]:
    """What is missing still once the batch is there."""
    first, last = proven.batch.first, proven.last
    below = Hole(hole.first, first - 1, proven.batch.link)
    above = Hole(last + 1, hole.last, hole.link)
    return [part for part in (below, above) if part.first <= part.last]


def missed(holes: Sequence[Hole], proven: Proven) -> Sequence[int]:
    """The seqs of a batch's records that were missing."""
    first, last = proven.batch.first, proven.last
    return [
        seq for hole in holes for seq in range(max(first, hole.first), min(last, hole.last) + 1)
    ]


def interpret_from(conn: Connection, epoch_id: int, seq: int) -> None:
    """Send interpretation back to a record below its cursor."""
    behind = epochs.c.interpreted_seq > seq - 1
    conn.execute(
        update(epochs)
        .where(epochs.c.id == epoch_id)
        .values(interpreted_seq=case((behind, seq - 1), else_=epochs.c.interpreted_seq))
    )
