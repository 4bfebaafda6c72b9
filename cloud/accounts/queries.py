"""Reading accounts, and who has access to what."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from cloud.accounts.tables import accounts, grants, invitations, memberships
from cloud.companies.tables import companies, divisions, sites
from cloud.times import now_ms


def listed(conn: Connection, *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """Accounts with an id above `after`, by id; of the password only whether there is one."""
    rows = conn.execute(
        select(
            accounts.c.id,
            accounts.c.email,
            accounts.c.name,
            accounts.c.language,
            accounts.c.password.is_not(None).label("can_log_in"),
            accounts.c.disabled_ms.is_not(None).label("disabled"),
        )
        .where(accounts.c.id > after)
        .order_by(accounts.c.id)
        .limit(limit)
    )
    return [dict(row) for row in rows.mappings()]


def companies_of(conn: Connection, account: int) -> list[dict[str, Any]]:
    """The companies an account may switch to, by name, each with its role there."""
    rows = conn.execute(
        select(
            companies.c.id,
            companies.c.name,
            companies.c.vat,
            memberships.c.role,
            memberships.c.external,
        )
        .join(memberships, memberships.c.company_id == companies.c.id)
        .where(memberships.c.account_id == account)
        .order_by(companies.c.name, companies.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def members(conn: Connection, company: int) -> list[dict[str, Any]]:
    """Who has access to a company, by name, and which divisions and sites are granted to each."""
    granted: dict[int, list[str]] = {}
    places = conn.execute(
        select(grants.c.membership_id, divisions.c.name, sites.c.name)
        .join(memberships, memberships.c.id == grants.c.membership_id)
        .outerjoin(sites, sites.c.id == grants.c.site_id)
        .outerjoin(divisions, divisions.c.id.in_((grants.c.division_id, sites.c.division_id)))
        .where(memberships.c.company_id == company)
    )
    for membership_id, division, site in places:
        place = division if site is None else f"{division} / {site}"
        granted.setdefault(membership_id, []).append(place)
    rows = conn.execute(
        select(
            memberships.c.id,
            accounts.c.email,
            accounts.c.name,
            memberships.c.role,
            memberships.c.external,
        )
        .join(accounts, accounts.c.id == memberships.c.account_id)
        .where(memberships.c.company_id == company)
        .order_by(accounts.c.name, accounts.c.id)
    )
    return [{**row, "granted": sorted(granted.get(row["id"], []))} for row in rows.mappings()]


def open_invitations(conn: Connection, company: int) -> list[dict[str, Any]]:
    """Invitations of a company that can still be accepted, by address."""
    rows = conn.execute(
        select(
            invitations.c.id,
            invitations.c.email,
            invitations.c.role,
            invitations.c.external,
            invitations.c.expires_ms,
        )
        .where(
            invitations.c.company_id == company,
            invitations.c.closed_ms.is_(None),
            invitations.c.expires_ms > now_ms(),
        )
        .order_by(invitations.c.email)
    )
    return [dict(row) for row in rows.mappings()]


def email_of(conn: Connection, account: int) -> str:
    """The address of an account."""
    found = conn.execute(select(accounts.c.email).where(accounts.c.id == account)).scalar_one()
    return str(found)


def place_names(
    conn: Connection, division_ids: Iterable[int], site_ids: Iterable[int]
) -> list[str]:
    """`Division` and `Division / Site` for ids, in order."""
    whole = select(divisions.c.name).where(divisions.c.id.in_(sorted(division_ids)))
    some = (
        select(divisions.c.name, sites.c.name)
        .join(sites, sites.c.division_id == divisions.c.id)
        .where(sites.c.id.in_(sorted(site_ids)))
    )
    names = [row[0] for row in conn.execute(whole)]
    return sorted(names + [f"{row[0]} / {row[1]}" for row in conn.execute(some)])
