"""`/exports`: numbered snapshots of registrations: the list, making one, taking one away."""

import json
import tempfile
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from cloud.api.parameters import Database, Identifier
from cloud.console.forms import Problems
from cloud.console.members import MemberOf
from cloud.console.moments import moment
from cloud.exports import queries, service, sheets
from cloud.visibility import row_security
from protocol.identity import group

_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_IN_MEMORY = 1 << 20


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
    form: Annotated[Literal["csv", "xlsx"], Query()] = "csv",
) -> Response:
    """A snapshot as a file. Raises NotFoundError. That it is taken away is noted."""
    found = queries.one(conn, who.seen_by, export)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "export", "download", target_id=export, detail={"format": form})

    def content() -> Iterator[bytes]:
        # The connection of the request is given back before an answer is streamed.
        with request.app.state.engine.connect() as reading:
            row_security.enter(reading, who.seen_by)
            rows = queries.rows(reading, found)
            if form == "csv":
                yield from sheets.as_csv(rows)
                return
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as book:
                sheets.write_xlsx(rows, book)  # type: ignore[arg-type]
                book.seek(0)
                while some := book.read(1 << 16):
                    yield some

    name = f"pointeuse-{found['number']}.{form}"
    return StreamingResponse(
        content(),
        media_type=_TYPES[form],
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _listed(conn: Database, who: MemberOf, problems: Problems) -> Response:
    rows = [
        {
            **row,
            "made": moment(row["at_ms"]),
            "until": moment(row["until_ms"]),
            "missing": [
                {"number": group(each["device"]), "why": each["why"]}
                for each in json.loads(row["incomplete"])
            ],
        }
        for row in queries.listed(conn, who.seen_by)
    ]
    return who.page("exports.html", problems.status, rows=rows, problems=problems)
