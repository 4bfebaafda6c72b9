"""Finding terminals, and where they stood when."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, or_, select

from cloud.companies.tables import companies, divisions, sites
from cloud.errors import InvalidError, NotFoundError
from cloud.rows import ALL
from cloud.terminals.tables import assignments, terminals
from cloud.times import now_ms, rfc3339
from protocol.identity import group, parse_device_number

Told = tuple[ColumnElement[int | None], ColumnElement[str | None]]
"""When a terminal was heard of last, and what it said then as JSON; None for what is not shown."""
LAST_TOLD: Told = (terminals.c.last_seen_ms, terminals.c.last_status)


def terminal_id(conn: Connection, device: str, *, visible: ColumnElement[bool] = ALL) -> int:
    """The id of a terminal that is `visible`, by its device number as people write it.

    Raises InvalidError, NotFoundError.
    """
    try:
        number = parse_device_number(device)
    except ValueError as error:
        raise InvalidError(str(error)) from None
    query = select(terminals.c.id).where(terminals.c.device == number, visible)
    found = conn.execute(query).scalar()
    if found is None:
        raise NotFoundError(
            f"there is no terminal {group(number)}; register it with `pointeuse cloud terminal add`"
        )
    return int(found)


def is_known(conn: Connection, device: str) -> bool:
    """Whether a terminal has a device number. Raises InvalidError."""
    try:
        terminal_id(conn, device)
    except NotFoundError:
        return False
    return True


def site_at(conn: Connection, terminal_id: int, at_ms: int) -> int | None:
    """The site a terminal was assigned to at a moment."""
    found = conn.execute(
        select(assignments.c.site_id).where(
            assignments.c.terminal_id == terminal_id, _in_force(at_ms)
        )
    ).scalar()
    return None if found is None else int(found)


def owners_at(conn: Connection, terminal_ids: Sequence[int], at_ms: int) -> list[tuple[int, int]]:
    """Terminals that stand at a site at a moment, each with the company whose it is."""
    query = (
        select(assignments.c.terminal_id, divisions.c.company_id)
        .join(sites, sites.c.id == assignments.c.site_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(assignments.c.terminal_id.in_(terminal_ids), _in_force(at_ms))
        .order_by(assignments.c.terminal_id)
    )
    return [(terminal, company) for terminal, company in conn.execute(query)]


def told_columns(told: Told) -> list[ColumnElement[Any]]:
    """The columns `last_seen_ms` and `last_status`, as far as they are shown."""
    seen_ms, status = told
    return [seen_ms.label("last_seen_ms"), status.label("last_status")]


def owner_at(conn: Connection, terminal_id: int, at_ms: int) -> int | None:
    """The company at one of whose sites a terminal stands at a moment."""
    found = owners_at(conn, [terminal_id], at_ms)
    return found[0][1] if found else None


def listed(
    conn: Connection,
    *,
    visible: ColumnElement[bool] = ALL,
    places: ColumnElement[bool] = ALL,
    told: Told = LAST_TOLD,
    after: int = 0,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Terminals that are `visible`, with an id above `after`, by id, with where each stands now.

    `places`, a condition on sites, says which are named; `told` what is shown of what each told.
    """
    query = _with_place(now_ms(), places, told).where(visible, terminals.c.id > after).limit(limit)
    rows = conn.execute(query)
    return [readable(dict(row)) for row in rows.mappings()]


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A terminal of `listed` in the words of the API. Times are in Brussels."""
    same = ("id", "device", "name", "status", "company", "division", "site")
    return {name: row[name] for name in same} | {
        "assigned_at": _told(row["since_ms"]),
        "last_seen_at": _told(row["last_seen_ms"]),
        "said": row["last_status"],
    }


def _told(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _with_place(at_ms: int, places: ColumnElement[bool], told: Told) -> Select[Any]:
    return (
        select(
            terminals.c.id,
            terminals.c.device,
            terminals.c.name,
            terminals.c.status,
            *told_columns(told),
            companies.c.name.label("company"),
            divisions.c.name.label("division"),
            sites.c.name.label("site"),
            case((sites.c.id.is_not(None), assignments.c.from_ms)).label("since_ms"),
        )
        .select_from(terminals)
        .outerjoin(assignments, (assignments.c.terminal_id == terminals.c.id) & _in_force(at_ms))
        .outerjoin(sites, and_(sites.c.id == assignments.c.site_id, places))
        .outerjoin(divisions, divisions.c.id == sites.c.division_id)
        .outerjoin(companies, companies.c.id == divisions.c.company_id)
        .order_by(terminals.c.id)
    )


def _in_force(at_ms: int) -> ColumnElement[bool]:
    return and_(
        assignments.c.from_ms <= at_ms,
        or_(assignments.c.to_ms > at_ms, assignments.c.to_ms.is_(None)),
    )


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """`last_status` read from JSON; an object, whatever the terminal sent."""
    try:
        found = json.loads(row["last_status"] or "{}")
    except ValueError:
        found = {}
    row["last_status"] = found if isinstance(found, dict) else {}
    return row
