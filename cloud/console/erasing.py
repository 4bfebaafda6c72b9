"""`/workers/…/erasure`: what erasing a person would do, line by line; and asking for it."""

from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.api.parameters import Database, Identifier
from cloud.console.forms import Problems
from cloud.console.members import Administrator, Member
from cloud.console.proving import WRONG, proves
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.retention import asking, redo
from cloud.retention.plan import What, plan
from cloud.retention.terms import Terms
from cloud.subjects import holdings
from cloud.times import now_ms
from cloud.visibility import row_security

LINES = {
    What.PRESENCES: (
        mark("Registrations, with who tapped in the records of the terminals"),
        mark("The law of 4 August 1996 (articles 31bis to 31octies) wants presences kept."),
    ),
    What.CORRECTIONS: (
        mark("Corrections of registrations, with their reasons"),
        mark("They say what of the presences is right, and are kept with them."),
    ),
    What.WORKER: (
        mark("Name and number"),
        mark("Without them the presences would prove nothing; they go with the last one."),
    ),
    What.INSS: (
        mark("INSS"),
        mark("The social security services know a presence by it; it goes with the last one."),
    ),
    What.BADGES: (
        mark("Badges"),
        mark("Their numbers are in the sealed records; they are free for somebody else at once."),
    ),
    What.SNAPSHOTS: (
        mark("Snapshots from which the lines about the person are taken"),
        mark("The registrations themselves are kept."),
    ),
}
"""What a line of the preview is about, and why some of it is kept."""

_Text = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/workers/{worker}/erasure", include_in_schema=False)(preview)
    app.post("/workers/{worker}/erasure", include_in_schema=False)(erase)


def preview(request: Request, conn: Database, who: Administrator, worker: Identifier) -> Response:
    """What erasing a person would do, line by line. Raises NotFoundError. The look is noted."""
    answer = _preview(request, conn, who, worker, Problems())
    with request.app.state.writer.begin() as writing:
        who.note(writing, "person", "preview", target_id=worker)
    return answer


def erase(
    request: Request,
    reading: Database,
    who: Administrator,
    worker: Identifier,
    password: _Text = "",
) -> Response:
    """Ask for it, by who knows the password; it is done at once if nobody else can decide."""
    found = holdings.subject(reading, who.seen_by, worker)
    problems = Problems()
    directory = directory_of(request, problems)
    if not problems and not proves(request, reading, who.visit, password):
        problems["password"] = _(WRONG)
    if not problems:
        with problems.of(), request.app.state.writer.begin() as conn:
            alone = not asking.needs_another(conn, who.company, who.visit.account_id)
            asking.enter(conn, who.actor, who.company, found.worker, alone=alone)
    if problems:
        return _preview(request, reading, who, worker, problems)
    carry_out(request, directory)
    return RedirectResponse("/privacy", 303)


def carry_out(request: Request, directory: Path | None) -> None:
    """Do what was approved, at once."""
    if directory is not None:
        redo.catch_up(request.app.state.writer, directory, request.app.state.retention)


def directory_of(request: Request, problems: Problems) -> Path | None:
    """The platform's directory, where the log of erasures is."""
    directory: Path | None = request.app.state.directory
    if directory is None:
        problems[""] = _("This server has no log of erasures; ask whoever runs the platform.")
    return directory


def _preview(
    request: Request, conn: Connection, who: Member, worker: int, problems: Problems
) -> Response:
    found = holdings.subject(conn, who.seen_by, worker)
    with row_security.lifted(conn):
        terms = Terms.of(conn, request.app.state.retention, now_ms())
        lines = plan(conn, terms, who.company, worker)
        second = asking.needs_another(conn, who.company, who.visit.account_id)
    return who.page(
        "erasure.html",
        problems.status,
        person=found,
        lines=[
            {
                "what": _(LINES[line.what][0]),
                "now": line.now,
                "kept": line.kept,
                "until": "" if line.until is None else formats.day(line.until),
                "why": _(LINES[line.what][1]) if line.kept else "",
            }
            for line in lines
        ],
        second=second,
        problems=problems,
    )
