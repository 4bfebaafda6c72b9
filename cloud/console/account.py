"""`/account`: one's own password, ways to log in, and where one is logged in."""

from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.accounts import passkeys, queries, recovery, service, sessions, totp
from cloud.api.parameters import Database, Identifier
from cloud.audit.service import note
from cloud.console import cookies
from cloud.console.choosing import chosen
from cloud.console.forms import Problems
from cloud.console.moments import moment
from cloud.console.parties import party_if_any
from cloud.console.proving import WRONG, proves
from cloud.console.templating import html
from cloud.console.visitors import ROLES, actor_of, logged_in
from cloud.console.visits import COOKIE, Visit
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.visibility.rules import Viewer

_Password = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/account", include_in_schema=False)(shown)
    app.post("/account/password", include_in_schema=False)(change)
    app.post("/account/sessions/{session}/end", include_in_schema=False)(end)


def shown(request: Request, conn: Database) -> Response:
    """Who one is, and where one is logged in."""
    return page(request, conn, logged_in(request, conn), Problems())


def change(
    request: Request, reading: Database, present: _Password = "", password: _Password = ""
) -> Response:
    """Change the password, by who knows the present one. Every session ends, and a new one begins.

    A wrong one counts as a failed login does.
    """
    found = logged_in(request, reading)
    problems, actor = Problems(), actor_of(request, found)
    if not proves(request, reading, found, present):
        problems["present"] = _(WRONG)
        return page(request, reading, found, problems)
    with problems.of("password"):
        if password == present:
            raise InvalidError(_("That is the password you have; choose another."))
    encoded = None
    if not problems:
        encoded = chosen(request, problems, password, service.about(reading, found.account_id))
    if encoded is None:
        return page(request, reading, found, problems)
    with request.app.state.writer.begin() as conn:
        service.keep_password(conn, found.account_id, encoded)
        token = sessions.begin(conn, found.account_id)
        note(conn, actor, "account", "change-password", target_id=found.account_id)
    answer = RedirectResponse("/account", 303)
    cookies.give(answer, COOKIE, token)
    return answer


def end(request: Request, reading: Database, session: Identifier) -> Response:
    """End a session of one's own. Raises NotFoundError for any other."""
    found = logged_in(request, reading)
    with request.app.state.writer.begin() as conn:
        if not sessions.end_of(conn, found.account_id, session):
            raise NotFoundError(_("There is no such session any more."))
        note(conn, actor_of(request, found), "session", "end", target_id=found.account_id)
    return RedirectResponse("/account", 303)


def own_page(found: Visit, template: str, problems: Problems, **values: Any) -> Response:
    """A page about the visitor's own account."""
    return html(
        template,
        problems.status,
        visit=found,
        active=found.seen_by.company_id if isinstance(found.seen_by, Viewer) else None,
        seen_by=found.seen_by,
        role_names=ROLES,
        problems=problems,
        **values,
    )


def page(request: Request, conn: Connection, found: Visit, problems: Problems) -> Response:
    """The page of one's own account, with what is wrong with a form of it."""
    return own_page(
        found,
        "account.html",
        problems,
        email=queries.email_of(conn, found.account_id),
        sessions=[_session(row, found) for row in sessions.of(conn, found.account_id)],
        by_clock=totp.is_asked(conn, found.account_id),
        passkeys=[_passkey(row, request) for row in passkeys.of(conn, found.account_id)],
        codes_left=recovery.left(conn, found.account_id),
    )


def _passkey(row: Any, request: Request) -> dict[str, Any]:
    party = party_if_any(request)
    return {
        "id": row["id"],
        "name": row["name"],
        "synced": row["synced"],
        "stopped": row["stopped_ms"] is not None,
        "elsewhere": None if party is not None and party.id == row["rp_id"] else row["rp_id"],
        "began": moment(row["created_ms"]),
        "used": moment(row["used_ms"]),
    }


def _session(row: Any, found: Visit) -> dict[str, Any]:
    return {
        "id": row["id"],
        "here": row["id"] == found.session_id,
        "began": moment(row["created_ms"]),
        "seen": moment(row["seen_ms"]),
    }
