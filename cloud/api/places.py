"""`/v1/divisions`, `/v1/sites`: the company's own, one by one, and changing them."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, Row

from cloud.api import problems, writing
from cloud.api.access import ChangesCompanies, ReadsCompanies
from cloud.api.parameters import Database, Identifier, Page, Paged
from cloud.api.writing import Answer, Body, Edits, Key, once, tag_of, tagged
from cloud.companies import places, queries
from cloud.visibility import rules

router = APIRouter(tags=["companies and terminals"], responses=problems.DESCRIBED)

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Text = Annotated[str, Field(max_length=1000)]


class Division(BaseModel):
    """A part of a company, under the same VAT number."""

    id: int
    name: str
    closed: bool


class Place(BaseModel):
    """A place of work, by itself."""

    id: int
    division_id: int
    name: str
    address: str | None
    workplace_id: str | None = Field(description="Checkinatwork's.")
    closed: bool


class NewDivision(Body):
    """A division to be made."""

    name: Name


class ChangedDivision(Body):
    """What is to be changed of a division; what is left out stays."""

    name: Name = ""
    closed: bool = False


class NewSite(Body):
    """A site to be made."""

    division_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    name: Name
    address: Text = ""
    workplace_id: Text = ""


class ChangedSite(Body):
    """What is to be changed of a site; what is left out stays, what is empty is taken away."""

    name: Name = ""
    address: Text = ""
    workplace_id: Text = ""
    closed: bool = False


@router.get("/divisions")
def listed_divisions(
    conn: Database, who: ReadsCompanies, wanted: Annotated[Paged, Query()]
) -> Page[Division]:
    """List divisions, by id."""
    rows = queries.listed_divisions(
        conn,
        visible=rules.visible_divisions(who.seen_by),
        after=wanted.position or 0,
        limit=wanted.limit + 1,
    )
    return wanted.page(rows, _division, attrgetter("id"))


@router.post("/divisions", status_code=201, response_model=Division)
def create_division(
    request: Request, who: ChangesCompanies, body: NewDivision, key: Key = None
) -> Response:
    """Make a division."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        made = places.create_division(conn, company, body.name)
        shown = _division_of(conn, company, made)
        who.note(conn, "division", "create", target_id=made, detail={"name": shown.name})
        return tagged(shown, created=f"/v1/divisions/{made}")

    return once(request, who, key, body, work)


@router.get("/divisions/{number}", response_model=Division)
def one_division(conn: Database, who: ReadsCompanies, number: Identifier) -> Response:
    """One division of the company by its id."""
    return writing.sent(tagged(_division_of(conn, who.viewer.company_id, number)))


@router.patch("/divisions/{number}", response_model=Division)
def change_division(
    who: ChangesCompanies, number: Identifier, body: ChangedDivision, edit: Edits
) -> Response:
    """Name a division anew, close it, or open it again."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        given = body.given()
        if "name" in given:
            changed = places.rename_division(conn, company, number, body.name, {})
            if changed:
                who.note(conn, "division", "change", target_id=number, detail=changed)
        if "closed" in given and places.close_division(conn, company, number, closed=body.closed):
            who.note(conn, "division", "close" if body.closed else "open", target_id=number)
        return tagged(_division_of(conn, company, number))

    return edit.once(who, body, lambda conn: tag_of(_division_of(conn, company, number)), work)


@router.post("/sites", status_code=201, response_model=Place)
def create_site(
    request: Request, who: ChangesCompanies, body: NewSite, key: Key = None
) -> Response:
    """Make a site in a division."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        values = _values(body.model_dump())
        made = places.create_site(conn, company, body.division_id, values)
        who.note(conn, "site", "create", target_id=made, detail=values)
        return tagged(_site_of(conn, company, made), created=f"/v1/sites/{made}")

    return once(request, who, key, body, work)


@router.get("/sites/{number}", response_model=Place)
def one_site(conn: Database, who: ReadsCompanies, number: Identifier) -> Response:
    """One site of the company by its id."""
    return writing.sent(tagged(_site_of(conn, who.viewer.company_id, number)))


@router.patch("/sites/{number}", response_model=Place)
def change_site(
    who: ChangesCompanies, number: Identifier, body: ChangedSite, edit: Edits
) -> Response:
    """Change a site, close it, or open it again."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        given = body.given()
        changed = places.change_site(conn, company, number, _values(given), {})
        if changed:
            who.note(conn, "site", "change", target_id=number, detail=changed)
        if "closed" in given and places.close_site(conn, company, number, closed=body.closed):
            who.note(conn, "site", "close" if body.closed else "open", target_id=number)
        return tagged(_site_of(conn, company, number))

    return edit.once(who, body, lambda conn: tag_of(_site_of(conn, company, number)), work)


def _values(given: Mapping[str, Any]) -> dict[str, str | None]:
    """What was sent as columns of a site, checked. Raises InvalidError."""
    checks: dict[str, Callable[[str], str | None]] = {
        "name": places.site_name,
        "address": places.site_address,
        "workplace_id": places.site_workplace,
    }
    return {name: check(given[name]) for name, check in checks.items() if name in given}


def _division_of(conn: Connection, company: int, number: int) -> Division:
    return _division(places.division_of(conn, company, number))


def _division(row: Row[Any]) -> Division:
    return Division(id=row.id, name=row.name, closed=row.closed_ms is not None)


def _site_of(conn: Connection, company: int, number: int) -> Place:
    row = places.site_of(conn, company, number)
    return Place(
        id=row.id,
        division_id=row.division_id,
        name=row.name,
        address=row.address,
        workplace_id=row.workplace_id,
        closed=row.closed_ms is not None,
    )
