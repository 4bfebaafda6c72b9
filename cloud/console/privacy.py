"""`/privacy`: how long presences are kept, who asked to be erased, and what inspectors may have.

And of one person: all that is held, to take away; and what erasing would do, before it is asked.
"""

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud import text
from cloud.accounts import closing as leaving
from cloud.api.parameters import Database, Identifier
from cloud.api.vaults import vault_of
from cloud.audit.service import note
from cloud.console import account as own_account
from cloud.console.forms import Problems, packed, start_of, unpacked
from cloud.console.members import Administrator, Member, WholeReader
from cloud.console.moments import moment
from cloud.console.proving import WRONG, proves
from cloud.console.visitors import actor_of, logged_in
from cloud.errors import InvalidError, RefusedError
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.retention import asking, policies, redo
from cloud.retention.asking import State
from cloud.retention.log import Log, done
from cloud.retention.plan import What, plan
from cloud.retention.terms import Terms
from cloud.sealing import sealing_keys
from cloud.subjects import accounts, documents, holdings, inspection
from cloud.times import local, now_ms
from cloud.visibility import row_security
from cloud.workers.vault import Vault
from protocol.errors import KeyFileError
from protocol.seals import SealingKey

STATES = {
    State.PROPOSED: mark("waits for another administrator"),
    State.REFUSED: mark("refused"),
    State.APPROVED: mark("being carried out"),
    State.RESTRICTED: mark("restricted"),
    State.OVER: mark("nothing is left"),
}
"""What screens call how far a request is."""
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
    app.get("/privacy", include_in_schema=False)(shown)
    app.get("/workers/{worker}/erasure", include_in_schema=False)(preview)
    for path, route in (
        ("/privacy/retention", choose),
        ("/privacy/erasures/{erasure}", decide),
        ("/privacy/inspection", inspect),
        ("/workers/{worker}/data", take_away),
        ("/workers/{worker}/erasure", erase),
        ("/account/data", own_data),
        ("/account/close", close),
    ):
        app.post(path, include_in_schema=False)(route)


def shown(request: Request, conn: Database, who: WholeReader) -> Response:
    """How long presences are kept, and who asked to be erased."""
    return _privacy(request, conn, who, Problems())


def choose(
    request: Request,
    reading: Database,
    who: Administrator,
    months: _Text = "",
    was: _Text = "",
) -> Response:
    """Choose for how long presences are kept."""
    problems = Problems(was)
    number = problems.take("months", policies.read, months)
    if number is not None:
        limits = request.app.state.retention
        with problems.of("months"), request.app.state.writer.begin() as conn:
            if policies.choose(conn, limits, who.company, number, unpacked(was)):
                who.note(conn, "retention", "set", detail={"months": number})
    if problems:
        return _privacy(request, reading, who, problems, months=months)
    return RedirectResponse("/privacy", 303)


def take_away(request: Request, conn: Database, who: Administrator, worker: Identifier) -> Response:
    """All that the company holds of a person, as a file. Raises NotFoundError."""
    found = holdings.subject(conn, who.seen_by, worker)
    limits = request.app.state.retention
    held = holdings.holdings(conn, who.company, worker, _vault(request) if found.own else None)
    months = policies.months_of(conn, limits, who.company)
    explained = documents.of_worker(months, limits.minimum_months)
    content = documents.archive(held, explained, also={})
    with request.app.state.writer.begin() as writing:
        who.note(writing, "person", "export", target_id=worker)
    return _file(content, f"person-{worker}.zip")


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
    directory = _directory(request, problems)
    if not problems and not proves(request, reading, who.visit, password):
        problems["password"] = _(WRONG)
    if not problems:
        with problems.of(), request.app.state.writer.begin() as conn:
            alone = not asking.needs_another(conn, who.company, who.visit.account_id)
            asking.enter(conn, who.actor, who.company, found.worker, alone=alone)
    if problems:
        return _preview(request, reading, who, worker, problems)
    _carry_out(request, directory)
    return RedirectResponse("/privacy", 303)


def decide(
    request: Request,
    reading: Database,
    who: Administrator,
    erasure: Identifier,
    approve: _Text = "",
    password: _Text = "",
) -> Response:
    """Approve or refuse what somebody else asked. Raises NotFoundError."""
    asking.one(reading, who.company, erasure)
    problems = Problems()
    directory = _directory(request, problems)
    if not problems and not proves(request, reading, who.visit, password):
        problems[f"erasure-{erasure}"] = _(WRONG)
    if not problems:
        with problems.of(), request.app.state.writer.begin() as conn:
            asking.decide(conn, who.actor, who.company, erasure, approve=approve == "yes")
    if problems:
        return _privacy(request, reading, who, problems)
    _carry_out(request, directory)
    return RedirectResponse("/privacy", 303)


