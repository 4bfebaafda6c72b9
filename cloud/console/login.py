"""`/login`, `/logout`, `/company`: letting browsers in, out, and from one company to another.

An account with a second factor is asked for it once its password was right (`halfway`); until then
there is no session, but a token of its own, which opens that one form. Who has a passkey needs no
password (`passkey_login`).

Every login is a new session, so that one planted before it is worth nothing, and ends at the front
page: no address in the request says where to go next. That these requests come from a page of our
own is `cloud.api.security.SameOrigin`'s to see to.
"""

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Engine

from cloud.accounts import second, service, sessions
from cloud.api.parameters import MAX_ID, Database
from cloud.api.throttle import BusyError, Judges, Throttle
from cloud.audit.service import Actor, note
from cloud.console import cookies
from cloud.console.parties import party_if_any
from cloud.console.templating import html
from cloud.console.visits import COOKIE, visit
from cloud.languages.current import gettext as _
from cloud.languages.current import mark

_WRONG = mark(
    "This address and password do not belong together, or the account is locked for a while after"
    " wrong ones. Check both, and wait a little before you try again."
)
TOO_MANY = mark("Too many attempts from here. Wait ten minutes, then try again.")
BUSY = mark("Many people log in just now. Try again in a moment.")

HALF = "__Host-pointeuse-half"
"""That the password was right, while the second factor is to come."""


def install(app: FastAPI) -> None:
    """Add the routes; `app.state` holds `engine`, which reads, and `writer`."""
    app.state.throttle, app.state.judges = Throttle(), Judges()
    app.get("/login", include_in_schema=False)(form)
    app.post("/login", include_in_schema=False)(log_in)
    app.post("/logout", include_in_schema=False)(log_out)
    app.post("/company", include_in_schema=False)(switch)


def form(request: Request, conn: Database) -> Response:
    """The form; whoever is logged in has no use for it."""
    if visit(request, conn) is not None:
        return RedirectResponse("/", 303)
    return _form(request)


async def log_in(
    request: Request,
    email: Annotated[str, Form(max_length=300)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Let a browser in, or say that something does not fit; never what."""
    state, address = request.app.state, address_of(request)
    if state.throttle.refuses(address):
        return _form(request, TOO_MANY, email, 429)
    try:
        begun = await state.judges.run(_begin, state.engine, state.writer, email, password, address)
    except BusyError:
        return _form(request, BUSY, email, 503)
    if begun is None:
        state.throttle.count(address)
        return _form(request, _WRONG, email, 401)
    token, whole = begun
    if whole:
        return let_in(token)
    answer = RedirectResponse("/login/code", 303)
    cookies.give(answer, HALF, token)
    return answer


def log_out(request: Request) -> Response:
    """End the session; without one, the same."""
    token = request.cookies.get(COOKIE)
    if token is not None:
        with request.app.state.writer.begin() as conn:
            sessions.end(conn, token)
    answer = RedirectResponse("/login", 303)
    cookies.take(answer, COOKIE)
    return answer


def switch(
    request: Request, conn: Database, company: Annotated[int, Form(ge=1, le=MAX_ID)]
) -> Response:
    """Look at another company of the same account. Raises NotFoundError for any other."""
    found = visit(request, conn)
    if found is None:
        return RedirectResponse("/login", 303)
    with request.app.state.writer.begin() as writing:
        sessions.switch(writing, found.session_id, found.account_id, company)
    return RedirectResponse("/", 303)


def let_in(token: str) -> Response:
    """To the front page, with a session."""
    answer = RedirectResponse("/", 303)
    cookies.give(answer, COOKIE, token)
    return answer


def address_of(request: Request) -> str:
    """Where a request comes from, to be counted by."""
    return request.client.host if request.client else "unknown"


def _begin(
    reader: Engine, writer: Engine, email: str, password: str, address: str
) -> tuple[str, bool] | None:
    """A token, and whether it is of a session or of half a login; or None."""
    attempt = service.Login(email, password)
    with reader.connect() as conn:
        attempt.look_up(conn)
    attempt.judge()
    with writer.begin() as conn:
        account = attempt.settle(conn)
        # Written either way, also for an address that nobody has: the time it takes tells nothing.
        whole = account is None or not second.is_asked(conn, account)
        action = "refuse" if account is None else "log-in" if whole else "ask-code"
        actor = Actor("console", account, address)
        note(conn, actor, "account", action, target_id=attempt.account)
        if account is None:
            return None
        return (sessions.begin if whole else sessions.begin_half)(conn, account), whole


def _form(
    request: Request, problem: str | None = None, email: str = "", status: int = 200
) -> HTMLResponse:
    return html(
        "login.html",
        status=status,
        problem=problem and _(problem),
        email=email,
        party=party_if_any(request),
    )
