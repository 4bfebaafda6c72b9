"""Reading what custody cannot pass on: alarms, rejected messages, records that wait; and counts."""

from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, tuple_

from cloud.custody.branches import is_attributed
from cloud.custody.tables import alarms, epochs, rejected, waiting
from cloud.registrations.tables import registrations
from cloud.terminals.tables import terminals

COUNTED = 1000
"""The headline counts stop here: one more is not looked for."""


def listed_alarms(
    conn: Connection, *, cleared: bool | None = False, before: int | None = None, limit: int
) -> list[RowMapping]:
    """Alarms, the newest first; with `cleared` None both those that stand and those cleared."""
    query = (
        select(alarms, terminals.c.device)
        .outerjoin(terminals, terminals.c.id == alarms.c.terminal_id)
        .order_by(alarms.c.id.desc())
        .limit(limit)
    )
    if cleared is not None:
        stands = alarms.c.cleared_ms.is_(None)
        query = query.where(~stands if cleared else stands)
    if before is not None:
        query = query.where(alarms.c.id < before)
    return list(conn.execute(query).mappings())


def listed_rejected(conn: Connection, *, before: int | None = None, limit: int) -> list[RowMapping]:
    """Rejected messages without their content, the last one first seen first."""
    query = (
        select(
            *(column for column in rejected.c if column.name != "message"),
            func.length(rejected.c.message).label("size"),
        )
        .order_by(rejected.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(rejected.c.id < before)
    return list(conn.execute(query).mappings())


def listed_waiting(
    conn: Connection, *, after: tuple[int, int] | None = None, limit: int
) -> list[RowMapping]:
    """Records in custody that are not understood, by (epoch id, seq)."""
    query = (
        select(waiting, epochs.c.epoch, terminals.c.device)
        .join(epochs, epochs.c.id == waiting.c.epoch_id)
        .join(terminals, terminals.c.id == epochs.c.terminal_id)
        .order_by(waiting.c.epoch_id, waiting.c.seq)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(waiting.c.epoch_id, waiting.c.seq) > tuple_(*after))
    return list(conn.execute(query).mappings())


def headline(conn: Connection) -> dict[str, dict[str, int]]:
    """How many stand, by reason: `waiting`, `rejected`, open `alarms`; up to COUNTED of each."""
    return {
        "waiting": _by(conn, select(waiting.c.reason).limit(COUNTED)),
        "rejected": _by(conn, select(rejected.c.reason).limit(COUNTED)),
        "alarms": _by(
            conn, select(alarms.c.kind).where(alarms.c.cleared_ms.is_(None)).limit(COUNTED)
        ),
    }


def totals(conn: Connection) -> dict[str, int]:
    """How much there is: `registrations`, `uninterpreted` records, `terminals`."""
    behind = func.sum(epochs.c.head_seq - epochs.c.interpreted_seq)
    counts = conn.execute(
        select(
            select(func.count()).select_from(registrations).scalar_subquery(),
            select(func.coalesce(behind, 0)).where(is_attributed()).scalar_subquery(),
            select(func.count()).select_from(terminals).scalar_subquery(),
        )
    ).one()
    names = ("registrations", "uninterpreted", "terminals")
    return {name: int(count) for name, count in zip(names, counts, strict=True)}


def _by(conn: Connection, reasons: Any) -> dict[str, int]:
    some = reasons.subquery()
    reason = some.c[0]
    rows = conn.execute(select(reason, func.count()).group_by(reason).order_by(reason))
    return {str(name): int(count) for name, count in rows}
