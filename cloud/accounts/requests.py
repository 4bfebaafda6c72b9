"""Asking a company's administrators for access, and what they decide. The caller commits."""

from sqlalchemy import Connection, RowMapping, insert, select, update

from cloud.accounts.access import membership, put_membership
from cloud.accounts.roles import Role
from cloud.accounts.tables import access_requests, accounts, memberships
from cloud.companies.tables import companies
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import spoken
from cloud.mail import service as mail
from cloud.times import now_ms


def ask(conn: Connection, account: int, vat: str) -> None:
    """Ask the administrators of the company with this VAT number (normalised), by mail too.

    Who has access already, or has asked, asks for nothing more.
    """
    company = conn.execute(
        select(companies.c.id, companies.c.name).where(companies.c.vat == vat)
    ).one()
    asked = select(access_requests.c.id).where(
        access_requests.c.company_id == company.id,
        access_requests.c.account_id == account,
        access_requests.c.decided_ms.is_(None),
    )
    known = membership(conn, account, company.id) is not None
    if known or conn.execute(asked).first() is not None:
        return
    conn.execute(
        insert(access_requests).values(
            company_id=company.id, account_id=account, created_ms=now_ms()
        )
    )
    who = conn.execute(
        select(accounts.c.name, accounts.c.email).where(accounts.c.id == account)
    ).one()
    administrators = conn.execute(
        select(accounts.c.email, accounts.c.language)
        .join(memberships, memberships.c.account_id == accounts.c.id)
        .where(memberships.c.company_id == company.id)
        .where(memberships.c.role == Role.ADMINISTRATOR, accounts.c.disabled_ms.is_(None))
    ).all()
    for each in administrators:
        with spoken(each.language):
            mail.enqueue(
                conn,
                each.email,
                _("Somebody asks for access to %(company)s") % {"company": company.name},
                _(
                    "%(name)s (%(email)s) asks for access to %(company)s. Grant or refuse it on the"
                    " console, under People."
                )
                % {"name": who.name, "email": who.email, "company": company.name}
                + "\n",
            )


def waiting(conn: Connection, company: int) -> list[RowMapping]:
    """The requests nobody decided about yet, the oldest first."""
    query = (
        select(
            access_requests.c.id, accounts.c.name, accounts.c.email, access_requests.c.created_ms
        )
        .join(accounts, accounts.c.id == access_requests.c.account_id)
        .where(access_requests.c.company_id == company, access_requests.c.decided_ms.is_(None))
        .order_by(access_requests.c.id)
    )
    return list(conn.execute(query).mappings())


def decide(conn: Connection, company: int, number: int, *, grant: bool) -> int:
    """Grant a request, as a viewer who is granted no place yet, or refuse it; whose it was.

    Raises NotFoundError when there is no such request, or somebody decided before.
    """
    account = conn.execute(
        update(access_requests)
        .where(access_requests.c.id == number, access_requests.c.company_id == company)
        .where(access_requests.c.decided_ms.is_(None))
        .values(decided_ms=now_ms(), granted=grant)
        .returning(access_requests.c.account_id)
    ).scalar()
    if account is None:
        raise NotFoundError(_("There is no such request any more; somebody decided before you."))
    if grant and membership(conn, account, company) is None:
        put_membership(conn, account, company, Role.VIEWER)
    return int(account)
