"""`/v1/companies`, `/v1/sites`, `/v1/terminals`: what is entered, by id, oldest first."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cloud.api import problems
from cloud.api.access import ReadsCompanies, ReadsTerminals
from cloud.api.parameters import Database, Identifier, Page, Paged, Timestamp
from cloud.companies import queries as companies
from cloud.errors import NotFoundError
from cloud.terminals import queries as terminals
from cloud.terminals.tables import terminals as table
from cloud.visibility import rules
from cloud.visibility.told import last_told

router = APIRouter(tags=["companies and terminals"], responses=problems.DESCRIBED)


class Company(BaseModel):
    """A registered company. Private companies are never listed."""

    id: int
    vat: str = Field(description="With country: BE0403019261.")
    name: str


class Site(BaseModel):
    """A place of work."""

    id: int
    name: str
    division: str
    company: str
    vat: str = Field(description="The company's.")
    address: str | None
    workplace_id: str | None = Field(description="Checkinatwork's.")


class Terminal(BaseModel):
    """A terminal, where it stands now, and what it last said of itself."""

    id: int
    device: str
    name: str | None
    status: Literal["active", "inactive", "revoked", "banned"]
    company: str | None
    division: str | None
    site: str | None
    assigned_at: Timestamp | None
    last_seen_at: Timestamp | None
    said: dict[str, Any] = Field(description="Its last `status` and `telemetry`.")


@router.get("/companies")
def listed_companies(
    conn: Database, who: ReadsCompanies, wanted: Annotated[Paged, Query()]
) -> Page[Company]:
    """List registered companies."""
    rows = companies.listed(
        conn,
        visible=rules.visible_companies(who.seen_by),
        after=wanted.position or 0,
        limit=wanted.limit + 1,
    )
    return wanted.page(rows, lambda row: Company(**_only(Company, row)))


@router.get("/sites")
def listed_sites(
    conn: Database, who: ReadsCompanies, wanted: Annotated[Paged, Query()]
) -> Page[Site]:
    """List sites."""
    rows = companies.listed_sites(
        conn,
        visible=rules.visible_sites(who.seen_by),
        after=wanted.position or 0,
        limit=wanted.limit + 1,
    )
    return wanted.page(rows, lambda row: Site(**row))


@router.get("/terminals")
def listed_terminals(
    conn: Database, who: ReadsTerminals, wanted: Annotated[Paged, Query()]
) -> Page[Terminal]:
    """List terminals."""
    rows = terminals.listed(
        conn,
        visible=rules.visible_terminals(who.seen_by),
        places=rules.visible_sites(who.seen_by),
        told=last_told(who.seen_by),
        after=wanted.position or 0,
        limit=wanted.limit + 1,
    )
    return wanted.page(rows, _terminal)


@router.get("/terminals/{number}")
def one_terminal(conn: Database, who: ReadsTerminals, number: Identifier) -> Terminal:
    """One terminal by its id."""
    this = rules.visible_terminals(who.seen_by) & (table.c.id == number)
    places, told = rules.visible_sites(who.seen_by), last_told(who.seen_by)
    rows = terminals.listed(conn, visible=this, places=places, told=told, limit=1)
    if not rows:
        raise NotFoundError(f"there is no terminal {number}")
    return _terminal(rows[0])


def _terminal(row: dict[str, Any]) -> Terminal:
    return Terminal(**terminals.as_json(row))


def _only(shape: type[BaseModel], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in shape.model_fields}
