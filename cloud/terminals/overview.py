"""Terminals as people look at them: on lists, and one by one with where it stood when.

Of places only those that are visible are named, though the terminal stood elsewhere too.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select

from cloud.companies.tables import companies, divisions, sites
from cloud.terminals.queries import LAST_TOLD, Told, readable, told_columns
from cloud.terminals.tables import assignments, enrolments, terminals
from protocol.identity import compact

MOST = 1000
"""A list shows no more; whoever has more looks for some."""


def overview(
    conn: Connection,
    at_ms: int,
    *,
    visible: ColumnElement[bool],
    places: ColumnElement[bool],
    told: Told = LAST_TOLD,
    active: bool,
    words: str = "",
    site: int | None = None,
) -> list[dict[str, Any]]:
    """Terminals that are `visible`, of the active or the other list, with where each stands.

    `places` is a condition on sites, `told` what is shown of what each told. `words` is found in
    names and device numbers.
    """
    query = (
        select(
            terminals.c.id,
            terminals.c.device,
            terminals.c.name,
            terminals.c.status,
            *told_columns(told),
            companies.c.name.label("company"),
            divisions.c.name.label("division"),
            sites.c.name.label("site"),
        )
        .outerjoin(
            assignments,
            and_(
                assignments.c.terminal_id == terminals.c.id,
                assignments.c.from_ms <= at_ms,
                or_(assignments.c.to_ms > at_ms, assignments.c.to_ms.is_(None)),
            ),
        )
        .outerjoin(sites, and_(sites.c.id == assignments.c.site_id, places))
        .outerjoin(divisions, divisions.c.id == sites.c.division_id)
        .outerjoin(companies, companies.c.id == divisions.c.company_id)
        .where(visible, (terminals.c.status == "active") == active)
        .order_by(companies.c.name, divisions.c.name, sites.c.name, terminals.c.device)
        .limit(MOST)
    )
    if words.strip():
        name = func.lower(terminals.c.name).contains(words.strip().lower(), autoescape=True)
        number = compact(words.strip().upper()).replace(" ", "")
        query = query.where(or_(name, terminals.c.device.contains(number, autoescape=True)))
    if site is not None:
        query = query.where(sites.c.id == site)
    return [readable(dict(row)) for row in conn.execute(query).mappings()]


def one(
    conn: Connection, terminal_id: int, *, visible: ColumnElement[bool], told: Told = LAST_TOLD
) -> dict[str, Any] | None:
    """A terminal that is `visible`: its row; `requested_ms`, when its request was taken.

    `told` is what is shown of what it told last.
    """
    columns = [
        column for column in terminals.c if column.name not in ("last_seen_ms", "last_status")
    ]
    query = (
        select(*columns, *told_columns(told), enrolments.c.at_ms.label("requested_ms"))
        .outerjoin(enrolments, enrolments.c.terminal_id == terminals.c.id)
        .where(terminals.c.id == terminal_id, visible)
    )
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else readable(dict(row))


def places_of(
    conn: Connection, terminal_id: int, *, places: ColumnElement[bool]
) -> list[RowMapping]:
    """Where a terminal stood and stands, the newest first; only places that are visible."""
    query = (
        select(
            assignments.c.from_ms,
            assignments.c.to_ms,
            sites.c.id.label("site_id"),
            sites.c.name.label("site"),
            divisions.c.name.label("division"),
            companies.c.name.label("company"),
        )
        .join(sites, sites.c.id == assignments.c.site_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .join(companies, companies.c.id == divisions.c.company_id)
        .where(assignments.c.terminal_id == terminal_id, places)
        .order_by(assignments.c.from_ms.desc())
    )
    return list(conn.execute(query).mappings())


def devices(conn: Connection, numbers: Collection[int]) -> dict[int, str]:
    """The compact device numbers of terminals, by id."""
    query = select(terminals.c.id, terminals.c.device).where(terminals.c.id.in_(numbers))
    return {int(number): str(device) for number, device in conn.execute(query)}
