"""`/v1/exports`: numbered snapshots of registrations, each going on from the one before."""

from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection, RowMapping

from cloud.api import problems
from cloud.api.access import MakesExports, ReadsExports
from cloud.api.parameters import Database, Identifier, Page, Paged, Timestamp
from cloud.api.writing import Answer, Body, Keep, Key, once_at_length
from cloud.exports import files, queries, service
from cloud.exports.completeness import told
from cloud.times import rfc3339

router = APIRouter(tags=["exports"], responses=problems.DESCRIBED)

_CONTENT: dict[str, Any] = {
    files.TYPES["csv"].partition(";")[0]: {"schema": {"type": "string"}},
    files.TYPES["xlsx"]: {"schema": {"type": "string", "contentEncoding": "binary"}},
}


class Incomplete(BaseModel):
    """A terminal that may hold, or have lost, registrations that are not in the snapshot."""

    device: str = Field(description="Device number, without hyphens.")
    why: str


class Export(BaseModel):
    """A snapshot. It stays as it was made."""

    id: int
    number: int = Field(description="The company's own count.")
    since: int | None = Field(
        description="The number of the snapshot that it goes on from: it holds what is new, what"
        " changed and what is visible no more since. Null: it holds everything."
    )
    rows: int
    made_at: Timestamp
    complete_until: Timestamp = Field(
        description="The hour up to which it is complete, but for the terminals below."
    )
    incomplete: list[Incomplete]


class NewExport(Body):
    """A snapshot to be made."""

    whole: bool = Field(
        default=False, description="Everything anew, and not what came since the one before."
    )


@router.get("/exports")
def listed_exports(
    conn: Database, who: ReadsExports, wanted: Annotated[Paged, Query()]
) -> Page[Export]:
    """List snapshots, the newest first."""
    rows = queries.listed(conn, who.viewer, before=wanted.position, limit=wanted.limit + 1)
    return wanted.page(rows, _export, itemgetter("number"))


@router.post("/exports", status_code=201, response_model=Export)
def make_export(request: Request, who: MakesExports, body: NewExport, key: Key = None) -> Response:
    """Make the next snapshot. With millions of registrations that takes minutes."""
    seen_by, state = who.viewer, request.app.state

    def work(keep: Keep) -> Answer:
        made: list[Answer] = []

        def finishing(conn: Connection, number: int) -> None:
            shown = _export(queries.one(conn, seen_by, number))
            made.append(Answer(shown, 201, {"location": f"/v1/exports/{number}"}))
            keep(conn, made[0])

        service.make(
            state.engine, state.writer, seen_by, who.actor, whole=body.whole, finishing=finishing
        )
        return made[0]

    return once_at_length(request, who, key, body, work)


@router.get("/exports/{number}")
def one_export(conn: Database, who: ReadsExports, number: Identifier) -> Export:
    """One snapshot by its id."""
    return _export(queries.one(conn, who.viewer, number))


@router.get(
    "/exports/{number}/file",
    response_class=StreamingResponse,
    responses={200: {"description": "The file.", "content": _CONTENT}},
)
def export_file(
    request: Request,
    conn: Database,
    who: ReadsExports,
    number: Identifier,
    form: Annotated[files.Form, Query(alias="format")] = "csv",
) -> Response:
    """Take a snapshot away as a file."""
    found = queries.held(conn, who.viewer, number)
    with request.app.state.writer.begin() as noting:
        who.note(noting, "export", "download", target_id=number, detail={"format": form})
    return StreamingResponse(
        files.pieces(request.app.state.engine, who.viewer, found, form),
        media_type=files.TYPES[form],
        headers=files.headers(found, form),
    )


def _export(row: RowMapping) -> Export:
    return Export(
        id=row["id"],
        number=row["number"],
        since=row["since_number"],
        rows=row["rows"],
        made_at=rfc3339(row["at_ms"]),
        complete_until=rfc3339(row["until_ms"]),
        incomplete=[Incomplete(**each) for each in told(row["incomplete"], str)],
    )
