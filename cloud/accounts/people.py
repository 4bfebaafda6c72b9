"""The people of a company as its administrators give and end access. The caller commits.

`cloud.accounts.access` holds what always must be; this adds what a form needs: refusing what
stands already, and telling what somebody else changed meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from cloud.accounts import access, granted, invitations, service
from cloud.accounts.queries import place_names
from cloud.accounts.tables import accounts, grants, memberships
from cloud.accounts.tables import invitations as offers
from cloud.companies.service import lock
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.stale import refuse_stale


@dataclass(frozen=True, slots=True)
class Part:
    """What somebody is given in a company: a role, and the ids of divisions and sites."""

    role: str
    external: bool = False
    divisions: frozenset[int] = frozenset()
    sites: frozenset[int] = frozenset()

    def checked(self) -> "Part":
        """Without the places that mean nothing to its role. Raises InvalidError."""
        if access.check_role(self.role, external=self.external).reaches_everything:
            return Part(self.role)
        if self.external and not (self.divisions or self.sites):
            raise InvalidError(
                _(
                    "Somebody external sees only what is granted; choose at least one division or"
                    " site."
                )
            )
        return self


def add(conn: Connection, company: int, email: str, part: Part) -> int:
    """Give an account that exists a part in a company, and tell it; the account.

    Raises InvalidError, ConflictError when it has one, NotFoundError for a place not the company's.
    """
    given = part.checked()
    account = service.find(conn, email)
    if account is None:
        raise ConflictError(_("Nobody has an account of that address yet; invite them instead."))
    lock(conn, company)
    _refuse_member(conn, company, account)
    _put(conn, company, account, given)
    return account


def invite(conn: Connection, company: int, email: str, part: Part) -> str:
    """Offer a part in a company by mail; the token for the link.

    Raises InvalidError, ConflictError, NotFoundError.
    """
    given = part.checked()
    account = service.find(conn, email)
    lock(conn, company)
    if account is not None:
        _refuse_member(conn, company, account)
    return invitations.invite(
        conn,
        company,
        email,
        given.role,
        external=given.external,
        division_ids=given.divisions,
        site_ids=given.sites,
    )


def change(
    conn: Connection, company: int, membership: int, part: Part, was: Mapping[str, str]
) -> bool:
    """Give a member another part, and tell it; whether that changed anything.

    `was` is what the form showed. Raises InvalidError, NotFoundError, ConflictError, StaleError.
    """
    given = part.checked()
    lock(conn, company)
    row = member_of(conn, company, membership)
    standing = part_of(conn, row)
    if standing == given:
        return False
    refuse_stale(was, shown(conn, row))
    _put(conn, company, row.account_id, given)
    return True


def end(conn: Connection, company: int, membership: int) -> int:
    """Take a member's access away, and tell them; the account.

    Raises NotFoundError, ConflictError.
    """
    lock(conn, company)
    row = member_of(conn, company, membership)
    access.withdraw(conn, row.account_id, company)
    granted.tell(conn, company, row.account_id)
    return int(row.account_id)


def withdraw(conn: Connection, company: int, invitation: int) -> None:
    """Take an open invitation back. Raises NotFoundError when it is none any more."""
    email = conn.execute(
        select(offers.c.email).where(offers.c.id == invitation, offers.c.company_id == company)
    ).scalar()
    if email is None:
        raise NotFoundError(_("There is no such invitation."))
    invitations.withdraw(conn, company, email)


def member_of(conn: Connection, company: int, membership: int) -> Row[Any]:
    """A member of a company, with its account's `email` and `name`. Raises NotFoundError."""
    row = conn.execute(
        select(memberships, accounts.c.email, accounts.c.name)
        .join(accounts, accounts.c.id == memberships.c.account_id)
        .where(memberships.c.id == membership, memberships.c.company_id == company)
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("There is no such member of the company."))
    return row


def part_of(conn: Connection, row: Row[Any]) -> Part:
    """What a member was given."""
    rows = conn.execute(
        select(grants.c.division_id, grants.c.site_id).where(grants.c.membership_id == row.id)
    ).all()
    return Part(
        row.role,
        bool(row.external),
        frozenset(each.division_id for each in rows if each.division_id is not None),
        frozenset(each.site_id for each in rows if each.site_id is not None),
    )


def shown(conn: Connection, row: Row[Any]) -> dict[str, str]:
    """What a form shows of a member, in words: `role`, `external`, `places`."""
    part = part_of(conn, row)
    return {
        "role": part.role,
        "external": "yes" if part.external else "no",
        "places": ", ".join(place_names(conn, part.divisions, part.sites)),
    }


def _put(conn: Connection, company: int, account: int, part: Part) -> None:
    made = access.put_membership(conn, account, company, part.role, external=part.external)
    access.set_grants(
        conn,
        {"membership_id": made},
        company,
        division_ids=part.divisions,
        site_ids=part.sites,
    )
    granted.tell(conn, company, account)


def _refuse_member(conn: Connection, company: int, account: int) -> None:
    if access.membership(conn, account, company) is not None:
        raise ConflictError(
            _("This person has access to the company already; change it on the list of people.")
        )
