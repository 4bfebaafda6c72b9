"""`/corrections`: what was corrected, and the second sign-off; correcting a registration."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, RowMapping

from cloud.api.parameters import MAX_ID, Database, Identifier
from cloud.console.forms import Problems
from cloud.console.members import Member, MemberOf
from cloud.console.registrations import DIRECTIONS, STATES, shown
from cloud.registrations import correcting, corrections
from cloud.registrations.corrections import state
from cloud.times import rfc3339

ROWS = 100

Text = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/corrections", include_in_schema=False)(listed)
    app.post("/corrections/{correction}/decision", include_in_schema=False)(decide)
    app.post("/registrations/{number}/corrections", include_in_schema=False)(correct)


def listed(
    request: Request,
    conn: Database,
    who: MemberOf,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """Corrections that are visible, the newest first. The look is noted."""
    with request.app.state.writer.begin() as writing:
        who.note(writing, "correction", "list")
    return _listed(conn, who, before, Problems())


def decide(
    request: Request,
    reading: Database,
    who: MemberOf,
    correction: Identifier,
    approve: Text = "",
) -> Response:
    """Approve or refuse a correction. Raises NotFoundError."""
    problems = Problems()
    with problems.of(), request.app.state.writer.begin() as conn:
        correcting.decide(conn, who.seen_by, who.actor, correction, approve=approve == "yes")
    if problems:
        return _listed(reading, who, None, problems)
    return RedirectResponse("/corrections", 303)


def correct(
    request: Request,
    reading: Database,
    who: MemberOf,
    number: Identifier,
    right: Text = "",
    reason: Text = "",
    second: Text = "",
) -> Response:
    """Say which way a registration went, or that it is `void`. Raises NotFoundError."""
    problems = Problems()
    with problems.of("reason"), request.app.state.writer.begin() as conn:
        correcting.correct(
            conn,
            who.seen_by,
            who.actor,
            number,
            direction=None if right == "void" else right,
            reason=reason,
            second=bool(second),
        )
    if problems:
        typed = {"right": right, "reason": reason, "second": second}
        return shown(request, reading, who, number, problems, typed)
    return RedirectResponse(f"/registrations/{number}", 303)


def _listed(conn: Connection, who: Member, before: int | None, problems: Problems) -> Response:
    rows = corrections.newest(conn, who.seen_by, before=before, limit=ROWS + 1)
    return who.page(
        "corrections.html",
        problems.status,
        rows=for_template(rows[:ROWS]),
        next=rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        before=before,
        directions=DIRECTIONS,
        states=STATES,
        problems=problems,
    )


def for_template(rows: Iterable[RowMapping]) -> list[dict[str, Any]]:
    """Corrections with their state and moments written out."""
    return [
        {
            **row,
            "state": state(row),
            "tapped": rfc3339(row["tapped_ms"]),
            "entered": rfc3339(row["at_ms"]),
            "decided": None if row["decided_ms"] is None else rfc3339(row["decided_ms"]),
        }
        for row in rows
    ]
