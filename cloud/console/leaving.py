"""`/account/data` and `/account/close`: what is held of one's own account; and leaving."""

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from cloud.accounts import closing as leaving
from cloud.api.parameters import Database
from cloud.audit.service import note
from cloud.console import account as own_account
from cloud.console.erasing import carry_out, directory_of
from cloud.console.files import attached
from cloud.console.forms import Problems
from cloud.console.proving import WRONG, proves
from cloud.console.visitors import actor_of, logged_in
from cloud.languages.current import gettext as _
from cloud.retention.log import Log, done
from cloud.subjects import accounts, documents
from cloud.times import now_ms

_Text = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.post("/account/data", include_in_schema=False)(own_data)
    app.post("/account/close", include_in_schema=False)(close)


def own_data(request: Request, conn: Database) -> Response:
    """All that is held of one's own account, as a file."""
    found = logged_in(request, conn)
    held = accounts.holdings(conn, found.account_id)
    content = documents.archive(held, documents.of_account(), also={})
    with request.app.state.writer.begin() as writing:
        actor = actor_of(request, found)
        note(writing, actor, "account", "export", target_id=found.account_id)
    return attached(content, f"account-{found.account_id}.zip")


def close(request: Request, reading: Database, closing: _Text = "") -> Response:
    """Close one's own account, by who knows its password."""
    found = logged_in(request, reading)
    problems = Problems()
    directory = directory_of(request, problems)
    if not problems and not proves(request, reading, found, closing):
        problems["closing"] = _(WRONG)
    if not problems and directory is not None:
        with problems.of("closing"), request.app.state.writer.begin() as conn:
            named = leaving.begin(conn, found.account_id)
            note(conn, actor_of(request, found), "account", "close", target_id=found.account_id)
            Log(directory).account(named, now_ms(), above=done(conn))
    if problems:
        return own_account.page(request, reading, found, problems)
    carry_out(request, directory)
    return RedirectResponse("/login", 303)
