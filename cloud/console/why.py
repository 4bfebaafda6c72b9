"""`/why`: why something is not visible, asked in a form and answered step by step.

That it was asked is noted, as it is where programs ask.
"""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response

from cloud.api.parameters import MAX_ID, Database
from cloud.audit.service import note
from cloud.console.templating import html
from cloud.console.visitors import actor_of
from cloud.console.visits import visit
from cloud.errors import RefusedError
from cloud.languages.current import gettext as _
from cloud.visibility import registrations, terminals, workers
from cloud.visibility.explain import Explanation
from cloud.visibility.rules import Viewer

Kind = Literal["worker", "terminal", "registration"]


def install(app: FastAPI) -> None:
    """Add the route."""
    app.get("/why", include_in_schema=False)(why)


def why(
    request: Request,
    conn: Database,
    kind: Annotated[Kind, Query()] = "worker",
    what: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The form, and the answer when something was asked."""
    found = visit(request, conn)
    if found is None:
        return RedirectResponse("/login", 303)
    seen_by = found.seen_by
    answer, problem = None, None
    if isinstance(seen_by, Viewer) and what.strip():
        try:
            answer = _explain(conn, seen_by, kind, what).as_json()
            with request.app.state.writer.begin() as writing:
                # Not what was asked: that may be a name.
                actor = actor_of(request, found)
                note(writing, actor, kind, "explain", company_id=seen_by.company_id)
        except (RefusedError, ValueError) as error:
            problem = str(error)
    return html(
        "why.html",
        visit=found,
        active=seen_by.company_id if isinstance(seen_by, Viewer) else None,
        kind=kind,
        what=what,
        answer=answer,
        problem=problem,
    )


def _explain(conn: Database, seen_by: Viewer, kind: Kind, what: str) -> Explanation:
    """Raises RefusedError, ValueError."""
    if kind == "worker":
        return workers.explain(conn, seen_by, what)
    if kind == "terminal":
        return terminals.explain(conn, seen_by, what)
    digits = what.strip()
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= MAX_ID):
        raise ValueError(_("a registration is asked for by its number, digits only"))
    return registrations.explain(conn, seen_by, int(digits))
