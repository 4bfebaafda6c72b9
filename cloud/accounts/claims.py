"""Requests that whoever runs the platform decides, for no administrator can. The caller commits.

To take over a private company is to see where all its workers were, and a VAT number is public: so
somebody looks first whether it is that firm that asks. A company whose administrators cannot log in
any more is given one by the same look.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from cloud.accounts import administrators, granted, letters, operators
from cloud.accounts.access import membership, put_membership
from cloud.accounts.roles import Role
from cloud.accounts.tables import access_requests, accounts
from cloud.companies import vat as vats
from cloud.companies.service import lock, register
from cloud.companies.tables import companies
from cloud.errors import NotFoundError
from cloud.languages.current import mark
from cloud.times import now_ms, rfc3339

_requests = access_requests


class Settled(NamedTuple):
    """A request that was decided: of which company, and whose."""

    company: int
    account: int


def claim(conn: Connection, account: int, company: int, name: str) -> None:
    """Ask to register a private company under a name; who runs the platform is told, once."""
    asked = select(_requests.c.id).where(
        _requests.c.company_id == company,
        _requests.c.account_id == account,
        _requests.c.decided_ms.is_(None),
    )
    if conn.execute(asked).first() is not None:
        return
    made = insert(_requests).values(
        company_id=company, account_id=account, created_ms=now_ms(), claims=name
    )
    number = conn.execute(made.returning(_requests.c.id)).scalar_one()
    who = conn.execute(select(accounts).where(accounts.c.id == account)).one()
    vat = conn.execute(select(companies.c.vat).where(companies.c.id == company)).scalar_one()
    operators.tell(
        conn,
        mark("%(company)s is to be registered"),
        mark(
            "%(name)s (%(email)s) registers %(vat)s as %(company)s. Its workers were met on badges"
            " already, so whoever registers it sees where they were. Make sure that it is that firm"
            " which asks, then run `pointeuse cloud access grant %(number)d`, or `refuse`."
        ),
        company=name,
        name=who.name,
        email=who.email,
        vat=vats.shown(vat),
        number=number,
    )


def waiting(conn: Connection) -> list[dict[str, Any]]:
    """The requests that no administrator can decide, the oldest first."""
    query = (
        select(
            _requests,
            companies.c.vat,
            companies.c.private,
            companies.c.name.label("company"),
            accounts.c.name,
            accounts.c.email,
        )
        .join(companies, companies.c.id == _requests.c.company_id)
        .join(accounts, accounts.c.id == _requests.c.account_id)
        .where(_requests.c.decided_ms.is_(None))
        .order_by(_requests.c.id)
    )
    return [
        {
            "id": row.id,
            "vat": vats.shown(row.vat),
            "company": (row.claims or row.company) if row.private else row.company,
            "private": bool(row.private),
            "name": row.name,
            "email": row.email,
            "asked_at": rfc3339(row.created_ms),
        }
        for row in conn.execute(query)
        if row.private or not administrators.of(conn, row.company_id)
    ]


def settle(conn: Connection, number: int, *, grant: bool) -> Settled:
    """Grant or refuse a request, and tell whoever asked.

    Who is granted a private company registers it by that; who is granted one without an
    administrator who can log in becomes one; of any other, a viewer. Raises NotFoundError for a
    request that is none any more.
    """
    query = select(_requests).where(_requests.c.id == number, _requests.c.decided_ms.is_(None))
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no request {number} that waits; `access list` shows them")
    company, account = int(row.company_id), int(row.account_id)
    lock(conn, company)
    decided = update(_requests).where(_requests.c.id == number, _requests.c.decided_ms.is_(None))
    if conn.execute(decided.values(decided_ms=now_ms(), granted=grant)).rowcount != 1:
        raise NotFoundError(f"request {number} was decided just now")
    if grant:
        _let_in(conn, company, account, row.claims)
        granted.tell(conn, company, account)
    else:
        _tell_refused(conn, company, account, row.claims)
    return Settled(company, account)


def _let_in(conn: Connection, company: int, account: int, claims: str | None) -> None:
    owner = conn.execute(select(companies).where(companies.c.id == company)).one()
    if owner.private:
        register(conn, owner.vat, claims or owner.name)
    if not administrators.of(conn, company):
        put_membership(conn, account, company, Role.ADMINISTRATOR)
    elif membership(conn, account, company) is None:
        put_membership(conn, account, company, Role.VIEWER)


def _tell_refused(conn: Connection, company: int, account: int, claims: str | None) -> None:
    name = conn.execute(select(companies.c.name).where(companies.c.id == company)).scalar_one()
    email = conn.execute(select(accounts.c.email).where(accounts.c.id == account)).scalar_one()
    letters.send(
        conn,
        [letters.reader(conn, email)],
        mark("You were not let in to %(company)s"),
        mark(
            "Whoever runs Pointeuse could not make sure that you may act for %(company)s. If you"
            " may, register again, and have the firm confirm it to them."
        ),
        {"company": claims or name},
    )
