"""The console's front page, and what of it moves."""

from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from cloud.accounts import sessions
from cloud.api.parameters import MAX_ID, Database
from cloud.audit.service import note
from cloud.console import (
    account,
    administration,
    corrections,
    days,
    doors,
    exports,
    guide,
    halfway,
    language,
    login,
    notifications,
    passkey_login,
    passkeys,
    registrations,
    second,
    terminal,
    terminals,
    view,
    why,
)
from cloud.console.looks import Looks
from cloud.console.templating import html
from cloud.console.visitors import actor_of
from cloud.console.visits import Visit, visit
from cloud.visibility.rules import Viewer


def install(app: FastAPI) -> None:
    """Add the console to the application."""
    app.state.looks = Looks()
    app.get("/", include_in_schema=False)(page)
    app.get("/live", include_in_schema=False)(live)
    login.install(app)
    halfway.install(app)
    passkey_login.install(app)
    language.install(app)
    doors.install(app)
    account.install(app)
    second.install(app)
    passkeys.install(app)
    why.install(app)
    administration.install(app)
    terminals.install(app)
    terminal.install(app)
    notifications.install(app)
    registrations.install(app)
    days.install(app)
    corrections.install(app)
    exports.install(app)
    guide.install(app)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))


def page(request: Request, conn: Database) -> Response:
    """The whole page."""
    found = visit(request, conn)
    if found is None:
        return RedirectResponse("/login", 303)
    if found.is_due:
        with request.app.state.writer.begin() as writing:
            sessions.touch(writing, found.session_id)
    shown = {} if found.seen_by is None else view.live(conn, found.seen_by)
    _noted(request, found)
    return html("page.html", visit=found, active=_active(found), newer_than=None, **shown)


def live(
    request: Request,
    conn: Database,
    tag: Annotated[str, Query(max_length=64)] = "",
    newest: Annotated[int, Query(ge=0, le=MAX_ID)] = MAX_ID,
) -> Response:
    """What moves on the page, or 204 when the page that shows `tag` is up to date.

    Registrations above `newest` are marked as new. Once logged out, the page is sent to log in.
    """
    found = visit(request, conn)
    if found is None or found.seen_by is None:
        return Response(status_code=204, headers={"hx-redirect": "/login"})
    shown = view.live(conn, found.seen_by)
    if shown["tag"] == tag:
        return Response(status_code=204)
    etag = f'"{shown["tag"]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    _noted(request, found)
    answer = html("live.html", newer_than=newest, **shown)
    answer.headers["etag"] = etag
    return answer


def _noted(request: Request, found: Visit) -> None:
    """Note that somebody follows what moves, once an hour."""
    company, looks = _active(found), request.app.state.looks
    key = (found.session_id, found.account_id, company)
    if found.seen_by is None or not looks.is_due(key):
        return
    with request.app.state.writer.begin() as conn:
        note(conn, actor_of(request, found), "registration", "follow", company_id=company)
    looks.noted(key)


def _active(found: Visit) -> int | None:
    return found.seen_by.company_id if isinstance(found.seen_by, Viewer) else None
