"""`/account/passkeys`: adding passkeys to one's own account, and removing them.

Either needs the password again, and is told to the account's address. Once the password was right
the browser is asked to make a passkey: the challenge, which is for this session alone, stands for
it.
"""

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud import text
from cloud.accounts import ceremonies, challenges, passkeys, queries, second, telling
from cloud.accounts.challenges import Purpose
from cloud.api.parameters import Database, Identifier
from cloud.audit.service import note
from cloud.console.account import own_page
from cloud.console.forms import Problems
from cloud.console.parties import party, party_if_any
from cloud.console.passkey_login import MAX_ANSWER
from cloud.console.proving import WRONG, proves
from cloud.console.visitors import actor_of, logged_in
from cloud.console.visits import COOKIE, Visit
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

_Password = Annotated[str, Form(max_length=1000)]
_Name = Annotated[str, Form(max_length=300)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/account/passkeys/new", include_in_schema=False)(form)
    app.post("/account/passkeys/new", include_in_schema=False)(begin)
    app.post("/account/passkeys", include_in_schema=False)(add)
    app.get("/account/passkeys/{passkey}", include_in_schema=False)(shown)
    app.post("/account/passkeys/{passkey}/end", include_in_schema=False)(remove)


def form(request: Request, conn: Database) -> Response:
    """What a passkey is, and the form that begins; or why this platform has none."""
    return _page(request, conn, logged_in(request, conn), Problems())


def begin(
    request: Request, reading: Database, name: _Name = "", present: _Password = ""
) -> Response:
    """Have the browser make one."""
    found, problems = logged_in(request, reading), Problems()
    problems.take("name", lambda typed: text.name(typed, _("the passkey's name")), name)
    if not proves(request, reading, found, present):
        problems["present"] = _(WRONG)
    if problems:
        return _page(request, reading, found, problems, name)
    options = None
    with problems.of():
        options = _asked(request, found)
    return _page(request, reading, found, problems, name, options)


def add(
    request: Request,
    reading: Database,
    name: _Name = "",
    credential: Annotated[str, Form(max_length=MAX_ANSWER)] = "",
) -> Response:
    """Keep what the browser made. With the first factor come recovery codes, shown this once."""
    found, problems = logged_in(request, reading), Problems()
    codes: list[str] = []
    with problems.of():
        codes = _kept(request, found, name, credential)
    if problems:
        return _page(request, reading, found, problems, name)
    if not codes:
        return RedirectResponse("/account", 303)
    return own_page(found, "passkey_new.html", problems, codes=codes)


def shown(request: Request, conn: Database, passkey: Identifier) -> Response:
    """The form that removes one. Raises NotFoundError for any that is not one's own."""
    return _one(conn, logged_in(request, conn), passkey, Problems())


def remove(
    request: Request, reading: Database, passkey: Identifier, present: _Password = ""
) -> Response:
    """Let nobody in by it any more. Raises NotFoundError for any that is not one's own."""
    found, problems = logged_in(request, reading), Problems()
    name = passkeys.named(reading, found.account_id, passkey)
    if not proves(request, reading, found, present):
        problems["present"] = _(WRONG)
        return _one(reading, found, passkey, problems)
    with request.app.state.writer.begin() as conn:
        if passkeys.take_away(conn, found.account_id, passkey):
            second.tidy(conn, found.account_id)
            note(conn, actor_of(request, found), "account", "remove-passkey",
                 target_id=found.account_id, detail={"passkey": passkey})  # fmt: skip
            telling.tell(conn, found.account_id, telling.PASSKEY_GONE, name)
    return RedirectResponse("/account", 303)


def _asked(request: Request, found: Visit) -> str:
    """What the browser is asked. Raises InvalidError where there are no passkeys."""
    whose = party(request)
    with request.app.state.writer.begin() as conn:
        holder = ceremonies.Holder(
            passkeys.handle(conn, found.account_id),
            queries.email_of(conn, found.account_id),
            found.name,
        )
        known = passkeys.credentials(conn, found.account_id, whose.id)
        token = request.cookies[COOKIE]
        challenge = challenges.make(conn, Purpose.ADD, token, found.account_id)
        return ceremonies.creation(whose, holder, challenge, known)


def _kept(request: Request, found: Visit, name: str, credential: str) -> list[str]:
    """Recovery codes, if it is the first factor. Raises InvalidError, ConflictError."""
    whose, said = party(request), ceremonies.Creation(credential)
    token, account = request.cookies[COOKIE], found.account_id
    # By itself: it is used up, whatever is wrong with the answer.
    with request.app.state.writer.begin() as conn:
        asked = challenges.take(conn, Purpose.ADD, token, said.challenge, account)
    if asked is None:
        raise InvalidError(_("That took too long, or was sent already; begin again."))
    made = said.made(whose, said.challenge)
    with request.app.state.writer.begin() as conn:
        passkey = passkeys.add(conn, account, whose.id, name, made)
        note(conn, actor_of(request, found), "account", "add-passkey",
             target_id=account, detail={"passkey": passkey})  # fmt: skip
        telling.tell(conn, account, telling.PASSKEY_ADDED, name)
        return second.first_codes(conn, account)


def _page(
    request: Request,
    conn: Connection,
    found: Visit,
    problems: Problems,
    name: str = "",
    options: str | None = None,
) -> Response:
    without = ""
    try:
        party(request)
    except InvalidError as error:
        without = str(error)
    return own_page(
        found,
        "passkey_new.html",
        problems,
        codes=[],
        without=without,
        party=party_if_any(request),
        options=options,
        name=name,
        alone=not second.is_asked(conn, found.account_id),
    )


def _one(conn: Connection, found: Visit, passkey: int, problems: Problems) -> Response:
    name = passkeys.named(conn, found.account_id, passkey)
    return own_page(found, "passkey.html", problems, passkey=passkey, name=name)
