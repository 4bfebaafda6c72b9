"""`/invitation`: what an invitation offers, and taking it up. The link works once, for one address.

Whoever opens it before logging in is told what it offers, and opens it again afterwards: no address
in a request says where a login leads.
"""

from typing import Annotated

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, select
from starlette.exceptions import HTTPException

from cloud.accounts import invitations, people, sessions
from cloud.accounts.tables import grants
from cloud.api.parameters import Database
from cloud.audit.service import Actor, note
from cloud.companies.tables import companies
from cloud.console.forms import Problems
from cloud.console.members import ROLES
from cloud.console.templating import html
from cloud.console.visits import Visit, visit
from cloud.times import local
from cloud.visibility.rules import Viewer

PATH = "/invitation"


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get(PATH, include_in_schema=False)(offer)
    app.post(PATH, include_in_schema=False)(accept)


def offer(
    request: Request, conn: Database, token: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """What is offered. Raises NotFoundError, InvalidError for a link that is worth nothing."""
    return _page(conn, visit(request, conn), token, Problems())


def accept(
    request: Request, reading: Database, token: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Take it up, and look at the company. Raises NotFoundError, InvalidError."""
    found = visit(request, reading)
    if found is None:
        raise HTTPException(303, "Log in first.", {"location": "/login"})
    problems = Problems()
    with problems.of(), request.app.state.writer.begin() as conn:
        company = invitations.accept(conn, token, found.account_id)
        sessions.switch(conn, found.session_id, found.account_id, company)
        address = request.client.host if request.client else None
        actor = Actor("console", found.account_id, address)
        note(conn, actor, "invitation", "accept", company_id=company, target_id=found.account_id)
    return _page(reading, found, token, problems) if problems else RedirectResponse("/", 303)


def _page(conn: Connection, found: Visit | None, token: str, problems: Problems) -> Response:
    offered = invitations.look(conn, token)
    granted = conn.execute(
        select(grants.c.division_id, grants.c.site_id).where(grants.c.invitation_id == offered.id)
    ).all()
    seen_by = None if found is None else found.seen_by
    visitor = {} if found is None else {"visit": found}
    return html(
        "invitation.html",
        problems.status,
        **visitor,
        active=seen_by.company_id if isinstance(seen_by, Viewer) else None,
        logged_in=found is not None,
        company=conn.execute(
            select(companies.c.name).where(companies.c.id == offered.company_id)
        ).scalar_one(),
        offered=offered,
        role=ROLES[offered.role],
        places=people.place_names(
            conn,
            [row.division_id for row in granted if row.division_id is not None],
            [row.site_id for row in granted if row.site_id is not None],
        ),
        until=local(offered.expires_ms).isoformat(" ", "minutes"),
        token=token,
        problems=problems,
    )
