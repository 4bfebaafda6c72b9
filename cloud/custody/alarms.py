"""Alarms: what somebody has to look at, until it is cleared."""

import logging
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from cloud.custody import saying
from cloud.custody.saying import What
from cloud.custody.tables import alarms
from cloud.times import now_ms

_log = logging.getLogger("pointeuse.alarms")


def raise_alarm(conn: Connection, terminal_id: int | None, what: What, **values: Any) -> None:
    """Add an alarm, unless the same one stands already; `terminal_id` None when it is of none.

    `values` are what stands in its sentence (`cloud.custody.saying`).
    """
    standing = conn.execute(
        select(func.count()).select_from(alarms).where(_standing(terminal_id, what, values))
    ).scalar_one()
    if not standing:
        said = saying.words(what, values, str)
        _log.warning("alarm %s at terminal %s: %s", what.kind, terminal_id, said)
        detail = saying.kept(what, values)
        conn.execute(
            insert(alarms).values(
                terminal_id=terminal_id, kind=what.kind, detail=detail, at_ms=now_ms()
            )
        )


def clear_alarm(conn: Connection, terminal_id: int | None, what: What, **values: Any) -> None:
    """Say that an alarm is over, if it stands."""
    gone = update(alarms).where(_standing(terminal_id, what, values)).values(cleared_ms=now_ms())
    conn.execute(gone)


def _standing(terminal_id: int | None, what: What, values: dict[str, Any]) -> ColumnElement[bool]:
    """The alarm while it stands, as it is kept now or was before: a sentence in English."""
    ways = (saying.kept(what, values), saying.words(what, values, str))
    return and_(
        alarms.c.terminal_id.is_not_distinct_from(terminal_id),
        alarms.c.kind == what.kind,
        alarms.c.detail.in_(ways),
        alarms.c.cleared_ms.is_(None),
    )
