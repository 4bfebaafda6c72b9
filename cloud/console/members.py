"""Who opens a page of a company's administration, what of it is theirs, and in whose name they act.

Whoever is not logged in is sent to log in. What a member may not do is answered 403; what it does
not see, and whose company it is not, 404, as what does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from cloud.accounts import sessions
from cloud.accounts.roles import Role
from cloud.api.parameters import MAX_ID, Database
from cloud.audit.service import Actor, note
from cloud.console.templating import html
from cloud.console.visits import Visit, visit
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.visibility.rules import Viewer

ROLES = {
    Role.ADMINISTRATOR: mark("Administrator"),
    Role.MANAGER: mark("Manager"),
    Role.VIEWER: mark("Viewer"),
    Role.AUDITOR: mark("Auditor"),
}
"""What screens call the roles."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who looks at a company of theirs."""

    visit: Visit
    seen_by: Viewer
    actor: Actor

    @property
    def company(self) -> int:
        """The company that is looked at."""
        return self.seen_by.company_id

    def note(self, conn: Connection, subject: str, action: str, **about: Any) -> None:
        """Write a line of the company's trail in this member's name."""
        note(conn, self.actor, subject, action, company_id=self.company, **about)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page for this member."""
        return html(
            template,
            status,
            visit=self.visit,
            active=self.company,
            seen_by=self.seen_by,
            role_names=ROLES,
            **values,
        )


def member(request: Request, conn: Database) -> Member:
    """The member a request belongs to. Raises HTTPException (303 to the login), NotFoundError."""
    found = visit(request, conn)
    if found is None:
        raise HTTPException(303, "Log in first.", {"location": "/login"})
    if not isinstance(found.seen_by, Viewer):
        raise NotFoundError(
            _("Your account has no part in a company whose page this is; ask its administrator.")
        )
    if found.is_due:
        with request.app.state.writer.begin() as writing:
            sessions.touch(writing, found.session_id)
    address = request.client.host if request.client else None
    return Member(found, found.seen_by, Actor("console", found.account_id, address))


def _only(allowed: Callable[[Viewer], bool], refusal: str) -> Callable[[Member], Member]:
    """A dependency that lets in who is allowed. Its HTTPException (403) says `refusal`."""

    def check(who: "MemberOf") -> Member:
        if not allowed(who.seen_by):
            raise HTTPException(403, _(refusal))
        return who

    return check


MemberOf = Annotated[Member, Depends(member)]
"""Anybody with access to the company."""

Administrator = Annotated[
    Member,
    Depends(
        _only(
            lambda seen_by: seen_by.administers,
            mark("Only an administrator of the company may do this; ask one."),
        )
    ),
]
WholeReader = Annotated[
    Member,
    Depends(
        _only(
            lambda seen_by: seen_by.reads_trail,
            mark("Only administrators and auditors of the company may read this; ask one."),
        )
    ),
]
WorkersReader = Annotated[
    Member,
    Depends(
        _only(
            lambda seen_by: seen_by.reads_workers,
            mark("Somebody external sees no list of workers; ask somebody of the company."),
        )
    ),
]
WorkersWriter = Annotated[
    Member,
    Depends(
        _only(
            lambda seen_by: seen_by.enters_workers,
            mark("Only administrators and managers of the company may change workers; ask one."),
        )
    ),
]


def number(text: str) -> int:
    """An id that came in a form. Raises NotFoundError for what can be none."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_ID):
        raise NotFoundError(_("There is no such thing."))
    return int(text)
