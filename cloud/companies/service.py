"""Entering companies, divisions and sites. The caller commits."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from cloud import text
from cloud.companies import vat as vats
from cloud.companies.tables import companies, divisions, sites
from cloud.errors import ConflictError, InvalidError
from cloud.languages.current import gettext as _
from cloud.rows import insert_absent
from cloud.times import now_ms

_WORKPLACE = frozenset("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789")


def register(conn: Connection, vat: str, name: str) -> int:
    """Register a company, and return its id. Raises InvalidError, ConflictError when it exists.

    A private company becomes a real one: what its workers did so far stays its own.
    """
    number, tidy = vats.normalise(vat), text.name(name, _("the company's name"))
    insert_absent(
        conn,
        companies,
        [{"vat": number, "name": tidy, "private": True, "created_ms": now_ms()}],
        ["vat"],
    )
    # The row exists now. Whoever turns it from private has registered it; nobody else has.
    taken = conn.execute(
        update(companies)
        .where(companies.c.vat == number, companies.c.private)
        .values(name=tidy, private=False)
        .returning(companies.c.id)
    ).scalar()
    if taken is None:
        raise ConflictError(
            _("%(vat)s is registered already; ask its administrator for access")
            % {"vat": vats.shown(number)}
        )
    return int(taken)


def enter(conn: Connection, vat: str, name: str) -> int | None:
    """Register a company that is not even a private one; its id. None: it is there already."""
    number, tidy = vats.normalise(vat), text.name(name, _("the company's name"))
    known = conn.execute(select(companies.c.id).where(companies.c.vat == number)).scalar()
    if known is not None:
        return None
    # Ingest may meet the number on a badge at this moment: then there is a private one.
    made = insert(companies).values(vat=number, name=tidy, private=False, created_ms=now_ms())
    try:
        with conn.begin_nested():
            return int(conn.execute(made.returning(companies.c.id)).scalar_one())
    except IntegrityError:
        return None


def put_company(conn: Connection, vat: str, name: str) -> int:
    """Register a company, or give a registered one this name; its id. Raises InvalidError."""
    number, tidy = vats.normalise(vat), text.name(name, _("the company's name"))
    known = conn.execute(
        update(companies)
        .where(companies.c.vat == number, ~companies.c.private)
        .values(name=tidy)
        .returning(companies.c.id)
    ).scalar()
    return register(conn, number, tidy) if known is None else int(known)


def private_companies(conn: Connection, numbers: Iterable[str]) -> dict[str, int]:
    """The companies of some VAT numbers (normalised), by number, registered or not.

    For numbers that nobody registered, private companies are made, named by their number.
    """
    wanted = sorted(set(numbers))
    known = _ids(conn, wanted)
    unknown = [number for number in wanted if number not in known]
    if not unknown:
        return known
    rows = [
        {"vat": number, "name": vats.shown(number), "private": True, "created_ms": now_ms()}
        for number in unknown
    ]
    insert_absent(conn, companies, rows, ["vat"])
    return known | _ids(conn, unknown)


def lock(conn: Connection, company_id: int) -> None:
    """Wait until nobody else changes what belongs to a company, until the transaction ends.

    On PostgreSQL rows that only refer to the company are still inserted: ingest never waits.
    """
    conn.execute(
        select(companies.c.id).where(companies.c.id == company_id).with_for_update(key_share=True)
    )


def put_division(conn: Connection, company_id: int, name: str) -> int:
    """A division of a company, made if there is none of this name; its id. Raises InvalidError."""
    tidy = text.name(name, _("the division's name"))
    insert_absent(
        conn, divisions, [{"company_id": company_id, "name": tidy}], ["company_id", "name"]
    )
    return int(
        conn.execute(
            select(divisions.c.id).where(
                divisions.c.company_id == company_id, divisions.c.name == tidy
            )
        ).scalar_one()
    )


def put_site(
    conn: Connection,
    division_id: int,
    name: str,
    *,
    address: str | None = None,
    workplace_id: str | None = None,
) -> int:
    """A site of a division, made if there is none of this name; its id. Raises InvalidError.

    `address` and `workplace_id` (Checkinatwork's, 13 characters) replace what is known when given.
    """
    tidy = text.name(name, _("the site's name"))
    values = {}
    if address is not None:
        values["address"] = text.name(address, _("the site's address"))
    if workplace_id is not None:
        values["workplace_id"] = checked_workplace(workplace_id)
    where = (sites.c.division_id == division_id) & (sites.c.name == tidy)
    known = conn.execute(select(sites.c.id).where(where)).scalar()
    if known is None:
        made = insert(sites).values(division_id=division_id, name=tidy, **values)
        return int(conn.execute(made.returning(sites.c.id)).scalar_one())
    if values:
        conn.execute(update(sites).where(sites.c.id == known).values(**values))
    return int(known)


def checked_workplace(value: str) -> str:
    """A workplace id of Checkinatwork, tidied. Raises InvalidError."""
    tidy = value.strip().upper()
    if len(tidy) != 13 or not _WORKPLACE.issuperset(tidy):
        raise InvalidError(
            _(
                "%(text)s is not a workplace id of Checkinatwork:"
                " it is 13 letters and digits, without I and O"
            )
            % {"text": repr(value[:40])}
        )
    return tidy


def _ids(conn: Connection, numbers: list[str]) -> dict[str, int]:
    found = {}
    for start in range(0, len(numbers), 1000):
        some = numbers[start : start + 1000]
        rows = conn.execute(
            select(companies.c.vat, companies.c.id).where(companies.c.vat.in_(some))
        )
        found.update({row.vat: row.id for row in rows})
    return found
