"""Who opens a page that members and whoever runs the platform share, or that is the latter's."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from cloud.api.parameters import Database
from cloud.console.visitors import Visitor, actor_of, logged_in, nothing_of_theirs
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.visibility.rules import Operator, Viewer


class Onlooker(Visitor[Viewer | Operator]):
    """Somebody who looks at a company of theirs, or at the whole platform."""

    __slots__ = ()


def onlooker(request: Request, conn: Database) -> Onlooker:
    """Whose request it is. Raises HTTPException (303 to the login), NotFoundError."""
    found = logged_in(request, conn)
    if found.seen_by is None:
        raise nothing_of_theirs()
    return Onlooker(found, found.seen_by, actor_of(request, found))


def keeper(who: "OnlookerOf") -> Onlooker:
    """Somebody who may change terminals. Raises HTTPException (403)."""
    if not who.administers:
        raise HTTPException(403, _("Only an administrator of the company may do this; ask one."))
    return who


def trail_reader(who: "OnlookerOf") -> Onlooker:
    """Somebody who may read the trail. Raises HTTPException (403)."""
    if isinstance(who.seen_by, Viewer) and not who.seen_by.reads_trail:
        raise HTTPException(
            403, _("Only administrators and auditors of the company may read this; ask one.")
        )
    return who


class Keyholder(Visitor[Operator]):
    """Somebody who runs the platform."""

    __slots__ = ()


def keyholder(request: Request, conn: Database) -> Keyholder:
    """Who runs the platform; for anybody else there is no such page.

    Raises HTTPException (303 to the login), NotFoundError.
    """
    found = logged_in(request, conn)
    if not isinstance(found.seen_by, Operator):
        raise NotFoundError(_("There is no such page."))
    return Keyholder(found, found.seen_by, actor_of(request, found))


OnlookerOf = Annotated[Onlooker, Depends(onlooker)]
"""Anybody with access to a company, and whoever runs the platform."""

Keeper = Annotated[Onlooker, Depends(keeper)]
"""Administrators, and whoever runs the platform."""

OperatorOnly = Annotated[Keyholder, Depends(keyholder)]
"""Whoever runs the platform alone."""

TrailReader = Annotated[Onlooker, Depends(trail_reader)]
"""Administrators, auditors, and whoever runs the platform."""
