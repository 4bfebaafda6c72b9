"""A company's administrators who can act: whose account is enabled, and has a password.

One at least has to be left, or nobody could ever give access to the company again.
"""

from typing import Any

from sqlalchemy import Connection, select

from cloud.accounts import letters
from cloud.accounts.letters import Reader
from cloud.accounts.roles import Role
from cloud.accounts.tables import accounts, memberships
from cloud.companies.service import lock
from cloud.companies.tables import companies
from cloud.errors import ConflictError
from cloud.languages.current import gettext as _

_ROLE = memberships.c.role == Role.ADMINISTRATOR


def of(conn: Connection, company: int) -> list[Reader]:
    """The administrators of a company who can act, by account."""
    query = (
        select(accounts.c.id, accounts.c.email, accounts.c.language)
        .join(memberships, memberships.c.account_id == accounts.c.id)
        .where(memberships.c.company_id == company, _ROLE)
        .where(accounts.c.disabled_ms.is_(None), accounts.c.password.is_not(None))
        .order_by(accounts.c.id)
    )
    return [Reader(*row) for row in conn.execute(query)]


def companies_of(conn: Connection, account: int) -> list[int]:
    """The companies that an account administers, in order."""
    query = select(memberships.c.company_id).where(memberships.c.account_id == account, _ROLE)
    return list(conn.execute(query.order_by(memberships.c.company_id)).scalars())


def keep_one(conn: Connection, company: int, leaving: int) -> None:
    """Raise ConflictError unless a company keeps an administrator without an account that is one.

    The company is locked until the transaction ends: of two who leave at once, one is the last.
    """
    lock(conn, company)
    if all(each.id == leaving for each in of(conn, company)):
        raise ConflictError(
            _(
                "This is the last administrator of %(company)s who can log in; make somebody else"
                " administrator there first."
            )
            % {"company": _name(conn, company)}
        )


def tell(
    conn: Connection,
    company: int,
    subject: str,
    body: str,
    *,
    but: int | None = None,
    **words: Any,
) -> int:
    """Mail those who can act, `but` for one account; to how many.

    The texts are marked for translation; `%(company)s` in them is the company's name.
    """
    readers = [each for each in of(conn, company) if each.id != but]
    letters.send(conn, readers, subject, body, {"company": _name(conn, company), **words})
    return len(readers)


def _name(conn: Connection, company: int) -> str:
    name = select(companies.c.name).where(companies.c.id == company)
    return str(conn.execute(name).scalar_one())
