"""`/v1/corrections`: what people and programs enter beside registrations, and signing it off.

A registration itself is never changed. What a program proposes counts once somebody else approves;
a program whose token signs off may enter what counts at once. Each look is in the trail.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, RowMapping

from cloud import times
from cloud.api import problems, writing
from cloud.api.access import Caller, ProposesCorrections, ReadsCorrections, SignsCorrectionsOff
from cloud.api.parameters import Database, Identifier, Moment, Page, Paged, Timestamp
from cloud.api.writing import Answer, Body, Edits, Key, once, tag_of, tagged
from cloud.registrations import correcting, corrections
from cloud.registrations.corrections import State

router = APIRouter(tags=["registrations"], responses=problems.DESCRIBED, prefix="/corrections")

Direction = Literal["in", "out", "break-start", "break-end"]


class Correction(BaseModel):
    """What somebody entered, and what was decided of it."""

    id: int
    kind: Literal["add", "void", "direction"] = Field(
        description="A tap is added, is taken out of account, or went another way."
    )
    state: State = Field(description="It counts when it is approved.")
    second: bool = Field(description="Whether somebody else had, or has, to sign it off.")
    registration_id: int | None = Field(description="Null: a tap is added.")
    worker_id: int
    given_name: str
    family_name: str
    division: str | None
    site: str | None
    tapped_at: Timestamp = Field(description="Of the registration, or of the added tap.")
    direction: Direction | None = Field(description="The right one; null: none, it is void.")
    reason: str
    entered_by: str = Field(description="Name of an account, or of a token.")
    entered_at: Timestamp
    decided_by: str | None
    decided_at: Timestamp | None


class _Entered(Body):
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    second: bool = Field(
        default=True,
        description="Whether somebody else has to sign it off before it counts. Without, the token"
        " needs the scope `corrections:decide`.",
    )


class AddedTap(_Entered):
    """A tap that is missing."""

    kind: Literal["add"]
    worker_id: Identifier
    site_id: Identifier
    tapped_at: Moment
    direction: Direction


class RightDirection(_Entered):
    """Which way a registration went."""

    kind: Literal["direction"]
    registration_id: Identifier
    direction: Direction


class Void(_Entered):
    """A registration that is not to count."""

    kind: Literal["void"]
    registration_id: Identifier


NewCorrection = Annotated[AddedTap | RightDirection | Void, Field(discriminator="kind")]


class Decision(Body):
    """What is decided of a correction that waits."""

    approve: bool


class WantedCorrections(Paged):
    """Which corrections."""

    state: State | Literal["all"] = "all"
    worker: Identifier | None = Field(None, description="Id of a worker.")
    registration: Identifier | None = Field(None, description="Id of a registration.")


@router.get("")
def listed_corrections(
    request: Request,
    conn: Database,
    who: ReadsCorrections,
    wanted: Annotated[WantedCorrections, Query()],
) -> Page[Correction]:
    """List corrections, the newest first."""
    rows = corrections.newest(
        conn,
        who.viewer,
        before=wanted.position,
        limit=wanted.limit + 1,
        only=None if wanted.state == "all" else wanted.state,
        worker=wanted.worker,
        registration=wanted.registration,
    )
    with request.app.state.writer.begin() as noting:
        who.note(noting, "correction", "list")
    return wanted.page(rows, _correction)


@router.post("", status_code=201, response_model=Correction)
def propose_correction(
    request: Request, who: ProposesCorrections, body: NewCorrection, key: Key = None
) -> Response:
    """Enter a correction."""

    def work(conn: Connection) -> Answer:
        made = _enter(conn, who, body)
        shown = _correction(corrections.one(conn, who.viewer, made))
        return tagged(shown, created=f"/v1/corrections/{made}")

    return once(request, who, key, body, work)


@router.get("/{number}", response_model=Correction)
def one_correction(
    request: Request, conn: Database, who: ReadsCorrections, number: Identifier
) -> Response:
    """One correction by its id."""
    found = corrections.one(conn, who.viewer, number)
    with request.app.state.writer.begin() as noting:
        who.note(noting, "correction", "read", target_id=number)
    return writing.sent(tagged(_correction(found)))


@router.post("/{number}/decision", response_model=Correction)
def decide_correction(
    who: SignsCorrectionsOff, number: Identifier, body: Decision, edit: Edits
) -> Response:
    """Sign a correction off, or refuse it; one's own may be refused only."""

    def shown(conn: Connection) -> Correction:
        return _correction(corrections.one(conn, who.viewer, number))

    def work(conn: Connection) -> Answer:
        correcting.decide(conn, who.viewer, who.actor, number, approve=body.approve)
        return tagged(shown(conn))

    return edit.once(who, body, lambda conn: tag_of(shown(conn)), work)


def _enter(conn: Connection, who: Caller, body: NewCorrection) -> int:
    if isinstance(body, AddedTap):
        return correcting.add(
            conn,
            who.viewer,
            who.actor,
            worker=body.worker_id,
            site=body.site_id,
            at_ms=times.parse(body.tapped_at),
            direction=body.direction,
            reason=body.reason,
            second=body.second,
        )
    return correcting.correct(
        conn,
        who.viewer,
        who.actor,
        body.registration_id,
        direction=body.direction if isinstance(body, RightDirection) else None,
        reason=body.reason,
        second=body.second,
    )


def _correction(row: RowMapping) -> Correction:
    return Correction.model_validate(corrections.as_json(row))
