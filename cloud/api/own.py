"""Whose app asks: a token of its own kind says (RFC 6750), and opens nothing but a worker's own.

A token of a program is none here, and one of an app is none anywhere else.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from cloud.api import rates
from cloud.api.parameters import Database
from cloud.apps import service
from cloud.audit.service import Actor, note
from cloud.visibility import row_security
from cloud.visibility.rules import App

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="AppToken",
    description="A token that an app was given for a pairing code.",
)


@dataclass(frozen=True, slots=True)
class Own:
    """An app, as it looks at its worker's own, and where it is."""

    seen_by: App
    address: str | None

    def looked(self, request: Request, subject: str, action: str) -> None:
        """Keep that the app asked today, and write a line of the company's trail about its look."""
        actor = Actor("api", None, self.address, app_id=self.seen_by.app_id)
        company, worker = self.seen_by.company_id, self.seen_by.worker_id
        with request.app.state.writer.begin() as conn:
            service.touch(conn, self.seen_by.app_id)
            note(conn, actor, subject, action, company_id=company, target_id=worker)


def own(
    request: Request,
    conn: Database,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Own:
    """The app of the token in the request. Raises HTTPException (401, 429)."""
    found = None if given is None else service.find(conn, given.credentials)
    if found is None:
        raise HTTPException(
            401,
            "This address needs the token of an app that is paired: send `Authorization: Bearer …`;"
            " ask for a new pairing code.",
            {"www-authenticate": "Bearer" + (' error="invalid_token"' if given else "")},
        )
    rates.take(request, ("app", found["app_id"]))
    seen_by = App(**found)
    row_security.enter(conn, seen_by)
    return Own(seen_by, request.client.host if request.client else None)


LooksAtOwn = Annotated[Own, Depends(own)]
