"""`/workers`: a company's workers, active and inactive, searched, and new ones.

Every look at them is noted in the trail. An INSS is never in an address: whoever looks for one
sends a form.
"""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.api.parameters import MAX_ID, Database
from cloud.api.vaults import vault_of
from cloud.console.forms import Problems
from cloud.console.members import Member, WorkersReader, WorkersWriter
from cloud.console.worker import Text, checked, to, typed_in
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.visibility.rules import visible_workers
from cloud.workers import editing, inss, queries

ROWS = 50

Standing = Literal["active", "inactive"]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/workers", include_in_schema=False)(listed)
    app.post("/workers/find", include_in_schema=False)(find)
    app.get("/workers/new", include_in_schema=False)(new)
    app.post("/workers/new", include_in_schema=False)(create)


def listed(
    request: Request,
    conn: Database,
    who: WorkersReader,
    standing: Annotated[Standing, Query()] = "active",
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """One of the lists, or what of it has every word of `q`; a page begins after a worker."""
    return _listed(request, conn, who, Problems(), standing, q, after)


def find(request: Request, conn: Database, who: WorkersReader, number: Text = "") -> Response:
    """The worker of an INSS, by its keyed hash. That one was found is noted."""
    problems = Problems()
    digits = problems.take("number", inss.normalise, number)
    found = None
    if digits is not None:
        with problems.of("number"):
            marked = vault_of(request).mark(digits)
            found = queries.with_inss(conn, visible_workers(who.seen_by), marked)
            if found is None:
                raise InvalidError(
                    _("No worker of the company has this INSS; check it, or create the worker.")
                )
    if problems:
        return _listed(request, conn, who, problems)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "worker", "find", target_id=found)
    return RedirectResponse(f"/workers/{found}", 303)


def new(who: WorkersWriter) -> Response:
    """The form of a new worker."""
    return who.page("worker_new.html", shown=typed_in("", "", "", ""), problems=Problems())


def create(
    request: Request,
    who: WorkersWriter,
    number: Text = "",
    given_name: Text = "",
    family_name: Text = "",
    inss_number: Text = "",
) -> Response:
    """Enter a worker."""
    typed = typed_in(number, given_name, family_name, inss_number)
    values, problems = checked(request, typed, "")
    if not problems:
        with problems.of("number"), request.app.state.writer.begin() as conn:
            made = editing.create(conn, who.company, values)
            who.note(conn, "worker", "create", target_id=made)
    if problems:
        return who.page("worker_new.html", problems.status, shown=typed, problems=problems)
    return to(made)


def _listed(
    request: Request,
    conn: Connection,
    who: Member,
    problems: Problems,
    standing: Standing = "active",
    q: str = "",
    after: int | None = None,
) -> Response:
    rows = queries.search(
        conn,
        visible_workers(who.seen_by),
        active=standing == "active",
        words=q,
        after=after,
        limit=ROWS + 1,
    )
    with request.app.state.writer.begin() as writing:
        # Not what was looked for: that may be a name.
        detail = {"list": standing, "searched": bool(q.strip()), "shown": min(len(rows), ROWS)}
        who.note(writing, "worker", "list", detail=detail)
    return who.page(
        "workers.html",
        problems.status,
        workers=rows[:ROWS],
        next=rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        after=after,
        standing=standing,
        q=q,
        problems=problems,
    )
