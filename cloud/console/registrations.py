"""`/registrations`: the list with its filters, and one registration with its proof."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection, RowMapping
from starlette.exceptions import HTTPException

from cloud.api.parameters import MAX_ID, Database, Identifier
from cloud.companies.queries import listed_places
from cloud.console import view
from cloud.console.files import attached
from cloud.console.forms import Problems, start_of
from cloud.console.moments import moment
from cloud.console.onlookers import Onlooker, OnlookerOf
from cloud.console.visitors import Visitor
from cloud.disclosure import service as disclosure
from cloud.errors import ConflictError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.registrations import correcting, corrections, proofs, queries, search
from cloud.registrations.corrections import State
from cloud.registrations.queries import Filter
from cloud.sealing import sealing_keys
from cloud.visibility import row_security, rules
from cloud.visibility.rules import Operator, Viewer
from protocol.identity import group

ROWS = 50
DIRECTIONS = {
    "in": mark("In"),
    "out": mark("Out"),
    "auto": mark("In or out"),
    "break-start": mark("Break"),
    "break-end": mark("Back"),
}
"""What screens call them."""
STATES = {
    State.PROPOSED: mark("proposed"),
    State.APPROVED: mark("approved"),
    State.REFUSED: mark("refused"),
}
"""What screens call how far a correction is."""

_NO_PROOF = mark(
    "No proof of this registration can be made: who tapped was erased, or something that proves it"
    " is not in custody. Whoever runs the platform is told what by `pointeuse cloud disclose`."
)

Words = Annotated[str, Query(max_length=100)]
Short = Annotated[str, Query(max_length=40)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/registrations", include_in_schema=False)(listed)
    app.get("/registrations/{number}", include_in_schema=False)(one)
    app.post("/registrations/{number}/disclosure", include_in_schema=False)(disclosed)


def listed(
    request: Request,
    conn: Database,
    who: OnlookerOf,
    since: Short = "",
    until: Short = "",
    division: Short = "",
    site: Short = "",
    terminal: Words = "",
    worker: Words = "",
    employer: Words = "",
    direction: Short = "",
    remark: Short = "",
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """Registrations that are visible, the newest arrived first; a page begins before an id."""
    asked = {
        "since": since, "until": until, "division": division, "site": site, "terminal": terminal,
        "worker": worker, "employer": employer, "direction": direction, "remark": remark,
    }  # fmt: skip
    problems = Problems()
    wanted = _wanted(who, asked, problems)
    rows = []
    if not problems:
        rows = queries.listed(conn, wanted, limit=ROWS + 1, before=before)
        with request.app.state.writer.begin() as writing:
            used = sorted(name for name, value in asked.items() if value)
            who.note(writing, "registration", "list", detail={"filters": used})
    return who.page(
        "registrations.html",
        problems.status,
        rows=[view.registration(row) for row in rows[:ROWS]],
        next=rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        before=before,
        asked=asked,
        kept={name: value for name, value in asked.items() if value},
        directions=DIRECTIONS,
        choices=_choices(conn, who),
        problems=problems,
    )


def one(request: Request, conn: Database, who: OnlookerOf, number: Identifier) -> Response:
    """All that is known of a registration. Raises NotFoundError. The look is noted."""
    return shown(request, conn, who, number, Problems(), {})


def shown(
    request: Request,
    conn: Connection,
    who: Visitor[Viewer | Operator],
    number: int,
    problems: Problems,
    typed: dict[str, str],
) -> Response:
    """The page of a registration, with the form that corrects it. Raises NotFoundError."""
    row = _visible(conn, who, number)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "registration", "read", target_id=number)
    corrects = isinstance(who.seen_by, Viewer) and who.seen_by.corrects
    proof = proofs.proof(conn, number)
    receipt = None if proof is None else proof.receipt
    made = []
    if isinstance(who.seen_by, Viewer):
        made = corrections.listed(conn, who.seen_by, registration=number)
    return who.page(
        "registration.html",
        problems.status,
        r=view.registration(row),
        tapped=moment(row["tapped_ms"]),
        received=moment(row["received_ms"]),
        earliest=moment(row["earliest_ms"]),
        latest=moment(row["latest_ms"]),
        version=row["version"],
        history=proofs.history(conn, number),
        proof=proof,
        receipted=None if receipt is None else moment(receipt.at_ms),
        may_disclose=_may_disclose(who),
        may_correct=corrects and row["given_name"] is not None,
        corrections=[
            {**each, "state": corrections.state(each), "entered": moment(each["at_ms"])}
            for each in made
        ],
        directions=DIRECTIONS,
        rights={name: DIRECTIONS[name] for name in correcting.DIRECTIONS},
        states=STATES,
        typed={"right": "void", "reason": "", "second": ""} | typed,
        problems=problems,
    )


def disclosed(request: Request, conn: Database, who: OnlookerOf, number: Identifier) -> Response:
    """The file that proves a registration to a third party, badge number opened.

    Raises NotFoundError, ConflictError when it cannot be disclosed, HTTPException (403).
    """
    row = _visible(conn, who, number)
    if not _may_disclose(who):
        raise HTTPException(
            403,
            _("Only administrators and auditors of the company may take a proof away; ask one."),
        )
    directory = request.app.state.directory
    if directory is None:
        raise NotFoundError(
            _("This server has no keys to open badges with; ask whoever runs the platform.")
        )
    # The seal may stand in a record that this reader is shown nothing of.
    try:
        with row_security.lifted(conn):
            place = disclosure.place_of(conn, number)
            made = disclosure.disclose(conn, place, sealing_keys(directory))
    except (ConflictError, NotFoundError) as error:
        raise type(error)(_(_NO_PROOF)) from error
    with request.app.state.writer.begin() as writing:
        who.note(writing, "registration", "disclose", target_id=number)
    name = f"registration-{number}-{group(row['device'])}.disclosure"
    return attached(made.disclosure.encode(), name, "application/octet-stream")


def _wanted(who: Onlooker, asked: dict[str, str], problems: Problems) -> Filter:
    also = []
    for name, condition in (("worker", search.of_worker), ("employer", search.of_employer)):
        if asked[name].strip():
            also.append(condition(asked[name].strip()))
    if asked["terminal"].strip():
        visible = rules.visible_terminals(who.seen_by)
        also.append(search.of_terminal(asked["terminal"].strip(), visible))
    if asked["remark"]:
        also.append(search.of_remark(asked["remark"]))
    return Filter(
        visible=rules.visible_registrations(who.seen_by),
        since_ms=problems.take("since", start_of, asked["since"]),
        until_ms=problems.take("until", lambda typed: start_of(typed, after=True), asked["until"]),
        division_id=_id(asked["division"]),
        site_id=_id(asked["site"]),
        direction=asked["direction"] if asked["direction"] in DIRECTIONS else None,
        also=tuple(also),
    )


def _id(text: str) -> int | None:
    """An id that was chosen; 0, which nothing has, for what can be none."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and int(text) <= MAX_ID else 0


def _visible(conn: Connection, who: Visitor[Viewer | Operator], number: int) -> RowMapping:
    row = queries.one(conn, number, visible=rules.visible_registrations(who.seen_by))
    if row is None:
        raise NotFoundError(_("There is no registration %(number)s.") % {"number": number})
    return row


def _choices(conn: Connection, who: Onlooker) -> dict[str, list[tuple[str, str]]]:
    """What the lists of the filters offer, by filter: value and words."""
    places = listed_places(
        conn,
        divisions_visible=rules.visible_divisions(who.seen_by),
        sites_visible=rules.visible_sites(who.seen_by),
    )
    return {
        "division": [(str(division["id"]), division["name"]) for division in places],
        "site": [
            (str(site["id"]), f"{division['name']} / {site['name']}")
            for division in places
            for site in division["sites"]
        ],
        "direction": [(value, _(words)) for value, words in DIRECTIONS.items()],
        "remark": [(value, _(words)) for value, words in search.REMARKS.items()],
    }


def _may_disclose(who: Visitor[Viewer | Operator]) -> bool:
    return isinstance(who.seen_by, Operator) or who.seen_by.whole
