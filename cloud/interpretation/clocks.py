"""Clock records that were read already, for taps that stand after them.

A tap is corrected when a clock record after it is met. But the records of a journal that was
damaged are carried over when there is time for it, and by then the clock may be set: nothing in the
same boot may follow them that says so.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from cloud.custody.tables import clocks
from cloud.interpretation import times
from cloud.rows import insert_absent
from protocol.bodies import Body, Sync, Time


def note(conn: Connection, epoch_id: int, seq: int, clock: Body) -> None:
    """Remember a clock record that stands, or is carried, at `seq`."""
    time = clock.time
    row = {
        "epoch_id": epoch_id,
        "seq": seq,
        "boot": time.boot,
        "boottime_ms": time.boottime_ms,
        "wall_ms": time.wall_ms,
        "sync": int(time.sync),
        "bound_ms": time.bound_ms,
    }
    insert_absent(conn, clocks, [row], ["epoch_id", "seq"])


class Clocks:
    """The clock records before a seq of an epoch, of the boots in which some times were told."""

    def __init__(self, conn: Connection, epoch_id: int, before: int, told: Iterable[Time]) -> None:
        """Reads nothing when every clock was set that `told` one of the times."""
        self._of_boot: dict[bytes, Time] = {}
        boots = {time.boot for time in told if time.sync is Sync.UNSET}
        if not boots:
            return
        rows = conn.execute(
            select(clocks)
            .where(clocks.c.epoch_id == epoch_id, clocks.c.seq < before, clocks.c.boot.in_(boots))
            # Of those that say most, the last one is kept.
            .order_by(clocks.c.sync, clocks.c.seq)
        )
        for row in rows:
            time = Time(row.wall_ms, row.boot, row.boottime_ms, Sync(row.sync), row.bound_ms)
            self._of_boot[row.boot] = time

    def of(self, told: Time) -> Time | None:
        """The record that corrects a time told by a clock that was not set, if there is one."""
        clock = self._of_boot.get(told.boot) if told.sync is Sync.UNSET else None
        return clock if clock is not None and times.corrected(told, clock) else None
