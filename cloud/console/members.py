"""Who opens a page of a company's administration.

What a member may not do is answered 403; what it does not see, and whose company it is not, 404, as
what does not exist.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from cloud.api.parameters import MAX_ID, Database
from cloud.console.visitors import Visitor, actor_of, logged_in, nothing_of_theirs
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.visibility.rules import Viewer


class Member(Visitor[Viewer]):
    """Somebody who looks at a company of theirs."""

    __slots__ = ()

    @property
    def company(self) -> int:
        """The company that is looked at."""
        return self.seen_by.company_id


def member(request: Request, conn: Database) -> Member:
    """The member a request belongs to. Raises HTTPException (303 to the login), NotFoundError."""
    found = logged_in(request, conn)
    if not isinstance(found.seen_by, Viewer):
        raise nothing_of_theirs()
    return Member(found, found.seen_by, actor_of(request, found))


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
