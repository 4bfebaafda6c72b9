"""What a terminal's page counts: taps by the hour and by the day."""

from sqlalchemy import ColumnElement, Connection, func, select

from cloud.registrations.tables import registrations
from cloud.rows import ALL
from cloud.times import local

HOUR_MS = 3_600_000


def taps_by_hour(
    conn: Connection,
    terminal_id: int,
    since_ms: int,
    until_ms: int,
    *,
    visible: ColumnElement[bool] = ALL,
) -> dict[int, int]:
    """How many registrations that are `visible` were made in each hour, by its first millisecond.

    Hours without any are left out.
    """
    hour = registrations.c.tapped_ms - registrations.c.tapped_ms % HOUR_MS
    rows = conn.execute(
        select(hour, func.count())
        .where(
            registrations.c.terminal_id == terminal_id,
            registrations.c.tapped_ms >= since_ms,
            registrations.c.tapped_ms < until_ms,
            visible,
        )
        .group_by(hour)
        .order_by(hour)
    )
    return {int(at_ms): int(count) for at_ms, count in rows}


def by_day(by_hour: dict[int, int]) -> dict[str, int]:
    """The same by the day in Brussels, whose offset is of whole hours: 2026-03-01."""
    found: dict[str, int] = {}
    for at_ms, count in by_hour.items():
        day = local(at_ms).date().isoformat()
        found[day] = found.get(day, 0) + count
    return found
