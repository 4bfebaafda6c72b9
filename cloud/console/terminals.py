"""`/terminals`: active and inactive terminals, and adding one."""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from cloud.api.parameters import Database
from cloud.companies.queries import listed_places
from cloud.console.forms import Problems, start_of
from cloud.console.members import number
from cloud.console.moments import moment
from cloud.console.onlookers import Keeper, Onlooker, OnlookerOf
from cloud.console.uploads import Sent, form_in
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.terminals import editing
from cloud.terminals.overview import MOST, overview
from cloud.terminals.standing import Standing, standing
from cloud.times import now_ms
from cloud.visibility.rules import visible_divisions, visible_sites, visible_terminals
from cloud.visibility.told import last_told
from protocol.enrolment import LONGEST
from protocol.identity import group

STANDINGS = {
    Standing.ONLINE: mark("online"),
    Standing.SILENT: mark("silent"),
    Standing.OFFLINE: mark("offline"),
    Standing.NEVER: mark("never seen"),
}
"""What screens call them."""
STATUSES = {
    "active": mark("active"),
    "inactive": mark("inactive"),
    "revoked": mark("revoked"),
    "banned": mark("banned"),
}
"""What screens call the statuses."""

_FIELDS = ("device", "name", "site", "from_day")


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/terminals", include_in_schema=False)(listed)
    app.get("/terminals/new", include_in_schema=False)(new)
    app.post("/terminals/new", include_in_schema=False)(create)


def listed(
    conn: Database,
    who: OnlookerOf,
    standing_is: Annotated[Standing | Literal[""], Query(alias="standing")] = "",
    status: Literal["active", "inactive"] = "active",
    words: Annotated[str, Query(max_length=200)] = "",
    site: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The terminals that are reached, of one list; narrowed by state, words and site."""
    now = now_ms()
    places = visible_sites(who.seen_by)
    found = overview(
        conn,
        now,
        visible=visible_terminals(who.seen_by),
        places=places,
        told=last_told(who.seen_by),
        active=status == "active",
        words=words,
        site=number(site) if site else None,
    )
    rows = [
        {
            **row,
            "number": group(row["device"]),
            "standing": standing(row["last_seen_ms"], row["last_status"], now),
            "seen": moment(row["last_seen_ms"]),
        }
        for row in found
    ]
    return who.page(
        "terminals.html",
        terminals=[row for row in rows if standing_is in ("", row["standing"])],
        all_shown=len(found) < MOST,
        divisions=places_of(conn, who),
        shown={"standing": standing_is, "status": status, "words": words, "site": site},
        standings=STANDINGS,
        statuses=STATUSES,
    )


def new(conn: Database, who: Keeper) -> Response:
    """The form of a new terminal."""
    return _form(conn, who, dict.fromkeys(_FIELDS, ""), Problems())


async def create(request: Request, reading: Database, who: Keeper) -> Response:
    """Add a terminal by its device number and certificate request."""
    sent = await form_in(request, "file", LONGEST)
    return await run_in_threadpool(_create, request, reading, who, sent)


def _create(request: Request, reading: Connection, who: Onlooker, sent: Sent) -> Response:
    typed = {name: sent.fields.get(name, "") for name in _FIELDS}
    problems = Problems()
    compact = problems.take("device", editing.checked_device, typed["device"])
    named = problems.take("name", editing.terminal_name, typed["name"])
    place = problems.take("site", chosen, typed["site"])
    from_ms = problems.take("from_day", start_of, typed["from_day"])
    asked = problems.take("file", lambda _text: _checked(sent), "")
    if compact and place and asked and not problems:
        with problems.of("device"), request.app.state.writer.begin() as conn:
            made = editing.enrol(
                conn,
                who.company,
                sent.content,
                device=compact,
                name=named,
                site=place,
                from_ms=now_ms() if from_ms is None else from_ms,
            )
            told = {"device": group(compact), "site_id": place}
            who.note(conn, "terminal", "create", target_id=made, detail=told)
    if problems:
        return _form(reading, who, typed, problems)
    return RedirectResponse(f"/terminals/{compact}", 303)


def places_of(conn: Connection, who: Onlooker) -> list[dict[str, object]]:
    """The open sites that are reached, under their divisions; what is closed takes no terminal."""
    found = listed_places(
        conn,
        divisions_visible=visible_divisions(who.seen_by),
        sites_visible=visible_sites(who.seen_by),
    )
    for division in found:
        division["sites"] = [each for each in division["sites"] if each["closed_ms"] is None]
    return [division for division in found if division["sites"]]


def chosen(site: str) -> int:
    """The site that a form names. Raises InvalidError."""
    if not site.strip():
        raise InvalidError(_("Choose the site where it stands."))
    return number(site)


def _checked(sent: Sent) -> bool:
    if sent.too_long:
        raise InvalidError(
            _(
                "The file is longer than %(size)d KiB, which no certificate request is; choose the"
                " file that “pointeuse provision csr” wrote."
            )
            % {"size": LONGEST // 1024}
        )
    if not sent.content:
        raise InvalidError(_("No file was sent; choose the certificate request."))
    editing.checked_request(sent.content)
    return True


def _form(conn: Connection, who: Onlooker, typed: dict[str, str], problems: Problems) -> Response:
    return who.page(
        "terminal_new.html",
        problems.status,
        shown=typed,
        problems=problems,
        divisions=places_of(conn, who),
    )
