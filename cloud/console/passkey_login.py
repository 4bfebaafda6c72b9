"""`/login/passkey`: logging in by a passkey alone, which says itself whose it is.

The authenticator has verified its user, so it counts for password and second factor both. Until
then the browser holds a token of its own, for which alone the challenge is: whoever takes an answer
to another browser has nothing.
"""

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from cloud.accounts import ceremonies, challenges, presenting, sessions, tokens
from cloud.accounts.challenges import Purpose
from cloud.accounts.party import Party
from cloud.accounts.presenting import Shown
from cloud.api.parameters import Database
from cloud.api.throttle import Throttle
from cloud.audit.service import Actor, note
from cloud.console import cookies
from cloud.console.login import TOO_MANY, address_of, let_in
from cloud.console.parties import party_if_any
from cloud.console.templating import html
from cloud.console.visits import visit
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark

WRONG = mark(
    "This passkey does not let you in, or the account is locked for a while after wrong attempts."
    " Wait a little and try again, or log in in another way."
)
ASKED = "__Host-pointeuse-asked"
"""Which browser was asked for a passkey."""
CHALLENGES = 200
"""So many pages with a challenge for one address, a whole site's perhaps, in ten minutes."""
MAX_ANSWER = 20_000
"""Characters of what a browser answers; the longest keys and ids need a quarter of it."""


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.state.challenged = Throttle(most=CHALLENGES)
    app.get("/login/passkey", include_in_schema=False)(form)
    app.post("/login/passkey", include_in_schema=False)(log_in)


def form(request: Request, conn: Database) -> Response:
    """Have the browser ask for a passkey; whoever is logged in has no use for it.

    Raises HTTPException (429) where the page was opened too often: each time writes a challenge.
    """
    party = party_if_any(request)
    if visit(request, conn) is not None:
        return RedirectResponse("/", 303)
    if party is None:
        return _elsewhere()
    challenged, address = request.app.state.challenged, address_of(request)
    if challenged.refuses(address):
        raise HTTPException(429, _(TOO_MANY))
    challenged.count(address)
    return _page(request, party)


def log_in(
    request: Request, credential: Annotated[str, Form(max_length=MAX_ANSWER)] = ""
) -> Response:
    """Let a browser in, or say that something does not fit; never what."""
    state, address, party = request.app.state, address_of(request), party_if_any(request)
    if party is None:
        return _elsewhere()
    if state.throttle.refuses(address):
        return _page(request, party, 429, _(TOO_MANY))
    token = None
    with state.writer.begin() as conn:
        asked = request.cookies.get(ASKED, "")
        shown = presenting.show(conn, party, credential, Purpose.LOGIN, asked)
        note_shown(conn, shown, address)
        if not shown.why and shown.account is not None:
            token = sessions.begin(conn, shown.account)
    if token is None:
        state.throttle.count(address)
        return _page(request, party, 401, _(WRONG))
    answer = let_in(token)
    cookies.take(answer, ASKED)
    return answer


def note_shown(conn: Connection, shown: Shown, address: str) -> None:
    """Write what became of a passkey that was shown; of what is wrong only the trail knows."""
    action = "log-in" if not shown.why else "stop-passkey" if shown.stopped else "refuse-passkey"
    actor = Actor("console", None if shown.why else shown.account, address)
    detail = {"passkey": shown.passkey, "why": shown.why}
    note(conn, actor, "account", action, target_id=shown.account,
         detail={name: value for name, value in detail.items() if value})  # fmt: skip


def _elsewhere() -> Response:
    return RedirectResponse("/login", 303)


def _page(
    request: Request, party: Party, status: int = 200, problem: str | None = None
) -> Response:
    """The form, with a challenge for this browser alone."""
    token = request.cookies.get(ASKED, "")
    try:
        tokens.digest(token)
    except InvalidError:
        token = tokens.make()
    with request.app.state.writer.begin() as conn:
        asked = challenges.make(conn, Purpose.LOGIN, token)
    answer = html(
        "passkey_login.html",
        status,
        problem=problem,
        party=party,
        options=ceremonies.request(party, asked),
    )
    cookies.give(answer, ASKED, token)
    return answer
