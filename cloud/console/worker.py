"""`/workers/NUMBER`: one worker; changing it, its list, and its badges over time.

Every look is noted in the trail. An INSS is shown masked only.
"""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row

from cloud import text, times
from cloud.api.parameters import Database, Identifier
from cloud.api.vaults import vault_of
from cloud.apps import service as apps
from cloud.console.forms import Problems, packed, start_of, unpacked
from cloud.console.members import Member, WorkersReader, WorkersWriter
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.workers import badging, editing, inss, queries, service
from cloud.workers.vault import VaultError

PROFILES = {
    "printed": mark("number printed on it"),
    "uid": mark("number of its chip"),
    "em4100": mark("number of a 125 kHz tag"),
}
"""How badges are read; others are linked by an import or over the command line."""

Text = Annotated[str, Form(max_length=1000)]
Day = Annotated[str, Form(max_length=40)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/workers/{worker}", include_in_schema=False)(one)
    for path, route in (
        ("/workers/{worker}", change),
        ("/workers/{worker}/active", activate),
        ("/workers/{worker}/badges", link),
        ("/workers/{worker}/badges/{badge}", redate),
        ("/workers/{worker}/badges/{badge}/unlink", unlink),
    ):
        app.post(path, include_in_schema=False)(route)


def one(request: Request, conn: Database, who: WorkersReader, worker: Identifier) -> Response:
    """A worker. Raises NotFoundError."""
    row = editing.worker_of(conn, who.company, worker)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "worker", "read", target_id=worker)
    shown = editing.shown(row)
    return _worker(request, conn, who, row, shown | {"inss_number": ""}, Problems(packed(shown)))


