"""`/trail`: who changed or looked at what, when, and from where. Reading it is noted in it."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from cloud.api.parameters import MAX_ID, Database
from cloud.audit import queries
from cloud.audit.queries import Filter
from cloud.console.forms import Problems, start_of
from cloud.console.onlookers import TrailReader
from cloud.visibility.rules import visible_trail

ROWS = 100

Words = Annotated[str, Query(max_length=100)]
Day = Annotated[str, Query(max_length=40)]


def install(app: FastAPI) -> None:
    """Add the route."""
    app.get("/trail", include_in_schema=False)(trail)


def trail(
    request: Request,
    conn: Database,
    reader: TrailReader,
    what: Words = "",
    who: Words = "",
    since: Day = "",
    until: Day = "",
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """Lines of the trail, the newest first; a page begins before a line."""
    problems = Problems()
    only = Filter(
        what.strip(),
        who.strip(),
        problems.take("since", start_of, since),
        problems.take("until", lambda typed: start_of(typed, after=True), until),
    )
    rows = []
    if not problems:
        # Read before the look itself is noted: a page is not about itself.
        rows = queries.listed(
            conn, visible=visible_trail(reader.seen_by), only=only, before=before, limit=ROWS + 1
        )
        with request.app.state.writer.begin() as writing:
            reader.note(writing, "trail", "read")
    asked = {"what": what, "who": who, "since": since, "until": until}
    return reader.page(
        "trail.html",
        problems.status,
        rows=rows[:ROWS],
        next=rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        before=before,
        asked=asked,
        kept={name: value for name, value in asked.items() if value},
        problems=problems,
    )
