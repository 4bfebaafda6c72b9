"""Who asks: a bearer token (RFC 6750) says, or the answer is 401. Cookies mean nothing here."""

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from cloud.accounts import api_tokens
from cloud.api.parameters import Database
from cloud.visibility import row_security
from cloud.visibility.rules import Operator, Viewer, program

_bearer = HTTPBearer(auto_error=False, description="A token made with `pointeuse cloud token add`.")
_CHALLENGE = {"www-authenticate": "Bearer"}


class Caller:
    """Whose eyes a program reads with, and whether it may read badge numbers whole."""

    def __init__(self, seen_by: Viewer | Operator, *, whole_badges: bool) -> None:
        self.seen_by, self.whole_badges = seen_by, whole_badges


def caller(
    conn: Database, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """The program of the token in the request. Raises HTTPException (401)."""
    if given is None:
        raise HTTPException(
            401,
            "This address needs a token: send `Authorization: Bearer …`;"
            " `pointeuse cloud token add` makes one.",
            _CHALLENGE,
        )
    found = api_tokens.find(conn, given.credentials)
    if found is None:
        raise HTTPException(
            401,
            "This token is not known, or was revoked; ask for a new one.",
            {"www-authenticate": 'Bearer error="invalid_token"'},
        )
    company = found["company_id"]
    seen_by = Operator() if company is None else program(company)
    row_security.enter(conn, seen_by)
    return Caller(seen_by, whole_badges=found["whole_badges"])


CallerOf = Annotated[Caller, Depends(caller)]


def operator(who: CallerOf) -> None:
    """Let in only those who run the platform. Raises HTTPException (403)."""
    if not isinstance(who.seen_by, Operator):
        raise HTTPException(
            403, "Only who runs the platform may read this; ask for a token of the operator."
        )
