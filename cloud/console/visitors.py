"""Who opens a page: the visit it belongs to, whose eyes it is read with, and in whose name it acts.

Whoever is not logged in is sent to log in. `members` and `onlookers` say which visitors a page is
for.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from cloud.accounts import sessions
from cloud.accounts.roles import Role
from cloud.audit.service import Actor, note
from cloud.console.templating import html
from cloud.console.visits import Visit, visit
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.visibility.rules import Operator, Viewer

ROLES = {
    Role.ADMINISTRATOR: mark("Administrator"),
    Role.MANAGER: mark("Manager"),
    Role.VIEWER: mark("Viewer"),
    Role.AUDITOR: mark("Auditor"),
}
"""What screens call the roles."""

Eyes_co = TypeVar("Eyes_co", bound=Viewer | Operator, covariant=True)


@dataclass(frozen=True, slots=True)
class Visitor(Generic[Eyes_co]):
    """Somebody with the eyes of a member, or of whoever runs the platform."""

    visit: Visit
    seen_by: Eyes_co
    actor: Actor

    @property
    def company(self) -> int | None:
        """The company that is looked at; None: all of them."""
        return self.seen_by.company_id if isinstance(self.seen_by, Viewer) else None

    @property
    def administers(self) -> bool:
        """Whether it changes what a company has."""
        return isinstance(self.seen_by, Operator) or self.seen_by.administers

    def note(self, conn: Connection, subject: str, action: str, **about: Any) -> None:
        """Write a line of the trail in this one's name, in the company's if one is looked at."""
        about.setdefault("company_id", self.company)
        note(conn, self.actor, subject, action, **about)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page for this one."""
        return html(
            template,
            status,
            visit=self.visit,
            active=self.company,
            seen_by=self.seen_by,
            administers=self.administers,
            role_names=ROLES,
            **values,
        )


def logged_in(request: Request, conn: Connection) -> Visit:
    """The visit of a request, noted to be in use. Raises HTTPException (303 to the login)."""
    found = visit(request, conn)
    if found is None:
        raise HTTPException(303, "Log in first.", {"location": "/login"})
    if found.is_due:
        with request.app.state.writer.begin() as writing:
            sessions.touch(writing, found.session_id)
    return found


def actor_of(request: Request, found: Visit) -> Actor:
    """In whose name a visit acts."""
    return Actor("console", found.account_id, request.client.host if request.client else None)


def nothing_of_theirs() -> NotFoundError:
    """What is raised for an account without a part in what the page is about."""
    return NotFoundError(
        _("Your account has no part in a company whose page this is; ask its administrator.")
    )
