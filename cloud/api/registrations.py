"""`/v1/registrations`. Each look is in the trail."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from cloud import times
from cloud.api import problems
from cloud.api.access import Caller, ReadsRegistrations
from cloud.api.parameters import Database, Identifier, Moment, Page, Paged, Timestamp
from cloud.errors import NotFoundError
from cloud.registrations import queries
from cloud.terminals.queries import terminal_id
from cloud.visibility import rules

router = APIRouter(tags=["registrations"], responses=problems.DESCRIBED)

BadgeForm = Literal["masked", "full"]


class Registration(BaseModel):
    """A tap as the platform knows it."""

    id: int = Field(description="Grows in the order of arrival.")
    device: str = Field(description="Device number of the terminal, without hyphens.")
    epoch: str = Field(description="Epoch of the terminal's journal, 16 bytes in hexadecimal.")
    seq: int = Field(description="Place in that epoch.")
    reader: str | None
    badge: str = Field(description="Number, but for its last four masked unless asked for.")
    assurance: Literal["printed", "uid", "read", "authenticated"]
    remarks: list[str] = Field(
        description="What was wrong with the badge at the tap: `badge expired`, `blocked`,"
        " `below the least assurance`, `not authenticated`..."
    )
    worker: str | None = Field(description="Null while the badge belongs to nobody.")
    employer: str | None = Field(description="Whom the worker works for.")
    private_company: bool = Field(
        description="Nobody registered the employer: only badges know it."
    )
    company: str | None = Field(description="Whose site it is.")
    division: str | None
    site: str | None
    direction: Literal["auto", "in", "out", "break-start", "break-end"]
    tapped_at: Timestamp
    earliest: Timestamp | None = Field(
        description="The tap was at this moment or later; null when nobody can say."
    )
    latest: Timestamp | None = Field(description="The tap was at this moment or earlier; or null.")
    corrected: bool = Field(
        description="The terminal's clock was not set, or wrong: a signed clock record of the same"
        " boot tells the time."
    )
    received_at: Timestamp
    reason: str | None = Field(
        description="Why it is not wholly attributed: words such as `badge-unlinked`."
    )


class Wanted(Paged):
    """Which registrations."""

    since: Moment | None = Field(None, description="Tapped at or after.")
    until: Moment | None = Field(None, description="Tapped before.")
    terminal: str | None = Field(None, max_length=40, description="Device number.")
    site: Identifier | None = Field(None, description="Id of a site.")
    worker: Identifier | None = Field(None, description="Id of a worker.")
    order: Literal["newest", "oldest"] = Field(
        "newest", description="By arrival. To follow what comes in, `oldest` with the last `next`."
    )
    badge: BadgeForm = Field("masked", description="`full`: badge numbers whole.")


@router.get("/registrations")
def registrations(
    request: Request,
    conn: Database,
    who: ReadsRegistrations,
    wanted: Annotated[Wanted, Query()],
) -> Page[Registration]:
    """List registrations in the order of arrival."""
    whole = _whole(who, wanted.badge)
    visible = rules.visible_terminals(who.seen_by)
    chosen = queries.Filter(
        visible=rules.visible_registrations(who.seen_by),
        since_ms=None if wanted.since is None else times.parse(wanted.since),
        until_ms=None if wanted.until is None else times.parse(wanted.until),
        terminal_id=None
        if wanted.terminal is None
        else terminal_id(conn, wanted.terminal, visible=visible),
        site_id=wanted.site,
        worker_id=wanted.worker,
    )
    oldest = wanted.order == "oldest"
    rows = queries.listed(
        conn,
        chosen,
        limit=wanted.limit + 1,
        before=None if oldest else wanted.position,
        after=(wanted.position or 0) if oldest else None,
    )
    if rows:
        # Who follows what comes in asks again and again; what shows nobody is no look.
        with request.app.state.writer.begin() as noting:
            shown = {"shown": min(len(rows), wanted.limit)}
            who.note(noting, "registration", "list", detail=shown)
    return wanted.page(rows, lambda row: Registration(**queries.as_json(row, whole_badge=whole)))


@router.get("/registrations/{number}")
def registration(
    request: Request,
    conn: Database,
    who: ReadsRegistrations,
    number: Identifier,
    badge: Annotated[BadgeForm, Query(description="`full`: the badge number whole.")] = "masked",
) -> Registration:
    """One registration by its id."""
    whole = _whole(who, badge)
    row = queries.one(conn, number, visible=rules.visible_registrations(who.seen_by))
    if row is None:
        raise NotFoundError(f"there is no registration {number}")
    with request.app.state.writer.begin() as noting:
        who.note(noting, "registration", "read", target_id=number)
    return Registration(**queries.as_json(row, whole_badge=whole))


def _whole(who: Caller, badge: BadgeForm) -> bool:
    """Whether badge numbers are to be whole. Raises HTTPException (403)."""
    if badge == "full" and not who.whole_badges:
        raise HTTPException(403, "This token may not read badge numbers whole; leave `badge` out.")
    return badge == "full"
