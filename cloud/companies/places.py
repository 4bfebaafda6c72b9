"""Divisions and sites as administrators change them, several at once. The caller commits.

A form says what it showed when it was opened. What somebody else changed since is told, and
nothing of the form is entered. Closed places keep their history; nobody is granted them anew.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from cloud import text
from cloud.companies.service import checked_workplace, lock
from cloud.companies.tables import divisions, sites
from cloud.errors import ConflictError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.stale import refuse_stale
from cloud.terminals.tables import assignments
from cloud.times import now_ms


def create_division(conn: Connection, company: int, name: str) -> int:
    """A new division of a company; its id. Raises InvalidError, ConflictError."""
    tidy = text.name(name, _("the division's name"))
    lock(conn, company)
    _refuse_division(conn, company, tidy)
    made = insert(divisions).values(company_id=company, name=tidy)
    return int(conn.execute(made.returning(divisions.c.id)).scalar_one())


def rename_division(
    conn: Connection, company: int, division: int, name: str, was: Mapping[str, str]
) -> dict[str, str]:
    """Name a division anew; what changed. `was` is what the form showed.

    Raises InvalidError, NotFoundError, ConflictError, StaleError.
    """
    tidy = text.name(name, _("the division's name"))
    lock(conn, company)
    row = division_of(conn, company, division)
    if row.name == tidy:
        return {}
    refuse_stale(was, shown_division(row))
    _refuse_division(conn, company, tidy)
    conn.execute(update(divisions).where(divisions.c.id == division).values(name=tidy))
    return {"name": tidy}


def close_division(conn: Connection, company: int, division: int, *, closed: bool = True) -> bool:
    """Close a division without open sites, or open it again; whether that changed anything.

    Raises NotFoundError, ConflictError.
    """
    lock(conn, company)
    row = division_of(conn, company, division)
    if (row.closed_ms is not None) == closed:
        return False
    standing = select(sites.c.name).where(
        sites.c.division_id == division, sites.c.closed_ms.is_(None)
    )
    if closed and (names := conn.execute(standing.order_by(sites.c.name)).scalars().all()):
        raise ConflictError(
            _("The division has open sites (%(sites)s); close them first.")
            % {"sites": ", ".join(names)}
        )
    when = now_ms() if closed else None
    conn.execute(update(divisions).where(divisions.c.id == division).values(closed_ms=when))
    return True


def create_site(
    conn: Connection, company: int, division: int, values: Mapping[str, str | None]
) -> int:
    """A new site of an open division; its id. `values` as `site_values` gives them.

    Raises NotFoundError, ConflictError.
    """
    lock(conn, company)
    if division_of(conn, company, division).closed_ms is not None:
        raise ConflictError(_("The division is closed; open it again first."))
    _refuse_site(conn, division, str(values["name"]))
    made = insert(sites).values(division_id=division, **values)
    return int(conn.execute(made.returning(sites.c.id)).scalar_one())


def change_site(
    conn: Connection,
    company: int,
    site: int,
    values: Mapping[str, str | None],
    was: Mapping[str, str],
) -> dict[str, str | None]:
    """Change a site; what changed. `values` as `site_values` gives them, `was` what was shown.

    Raises NotFoundError, ConflictError, StaleError.
    """
    lock(conn, company)
    row = site_of(conn, company, site)
    changed = {key: value for key, value in values.items() if getattr(row, key) != value}
    if not changed:
        return {}
    refuse_stale(was, shown_site(row))
    if "name" in changed:
        _refuse_site(conn, row.division_id, str(changed["name"]))
    conn.execute(update(sites).where(sites.c.id == site).values(**changed))
    return changed


def close_site(conn: Connection, company: int, site: int, *, closed: bool = True) -> bool:
    """Close a site where no terminal stands, or open it again; whether that changed anything.

    Raises NotFoundError, ConflictError.
    """
    lock(conn, company)
    row = site_of(conn, company, site)
    if (row.closed_ms is not None) == closed:
        return False
    if closed and _terminal_stands(conn, site):
        raise ConflictError(_("A terminal stands at this site; move it elsewhere first."))
    if not closed and division_of(conn, company, row.division_id).closed_ms is not None:
        raise ConflictError(_("The division is closed; open it again first."))
    when = now_ms() if closed else None
    conn.execute(update(sites).where(sites.c.id == site).values(closed_ms=when))
    return True


def site_name(name: str) -> str:
    """A site's name, tidied. Raises InvalidError."""
    return text.name(name, _("the site's name"))


def site_address(address: str) -> str | None:
    """A site's address, tidied; None when it is empty. Raises InvalidError."""
    return text.name(address, _("the site's address")) if address.strip() else None


def site_workplace(number: str) -> str | None:
    """A workplace id of Checkinatwork; None when it is empty. Raises InvalidError."""
    return checked_workplace(number) if number.strip() else None


def division_of(conn: Connection, company: int, division: int) -> Row[Any]:
    """A division of a company. Raises NotFoundError."""
    row = conn.execute(
        select(divisions).where(divisions.c.id == division, divisions.c.company_id == company)
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("There is no such division."))
    return row


def site_of(conn: Connection, company: int, site: int) -> Row[Any]:
    """A site of a company. Raises NotFoundError."""
    row = conn.execute(
        select(sites)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(sites.c.id == site, divisions.c.company_id == company)
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("There is no such site."))
    return row


def shown_division(row: Row[Any]) -> dict[str, str]:
    """What a form shows of a division."""
    return {"name": row.name}


def shown_site(row: Row[Any]) -> dict[str, str]:
    """What a form shows of a site."""
    return {
        "name": row.name,
        "address": row.address or "",
        "workplace_id": row.workplace_id or "",
    }


def _refuse_division(conn: Connection, company: int, name: str) -> None:
    query = select(divisions.c.closed_ms).where(
        divisions.c.company_id == company, divisions.c.name == name
    )
    _refuse(conn.execute(query).first(), name)


def _refuse_site(conn: Connection, division: int, name: str) -> None:
    query = select(sites.c.closed_ms).where(sites.c.division_id == division, sites.c.name == name)
    _refuse(conn.execute(query).first(), name)


def _refuse(found: Row[Any] | None, name: str) -> None:
    if found is None:
        return
    if found.closed_ms is not None:
        raise ConflictError(
            _("%(name)s exists and is closed; open it again, or choose another name.")
            % {"name": name}
        )
    raise ConflictError(_("%(name)s exists already; choose another name.") % {"name": name})


def _terminal_stands(conn: Connection, site: int) -> bool:
    now = now_ms()
    query = select(assignments.c.id).where(
        assignments.c.site_id == site, assignments.c.to_ms.is_(None) | (assignments.c.to_ms > now)
    )
    return conn.execute(query.limit(1)).first() is not None
