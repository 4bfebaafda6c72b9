"""What custody knows of a terminal's chain: epochs, their heads, what is missing, what is wrong.

Each takes a condition for what is `visible`, such as those of `cloud.visibility.told`: a terminal
that stood elsewhere before keeps to itself what it sent from there.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, case, func, select

from cloud.custody.branches import is_attributed
from cloud.custody.tables import alarms, branches, epochs, gaps, heads, records, rejected, waiting
from cloud.rows import ALL
from cloud.terminals.tables import terminals

SHOWN = 50
"""The newest of each; a terminal that has more epochs than this has had a long life."""


def epochs_of(
    conn: Connection, terminal_id: int, *, visible: ColumnElement[bool] = ALL
) -> list[RowMapping]:
    """Its chains, the newest first, each from the first to the last record that is `visible`.

    `visible` is a condition on `records` and `epochs`. Of each its `epoch`, `ordinal`, `branch`,
    `first_seq`, `last_seq`, the last one's `link`; when the first was received, `received_ms`; up
    to where it is signed and read, `signed_seq` and `read_seq`, None for not at all; `attributed`,
    of a branch None while it is undecided.
    """
    seqs = select(records.c.seq).where(records.c.epoch_id == epochs.c.id, visible)
    first = seqs.order_by(records.c.seq).limit(1).correlate(epochs).scalar_subquery()
    last = seqs.order_by(records.c.seq.desc()).limit(1).correlate(epochs).scalar_subquery()
    ends = (
        select(epochs.c.id, first.label("first_seq"), last.label("last_seq"))
        .where(epochs.c.terminal_id == terminal_id)
        .subquery("ends")
    )
    oldest, newest = records.alias("oldest"), records.alias("newest")
    signed = (
        select(func.max(heads.c.seq))
        .where(heads.c.epoch_id == ends.c.id)
        .where(heads.c.seq.between(ends.c.first_seq, ends.c.last_seq))
        .scalar_subquery()
    )
    read = epochs.c.interpreted_seq
    query = (
        select(
            epochs.c.epoch,
            epochs.c.ordinal,
            epochs.c.branch,
            ends.c.first_seq,
            ends.c.last_seq,
            newest.c.link,
            oldest.c.received_ms,
            signed.label("signed_seq"),
            case((read > ends.c.last_seq, ends.c.last_seq), (read >= ends.c.first_seq, read)).label(
                "read_seq"
            ),
            branches.c.attributed,
        )
        .join(ends, ends.c.id == epochs.c.id)
        .join(oldest, (oldest.c.epoch_id == ends.c.id) & (oldest.c.seq == ends.c.first_seq))
        .join(newest, (newest.c.epoch_id == ends.c.id) & (newest.c.seq == ends.c.last_seq))
        .outerjoin(branches, branches.c.epoch_id == epochs.c.id)
        .order_by(epochs.c.id.desc())
        .limit(SHOWN)
    )
    return list(conn.execute(query).mappings())


def gaps_of(
    conn: Connection, terminal_id: int, *, visible: ColumnElement[bool] = ALL
) -> list[RowMapping]:
    """What its chains miss: `epoch`, `ordinal`, `first_seq` and `last_seq`.

    A gap is as `visible` as the record after it, which showed it: a condition on `records`.
    """
    after = (records.c.epoch_id == gaps.c.epoch_id) & (records.c.seq == gaps.c.last_seq + 1)
    query = (
        select(epochs.c.epoch, epochs.c.ordinal, gaps.c.first_seq, gaps.c.last_seq)
        .join(epochs, epochs.c.id == gaps.c.epoch_id)
        .outerjoin(records, after)
        .where(epochs.c.terminal_id == terminal_id, visible)
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


def standing(
    conn: Connection, terminal_id: int, *, visible: ColumnElement[bool] = ALL
) -> list[str]:
    """The kinds of its alarms that are `visible` and not cleared."""
    query = (
        select(alarms.c.kind)
        .where(alarms.c.terminal_id == terminal_id, alarms.c.cleared_ms.is_(None), visible)
        .distinct()
        .order_by(alarms.c.kind)
    )
    return [str(kind) for kind in conn.execute(query).scalars()]


def unread(
    conn: Connection, terminal_id: int, *, visible: ColumnElement[bool] = ALL
) -> dict[str, Any]:
    """`behind`: records that are to be interpreted; `waiting`: those that cannot, by reason.

    `visible` is a condition on `records` and `epochs`.
    """
    mine = epochs.c.terminal_id == terminal_id
    behind = conn.execute(
        select(func.count())
        .select_from(epochs)
        .join(records, records.c.epoch_id == epochs.c.id)
        .where(mine, is_attributed(), records.c.seq > epochs.c.interpreted_seq, visible)
    ).scalar_one()
    rows = conn.execute(
        select(waiting.c.reason, func.count())
        .select_from(waiting)
        .join(epochs, epochs.c.id == waiting.c.epoch_id)
        .join(
            records,
            (records.c.epoch_id == waiting.c.epoch_id) & (records.c.seq == waiting.c.seq),
        )
        .where(mine, visible)
        .group_by(waiting.c.reason)
        .order_by(waiting.c.reason)
    )
    return {"behind": int(behind), "waiting": {str(reason): int(n) for reason, n in rows}}


def refused(
    conn: Connection, terminal_id: int, *, visible: ColumnElement[bool] = ALL
) -> list[RowMapping]:
    """Messages in its name that were refused, by `reason`: how many, `count`, and when `last_ms`.

    `visible` is a condition on `rejected` and `terminals`. Nothing proves who sent them.
    """
    query = (
        select(
            rejected.c.reason,
            func.count().label("count"),
            func.max(rejected.c.last_ms).label("last_ms"),
        )
        .select_from(rejected)
        .join(terminals, terminals.c.device == rejected.c.device)
        .where(terminals.c.id == terminal_id, visible)
        .group_by(rejected.c.reason)
        .order_by(rejected.c.reason)
    )
    return list(conn.execute(query).mappings())
