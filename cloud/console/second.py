"""`/account/second`: adding a second factor to one's own account, and taking it away.

Either needs the password again: a browser left open is not enough. What is added or taken away is
told to the account's address.
"""

from typing import Annotated

import segno
from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.accounts import queries, second
from cloud.api.parameters import Database
from cloud.audit.service import note
from cloud.console.account import WRONG, proves
from cloud.console.forms import Problems
from cloud.console.templating import html
from cloud.console.vaults import vault_of
from cloud.console.visitors import ROLES, actor_of, logged_in
from cloud.console.visits import Visit
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.mail import service as mail
from cloud.visibility.rules import Viewer
from cloud.workers.vault import Vault

_ADDED = mark("A second factor was added to your account")
_GONE = mark("The second factor of your account was taken away")
_SCALE = 5
"""Pixels of a module of the code that is scanned."""

_Password = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/account/second", include_in_schema=False)(shown)
    app.post("/account/second", include_in_schema=False)(begin)
    app.post("/account/second/confirm", include_in_schema=False)(confirm)
    app.post("/account/second/end", include_in_schema=False)(end)


def shown(request: Request, conn: Database) -> Response:
    """What a second factor is, and the form that begins or ends it."""
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
            second.begin(conn, vault, found.account_id)
            offer = second.offered(conn, vault, found.account_id)
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
            codes = second.confirm(conn, vault, found.account_id, code)
            note(conn, actor_of(request, found), "account", "add-second-factor",
                 target_id=found.account_id)  # fmt: skip
            _tell(conn, found, _(_ADDED))
    if not problems:
        return _page(reading, found, problems, codes=codes)
    offer = None
    with problems.of(), request.app.state.engine.connect() as conn:
        offer = second.offered(conn, _vault(request), found.account_id)
    return _page(reading, found, problems, offer=offer)


def end(request: Request, reading: Database, present: _Password = "") -> Response:
    """Ask for no second factor any more."""
    found, problems = logged_in(request, reading), Problems()
    if not proves(request, reading, found, present):
        problems["present"] = _(WRONG)
        return _page(reading, found, problems)
    with request.app.state.writer.begin() as conn:
        if second.take_away(conn, found.account_id):
            note(conn, actor_of(request, found), "account", "remove-second-factor",
                 target_id=found.account_id)  # fmt: skip
            _tell(conn, found, _(_GONE))
    return RedirectResponse("/account", 303)


def _vault(request: Request) -> Vault:
    return vault_of(
        request, _("This platform has no key to keep a second factor with; ask who runs it.")
    )


def _tell(conn: Connection, found: Visit, what: str) -> None:
    """Mail the account what became of it: whoever did not do it has to know."""
    address = queries.email_of(conn, found.account_id)
    advice = _("If that was not you, change your password, and tell who runs the platform.")
    mail.enqueue(conn, address, f"Pointeuse: {what}", f"{what}.\n\n{advice}\n")


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
        picture = segno.make(offer[1]).svg_inline(scale=_SCALE, border=4, light="#fff")
    answer = html(
        "second.html",
        problems.status,
        visit=found,
        active=found.seen_by.company_id if isinstance(found.seen_by, Viewer) else None,
        seen_by=found.seen_by,
        role_names=ROLES,
        asked=second.is_asked(conn, found.account_id) or bool(codes),
        secret=secret,
        picture=picture,
        codes=codes or [],
        problems=problems,
    )
    answer.headers["cache-control"] = "no-store"
    return answer
