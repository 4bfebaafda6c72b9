"""`/privacy`: how long presences are kept, who asked to be erased, and what inspectors may have.

And all that is held of one person, to take away.
"""

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud import text
from cloud.api.parameters import Database, Identifier
from cloud.api.vaults import vault_of
from cloud.console.erasing import carry_out, directory_of
from cloud.console.files import attached
from cloud.console.forms import Problems, packed, start_of, unpacked
from cloud.console.members import Administrator, Member, WholeReader
from cloud.console.moments import moment
from cloud.console.proving import WRONG, proves
from cloud.errors import InvalidError, RefusedError
from cloud.languages import formats
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.retention import asking, policies
from cloud.retention.asking import State
from cloud.sealing import sealing_keys
from cloud.subjects import documents, holdings, inspection
from cloud.times import local
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
_Text = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/privacy", include_in_schema=False)(shown)
    for path, route in (
        ("/privacy/retention", choose),
        ("/privacy/erasures/{erasure}", decide),
        ("/privacy/inspection", inspect),
        ("/workers/{worker}/data", take_away),
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
    return attached(content, f"person-{worker}.zip")


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
    directory = directory_of(request, problems)
    if not problems and not proves(request, reading, who.visit, password):
        problems[f"erasure-{erasure}"] = _(WRONG)
    if not problems:
        with problems.of(), request.app.state.writer.begin() as conn:
            asking.decide(conn, who.actor, who.company, erasure, approve=approve == "yes")
    if problems:
        return _privacy(request, reading, who, problems)
    carry_out(request, directory)
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
    directory = directory_of(request, problems)
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
    return attached(content, "inspection.zip")


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
