"""`/v1/app/...`: what a worker's app may ask, which is that worker's own; and how it is paired."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select
from starlette.exceptions import HTTPException

from cloud import times
from cloud.api import problems
from cloud.api.days import Days, WantedPeriod, spent
from cloud.api.explain import Explanation
from cloud.api.own import LooksAtOwn
from cloud.api.parameters import Database, Moment
from cloud.api.throttle import WINDOW_S, Throttle
from cloud.api.writing import Body
from cloud.apps import pairing
from cloud.apps.pairing import Paired as PairedApp
from cloud.apps.pairing import Refused
from cloud.audit.service import Actor, note
from cloud.companies.tables import companies
from cloud.visibility import workers as why
from cloud.visibility.rules import visible_workers
from cloud.workers.tables import workers

router = APIRouter(tags=["apps"], responses=problems.DESCRIBED, prefix="/app")


class Offer(Body):
    """What an app gives for its token."""

    code: str = Field(max_length=100, description="As the console shows it, or as it was typed in.")
    name: str = Field(
        min_length=1, max_length=60, description="What the device is called, for people to tell it."
    )


class Paired(BaseModel):
    """What an app is given, once."""

    token: str = Field(description="To be sent with every request, and kept as a password is.")
    app: int = Field(description="Its number, in the company's trail.")
    technical_account: int = Field(description="The worker's; nobody logs in with it.")


class Oneself(BaseModel):
    """Whose app it is."""

    number: str
    given_name: str
    family_name: str
    company: str


@router.post("/pairing", status_code=201)
def pair(request: Request, body: Offer) -> Paired:
    """Exchange a pairing code for a token. No other token is needed."""
    guesses: Throttle = request.app.state.guesses
    address = request.client.host if request.client else "unknown"
    if guesses.refuses(address):
        raise HTTPException(
            429,
            "Too many codes from here were not right; wait ten minutes.",
            {"retry-after": f"{WINDOW_S:.0f}"},
        )
    with request.app.state.writer.begin() as conn:
        found = pairing.exchange(conn, body.code, body.name)
        _note(conn, address, found)
    if isinstance(found, Refused):
        guesses.count(address)
        raise HTTPException(
            403, "This code is not known, was used, or has expired; ask for a new one."
        )
    return Paired(token=found.token, app=found.app_id, technical_account=found.technical_account_id)


@router.get("/me")
def me(request: Request, conn: Database, who: LooksAtOwn) -> Oneself:
    """Whose app this is."""
    named = (workers.c.number, workers.c.given_name, workers.c.family_name)
    row = (
        conn.execute(
            select(*named, companies.c.name.label("company"))
            .join(companies, companies.c.id == workers.c.company_id)
            .where(visible_workers(who.seen_by))
        )
        .mappings()
        .one()
    )
    who.looked(request, "worker", "read")
    return Oneself.model_validate(dict(row))


@router.get("/days")
def days(
    request: Request, conn: Database, who: LooksAtOwn, wanted: Annotated[WantedPeriod, Query()]
) -> Days:
    """Days of one's own."""
    found = spent(conn, who.seen_by, who.seen_by.worker_id, wanted)
    who.looked(request, "day", "read")
    return Days(**found)


@router.get("/explain")
def explain(
    request: Request,
    conn: Database,
    who: LooksAtOwn,
    since: Annotated[Moment | None, Query(description="Tapped at or after.")] = None,
    until: Annotated[Moment | None, Query(description="Tapped before.")] = None,
) -> Explanation:
    """Say why something of one's own is not visible, or not sure."""
    found = why.explain_own(
        conn,
        who.seen_by,
        since_ms=None if since is None else times.parse(since),
        until_ms=None if until is None else times.parse(until),
    )
    who.looked(request, "worker", "explain")
    return Explanation.model_validate(found.as_json())


def _note(conn: Connection, address: str, found: PairedApp | Refused) -> None:
    """Keep what became of a code. Who looked for one at random meets no company's."""
    app, action, detail = None, "refuse", {}
    if isinstance(found, Refused):
        detail["why"] = found.why.value
    else:
        app, action = found.app_id, "pair"
    note(
        conn, Actor("api", None, address, app_id=app), "app", action,
        company_id=found.company_id, target_id=found.worker_id, detail=detail,
    )  # fmt: skip
