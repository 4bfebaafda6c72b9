"""Reading notifications: what an account is told of, what of it is read, what it wants by mail."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from cloud.notifications.kinds import Kind, sentence
from cloud.notifications.tables import (
    notification_choices,
    notification_reads,
    notifications,
)

COUNTED = 100
"""The count beside the link stops here."""


def listed(
    conn: Connection,
    account: int,
    *,
    visible: ColumnElement[bool],
    unread: bool = False,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Notifications that are `visible`, the newest first, each with its `sentence` and `read_ms`.

    The sentence is in the current language.
    """
    query = (
        select(notifications, notification_reads.c.read_ms)
        .outerjoin(notification_reads, _read_by(account))
        .where(visible)
        .order_by(notifications.c.id.desc())
        .limit(limit)
    )
    if unread:
        query = query.where(notification_reads.c.read_ms.is_(None))
    return [
        {**row, "sentence": sentence(Kind(row["kind"]), json.loads(row["detail"]))}
        for row in conn.execute(query).mappings()
    ]


def unread(conn: Connection, account: int, *, visible: ColumnElement[bool]) -> int:
    """How many notifications that still stand and are `visible` the account has not read."""
    some = (
        select(notifications.c.id)
        .outerjoin(notification_reads, _read_by(account))
        .where(visible, notifications.c.closed_ms.is_(None))
        .where(notification_reads.c.read_ms.is_(None))
        .limit(COUNTED)
        .subquery()
    )
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def by_mail(conn: Connection, account: int) -> set[Kind]:
    """The kinds an account wants by mail; none, unless it chose some."""
    rows = conn.execute(
        select(notification_choices.c.kind).where(
            notification_choices.c.account_id == account, notification_choices.c.by_mail
        )
    ).scalars()
    return {Kind(kind) for kind in rows}


def _read_by(account: int) -> ColumnElement[bool]:
    return and_(
        notification_reads.c.notification_id == notifications.c.id,
        notification_reads.c.account_id == account,
    )
