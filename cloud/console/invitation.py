"""`/invitation`: what an invitation offers, and taking it up. The link works once, for one address.

Whoever opens it before logging in is told what it offers. Somebody with an account logs in and
opens it again: no address in a request says where a login leads. Somebody without one chooses a
name and a password there and then: that the link came to the address has shown whose it is.
"""

from typing import Annotated, Any

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row, select
from starlette.exceptions import HTTPException

from cloud.accounts import addresses, granted, invitations, letters, queries, sessions
from cloud.accounts import service as accounts
from cloud.accounts.tables import grants
from cloud.api.parameters import Database
from cloud.audit.service import Actor, note
from cloud.companies.tables import companies
from cloud.console import cookies
from cloud.console.choosing import chosen
from cloud.console.forms import Problems
from cloud.console.templating import html
from cloud.console.visitors import ROLES
from cloud.console.visits import COOKIE, Visit, visit
from cloud.languages import formats
from cloud.languages.current import language, mark
from cloud.visibility.rules import Viewer

PATH = "/invitation"
_INVITES = mark("%(company)s invites you")
_OFFER = mark(
    "%(company)s gives you access at Pointeuse. Open this link within a week:\n\n%(link)s"
)
_OFFER_OF_PLACES = mark(
    "%(company)s gives you access at Pointeuse, to these divisions and sites:\n\n%(places)s\n\n"
    "Open this link within a week:\n\n%(link)s"
)


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get(PATH, include_in_schema=False)(offer)
    app.post(PATH, include_in_schema=False)(accept)


def offer(
    request: Request, conn: Database, token: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """What is offered. Raises NotFoundError, InvalidError for a link that is worth nothing."""
    # Before it is read with the visitor's eyes, which see no token.
    offered = invitations.look(conn, token)
    return _page(conn, visit(request, conn), offered, token, Problems())


def accept(
    request: Request,
    reading: Database,
    token: Annotated[str, Form(max_length=200)] = "",
    name: Annotated[str, Form(max_length=300)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Take it up, and look at the company. Raises NotFoundError, InvalidError."""
    offered = invitations.look(reading, token)
    found = visit(request, reading)
    if found is None and accounts.find(reading, offered.email) is not None:
        raise HTTPException(303, "Log in first.", {"location": "/login"})
    problems = Problems()
    encoded = None
    if found is None:
        encoded = chosen(request, problems, password, (offered.email, name))
    if problems:
        return _page(reading, found, offered, token, problems, name)
    begun = None
    with problems.of(), request.app.state.writer.begin() as conn:
        if found is not None:
            account = found.account_id
        elif encoded is not None:
            account = accounts.create(conn, offered.email, name, language=language.get())
            accounts.keep_password(conn, account, encoded)
            begun = sessions.begin(conn, account)
        company = invitations.accept(conn, token, account)
        if found is not None:
            sessions.switch(conn, found.session_id, account, company)
        address = request.client.host if request.client else None
        actor = Actor("console", account, address)
        note(conn, actor, "invitation", "accept", company_id=company, target_id=account)
    if problems:
        return _page(reading, found, offered, token, problems, name)
    answer = RedirectResponse("/", 303)
    if begun is not None:
        cookies.give(answer, COOKIE, begun)
    return answer


def mail_link(conn: Connection, company: int, email: str, link: str) -> None:
    """Have the link of an invitation mailed, with the places that it gives.

    In the language of the account, if there is one; else in that of whoever invites.
    """
    address = addresses.normalise(email)
    name = conn.execute(select(companies.c.name).where(companies.c.id == company)).scalar_one()
    places = granted.listed(
        conn, grants.c.invitation_id.in_(invitations.open_for(company, address))
    )
    words = {"company": name, "link": link, "places": places}
    body = _OFFER_OF_PLACES if places else _OFFER
    letters.send(conn, [letters.reader(conn, address)], _INVITES, body, words)


def _page(
    conn: Connection,
    found: Visit | None,
    offered: Row[Any],
    token: str,
    problems: Problems,
    name: str = "",
) -> Response:
    rows = conn.execute(
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
        places=queries.place_names(
            conn,
            [row.division_id for row in rows if row.division_id is not None],
            [row.site_id for row in rows if row.site_id is not None],
        ),
        until=formats.moment(offered.expires_ms),
        token=token,
        problems=problems,
        name=name,
        known=accounts.find(conn, offered.email) is not None,
    )
