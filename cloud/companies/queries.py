"""Finding companies, divisions and sites. Private companies are never found by looking for them."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    and_,
    false,
    or_,
    select,
    tuple_,
)

from cloud import text
from cloud.companies import vat as vats
from cloud.companies.tables import companies, divisions, sites
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.rows import ALL, contains


def listed(
    conn: Connection, *, visible: ColumnElement[bool] = ALL, after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Registered companies that are `visible`, with an id above `after`, by id."""
    rows = conn.execute(
        select(companies.c.id, companies.c.vat, companies.c.name, companies.c.created_ms)
        .where(~companies.c.private, visible, companies.c.id > after)
        .order_by(companies.c.id)
        .limit(limit)
    )
    return [dict(row) for row in rows.mappings()]


def search(
    conn: Connection, *, words: str = "", after: int | None = None, limit: int = 50
) -> list[RowMapping]:
    """Registered companies by name and id, those after company `after`.

    The name has each of `words` in it, or the VAT number all of them together. Raises
    NotFoundError when company `after` is not there.
    """
    columns = (companies.c.name, companies.c.id)
    registered = ~companies.c.private
    query = (
        select(*columns, companies.c.vat, companies.c.created_ms)
        .where(registered)
        .order_by(*columns)
        .limit(limit)
    )
    if words.strip():
        named = and_(*(contains(word, companies.c.name) for word in words.split()))
        part = vats.compact(words)
        numbered = companies.c.vat.contains(part, autoescape=True) if part else false()
        query = query.where(or_(named, numbered))
    if after is not None:
        last = conn.execute(select(*columns).where(registered, companies.c.id == after)).first()
        if last is None:
            raise NotFoundError(_("The list has changed; begin again at its first page."))
        query = query.where(tuple_(*columns) > tuple_(*last))
    return list(conn.execute(query).mappings())


def one(conn: Connection, company: int) -> RowMapping:
    """A registered company by its id. Raises NotFoundError."""
    query = select(companies).where(companies.c.id == company, ~companies.c.private)
    found = conn.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFoundError(_("There is no such company."))
    return found


def listed_sites(
    conn: Connection, *, visible: ColumnElement[bool] = ALL, after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Sites that are `visible`, with an id above `after`, by id, with division and company."""
    rows = conn.execute(
        select(
            sites.c.id,
            sites.c.name,
            divisions.c.name.label("division"),
            companies.c.name.label("company"),
            companies.c.vat,
            sites.c.address,
            sites.c.workplace_id,
        )
        .join(divisions, divisions.c.id == sites.c.division_id)
        .join(companies, companies.c.id == divisions.c.company_id)
        .where(visible, sites.c.id > after)
        .order_by(sites.c.id)
        .limit(limit)
    )
    return [dict(row) for row in rows.mappings()]


def listed_divisions(
    conn: Connection, *, visible: ColumnElement[bool] = ALL, after: int = 0, limit: int = 100
) -> Sequence[Row[Any]]:
    """Divisions that are `visible`, with an id above `after`, by id."""
    return conn.execute(
        select(divisions)
        .where(visible, divisions.c.id > after)
        .order_by(divisions.c.id)
        .limit(limit)
    ).all()


def listed_places(
    conn: Connection, *, divisions_visible: ColumnElement[bool], sites_visible: ColumnElement[bool]
) -> list[dict[str, Any]]:
    """Divisions by name, each with its `sites` by name; of both only what is visible."""
    found: dict[int, dict[str, Any]] = {}
    for row in conn.execute(
        select(divisions).where(divisions_visible).order_by(divisions.c.name, divisions.c.id)
    ).mappings():
        found[row["id"]] = {**row, "sites": []}
    for row in conn.execute(
        select(sites).where(sites_visible).order_by(sites.c.name, sites.c.id)
    ).mappings():
        if row["division_id"] in found:
            found[row["division_id"]]["sites"].append(dict(row))
    return list(found.values())


def company_id(conn: Connection, company: str) -> int:
    """The id of a registered company by VAT number or by name.

    Raises NotFoundError, and ConflictError when several have that name.
    """
    try:
        where = companies.c.vat == vats.normalise(company)
    except InvalidError:
        where = companies.c.name == text.name(company, _("the company's name"))
    found = conn.execute(select(companies.c.id).where(where, ~companies.c.private)).scalars().all()
    if not found:
        raise NotFoundError(
            f"there is no company {company!r}; see `pointeuse cloud company list`,"
            " or register it with `pointeuse cloud company add`"
        )
    if len(found) > 1:
        raise ConflictError(f"several companies are named {company!r}; give the VAT number")
    return int(found[0])


def site_id(conn: Connection, company: str, division: str, site: str) -> int:
    """The id of a site by the names on the way to it. Raises NotFoundError for the one missing."""
    owner = company_id(conn, company)
    division_id = conn.execute(
        select(divisions.c.id).where(
            divisions.c.company_id == owner,
            divisions.c.name == text.name(division, _("the division's name")),
        )
    ).scalar()
    if division_id is None:
        raise NotFoundError(
            f"{company!r} has no division {division!r}; see `pointeuse cloud company sites`"
        )
    found = conn.execute(
        select(sites.c.id).where(
            sites.c.division_id == division_id,
            sites.c.name == text.name(site, _("the site's name")),
        )
    ).scalar()
    if found is None:
        raise NotFoundError(
            f"division {division!r} has no site {site!r}; see `pointeuse cloud company sites`"
        )
    return int(found)


def places_of(conn: Connection, company: int, places: Iterable[str]) -> tuple[list[int], list[int]]:
    """The ids of divisions and of sites that people wrote as `DIVISION` and `DIVISION/SITE`.

    Raises NotFoundError for one that the company does not have.
    """
    division_ids: list[int] = []
    site_ids: list[int] = []
    for place in places:
        division, slash, site = place.partition("/")
        query = select(divisions.c.id).where(
            divisions.c.company_id == company,
            divisions.c.name == text.name(division, _("the division's name")),
        )
        if slash:
            query = (
                select(sites.c.id)
                .join(divisions, divisions.c.id == sites.c.division_id)
                .where(
                    divisions.c.company_id == company,
                    divisions.c.name == text.name(division, _("the division's name")),
                    sites.c.name == text.name(site, _("the site's name")),
                )
            )
        found = conn.execute(query).scalar()
        if found is None:
            raise NotFoundError(
                f"the company has no place {place!r}; see `pointeuse cloud company sites`,"
                " and write DIVISION or DIVISION/SITE"
            )
        (site_ids if slash else division_ids).append(int(found))
    return division_ids, site_ids
