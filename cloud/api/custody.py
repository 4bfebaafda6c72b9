"""`/v1/alarms`, `/v1/rejected`, `/v1/waiting`, `/v1/health`: what did not become a registration."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping

from cloud.api import problems
from cloud.api.access import Operators
from cloud.api.parameters import Database, Page, Paged, Timestamp
from cloud.custody import queries, saying
from cloud.times import rfc3339

router = APIRouter(tags=["custody"], responses=problems.DESCRIBED, dependencies=[Operators])


class Alarm(BaseModel):
    """Something a person should look into."""

    id: int
    device: str | None
    kind: str
    detail: str
    at: Timestamp
    cleared_at: Timestamp | None


class Rejected(BaseModel):
    """A message that could not be what it claimed to be. The same one again only raises `count`."""

    id: int
    device: str = Field(description="As the topic names it; nothing proves it.")
    topic: str
    reason: str
    detail: str
    digest: str = Field(description="SHA-256 of topic and message, in hexadecimal.")
    size: int = Field(description="Octets kept of it.")
    count: int
    first_at: Timestamp
    last_at: Timestamp


class Waiting(BaseModel):
    """A record in custody, receipted, that is not understood yet."""

    device: str
    epoch: str
    seq: int
    reason: str
    detail: str
    tried_at: Timestamp


class Health(BaseModel):
    """How the platform is. The counts by reason stop at 1,000 each."""

    status: Literal["ok"]
    registrations: int
    uninterpreted: int = Field(description="Records in custody that interpretation has to reach.")
    terminals: int
    waiting: dict[str, int]
    rejected: dict[str, int]
    alarms: dict[str, int] = Field(description="Those that stand.")


class WantedAlarms(Paged):
    """Which alarms."""

    state: Literal["standing", "cleared", "all"] = "standing"


@router.get("/alarms")
def alarms(conn: Database, wanted: Annotated[WantedAlarms, Query()]) -> Page[Alarm]:
    """List alarms, the newest first."""
    cleared = {"standing": False, "cleared": True, "all": None}[wanted.state]
    rows = queries.listed_alarms(
        conn, cleared=cleared, before=wanted.position, limit=wanted.limit + 1
    )
    return wanted.page(rows, _alarm)


@router.get("/rejected")
def rejected(conn: Database, wanted: Annotated[Paged, Query()]) -> Page[Rejected]:
    """List rejected messages, the newest first."""
    rows = queries.listed_rejected(conn, before=wanted.position, limit=wanted.limit + 1)
    return wanted.page(rows, _rejected)


@router.get("/waiting")
def waiting(conn: Database, wanted: Annotated[Paged, Query()]) -> Page[Waiting]:
    """List records that wait, and why."""
    rows = queries.listed_waiting(conn, after=wanted.pair, limit=wanted.limit + 1)
    return wanted.page(rows, _waiting, _place)


@router.get("/health")
def health(conn: Database) -> Health:
    """Say how the platform is; 503 when its database does not answer."""
    return Health.model_validate({"status": "ok", **queries.totals(conn), **queries.headline(conn)})


def _alarm(row: RowMapping) -> Alarm:
    return Alarm(
        id=row["id"],
        device=row["device"],
        kind=row["kind"],
        detail=saying.told(row["detail"], str),
        at=rfc3339(row["at_ms"]),
        cleared_at=None if row["cleared_ms"] is None else rfc3339(row["cleared_ms"]),
    )


def _rejected(row: RowMapping) -> Rejected:
    return Rejected(
        id=row["id"],
        device=row["device"],
        topic=row["topic"],
        reason=row["reason"],
        detail=row["detail"],
        digest=row["digest"].hex(),
        size=row["size"],
        count=row["count"],
        first_at=rfc3339(row["first_ms"]),
        last_at=rfc3339(row["last_ms"]),
    )


def _waiting(row: RowMapping) -> Waiting:
    return Waiting(
        device=row["device"],
        epoch=row["epoch"].hex(),
        seq=row["seq"],
        reason=row["reason"],
        detail=row["detail"],
        tried_at=rfc3339(row["tried_ms"]),
    )


def _place(row: RowMapping) -> str:
    return f"{row['epoch_id']}-{row['seq']}"
