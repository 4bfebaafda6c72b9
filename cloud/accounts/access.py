"""Giving and taking access to a company. The caller commits, and checks who may.

A company keeps one administrator at least (`cloud.accounts.administrators`). Someone external sees
only the sites granted, so the roles that reach everything are not for them.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from cloud.accounts import administrators
from cloud.accounts.roles import Role
from cloud.accounts.tables import grants, memberships
from cloud.companies.service import lock
from cloud.companies.tables import companies, divisions, sites
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.times import now_ms


def membership(conn: Connection, account: int, company: int) -> Row[Any] | None:
    """The part an account has in a company."""
    return conn.execute(
        select(memberships).where(
            memberships.c.account_id == account, memberships.c.company_id == company
        )
    ).one_or_none()


def put_membership(
    conn: Connection, account: int, company: int, role: str, *, external: bool = False
) -> int:
    """Give an account a role in a company, or another one than it has; the membership's id.

    Raises InvalidError for what is no role, NotFoundError for a private company, ConflictError
    when it would leave the company without an administrator.
    """
    found = check_role(role, external=external)
    registered = select(companies.c.id).where(
        companies.c.id == company, companies.c.private.is_(False)
    )
    if conn.execute(registered).scalar() is None:
        raise NotFoundError(_("there is no such company to have access to"))
    lock(conn, company)
    known = membership(conn, account, company)
    values = {"role": found.value, "external": external}
    if known is None:
        made = insert(memberships).values(
            account_id=account, company_id=company, created_ms=now_ms(), **values
        )
        return int(conn.execute(made.returning(memberships.c.id)).scalar_one())
    if known.role == Role.ADMINISTRATOR and found is not Role.ADMINISTRATOR:
        administrators.keep_one(conn, company, account)
    conn.execute(update(memberships).where(memberships.c.id == known.id).values(**values))
    return int(known.id)


def withdraw(conn: Connection, account: int, company: int) -> None:
    """Take all access to a company away. Raises NotFoundError, ConflictError."""
    lock(conn, company)
    known = membership(conn, account, company)
    if known is None:
        raise NotFoundError(_("that account has no access to the company"))
    if known.role == Role.ADMINISTRATOR:
        administrators.keep_one(conn, company, account)
    conn.execute(delete(grants).where(grants.c.membership_id == known.id))
    conn.execute(delete(memberships).where(memberships.c.id == known.id))


def set_grants(
    conn: Connection,
    holder: dict[str, int],
    company: int,
    *,
    division_ids: Iterable[int] = (),
    site_ids: Iterable[int] = (),
) -> None:
    """Say what is granted, in place of all that was, to a membership or by an invitation.

    `holder` is one of `{"membership_id": id}` and `{"invitation_id": id}`. Raises NotFoundError
    for a division or site that is not the company's.
    """
    [(column, number)] = holder.items()
    conn.execute(delete(grants).where(grants.c[column] == number))
    rows: list[dict[str, Any]] = []
    for division in sorted(set(division_ids)):
        _require(conn, company, divisions.c.id == division, _("the company has no such division"))
        rows.append({**holder, "division_id": division, "site_id": None})
    for site in sorted(set(site_ids)):
        _require(conn, company, sites.c.id == site, _("the company has no such site"))
        rows.append({**holder, "division_id": None, "site_id": site})
    if rows:
        conn.execute(insert(grants), rows)


def check_role(role: str, *, external: bool) -> Role:
    """The role a word means. Raises InvalidError."""
    try:
        found = Role(role)
    except ValueError:
        words = ", ".join(member.called for member in Role)
        raise InvalidError(
            _("%(role)s is no role; it is one of %(words)s")
            % {"role": repr(role[:40]), "words": words}
        ) from None
    if external and found.reaches_everything:
        raise InvalidError(
            _(
                "someone external cannot be %(role)s: that role reaches everything of the company;"
                " choose manager or viewer, and grant the sites"
            )
            % {"role": found.called}
        )
    return found


def _require(conn: Connection, company: int, where: Any, otherwise: str) -> None:
    query = (
        select(divisions.c.id)
        .outerjoin(sites, sites.c.division_id == divisions.c.id)
        .where(divisions.c.company_id == company, where)
        .limit(1)
    )
    if conn.execute(query).scalar() is None:
        raise NotFoundError(otherwise)
