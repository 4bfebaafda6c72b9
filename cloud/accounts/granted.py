"""Telling somebody by mail what of a company they see, when that was given, changed or ended.

In the language of their account, and only the places granted are named. The caller commits.
"""

from sqlalchemy import ColumnElement, Connection, select

from cloud.accounts import letters
from cloud.accounts.access import membership
from cloud.accounts.queries import place_names
from cloud.accounts.roles import Role
from cloud.accounts.tables import accounts, grants
from cloud.companies.tables import companies
from cloud.languages.current import mark

_SUBJECT = mark("Your access to %(company)s")
_WHOLE = mark("You have access to all of %(company)s at Pointeuse.")
_SOME = mark("At Pointeuse you see these divisions and sites of %(company)s:\n\n%(places)s")
_NONE = mark(
    "You have access to %(company)s at Pointeuse, but no division or site is granted to you yet."
    " Ask an administrator of the company for those that you need."
)
_ENDED = mark("Your access to %(company)s at Pointeuse has ended.")


def tell(conn: Connection, company: int, account: int) -> None:
    """Mail an account what it may see of a company now."""
    part = membership(conn, account, company)
    if part is None:
        _mail(conn, company, account, _ENDED)
        return
    if Role(part.role).reaches_everything:
        _mail(conn, company, account, _WHOLE)
        return
    places = listed(conn, grants.c.membership_id == part.id)
    _mail(conn, company, account, _SOME if places else _NONE, places)


def listed(conn: Connection, which: ColumnElement[bool]) -> str:
    """The places of some grants, one a line."""
    rows = conn.execute(select(grants.c.division_id, grants.c.site_id).where(which)).all()
    names = place_names(
        conn,
        {row.division_id for row in rows if row.division_id is not None},
        {row.site_id for row in rows if row.site_id is not None},
    )
    return "\n".join(f"- {name}" for name in names)


def _mail(conn: Connection, company: int, account: int, body: str, places: str = "") -> None:
    address = conn.execute(select(accounts.c.email).where(accounts.c.id == account)).scalar_one()
    name = conn.execute(select(companies.c.name).where(companies.c.id == company)).scalar_one()
    words = {"company": name, "places": places}
    letters.send(conn, [letters.reader(conn, address)], _SUBJECT, body, words)
