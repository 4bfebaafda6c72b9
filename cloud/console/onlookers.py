"""Who opens a page that members of companies and whoever runs the platform share."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from cloud.accounts import sessions
from cloud.api.parameters import Database
from cloud.audit.service import Actor, note
from cloud.console.members import ROLES
from cloud.console.templating import html
from cloud.console.visits import Visit, visit
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.visibility.rules import Operator, Viewer


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Somebody who looks at a company of theirs, or at the whole platform."""

    visit: Visit
    seen_by: Viewer | Operator
    actor: Actor

    @property
    def company(self) -> int | None:
        """The company that is looked at; None: all of them."""
        return self.seen_by.company_id if isinstance(self.seen_by, Viewer) else None

    @property
    def administers(self) -> bool:
        """Whether terminals are this one's to change."""
        return isinstance(self.seen_by, Operator) or self.seen_by.administers

    def note(self, conn: Connection, subject: str, action: str, **about: Any) -> None:
        """Write a line of the trail in this one's name."""
        note(conn, self.actor, subject, action, company_id=self.company, **about)

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


def onlooker(request: Request, conn: Database) -> Onlooker:
    """Whose request it is. Raises HTTPException (303 to the login), NotFoundError."""
    found = visit(request, conn)
    if found is None:
        raise HTTPException(303, "Log in first.", {"location": "/login"})
    if found.seen_by is None:
        raise NotFoundError(
            _("Your account has no part in a company whose page this is; ask its administrator.")
        )
    if found.is_due:
        with request.app.state.writer.begin() as writing:
            sessions.touch(writing, found.session_id)
    address = request.client.host if request.client else None
    return Onlooker(found, found.seen_by, Actor("console", found.account_id, address))


def keeper(who: "OnlookerOf") -> Onlooker:
    """Somebody who may change terminals. Raises HTTPException (403)."""
    if not who.administers:
        raise HTTPException(403, _("Only an administrator of the company may do this; ask one."))
    return who


OnlookerOf = Annotated[Onlooker, Depends(onlooker)]
"""Anybody with access to a company, and whoever runs the platform."""

Keeper = Annotated[Onlooker, Depends(keeper)]
"""Administrators, and whoever runs the platform."""
