"""Alarms: what somebody has to look at, until it is cleared."""

import logging

from sqlalchemy import Connection, func, insert, select

from cloud.custody.tables import alarms
from cloud.times import now_ms

_log = logging.getLogger("pointeuse.alarms")


def raise_alarm(conn: Connection, terminal_id: int | None, kind: str, detail: str) -> None:
    """Add an alarm, unless the same one stands already; `terminal_id` None when it is of none."""
    standing = conn.execute(
        select(func.count())
        .select_from(alarms)
        .where(
            alarms.c.terminal_id.is_not_distinct_from(terminal_id),
            alarms.c.kind == kind,
            alarms.c.detail == detail,
            alarms.c.cleared_ms.is_(None),
        )
    ).scalar_one()
    if not standing:
        _log.warning("alarm %s at terminal %s: %s", kind, terminal_id, detail)
        conn.execute(
            insert(alarms).values(terminal_id=terminal_id, kind=kind, detail=detail, at_ms=now_ms())
        )
