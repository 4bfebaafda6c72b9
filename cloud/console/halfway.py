"""`/login/code`: the second half of a login, once the password was right.

What is asked for is a code from the device, or a passkey, as the account has them; a recovery code
will always do. What is wrong is counted as a wrong password is.
"""

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.accounts import ceremonies, challenges, passkeys, presenting, service, sessions, totp
from cloud.accounts.challenges import Purpose
from cloud.api.parameters import Database
from cloud.api.vaults import vault_of
from cloud.audit.service import Actor, note
from cloud.console import cookies
from cloud.console.login import HALF, TOO_MANY, address_of, let_in
from cloud.console.parties import party_if_any
from cloud.console.passkey_login import MAX_ANSWER, WRONG, note_shown
from cloud.console.templating import html
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark

_WRONG_CODE = mark(
    "This code is not right, was used already, or the account is locked for a while after wrong"
    " ones. Wait for the next code, then try again."
)


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/login/code", include_in_schema=False)(form)
    app.post("/login/code", include_in_schema=False)(give_code)
    app.post("/login/code/passkey", include_in_schema=False)(give_passkey)


def form(request: Request, reading: Database) -> Response:
    """The form that asks for the second factor."""
    account = _half(request, reading)
    return _elsewhere() if account is None else _page(request, reading, account)


def give_code(
    request: Request, reading: Database, code: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Let a browser in whose code is right, with a session of its own."""
    state, address, account = request.app.state, address_of(request), _half(request, reading)
    if account is None:
        return _elsewhere()
    if state.throttle.refuses(address):
        return _page(request, reading, account, 429, _(TOO_MANY))
    vault = None
    try:
        if totp.is_asked(reading, account):
            unreadable = _("The second factor cannot be read; ask who runs the platform.")
            vault = vault_of(request, unreadable)
    except InvalidError as error:
        return _page(request, reading, account, 503, str(error))
    with state.writer.begin() as conn:
        right = service.give_code(conn, vault, account, code)
        actor = Actor("console", account, address)
        note(conn, actor, "account", "log-in" if right else "refuse-code", target_id=account)
        token = _begin(request, conn, account) if right else None
    if token is not None:
        return _whole(token)
    state.throttle.count(address)
    return _page(request, reading, account, 401, _(_WRONG_CODE))


def give_passkey(
    request: Request,
    reading: Database,
    credential: Annotated[str, Form(max_length=MAX_ANSWER)] = "",
) -> Response:
    """Let a browser in that has a passkey of the account."""
    state, address, account = request.app.state, address_of(request), _half(request, reading)
    party = party_if_any(request)
    if account is None or party is None:
        return _elsewhere()
    if state.throttle.refuses(address):
        return _page(request, reading, account, 429, _(TOO_MANY))
    with state.writer.begin() as conn:
        half = request.cookies[HALF]
        shown = presenting.show(conn, party, credential, Purpose.SECOND, half, account)
        note_shown(conn, shown, address)
        token = None if shown.why else _begin(request, conn, account)
    if token is not None:
        return _whole(token)
    state.throttle.count(address)
    if shown.stopped:
        return _elsewhere()
    return _page(request, reading, account, 401, _(WRONG))


def _half(request: Request, conn: Connection) -> int | None:
    """The account that is half logged in."""
    return sessions.half(conn, request.cookies.get(HALF, ""))


def _begin(request: Request, conn: Connection, account: int) -> str:
    sessions.end(conn, request.cookies[HALF])
    return sessions.begin(conn, account)


def _whole(token: str) -> Response:
    answer = let_in(token)
    cookies.take(answer, HALF)
    return answer


def _elsewhere() -> Response:
    return RedirectResponse("/login", 303)


def _page(
    request: Request,
    reading: Connection,
    account: int,
    status: int = 200,
    problem: str | None = None,
) -> Response:
    party, options = party_if_any(request), None
    if party is not None and passkeys.exist(reading, account):
        with request.app.state.writer.begin() as conn:
            known = passkeys.credentials(conn, account, party.id, working=True)
            if known:
                asked = challenges.make(conn, Purpose.SECOND, request.cookies[HALF], account)
                options = ceremonies.request(party, asked, known)
    return html(
        "code.html",
        status,
        problem=problem,
        party=party,
        options=options,
        by_clock=totp.is_asked(reading, account),
        at_once=problem is None,
    )
