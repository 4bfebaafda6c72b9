"""`/v1/retention`, `/v1/erasures`, and of one person all that is held, and what erasing would do.

A program only asks: an administrator approves in the console, and then it is done.
"""

import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, RowMapping

from cloud.api import problems
from cloud.api.access import ChangesCompanies, ErasesWorkers, ExportsWorkers, ReadsCompanies
from cloud.api.parameters import Database, Identifier, Page, Paged, Timestamp
from cloud.api.vaults import vault_of
from cloud.api.writing import Answer, Body, Edits, Key, once, sent, tag_of, tagged
from cloud.errors import InvalidError
from cloud.retention import asking, policies
from cloud.retention.plan import What, plan
from cloud.retention.terms import Terms
from cloud.subjects import holdings
from cloud.times import now_ms, rfc3339
from cloud.visibility import row_security
from cloud.workers.vault import Vault

router = APIRouter(tags=["privacy"], responses=problems.DESCRIBED)


class Retention(BaseModel):
    """For how many months after the tap the company keeps presences."""

    months: int
    minimum: int = Field(description="What the law makes it keep.")
    maximum: int = Field(description="The most on this platform.")


class NewRetention(Body):
    """Another time."""

    months: int = Field(ge=0, le=9999)


class PersonData(BaseModel):
    """Everything that the company holds of a person; lists as in the columns of the console's."""

    model_config = ConfigDict(extra="forbid")

    made_at: Timestamp
    company: dict[str, Any]
    person: dict[str, Any] = Field(description="With number and INSS if it is its own worker.")
    badges: list[dict[str, Any]]
    apps: list[dict[str, Any]] = Field(description="Of its own worker, also those that ended.")
    registrations: list[dict[str, Any]]
    corrections: list[dict[str, Any]]
    snapshots: list[dict[str, Any]]
    trail: list[dict[str, Any]]


class Line(BaseModel):
    """How much of something goes, and how much is kept."""

    what: What
    now: int
    kept: int
    until: str | None = Field(
        description="The last day on which any of it is kept.",
        json_schema_extra={"format": "date"},
    )


class Plan(BaseModel):
    """What an erasure would do now. What is kept is shown to nobody from then on."""

    lines: list[Line]


class Erasure(BaseModel):
    """A request to erase somebody. It names nobody."""

    id: int
    state: asking.State
    entered_at: Timestamp
    decided_at: Timestamp | None
    done_at: Timestamp | None = Field(description="All that could go went; the rest is restricted.")
    kept_until: Timestamp | None
    counts: dict[str, int] = Field(description="How much of each kind went, or is restricted.")


@router.get("/retention", response_model=Retention)
def retention(request: Request, conn: Database, who: ReadsCompanies) -> Response:
    """Say for how long the company keeps presences."""
    return sent(tagged(_retention(request, conn, who.viewer.company_id)))


@router.put("/retention", response_model=Retention)
def change_retention(
    request: Request, who: ChangesCompanies, body: NewRetention, edit: Edits
) -> Response:
    """Keep them for another time."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        if policies.choose(conn, request.app.state.retention, company, body.months):
            who.note(conn, "retention", "set", detail={"months": body.months})
        return tagged(_retention(request, conn, company))

    return edit.once(who, body, lambda conn: tag_of(_retention(request, conn, company)), work)


@router.get("/workers/{number}/data")
def person_data(
    request: Request, conn: Database, who: ExportsWorkers, number: Identifier
) -> PersonData:
    """Everything held of a person: a worker, or somebody who registered at the company's sites."""
    found = holdings.subject(conn, who.viewer, number)
    vault = _vault(request) if found.own else None
    held = holdings.holdings(conn, who.viewer.company_id, number, vault)
    with request.app.state.writer.begin() as noting:
        who.note(noting, "person", "export", target_id=number)
    return PersonData.model_validate(held)


@router.get("/workers/{number}/erasure")
def erasure_plan(request: Request, conn: Database, who: ErasesWorkers, number: Identifier) -> Plan:
    """Say what erasing a person would do now."""
    holdings.subject(conn, who.viewer, number)
    with row_security.lifted(conn):
        terms = Terms.of(conn, request.app.state.retention, now_ms())
        lines = plan(conn, terms, who.viewer.company_id, number)
    with request.app.state.writer.begin() as noting:
        who.note(noting, "person", "preview", target_id=number)
    return Plan(
        lines=[
            Line(
                what=line.what,
                now=line.now,
                kept=line.kept,
                until=None if line.until is None else line.until.isoformat(),
            )
            for line in lines
        ]
    )


@router.post("/workers/{number}/erasure", status_code=201, response_model=Erasure)
def ask_erasure(
    request: Request, conn: Database, who: ErasesWorkers, number: Identifier, key: Key = None
) -> Response:
    """Ask that a person be erased. An administrator approves it, in the console."""
    company = who.viewer.company_id
    holdings.subject(conn, who.viewer, number)

    def work(writing: Connection) -> Answer:
        made = asking.enter(writing, who.actor, company, number, alone=False)
        shown = _erasure(asking.one(writing, company, made))
        return Answer(shown, 201, {"location": f"/v1/erasures/{made}"})

    return once(request, who, key, None, work)


@router.get("/erasures")
def listed_erasures(
    conn: Database, who: ErasesWorkers, wanted: Annotated[Paged, Query()]
) -> Page[Erasure]:
    """List requests, the newest first."""
    rows = asking.listed(
        conn, who.viewer.company_id, before=wanted.position, limit=wanted.limit + 1
    )
    return wanted.page(rows, _erasure)


@router.get("/erasures/{number}")
def one_erasure(conn: Database, who: ErasesWorkers, number: Identifier) -> Erasure:
    """One request by its id."""
    return _erasure(asking.one(conn, who.viewer.company_id, number))


def _retention(request: Request, conn: Connection, company: int) -> Retention:
    limits = request.app.state.retention
    return Retention(
        months=policies.months_of(conn, limits, company),
        minimum=limits.minimum_months,
        maximum=limits.maximum_months,
    )


def _erasure(row: RowMapping) -> Erasure:
    return Erasure(
        id=row["id"],
        state=asking.state(row),
        entered_at=rfc3339(row["at_ms"]),
        decided_at=_moment(row["decided_ms"]),
        done_at=_moment(row["done_ms"]),
        kept_until=_moment(row["until_ms"]),
        counts=json.loads(row["counts"] or "{}"),
    )


def _vault(request: Request) -> Vault | None:
    with suppress(InvalidError):
        return vault_of(request)
    return None


def _moment(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
