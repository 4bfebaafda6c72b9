"""What an account does with its notifications. The caller commits."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from cloud.notifications.kinds import Kind
from cloud.notifications.tables import (
    notification_choices,
    notification_reads,
    notifications,
)
from cloud.rows import insert_absent
from cloud.times import now_ms


def mark_read(
    conn: Connection, account: int, *, visible: ColumnElement[bool], number: int | None = None
) -> int:
    """Note that an account has read one that is `visible`, or all of them; how many were found."""
    query = select(notifications.c.id).where(visible)
    if number is not None:
        query = query.where(notifications.c.id == number)
    found = conn.execute(query).scalars().all()
    rows = [{"account_id": account, "notification_id": each, "read_ms": now_ms()} for each in found]
    insert_absent(conn, notification_reads, rows, ["account_id", "notification_id"])
    return len(found)


def choose(conn: Connection, account: int, kinds: Collection[Kind]) -> None:
    """Have an account be told of these kinds by mail too, and of no others."""
    conn.execute(delete(notification_choices).where(notification_choices.c.account_id == account))
    if kinds:
        rows = [{"account_id": account, "kind": kind.value, "by_mail": True} for kind in kinds]
        conn.execute(insert(notification_choices), rows)