def inspect(
    request: Request,
    conn: Database,
    who: WholeReader,
    person: _Text = "",
    reason: _Text = "",
    since: _Text = "",
    until: _Text = "",
) -> Response:
    """What is kept of somebody restricted, with its proofs; whoever asks says why."""
    problems = Problems()
    directory = _directory(request, problems)
    why = problems.take("reason", _reason, reason)
    since_ms = problems.take("since", start_of, since)
    until_ms = problems.take("until", lambda typed: start_of(typed, after=True), until)
    content = b""
    if not problems and directory is not None:
        # Nobody found is told where the name was typed, as any other mistake.
        try:
            vault = _vault(request)
            worker = inspection.find(conn, who.seen_by, person, vault)
            content = inspection.package(
                conn, who.company, worker, vault, _keys(directory), since_ms, until_ms
            )
        except RefusedError as error:
            problems["person"] = str(error)
    if problems:
        typed = {"person": person, "reason": reason, "since": since, "until": until}
        return _privacy(request, conn, who, problems, **typed)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "person", "inspect", detail={"reason": why})
    return _file(content, "inspection.zip")


def own_data(request: Request, conn: Database) -> Response:
    """All that is held of one's own account, as a file."""
    found = logged_in(request, conn)
    held = accounts.holdings(conn, found.account_id)
    content = documents.archive(held, documents.of_account(), also={})
    with request.app.state.writer.begin() as writing:
        actor = actor_of(request, found)
        note(writing, actor, "account", "export", target_id=found.account_id)
    return _file(content, f"account-{found.account_id}.zip")


def close(request: Request, reading: Database, closing: _Text = "") -> Response:
    """Close one's own account, by who knows its password."""
    found = logged_in(request, reading)
    problems = Problems()
    directory = _directory(request, problems)
    if not problems and not proves(request, reading, found, closing):
        problems["closing"] = _(WRONG)
    if not problems and directory is not None:
        with problems.of("closing"), request.app.state.writer.begin() as conn:
            named = leaving.begin(conn, found.account_id)
            note(conn, actor_of(request, found), "account", "close", target_id=found.account_id)
            Log(directory).account(named, now_ms(), above=done(conn))
    if problems:
        return own_account.page(request, reading, found, problems)
    _carry_out(request, directory)
    return RedirectResponse("/login", 303)


def _carry_out(request: Request, directory: Path | None) -> None:
    if directory is not None:
        redo.catch_up(request.app.state.writer, directory, request.app.state.retention)


def _directory(request: Request, problems: Problems) -> Path | None:
    """The platform's directory, where the log of erasures is."""
    directory: Path | None = request.app.state.directory
    if directory is None:
        problems[""] = _("This server has no log of erasures; ask whoever runs the platform.")
    return directory


def _vault(request: Request) -> Vault | None:
    try:
        return vault_of(request)
    except InvalidError:
        return None


def _keys(directory: Path) -> list[SealingKey]:
    """What opens who tapped; without them the list is given out, and no proofs with it."""
    try:
        return sealing_keys(directory)
    except KeyFileError:
        return []


def _reason(typed: str) -> str:
    return text.name(typed, _("the reason"))


def _file(content: bytes, name: str) -> Response:
    return Response(
        content,
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


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


def _privacy(
    request: Request, conn: Connection, who: Member, problems: Problems, **typed: str
) -> Response:
    limits = request.app.state.retention
    months = policies.months_of(conn, limits, who.company)
    problems.was = problems.was or packed(policies.shown(months))
    rows = [_request(row, who) for row in asking.listed(conn, who.company)]
    empty = {"months": str(months), "person": "", "reason": "", "since": "", "until": ""}
    return who.page(
        "privacy.html",
        problems.status,
        limits=limits,
        typed=empty | typed,
        requests=rows,
        problems=problems,
    )


def _request(row: Any, who: Member) -> dict[str, Any]:
    found = asking.state(row)
    return {
        "id": row["id"],
        "worker": row["worker_id"] if found is State.PROPOSED else None,
        "asked": moment(row["at_ms"]),
        "state": _(STATES[found]),
        "until": None if row["until_ms"] is None else formats.day(local(row["until_ms"] - 1)),
        "open": found is State.PROPOSED,
        "mine": row["account_id"] == who.visit.account_id,
        "counts": json.loads(row["counts"] or "{}"),
    }
