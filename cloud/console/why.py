"""`/why`: why something is not visible, asked in a form and answered step by step.

That it was asked is noted, as it is where programs ask.
"""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response

from cloud.api.parameters import MAX_ID, Database
from cloud.audit.service import note
from cloud.console.forms import Problems, start_of
from cloud.console.templating import html
from cloud.console.visitors import actor_of
from cloud.console.visits import visit
from cloud.errors import RefusedError
from cloud.languages.current import gettext as _
from cloud.visibility import registrations, terminals, workers
from cloud.visibility.explain import Explanation
from cloud.visibility.period import Period
from cloud.visibility.rules import Viewer

Kind = Literal["worker", "terminal", "registration"]
Day = Annotated[str, Query(max_length=40)]


def install(app: FastAPI) -> None:
    """Add the route."""
    app.get("/why", include_in_schema=False)(why)


def why(
    request: Request,
    conn: Database,
    kind: Annotated[Kind, Query()] = "worker",
    what: Annotated[str, Query(max_length=200)] = "",
    since: Day = "",
    until: Day = "",
) -> Response:
    """The form, and the answer when something was asked; of a worker in a period, if one is."""
    found = visit(request, conn)
    if found is None:
        return RedirectResponse("/login", 303)
    seen_by = found.seen_by
    answer, problem, problems = None, None, Problems()
    period = _period(since, until, problems) if kind == "worker" else Period()
    if isinstance(seen_by, Viewer) and what.strip() and not problems:
        try:
            answer = _explain(conn, seen_by, kind, what, period).as_json()
            with request.app.state.writer.begin() as writing:
                # Not what was asked: that may be a name.
                actor = actor_of(request, found)
                note(writing, actor, kind, "explain", company_id=seen_by.company_id)
        except (RefusedError, ValueError) as error:
            problem = str(error)
    return html(
        "why.html",
        problems.status,
        visit=found,
        active=seen_by.company_id if isinstance(seen_by, Viewer) else None,
        kind=kind,
        what=what,
        since=since,
        until=until,
        answer=answer,
        problem=problem,
        problems=problems,
    )


def _period(since: str, until: str, problems: Problems) -> Period:
    """The days that were typed, the last one to its end; either may be open."""
    first_ms = problems.take("since", start_of, since)
    end_ms = problems.take("until", lambda typed: start_of(typed, after=True), until)
    if first_ms is not None and end_ms is not None and end_ms <= first_ms:
        problems["until"] = _("Give a last day that is not before the first.")
    return Period(first_ms, end_ms)


def _explain(conn: Database, seen_by: Viewer, kind: Kind, what: str, period: Period) -> Explanation:
    """Raises RefusedError, ValueError."""
    if kind == "worker":
        return workers.explain(
            conn, seen_by, what, since_ms=period.since_ms, until_ms=period.until_ms
        )
    if kind == "terminal":
        return terminals.explain(conn, seen_by, what)
    digits = what.strip()
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= MAX_ID):
        raise ValueError(_("a registration is asked for by its number, digits only"))
    return registrations.explain(conn, seen_by, int(digits))
