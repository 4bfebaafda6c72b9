"""Whose browser this is: the session in its cookie, and what that lets it see."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy import Connection, select

from cloud.accounts import sessions
from cloud.accounts.queries import companies_of
from cloud.accounts.tables import accounts
from cloud.errors import NotFoundError
from cloud.notifications import queries
from cloud.visibility import row_security
from cloud.visibility.rules import Operator, Viewer, viewer
from cloud.visibility.told import visible_notifications

COOKIE = "__Host-pointeuse"
"""The prefix makes browsers refuse it from a subdomain, or without TLS (RFC 6265bis 4.1.3.2);
they take loopback for as good as TLS."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that was let in. `seen_by` None: the account has access to no company yet."""

    session_id: int
    account_id: int
    name: str
    seen_by: Viewer | Operator | None
    companies: list[dict[str, Any]]
    is_due: bool
    """Whether it should be noted that the session is in use."""
    unread: int = 0
    """Notifications not read yet, for the link to them."""


def visit(request: Request, conn: Connection) -> Visit | None:
    """The visit that a request belongs to; None: nobody is logged in.

    The connection reads with the visitor's eyes from then on.
    """
    session = sessions.resume(conn, request.cookies.get(COOKIE, ""))
    if session is None:
        return None
    account = conn.execute(
        select(accounts.c.name, accounts.c.operator).where(accounts.c.id == session["account_id"])
    ).one()
    owned = companies_of(conn, session["account_id"])
    seen_by = Operator(session["account_id"]) if account.operator else _view(conn, session, owned)
    if seen_by is not None:
        row_security.enter(conn, seen_by)
    return Visit(
        session["id"],
        session["account_id"],
        account.name,
        seen_by,
        owned,
        sessions.is_due(session),
        # A part of a page, as htmx asks for, has no link to them.
        0 if "hx-request" in request.headers else _unread(conn, session["account_id"], seen_by),
    )


def _unread(conn: Connection, account: int, seen_by: Viewer | Operator | None) -> int:
    return queries.unread(conn, account, visible=visible_notifications(seen_by, account))


def _view(conn: Connection, session: Any, owned: list[dict[str, Any]]) -> Viewer | None:
    """What is seen of the company looked at; of the first, when access to that one has ended."""
    for company in (session["company_id"], *(row["id"] for row in owned[:1])):
        if company is None:
            continue
        try:
            return viewer(conn, session["account_id"], company)
        except NotFoundError:
            continue
    return None
