"""`/notifications`: what one is told of by oneself, what of it is read, and what comes by mail."""

from typing import Annotated, Any

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from cloud.api.parameters import Database, Identifier
from cloud.console.moments import moment
from cloud.console.templating import html
from cloud.console.visitors import ROLES, logged_in
from cloud.console.visits import Visit
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.notifications import queries, service
from cloud.notifications.kinds import NAMES, Kind
from cloud.terminals.overview import devices
from cloud.visibility.rules import Operator, Viewer
from cloud.visibility.told import visible_notifications


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/notifications", include_in_schema=False)(listed)
    app.post("/notifications/read", include_in_schema=False)(read_all)
    app.post("/notifications/{notification}/read", include_in_schema=False)(read)
    app.post("/notifications/mail", include_in_schema=False)(choose)


def listed(
    request: Request, conn: Database, show: Annotated[str, Query(pattern="^(|unread)$")] = ""
) -> Response:
    """What this visitor is told of, the newest first; also without access to any company yet."""
    found = logged_in(request, conn)
    rows = queries.listed(conn, found.account_id, visible=_visible(found), unread=show == "unread")
    named = devices(conn, {row["terminal_id"] for row in rows if row["terminal_id"]})
    return html(
        "notifications.html",
        visit=found,
        active=found.seen_by.company_id if isinstance(found.seen_by, Viewer) else None,
        seen_by=found.seen_by,
        role_names=ROLES,
        administers=isinstance(found.seen_by, Operator),
        notifications=[_shown(row, named) for row in rows],
        show=show,
        kinds={kind.value: text for kind, text in NAMES.items()},
        chosen={kind.value for kind in queries.by_mail(conn, found.account_id)},
    )


def read(request: Request, reading: Database, notification: Identifier) -> Response:
    """Mark one as read. Raises NotFoundError for one that is not visible."""
    found = logged_in(request, reading)
    with request.app.state.writer.begin() as conn:
        if not service.mark_read(
            conn, found.account_id, visible=_visible(found), number=notification
        ):
            raise NotFoundError(_("There is no such notification."))
    return RedirectResponse("/notifications", 303)


def read_all(request: Request, reading: Database) -> Response:
    """Mark all as read that are visible now."""
    found = logged_in(request, reading)
    with request.app.state.writer.begin() as conn:
        service.mark_read(conn, found.account_id, visible=_visible(found))
    return RedirectResponse("/notifications", 303)


def choose(
    request: Request, reading: Database, kind: Annotated[list[Kind] | None, Form()] = None
) -> Response:
    """Choose which kinds come by mail."""
    found = logged_in(request, reading)
    with request.app.state.writer.begin() as conn:
        service.choose(conn, found.account_id, set(kind or ()))
    return RedirectResponse("/notifications", 303)


def _visible(found: Visit) -> Any:
    return visible_notifications(found.seen_by, found.account_id)


def _shown(row: dict[str, Any], named: dict[int, str]) -> dict[str, Any]:
    return {
        **row,
        "name": NAMES[Kind(row["kind"])],
        "at": moment(row["at_ms"]),
        "closed": moment(row["closed_ms"]),
        "device": named.get(row["terminal_id"] or 0),
    }
