"""`/v1/explain/...`: why a worker, a registration or a terminal is not visible."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from cloud import times
from cloud.api import problems
from cloud.api.access import Caller, Explains
from cloud.api.parameters import Database, Identifier, Moment
from cloud.visibility import registrations, terminals, workers
from cloud.visibility.explain import Explanation as Found
from cloud.visibility.rules import Viewer

router = APIRouter(tags=["explain"], responses=problems.DESCRIBED, prefix="/explain")


class Step(BaseModel):
    """One thing that was looked at."""

    check: str = Field(description="What was looked at: `worker`, `badge`, `access`...")
    verdict: Literal["ok", "note", "stop"] = Field(
        description="`stop` hides it, wholly or in part; a `note` is good to know."
    )
    found: str
    mender: str | None = Field(description="Who can mend it.")
    fix: str | None = Field(description="How.")


class Explanation(BaseModel):
    """What was found, in the order in which a person would look."""

    visible: bool = Field(description="Whether nothing was found that hides it.")
    steps: list[Step]


@router.get("/worker")
def worker(
    request: Request,
    conn: Database,
    who: Explains,
    worker: Annotated[
        str, Query(min_length=1, max_length=200, description="Number, name or part of one.")
    ],
    since: Annotated[Moment | None, Query(description="Tapped at or after.")] = None,
    until: Annotated[Moment | None, Query(description="Tapped before.")] = None,
) -> Explanation:
    """Say why a worker, or what the worker registered, is not visible."""
    from_ms = None if since is None else times.parse(since)
    until_ms = None if until is None else times.parse(until)

    def ask(reading: Connection, seen_by: Viewer) -> Found:
        return workers.explain(reading, seen_by, worker, since_ms=from_ms, until_ms=until_ms)

    return _explained(request, conn, who, "worker", ask)


@router.get("/registration")
def registration(
    request: Request, conn: Database, who: Explains, number: Identifier
) -> Explanation:
    """Say why a registration is not visible."""
    return _explained(
        request,
        conn,
        who,
        "registration",
        lambda reading, seen_by: registrations.explain(reading, seen_by, number),
    )


@router.get("/terminal")
def terminal(
    request: Request,
    conn: Database,
    who: Explains,
    device: Annotated[str, Query(min_length=1, max_length=40, description="Device number.")],
) -> Explanation:
    """Say why a terminal, or what was registered on it, is not visible."""
    return _explained(
        request,
        conn,
        who,
        "terminal",
        lambda reading, seen_by: terminals.explain(reading, seen_by, device),
    )


def _explained(
    request: Request,
    conn: Connection,
    who: Caller,
    subject: str,
    ask: Callable[[Connection, Viewer], Found],
) -> Explanation:
    found = ask(conn, who.viewer)
    with request.app.state.writer.begin() as writing:
        who.note(writing, subject, "explain")
    return Explanation.model_validate(found.as_json())
