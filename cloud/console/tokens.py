"""`/tokens`: with which programs ask the API for the company; made, shown once, and revoked."""

from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.accounts import api_tokens, scopes
from cloud.accounts.scopes import Scope
from cloud.api.parameters import Database, Identifier
from cloud.companies.service import lock
from cloud.console.forms import Problems, start_of
from cloud.console.members import Administrator, Member
from cloud.console.moments import moment
from cloud.errors import ConflictError, InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.times import now_ms
from cloud.visibility import row_security
from cloud.webhooks import answering

MEANINGS = {
    Scope.REGISTRATIONS_READ: mark("Read registrations, and workers' days"),
    Scope.REGISTRATIONS_PROVE: mark("Take the proof of registrations away"),
    Scope.CORRECTIONS_READ: mark("Read corrections, and what was decided of each"),
    Scope.CORRECTIONS_WRITE: mark("Enter corrections, which wait for a sign-off"),
    Scope.CORRECTIONS_DECIDE: mark("Sign off corrections of others, and its own that need nobody"),
    Scope.EXPORTS_READ: mark("Read exports, and their files"),
    Scope.EXPORTS_WRITE: mark("Make exports"),
    Scope.COMPANIES_READ: mark("Read the company, its divisions and sites"),
    Scope.COMPANIES_WRITE: mark("Make, change and close divisions and sites"),
    Scope.TERMINALS_READ: mark("Read terminals, and what each said of itself"),
    Scope.WORKERS_READ: mark("Read workers and their badges; the INSS masked"),
    Scope.WORKERS_WRITE: mark("Make and change workers, and link badges"),
    Scope.WORKERS_EXPORT: mark("Read everything held of one person, the INSS whole"),
    Scope.WORKERS_ERASE: mark("Ask for an erasure, which an administrator approves"),
    Scope.WEBHOOKS_READ: mark("Read webhooks, and what became of what they were sent"),
    Scope.WEBHOOKS_WRITE: mark("Make, change, try and end webhooks"),
    Scope.EXPLAIN_READ: mark("Ask why something is not visible"),
}
"""What each scope of a company's token allows, as the form says it."""

Text = Annotated[str, Form(max_length=4000)]
Words = Annotated[list[Annotated[str, Form(max_length=100)]], Form(max_length=100)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/tokens", include_in_schema=False)(listed)
    app.get("/tokens/new", include_in_schema=False)(new)
    app.post("/tokens/new", include_in_schema=False)(create)
    app.get("/tokens/{token}", include_in_schema=False)(one)
    app.post("/tokens/{token}/revoke", include_in_schema=False)(revoke)


def listed(conn: Database, who: Administrator) -> Response:
    """The company's tokens, without their secrets."""
    with row_security.lifted(conn):
        rows = api_tokens.listed(conn, company=who.company)
    return who.page("tokens.html", rows=[_shown(row) for row in rows])


def new(who: Administrator) -> Response:
    """The form of a new token, which reads registrations unless more is chosen."""
    return _form(who, {"name": "", "last_day": ""}, [Scope.REGISTRATIONS_READ], Problems())


def create(
    request: Request,
    who: Administrator,
    name: Text = "",
    last_day: Text = "",
    scope: Words = [],  # noqa: B006 - FastAPI copies it
    whole_badges: Text = "",
) -> Response:
    """Make a token, and show it, this once."""
    problems, whole = Problems(), whole_badges == "yes"
    tidy = problems.take("name", api_tokens.checked_name, name)
    expires_ms = problems.take("last_day", _end_of, last_day)
    may = problems.take("scopes", lambda words: _checked(words.split()), " ".join(scope))
    if tidy is not None and may is not None and not problems:
        with problems.of(), request.app.state.writer.begin() as conn:
            lock(conn, who.company)
            if api_tokens.held(conn, who.company) >= api_tokens.MOST:
                raise ConflictError(
                    _("The company has %(most)d tokens in use already; revoke one first.")
                    % {"most": api_tokens.MOST}
                )
            made, secret = api_tokens.make(
                conn, tidy, company=who.company, whole_badges=whole, may=may, expires_ms=expires_ms
            )
            detail = {"name": tidy, "scopes": sorted(may), "whole_badges": whole}
            who.note(conn, "token", "create", target_id=made, detail=detail)
    if problems:
        shown = {"name": name, "last_day": last_day}
        return _form(who, shown, scope, problems, whole=whole)
    answer = who.page("token_secret.html", token=made, name=tidy, secret=secret)
    answer.headers["cache-control"] = "no-store"
    return answer


def one(conn: Database, who: Administrator, token: Identifier) -> Response:
    """A token: what it may, and what ends with it. Raises NotFoundError."""
    row, ending = _found(conn, who, token)
    return who.page("token.html", token=_shown(row), webhooks=ending, meanings=MEANINGS)


def revoke(request: Request, reading: Database, who: Administrator, token: Identifier) -> Response:
    """Make a token useless, and end the webhooks that answer to it. Raises NotFoundError."""
    _found(reading, who, token)
    with request.app.state.writer.begin() as conn:
        lock(conn, who.company)
        api_tokens.revoke(conn, token, company=who.company)
        ended = {"webhooks": [webhook for webhook, _name in answering.of(conn, token)]}
        answering.end(conn, now_ms())
        who.note(conn, "token", "revoke", target_id=token, detail=ended)
    return RedirectResponse("/tokens", 303)


def _found(
    conn: Connection, who: Member, token: int
) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    with row_security.lifted(conn):
        return api_tokens.one(conn, who.company, token), list(answering.of(conn, token))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    expires_ms = row["expires_ms"]
    ended = expires_ms is not None and expires_ms <= now_ms()
    return {
        **row,
        "scopes": sorted(scopes.read(row["scopes"])),
        "in_use": not (row["revoked"] or ended),
        "made": moment(row["created_ms"]),
        "ends": moment(expires_ms),
    }


def _end_of(typed: str) -> int | None:
    """The first moment after a day; None when none was typed. Raises InvalidError."""
    expires_ms = start_of(typed, after=True)
    if expires_ms is not None and expires_ms <= now_ms():
        raise InvalidError(_("This day is over; give one to come."))
    return expires_ms


def _checked(words: list[str]) -> frozenset[Scope]:
    """Raises InvalidError."""
    if not words:
        raise InvalidError(_("Choose at least one scope."))
    return scopes.checked(words, operator=False)


def _form(
    who: Member,
    shown: dict[str, str],
    chosen: list[Any],
    problems: Problems,
    *,
    whole: bool = False,
) -> Response:
    return who.page(
        "token_new.html", problems.status, shown=shown, chosen=chosen, whole=whole,
        problems=problems, meanings=MEANINGS,
    )  # fmt: skip
