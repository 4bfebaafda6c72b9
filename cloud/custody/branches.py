"""Branches: chains that contradict the first one of their epoch, and what a person decides.

A branch is kept and receipted like any chain. Whether its taps are somebody's working time, only a
person can tell: one of two terminals that share a key may be a copy that nobody meant to use.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, or_, select, update

from cloud.custody.alarms import clear_alarm, raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import branches, epochs
from cloud.errors import ConflictError, NotFoundError
from cloud.times import now_ms


def alarm(conn: Connection, terminal_id: int, epoch: bytes, branch: int, first: int) -> None:
    """Raise the alarm of a branch, which stands until somebody decides about it."""
    raise_alarm(conn, terminal_id, What.COPY, **_alarmed(epoch, branch, first))


def is_attributed() -> ColumnElement[bool]:
    """Whether a row of `epochs` is registered: the first chain, or a branch attributed since."""
    chosen = select(branches.c.epoch_id).where(branches.c.attributed)
    return or_(epochs.c.branch == 0, epochs.c.id.in_(chosen))


def listed(conn: Connection, terminal_id: int) -> list[RowMapping]:
    """The branches of a terminal, the oldest first; `attributed` is None until one decides."""
    query = (
        select(epochs, branches.c.attributed, branches.c.resolved_ms)
        .outerjoin(branches, branches.c.epoch_id == epochs.c.id)
        .where(epochs.c.terminal_id == terminal_id, epochs.c.branch > 0)
        .order_by(epochs.c.id)
    )
    return list(conn.execute(query).mappings())


def resolve(
    conn: Connection, terminal_id: int, epoch: str, branch: int, *, attribute: bool
) -> bool:
    """Have a branch registered, or not; its alarm is cleared. Whether anything changed.

    `epoch` is its number, or the first digits of its name. Raises NotFoundError, and ConflictError
    when the registrations of an attributed branch would have to go.
    """
    found = _found(conn, terminal_id, epoch, branch)
    if found["attributed"] == attribute:
        return False
    if found["attributed"]:
        raise ConflictError(
            f"branch {branch} of epoch {epoch} is attributed: its registrations stay; delete none,"
            " correct them where they are used"
        )
    values: dict[str, Any] = {"attributed": attribute, "resolved_ms": now_ms()}
    same = branches.c.epoch_id == found["id"]
    if found["attributed"] is None:
        conn.execute(insert(branches).values(epoch_id=found["id"], **values))
    else:
        conn.execute(update(branches).where(same).values(**values))
    alarmed = _alarmed(found["epoch"], branch, found["first_seq"])
    clear_alarm(conn, terminal_id, What.COPY, **alarmed)
    return True


def _alarmed(epoch: bytes, branch: int, first: int) -> dict[str, Any]:
    return {"epoch": epoch.hex()[:8], "branch": branch, "first": first}


def _found(conn: Connection, terminal_id: int, epoch: str, branch: int) -> RowMapping:
    rows = [row for row in listed(conn, terminal_id) if row["branch"] == branch]
    by_number = [row for row in rows if str(row["ordinal"]) == epoch]
    named = by_number or [
        row for row in rows if len(epoch) >= 8 and row["epoch"].hex().startswith(epoch.lower())
    ]
    if not named:
        raise NotFoundError(
            f"the terminal has no branch {branch} in epoch {epoch}: see"
            " `pointeuse cloud terminal branches`"
        )
    if len(named) > 1:
        raise ConflictError(
            f"{len(named)} epochs are called {epoch}: name the one by its hexadecimal digits"
        )
    return named[0]
