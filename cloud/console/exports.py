"""`/exports`: numbered snapshots of registrations: the list, making one, taking one away."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from cloud.api.parameters import Database, Identifier
from cloud.console.forms import Problems
from cloud.console.members import MemberOf
from cloud.console.moments import moment
from cloud.exports import files, queries, service
from cloud.exports.completeness import told
from protocol.identity import group


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/exports", include_in_schema=False)(listed)
    app.post("/exports", include_in_schema=False)(make)
    app.get("/exports/{export}/file", include_in_schema=False)(file)


def listed(conn: Database, who: MemberOf) -> Response:
    """Snapshots of what the member sees, the newest first."""
    return _listed(conn, who, Problems())


def make(request: Request, conn: Database, who: MemberOf) -> Response:
    """Make the next snapshot."""
    problems, state = Problems(), request.app.state
    with problems.of():
        service.make(state.engine, state.writer, who.seen_by, who.actor)
    return _listed(conn, who, problems) if problems else RedirectResponse("/exports", 303)


def file(
    request: Request,
    conn: Database,
    who: MemberOf,
    export: Identifier,
    form: Annotated[files.Form, Query()] = "csv",
) -> Response:
    """A snapshot as a file. Raises NotFoundError. That it is taken away is noted."""
    found = queries.held(conn, who.seen_by, export)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "export", "download", target_id=export, detail={"format": form})

    return StreamingResponse(
        files.pieces(request.app.state.engine, who.seen_by, found, form),
        media_type=files.TYPES[form],
        headers=files.headers(found, form),
    )


def _listed(conn: Database, who: MemberOf, problems: Problems) -> Response:
    rows = [
        {
            **row,
            "made": moment(row["at_ms"]),
            "until": moment(row["until_ms"]),
            "missing": [
                {"number": group(each["device"]), "why": each["why"]}
                for each in told(row["incomplete"])
            ],
        }
        for row in queries.listed(conn, who.seen_by)
    ]
    return who.page("exports.html", problems.status, rows=rows, problems=problems)
