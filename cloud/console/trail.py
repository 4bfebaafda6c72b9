"""`/trail`: who changed or looked at what, when, and from where. Reading it is noted in it."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from cloud.api.parameters import MAX_ID, Database
from cloud.audit import queries
from cloud.audit.queries import Filter
from cloud.audit.service import Actor, note
from cloud.console.forms import Problems, start_of
from cloud.console.templating import html
from cloud.console.visits import visit
from cloud.languages.current import gettext as _
from cloud.visibility.rules import Operator, Viewer, visible_trail

ROWS = 100

Words = Annotated[str, Query(max_length=100)]
Day = Annotated[str, Query(max_length=40)]


def install(app: FastAPI) -> None:
    """Add the route."""
    app.get("/trail", include_in_schema=False)(trail)


def trail(
    request: Request,
    conn: Database,
    what: Words = "",
    who: Words = "",
    since: Day = "",
    until: Day = "",
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """Lines of the trail, the newest first; a page begins before a line."""
    found = visit(request, conn)
    if found is None:
        raise HTTPException(303, "Log in first.", {"location": "/login"})
    seen_by = found.seen_by
    if not (isinstance(seen_by, Operator) or (seen_by is not None and seen_by.reads_trail)):
        raise HTTPException(
            403, _("Only administrators and auditors of the company may read this; ask one.")
        )
    company = seen_by.company_id if isinstance(seen_by, Viewer) else None
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
            conn, visible=visible_trail(seen_by), only=only, before=before, limit=ROWS + 1
        )
        with request.app.state.writer.begin() as writing:
            address = request.client.host if request.client else None
            actor = Actor("console", found.account_id, address)
            note(writing, actor, "trail", "read", company_id=company)
    asked = {"what": what, "who": who, "since": since, "until": until}
    return html(
        "trail.html",
        problems.status,
        visit=found,
        active=company,
        rows=rows[:ROWS],
        next=rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        before=before,
        asked=asked,
        kept={name: value for name, value in asked.items() if value},
        problems=problems,
    )
