"""What custody knows of a terminal's chain: epochs, their heads, what is missing, what is wrong."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from cloud.custody.tables import alarms, branches, epochs, gaps, heads, waiting
from cloud.rows import ALL

SHOWN = 50
"""The newest of each; a terminal that has more epochs than this has had a long life."""


def epochs_of(conn: Connection, terminal_id: int) -> list[RowMapping]:
    """Its chains, the newest first: rows of `epochs`, `signed_seq` and `attributed`.

    `signed_seq` is the last seq under a signed head; `attributed` of a branch None: undecided.
    """
    signed = select(func.max(heads.c.seq)).where(heads.c.epoch_id == epochs.c.id).scalar_subquery()
    query = (
        select(epochs, signed.label("signed_seq"), branches.c.attributed)
        .outerjoin(branches, branches.c.epoch_id == epochs.c.id)
        .where(epochs.c.terminal_id == terminal_id)
        .order_by(epochs.c.id.desc())
        .limit(SHOWN)
    )
    return list(conn.execute(query).mappings())


def gaps_of(conn: Connection, terminal_id: int) -> list[RowMapping]:
    """What its chains miss: `epoch`, `ordinal`, `first_seq` and `last_seq`."""
    query = (
        select(epochs.c.epoch, epochs.c.ordinal, gaps.c.first_seq, gaps.c.last_seq)
        .join(epochs, epochs.c.id == gaps.c.epoch_id)
        .where(epochs.c.terminal_id == terminal_id)
        .order_by(gaps.c.epoch_id.desc(), gaps.c.first_seq)
        .limit(SHOWN)
    )
    return list(conn.execute(query).mappings())


def alarms_of(
    conn: Connection, terminal_id: int, *, visible: ColumnElement[bool] = ALL
) -> list[RowMapping]:
    """Its alarms that are `visible`, the newest first, cleared ones too."""
    query = (
        select(alarms)
        .where(alarms.c.terminal_id == terminal_id, visible)
        .order_by(alarms.c.id.desc())
        .limit(SHOWN)
    )
    return list(conn.execute(query).mappings())


def unread(conn: Connection, terminal_id: int) -> dict[str, Any]:
    """`behind`: records that are to be interpreted; `waiting`: those that cannot, by reason."""
    behind = conn.execute(
        select(func.sum(epochs.c.head_seq - epochs.c.interpreted_seq)).where(
            epochs.c.terminal_id == terminal_id, epochs.c.branch == 0
        )
    ).scalar()
    rows = conn.execute(
        select(waiting.c.reason, func.count())
        .join(epochs, epochs.c.id == waiting.c.epoch_id)
        .where(epochs.c.terminal_id == terminal_id)
        .group_by(waiting.c.reason)
        .order_by(waiting.c.reason)
    )
    return {"behind": int(behind or 0), "waiting": {str(reason): int(n) for reason, n in rows}}
