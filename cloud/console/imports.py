"""`/workers/import`: a list of workers as CSV; what becomes of each row; then all of it or nothing.

Between the two the file waits in memory (`cloud.console.pending`). What is confirmed is what was
shown: if something else would become of a row by then, it is shown again, and nothing is entered.
"""

from typing import Annotated, Literal

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from cloud.api.parameters import MAX_ID, Database
from cloud.api.vaults import vault_of
from cloud.companies.service import lock
from cloud.console.forms import Problems
from cloud.console.members import Member, WorkersWriter
from cloud.console.pending import Key, Pending
from cloud.console.uploads import Sent, form_in
from cloud.errors import ConflictError, InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.workers import importing, sheets
from cloud.workers.importing import Fate, Planned
from cloud.workers.sheets import Row

ROWS = 200
FATES = {
    Fate.REFUSE: mark("refused"),
    Fate.CREATE: mark("new"),
    Fate.CHANGE: mark("changed"),
    Fate.SAME: mark("as it stands"),
}
"""What screens call the fates; what needs looking at first."""

Count = Annotated[int | None, Query(ge=0, le=sheets.MAX_ROWS)]


def install(app: FastAPI) -> None:
    """Add the routes; `app.state` keeps what waits."""
    app.state.pending = Pending()
    app.get("/workers/import", include_in_schema=False)(form)
    app.post("/workers/import", include_in_schema=False)(upload)
    app.post("/workers/import/confirm", include_in_schema=False)(confirm)
    app.post("/workers/import/discard", include_in_schema=False)(discard)


def form(
    request: Request,
    conn: Database,
    who: WorkersWriter,
    fate: Annotated[Literal["create", "change", "same", "refuse"] | None, Query()] = None,
    after: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
    created: Count = None,
    changed: Count = None,
) -> Response:
    """The form; or, while a file waits, what would become of its rows, those after a line."""
    done = None if created is None else {"created": created, "changed": changed or 0}
    return _page(request, conn, who, Problems(), fate=fate, after=after, done=done)


async def upload(request: Request, who: WorkersWriter) -> Response:
    """Take a file, if it can be read at all, and show what would become of its rows."""
    problems = Problems()
    with problems.of("file"):
        content = _file(await form_in(request, "file", sheets.MAX_BYTES))
        await run_in_threadpool(lambda: list(sheets.rows(content)))
        request.app.state.pending.put(_key(who), content)
    if not problems:
        return RedirectResponse("/workers/import", 303)
    return await run_in_threadpool(
        lambda: who.page(
            "import.html", problems.status, waiting=False, done=None, problems=problems
        )
    )


def _file(sent: Sent) -> bytes:
    """The list that was sent. Raises InvalidError: none, or one that is too long."""
    if sent.too_long:
        raise InvalidError(
            _("The file is longer than %(size)d MiB, which no list of workers is; send the list"
              " alone, as CSV.")
            % {"size": sheets.MAX_BYTES // 1024 // 1024}
        )  # fmt: skip
    if not sent.content:
        raise InvalidError(_("No file was sent; choose one."))
    return sent.content


def confirm(
    request: Request,
    reading: Database,
    who: WorkersWriter,
    fingerprint: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Enter what was shown, all of it or nothing."""
    problems = Problems()
    counts: dict[str, int] = {}
    content = request.app.state.pending.get(_key(who))
    with problems.of():
        if content is None:
            raise ConflictError(
                _("The file is not here any more: it is kept for 15 minutes. Send it again.")
            )
        vault = vault_of(request)
        rows = list(sheets.rows(content))
        with request.app.state.writer.begin() as conn:
            lock(conn, who.company)
            planned = importing.plan(conn, who.company, rows, vault)
            if importing.fingerprint(planned) != fingerprint:
                raise ConflictError(
                    _("Workers were changed since this was shown. Nothing was entered: look again.")
                )
            counts = importing.apply(conn, who.company, planned)
            who.note(conn, "worker", "import", detail=counts)
    if problems:
        return _page(request, reading, who, problems)
    request.app.state.pending.drop(_key(who))
    return RedirectResponse(
        f"/workers/import?created={counts[Fate.CREATE]}&changed={counts[Fate.CHANGE]}", 303
    )


def discard(request: Request, who: WorkersWriter) -> Response:
    """Forget the file that waits."""
    request.app.state.pending.drop(_key(who))
    return RedirectResponse("/workers/import", 303)


def _page(
    request: Request,
    conn: Connection,
    who: Member,
    problems: Problems,
    *,
    fate: str | None = None,
    after: int = 0,
    done: dict[str, int] | None = None,
) -> Response:
    content = request.app.state.pending.get(_key(who))
    planned: list[Planned] = []
    rows: list[Row] = []
    if content is not None:
        with problems.of():
            rows = list(sheets.rows(content))
            planned = importing.plan(conn, who.company, rows, vault_of(request))
    if not planned:
        return who.page("import.html", problems.status, waiting=False, done=done, problems=problems)
    # What a list says of people was looked at.
    with request.app.state.writer.begin() as writing:
        who.note(writing, "worker", "preview", detail={"rows": len(rows)})
    shown = [
        (plan, row.fields)
        for plan, row in zip(planned, rows, strict=True)
        if plan.line > after and fate in (None, plan.fate)
    ]
    return who.page(
        "import.html",
        problems.status,
        waiting=True,
        done=None,
        problems=problems,
        counts={each: sum(plan.fate is each for plan in planned) for each in FATES},
        fates=FATES,
        fate=fate,
        rows=shown[:ROWS],
        after=after,
        next=shown[ROWS - 1][0].line if len(shown) > ROWS else None,
        fingerprint=importing.fingerprint(planned),
    )


def _key(who: Member) -> Key:
    return who.visit.session_id, who.company