def change(
    request: Request,
    reading: Database,
    who: WorkersWriter,
    worker: Identifier,
    number: Text = "",
    given_name: Text = "",
    family_name: Text = "",
    inss_number: Text = "",
    was: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Change a worker. Raises NotFoundError."""
    row = editing.worker_of(reading, who.company, worker)
    typed = typed_in(number, given_name, family_name, inss_number)
    values, problems = checked(request, typed, was)
    if not problems:
        with problems.of("number"), request.app.state.writer.begin() as conn:
            changed = editing.change(conn, who.company, worker, values, unpacked(was))
            if changed:
                who.note(conn, "worker", "change", target_id=worker, detail={"changed": changed})
    return _worker(request, reading, who, row, typed, problems) if problems else to(worker)


def activate(
    request: Request, who: WorkersWriter, worker: Identifier, active: Literal["yes", "no"] = Form()
) -> Response:
    """Put a worker on the active or the inactive list. Raises NotFoundError."""
    with request.app.state.writer.begin() as conn:
        if editing.set_active(conn, who.company, worker, active == "yes"):
            action = "activate" if active == "yes" else "deactivate"
            who.note(conn, "worker", action, target_id=worker)
    return to(worker)


def link(
    request: Request,
    reading: Database,
    who: WorkersWriter,
    worker: Identifier,
    profile: Text = "printed",
    badge_number: Text = "",
    first_day: Day = "",
    last_day: Day = "",
) -> Response:
    """Give a worker a badge. Raises NotFoundError."""
    row = editing.worker_of(reading, who.company, worker)
    problems = Problems()
    key = problems.take("badge_number", lambda typed: _key(profile, typed), badge_number)
    since, until = _period(problems, first_day, last_day)
    if key is not None and not problems:
        with problems.of("badge_number"), request.app.state.writer.begin() as conn:
            made = badging.link(conn, who.company, worker, key, from_ms=since, until_ms=until)
            who.note(conn, "badge", "link", target_id=worker, detail=_badge(made, key[1]))
    if not problems:
        return to(worker)
    typed = {
        "profile": profile,
        "badge_number": badge_number,
        "first_day": first_day,
        "last_day": last_day,
    }
    shown = editing.shown(row)
    problems.was = packed(shown)
    return _worker(request, reading, who, row, shown | {"inss_number": ""} | typed, problems)


def redate(
    request: Request,
    reading: Database,
    who: WorkersWriter,
    worker: Identifier,
    badge: Identifier,
    first_day: Day = "",
    last_day: Day = "",
) -> Response:
    """Say from when until when a badge counts. Raises NotFoundError."""
    row = editing.worker_of(reading, who.company, worker)
    found = badging.badge_of(reading, who.company, worker, badge)
    days = Problems()
    since, until = _period(days, first_day, last_day)
    if not days:
        with days.of("last_day"), request.app.state.writer.begin() as conn:
            if badging.set_period(conn, who.company, worker, badge, since, until):
                detail = _badge(badge, found.number)
                who.note(conn, "badge", "change", target_id=worker, detail=detail)
    if not days:
        return to(worker)
    shown = editing.shown(row)
    problems = Problems(packed(shown))
    problems[f"badge-{badge}"] = " ".join(days.values())
    return _worker(request, reading, who, row, shown | {"inss_number": ""}, problems)


def unlink(request: Request, who: WorkersWriter, worker: Identifier, badge: Identifier) -> Response:
    """Say that a badge never was the worker's. Raises NotFoundError."""
    with request.app.state.writer.begin() as conn:
        number = badging.badge_of(conn, who.company, worker, badge).number
        badging.unlink(conn, who.company, worker, badge)
        who.note(conn, "badge", "unlink", target_id=worker, detail=_badge(badge, number))
    return to(worker)


def checked(request: Request, typed: dict[str, str], was: str) -> tuple[dict[str, Any], Problems]:
    """What was typed of a worker as columns, and what is wrong with it; `was` as it came."""
    problems = Problems(was)
    checks = {
        "number": editing.checked_number,
        "given_name": editing.checked_given_name,
        "family_name": editing.checked_family_name,
    }
    values: dict[str, Any] = {
        field: problems.take(field, check, typed[field]) for field, check in checks.items()
    }
    if typed["inss_number"].strip():
        digits = problems.take("inss_number", inss.normalise, typed["inss_number"])
        if digits is not None:
            with problems.of("inss_number"):
                values |= editing.sealed(vault_of(request), digits)
    return values, problems


def typed_in(number: str, given_name: str, family_name: str, inss_number: str) -> dict[str, str]:
    """What a form of a worker sends, to be shown again."""
    return {
        "number": number,
        "given_name": given_name,
        "family_name": family_name,
        "inss_number": inss_number,
    }


def to(worker: int) -> Response:
    """On to the page of a worker."""
    return RedirectResponse(f"/workers/{worker}", 303)


def _worker(
    request: Request,
    conn: Connection,
    who: Member,
    row: Row[Any],
    shown: dict[str, str],
    problems: Problems,
) -> Response:
    badges = [
        {
            "id": badge["id"],
            "profile": badge["profile"],
            "number": text.masked(badge["number"]),
            "first_day": _day(badge["valid_from_ms"]),
            "last_day": _day(badge["valid_until_ms"], before=True),
        }
        for badge in queries.badges_of(conn, row.id)
    ]
    empty = {"profile": "printed", "badge_number": "", "first_day": "", "last_day": ""}
    return who.page(
        "worker.html",
        problems.status,
        worker=row,
        shown=empty | shown,
        inss=_masked(request, who, row),
        badges=badges,
        profiles=PROFILES,
        apps=[
            {
                "id": app["id"],
                "name": app["name"],
                "since": _day(app["created_ms"]),
                "used": _day(app["used_ms"]),
            }
            for app in apps.of_worker(conn, row.id)
        ],
        problems=problems,
    )


def _masked(request: Request, who: Member, row: Row[Any]) -> str | None:
    """The INSS masked; in words when there is none to show."""
    if row.inss_sealed is None:
        return None
    if not (who.seen_by.enters_workers or who.seen_by.whole):
        return _("entered")
    try:
        return editing.masked_inss(row, vault_of(request))
    except (VaultError, InvalidError):
        return _("entered, but the key to read it is not here")


def _key(profile: str, number: str) -> tuple[str, str]:
    if profile not in PROFILES:
        raise InvalidError(_("Choose how the badge is read from the list."))
    return service.normalise(profile, number)


def _badge(badge: int, number: str) -> dict[str, object]:
    return {"badge": badge, "number": text.masked(number)}


def _period(problems: Problems, first: str, last: str) -> tuple[int | None, int | None]:
    """From the first moment of the first day until before the first after the last day."""
    since = problems.take("first_day", start_of, first)
    until = problems.take("last_day", lambda typed: start_of(typed, after=True), last)
    if not problems:
        with problems.of("last_day"):
            badging.check_period(since, until)
    return since, until


def _day(moment_ms: int | None, *, before: bool = False) -> str:
    """The day of a moment; or the last one before it."""
    if moment_ms is None:
        return ""
    return times.local(moment_ms - before).date().isoformat()
