"""`/account/second`: adding one-time passwords to one's own account, and taking them away.

Either needs the password again: a browser left open is not enough. What is added or taken away is
told to the account's address. `/account/recovery` makes new recovery codes in the same way.
"""

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.accounts import recovery, second, telling, totp
from cloud.api.parameters import Database
from cloud.api.vaults import vault_of
from cloud.audit.service import note
from cloud.console import scanning
from cloud.console.account import own_page
from cloud.console.forms import Problems
from cloud.console.proving import WRONG, proves
from cloud.console.visitors import actor_of, logged_in
from cloud.console.visits import Visit
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.workers.vault import Vault

_Password = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/account/second", include_in_schema=False)(shown)
    app.post("/account/second", include_in_schema=False)(begin)
    app.post("/account/second/confirm", include_in_schema=False)(confirm)
    app.post("/account/second/end", include_in_schema=False)(end)
    app.get("/account/recovery", include_in_schema=False)(recovering)
    app.post("/account/recovery", include_in_schema=False)(renew)


def shown(request: Request, conn: Database) -> Response:
    """What such codes are, and the form that begins or ends them."""
    return _page(conn, logged_in(request, conn), Problems())


def begin(request: Request, reading: Database, present: _Password = "") -> Response:
    """Make a secret, and show it. It is asked for once a code of it was given."""
    found, problems = logged_in(request, reading), Problems()
    if not proves(request, reading, found, present):
        problems["present"] = _(WRONG)
        return _page(reading, found, problems)
    with problems.of():
        vault = _vault(request)
        with request.app.state.writer.begin() as conn:
            totp.begin(conn, vault, found.account_id)
            offer = totp.offered(conn, vault, found.account_id)
    if problems:
        return _page(reading, found, problems)
    return _page(reading, found, problems, offer=offer)


def confirm(
    request: Request, reading: Database, code: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Ask for it from now on, and show the recovery codes this once."""
    found, problems = logged_in(request, reading), Problems()
    codes: list[str] = []
    with problems.of("code"):
        vault = _vault(request)
        with request.app.state.writer.begin() as conn:
            totp.confirm(conn, vault, found.account_id, code)
            codes = second.first_codes(conn, found.account_id)
            note(conn, actor_of(request, found), "account", "add-second-factor",
                 target_id=found.account_id)  # fmt: skip
            telling.tell(conn, found.account_id, telling.FACTOR_ADDED)
    if not problems and not codes:
        return RedirectResponse("/account", 303)
    if not problems:
        return _page(reading, found, problems, codes=codes)
    offer = None
    with problems.of(), request.app.state.engine.connect() as conn:
        offer = totp.offered(conn, _vault(request), found.account_id)
    return _page(reading, found, problems, offer=offer)


def end(request: Request, reading: Database, present: _Password = "") -> Response:
    """Ask for no codes by the clock any more."""
    found, problems = logged_in(request, reading), Problems()
    if not proves(request, reading, found, present):
        problems["present"] = _(WRONG)
        return _page(reading, found, problems)
    with request.app.state.writer.begin() as conn:
        if totp.take_away(conn, found.account_id):
            second.tidy(conn, found.account_id)
            note(conn, actor_of(request, found), "account", "remove-second-factor",
                 target_id=found.account_id)  # fmt: skip
            telling.tell(conn, found.account_id, telling.FACTOR_GONE)
    return RedirectResponse("/account", 303)


def recovering(request: Request, conn: Database) -> Response:
    """What recovery codes are, and the form that makes new ones."""
    return _recovery(conn, logged_in(request, conn), Problems())


def renew(request: Request, reading: Database, present: _Password = "") -> Response:
    """Make new recovery codes, and show them this once; the ones before them are worth nothing."""
    found, problems = logged_in(request, reading), Problems()
    codes: list[str] = []
    if not proves(request, reading, found, present):
        problems["present"] = _(WRONG)
        return _recovery(reading, found, problems)
    with problems.of(), request.app.state.writer.begin() as conn:
        if not second.is_asked(conn, found.account_id):
            raise InvalidError(_("Recovery codes come with a second factor or a passkey."))
        codes = recovery.make(conn, found.account_id)
        note(conn, actor_of(request, found), "account", "make-recovery-codes",
             target_id=found.account_id)  # fmt: skip
        telling.tell(conn, found.account_id, telling.CODES_MADE)
    return _recovery(reading, found, problems, codes)


def _recovery(
    conn: Connection, found: Visit, problems: Problems, codes: list[str] | None = None
) -> Response:
    return own_page(
        found,
        "recovery.html",
        problems,
        asked=second.is_asked(conn, found.account_id),
        left=recovery.left(conn, found.account_id),
        codes=codes or [],
    )


def _vault(request: Request) -> Vault:
    return vault_of(
        request, _("This platform has no key to keep a second factor with; ask who runs it.")
    )


def _page(
    conn: Connection,
    found: Visit,
    problems: Problems,
    *,
    offer: tuple[str, str] | None = None,
    codes: list[str] | None = None,
) -> Response:
    secret, picture = "", ""
    if offer is not None:
        secret = offer[0]
        picture = scanning.picture(offer[1])
    return own_page(
        found,
        "second.html",
        problems,
        asked=totp.is_asked(conn, found.account_id) or bool(codes),
        secret=secret,
        picture=picture,
        codes=codes or [],
    )
