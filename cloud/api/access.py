"""Who asks: a bearer token (RFC 6750) says, or the answer is 401. Cookies mean nothing here.

A route names the scope it needs; the description of the API (OpenAPI 3.1) repeats it.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from cloud.accounts import api_tokens, scopes
from cloud.accounts.scopes import Scope
from cloud.api import rates
from cloud.api.parameters import Database
from cloud.audit.service import Actor, note
from cloud.visibility import row_security
from cloud.visibility.rules import Operator, Viewer, program

_bearer = HTTPBearer(
    auto_error=False, description="A token made on `/tokens`, or with `pointeuse cloud token add`."
)
_CHALLENGE = {"www-authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Caller:
    """A program: whose eyes it reads with, and where it is."""

    token_id: int
    seen_by: Viewer | Operator
    whole_badges: bool
    address: str | None

    @property
    def viewer(self) -> Viewer:
        """The company it looks at. Raises HTTPException (403) for the operator's program."""
        if isinstance(self.seen_by, Operator):
            raise HTTPException(403, "This address speaks of one company; use a token of it.")
        return self.seen_by

    @property
    def actor(self) -> Actor:
        """In whose name it acts."""
        return Actor("api", None, self.address, self.token_id)

    def note(self, conn: Connection, subject: str, action: str, **about: Any) -> None:
        """Write a line of the company's trail, saying which token it was.

        Of the operator's program, which looks at all of them, in no company's.
        """
        company = self.seen_by.company_id if isinstance(self.seen_by, Viewer) else None
        note(conn, self.actor, subject, action, company_id=company, **about)


def caller(
    request: Request,
    conn: Database,
    needed: SecurityScopes,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    """The program of the token in the request. Raises HTTPException (401, 403, 429)."""
    if given is None:
        raise HTTPException(
            401,
            "This address needs a token: send `Authorization: Bearer …`;"
            " an administrator makes one on `/tokens` of the console.",
            _CHALLENGE,
        )
    found = api_tokens.find(conn, given.credentials)
    if found is None:
        raise HTTPException(
            401,
            "This token is not known, was revoked, or ran out; ask for a new one.",
            {"www-authenticate": 'Bearer error="invalid_token"'},
        )
    rates.take(request, ("token", found["id"]))
    may = scopes.read(found["scopes"])
    missing = [scope for scope in needed.scopes if scope not in may]
    if missing:
        raise HTTPException(
            403,
            f"This token has not the scope {' '.join(missing)}; ask for one that has it.",
            {
                "www-authenticate": 'Bearer error="insufficient_scope",'
                f' scope="{" ".join(needed.scopes)}"'
            },
        )
    company = found["company_id"]
    seen_by = Operator() if company is None else program(company, token=found["id"], may=may)
    row_security.enter(conn, seen_by)
    return Caller(
        found["id"],
        seen_by,
        found["whole_badges"],
        request.client.host if request.client else None,
    )


def _with(scope: Scope) -> Any:
    return Security(caller, scopes=[scope.value])


ReadsRegistrations = Annotated[Caller, _with(Scope.REGISTRATIONS_READ)]
ProvesRegistrations = Annotated[Caller, _with(Scope.REGISTRATIONS_PROVE)]
ReadsCompanies = Annotated[Caller, _with(Scope.COMPANIES_READ)]
ChangesCompanies = Annotated[Caller, _with(Scope.COMPANIES_WRITE)]
ReadsTerminals = Annotated[Caller, _with(Scope.TERMINALS_READ)]
ReadsWorkers = Annotated[Caller, _with(Scope.WORKERS_READ)]
ExportsWorkers = Annotated[Caller, _with(Scope.WORKERS_EXPORT)]
ErasesWorkers = Annotated[Caller, _with(Scope.WORKERS_ERASE)]
ChangesWorkers = Annotated[Caller, _with(Scope.WORKERS_WRITE)]
ReadsCorrections = Annotated[Caller, _with(Scope.CORRECTIONS_READ)]
ProposesCorrections = Annotated[Caller, _with(Scope.CORRECTIONS_WRITE)]
SignsCorrectionsOff = Annotated[Caller, _with(Scope.CORRECTIONS_DECIDE)]
ReadsExports = Annotated[Caller, _with(Scope.EXPORTS_READ)]
MakesExports = Annotated[Caller, _with(Scope.EXPORTS_WRITE)]
ReadsWebhooks = Annotated[Caller, _with(Scope.WEBHOOKS_READ)]
ChangesWebhooks = Annotated[Caller, _with(Scope.WEBHOOKS_WRITE)]
Explains = Annotated[Caller, _with(Scope.EXPLAIN_READ)]
ReadsCustody = Annotated[Caller, _with(Scope.CUSTODY_READ)]


def operator(who: ReadsCustody) -> None:
    """Let in only those who run the platform. Raises HTTPException (403)."""
    if not isinstance(who.seen_by, Operator):
        raise HTTPException(
            403, "Only who runs the platform may read this; ask for a token of the operator."
        )


Operators = Depends(operator)
