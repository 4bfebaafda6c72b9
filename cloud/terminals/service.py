"""Registering terminals, and saying where they stand from when on. The caller commits.

Assignments of a terminal are a line of time cut into pieces that never overlap. A new one holds
from its start until the next begins; the one it starts in is cut short. One entered late thus takes
its place between the others, and the registrations it concerns are attributed again.
"""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from cloud import text, times
from cloud.companies import service as companies
from cloud.companies.tables import divisions, sites
from cloud.errors import ConflictError, InvalidError
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.registrations import reattribution
from cloud.rows import insert_absent
from cloud.terminals.tables import assignments, terminals
from protocol.identity import compact, device_number, group
from protocol.keys import VerifyKey

STATUSES = ("active", "inactive", "revoked", "banned")


def register(conn: Connection, key: VerifyKey, name: str | None = None) -> int:
    """Register a terminal by its identity key; its id. Again: the same id, and the new name if any.

    Raises ConflictError when another key has the same device number (one chance in 10^15 for two).
    """
    tidy = None if name is None else text.name(name, _("the terminal's name"))
    device = compact(device_number(key.thumbprint))
    row = {
        "thumbprint": key.thumbprint,
        "device": device,
        "public_key": key.to_cose(),
        "name": tidy,
        "created_ms": times.now_ms(),
    }
    insert_absent(conn, terminals, [row], ["device"])
    found = conn.execute(
        select(terminals.c.id, terminals.c.thumbprint).where(terminals.c.device == device)
    ).one()
    if found.thumbprint != key.thumbprint:
        raise ConflictError(
            _(
                "device number %(device)s belongs to another key already; make the new terminal"
                " another identity"
            )
            % {"device": group(device)}
        )
    if tidy is not None:
        conn.execute(update(terminals).where(terminals.c.id == found.id).values(name=tidy))
    return int(found.id)


def set_status(conn: Connection, terminal_id: int, status: str) -> None:
    """Make a terminal active, inactive, revoked or banned. Raises InvalidError for another word."""
    if status not in STATUSES:
        raise InvalidError(f"{status!r} is no status of a terminal; use {', '.join(STATUSES)}")
    conn.execute(update(terminals).where(terminals.c.id == terminal_id).values(status=status))


def assign(
    conn: Connection, terminal_id: int, site_id: int, from_ms: int, to_ms: int | None = None
) -> None:
    """Assign a terminal to a site from `from_ms` on, until `to_ms` or else until the next begins.

    An assignment that starts at the same moment is replaced. With `to_ms`, only a piece without an
    end may be cut: raises ConflictError when a dated one is in the way, or when the site closed
    before the end, InvalidError when the period is empty.
    """
    if to_ms is not None and to_ms <= from_ms:
        raise InvalidError(
            _("the assignment would end (%(end)s) before it begins (%(begin)s); give a later end")
            % {"end": formats.moment(to_ms), "begin": formats.moment(from_ms)}
        )
    _lock_company_of(conn, site_id)
    _lock(conn, terminal_id)
    mine = assignments.c.terminal_id == terminal_id
    around = conn.execute(
        select(assignments)
        .where(mine, assignments.c.from_ms <= from_ms)
        .order_by(assignments.c.from_ms.desc())
        .limit(1)
    ).one_or_none()
    if around is not None and around.to_ms is not None and around.to_ms <= from_ms:
        around = None
    following = conn.execute(
        select(func.min(assignments.c.from_ms)).where(mine, assignments.c.from_ms > from_ms)
    ).scalar()
    if around is not None and _is(around, site_id, from_ms, to_ms):
        return
    if to_ms is None:
        to_ms = following if around is None else around.to_ms
    else:
        _refuse_overlap(around, following, to_ms)
    _refuse_closed(conn, site_id, to_ms)
    if around is not None and around.from_ms == from_ms:
        conn.execute(delete(assignments).where(assignments.c.id == around.id))
    elif around is not None:
        conn.execute(update(assignments).where(assignments.c.id == around.id).values(to_ms=from_ms))
    conn.execute(
        insert(assignments).values(
            terminal_id=terminal_id, site_id=site_id, from_ms=from_ms, to_ms=to_ms
        )
    )
    reattribution.request(
        conn, terminal_id=terminal_id, from_ms=from_ms, why=mark("the terminal was assigned")
    )


def release(conn: Connection, terminal_id: int, at_ms: int) -> None:
    """End the assignment in force at `at_ms`. Raises ConflictError when there is none."""
    _lock(conn, terminal_id)
    ended = conn.execute(
        update(assignments)
        .where(
            assignments.c.terminal_id == terminal_id,
            assignments.c.from_ms < at_ms,
            (assignments.c.to_ms > at_ms) | assignments.c.to_ms.is_(None),
        )
        .values(to_ms=at_ms)
    )
    if ended.rowcount == 0:
        raise ConflictError(
            _("the terminal is assigned to no site before %(when)s that could end then")
            % {"when": formats.moment(at_ms)}
        )
    why = mark("the terminal's assignment was ended")
    reattribution.request(conn, terminal_id=terminal_id, from_ms=at_ms, why=why)


def _lock_company_of(conn: Connection, site_id: int) -> None:
    """Nobody closes the site meanwhile, where no terminal stands yet."""
    query = (
        select(divisions.c.company_id)
        .join(sites, sites.c.division_id == divisions.c.id)
        .where(sites.c.id == site_id)
    )
    companies.lock(conn, conn.execute(query).scalar_one())


def _lock(conn: Connection, terminal_id: int) -> None:
    """Two assignments of one terminal are entered one after the other, or they could overlap."""
    conn.execute(select(terminals.c.id).where(terminals.c.id == terminal_id).with_for_update())


def _is(row: Row[Any], site_id: int, from_ms: int, to_ms: int | None) -> bool:
    """Whether `row` says already what is being said."""
    return (row.site_id, row.from_ms) == (site_id, from_ms) and to_ms in (None, row.to_ms)


def _refuse_overlap(around: Row[Any] | None, following: int | None, to_ms: int) -> None:
    if around is not None and around.to_ms is not None:
        raise ConflictError(
            _(
                "the terminal is assigned from %(begin)s to %(end)s already; give a period outside"
                " it"
            )
            % {"begin": formats.moment(around.from_ms), "end": formats.moment(around.to_ms)}
        )
    if following is not None and following < to_ms:
        raise ConflictError(
            _(
                "the terminal is assigned from %(begin)s on already; end the new period then, not"
                " at %(end)s"
            )
            % {"begin": formats.moment(following), "end": formats.moment(to_ms)}
        )


def _refuse_closed(conn: Connection, site_id: int, to_ms: int | None) -> None:
    """What stood at a site before it closed can still be entered."""
    closed_ms = conn.execute(select(sites.c.closed_ms).where(sites.c.id == site_id)).scalar()
    if closed_ms is not None and (to_ms is None or to_ms > closed_ms):
        raise ConflictError(
            _("the site closed at %(when)s; give an end before that, or open it again first")
            % {"when": formats.moment(closed_ms)}
        )
