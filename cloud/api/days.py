"""`/v1/days`: who was where on a day, in pairs of taps; and the days of one worker.

A day is one in Brussels. Each look is in the trail.
"""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection, RowMapping

from cloud.api import problems
from cloud.api.access import ReadsRegistrations
from cloud.api.parameters import Database, Date, Identifier, Page, Paged, Timestamp
from cloud.registrations import attendance, days, periods
from cloud.times import rfc3339
from cloud.visibility.rules import App, Viewer

router = APIRouter(tags=["registrations"], responses=problems.DESCRIBED, prefix="/days")

Names = dict[int | None, str]
Direction = Literal["auto", "in", "out", "break-start", "break-end"]


class Tap(BaseModel):
    """A registration as it is paired, or a tap that a correction added."""

    at: Timestamp
    direction: Direction = Field(description="As a correction has it, if there is one.")
    was: Direction | None = Field(description="The direction before it was corrected.")
    site_id: int | None
    site: str | None
    registration: int | None = Field(description="Its id; null: a correction added the tap.")
    correction: int | None = Field(description="Id of the correction that counts.")
    late: bool = Field(description="It arrived more than an hour after it was made.")
    clock_corrected: bool = Field(description="A clock record of the terminal tells the time.")
    unsure: bool = Field(description="Nobody can say when exactly it was.")


class Pair(BaseModel):
    """A period of work or a break at a site."""

    start: Tap | None = Field(description="Null: that tap is missing.")
    end: Tap | None = Field(description="Null: that tap is missing, or not there yet.")
    rest: bool = Field(description="Whether it is a break, and not work.")
    missing: Literal["start", "end"] | None
    overlaps: bool = Field(
        description="By the taps, the worker was at another site at the same time."
    )
    lasts_s: int = Field(description="Seconds; 0 when a tap is missing.")


class Day(BaseModel):
    """The periods that begin on a day."""

    day: str = Field(json_schema_extra={"format": "date"})
    pairs: list[Pair]
    work_s: int = Field(description="Seconds, each counted once even when periods overlap.")
    break_s: int = Field(description="Likewise.")
    incomplete: bool = Field(description="A tap is missing: more may have been worked.")


class Named(BaseModel):
    """Somebody of whom a tap is visible, whoever the employer is."""

    worker_id: int
    given_name: str
    family_name: str


class WorkerDay(Named, Day):
    """A worker's day; `pairs` are empty when none begins on it."""


class Days(BaseModel):
    """Days of a worker, those without any period left out."""

    days: list[Day]
    void: list[Tap] = Field(description="Taps that a correction took out of account.")
    proposed: list[int] = Field(description="Ids of corrections that wait for a sign-off.")


class WorkerDays(Named, Days):
    """Days of a worker who is named."""


class WantedDay(Paged):
    """Which day, and where."""

    date: Date
    site: Identifier | None = Field(None, description="Id of a site: only what was there.")


class WantedPeriod(BaseModel):
    """Which days."""

    model_config = {"extra": "forbid"}

    since: Date = Field(description="The first day.")
    until: Date = Field(description=f"The last day; at most {periods.MOST_DAYS} with the first.")


@router.get("")
def listed_days(
    request: Request,
    conn: Database,
    who: ReadsRegistrations,
    wanted: Annotated[WantedDay, Query()],
) -> Page[WorkerDay]:
    """List the workers of whom a tap of a day is visible, by name, each with the day."""
    seen_by, day = who.viewer, date.fromisoformat(wanted.date)
    rows = attendance.present(
        conn, seen_by, day, site=wanted.site, after=wanted.position, limit=wanted.limit + 1
    )
    ids = [row["id"] for row in rows[: wanted.limit]]
    found = attendance.of_workers(conn, seen_by, ids, day, day)
    names = attendance.site_names(conn, found.values())
    with request.app.state.writer.begin() as noting:
        about = {"day": wanted.date, "site": wanted.site}
        who.note(noting, "day", "list", detail=about)

    def shown_day(row: RowMapping) -> WorkerDay:
        found_days = found[row["id"]].days or [days.Day(day, ())]
        return WorkerDay(**_named(row), **_day(found_days[0].at(wanted.site), names))

    return wanted.page(rows, shown_day)


@router.get("/{number}")
def days_of_worker(
    request: Request,
    conn: Database,
    who: ReadsRegistrations,
    number: Identifier,
    wanted: Annotated[WantedPeriod, Query()],
) -> WorkerDays:
    """Days of one worker by its id."""
    seen_by = who.viewer
    worker = attendance.known(conn, seen_by, number)
    found = spent(conn, seen_by, number, wanted)
    with request.app.state.writer.begin() as noting:
        who.note(noting, "day", "read", target_id=number)
    return WorkerDays(**_named(worker), **found)


def spent(conn: Connection, who: Viewer | App, worker: int, wanted: WantedPeriod) -> dict[str, Any]:
    """The fields of `Days` of a worker in a period. Raises InvalidError for one too long."""
    first, last = date.fromisoformat(wanted.since), date.fromisoformat(wanted.until)
    periods.check_period(first, last)
    found = attendance.of_workers(conn, who, [worker], first, last)[worker]
    names = attendance.site_names(conn, [found])
    return {
        "days": [Day(**_day(each, names)) for each in found.days],
        "void": [_tap(tap, names) for tap in found.void],
        "proposed": [row["id"] for row in found.proposed],
    }


def _named(row: RowMapping) -> dict[str, Any]:
    return {
        "worker_id": row["id"],
        "given_name": row["given_name"],
        "family_name": row["family_name"],
    }


def _day(found: days.Day, names: Names) -> dict[str, Any]:
    return {
        "day": found.day.isoformat(),
        "pairs": [_pair(pair, names) for pair in found.pairs],
        "work_s": found.work_ms // 1000,
        "break_s": found.break_ms // 1000,
        "incomplete": found.incomplete,
    }


def _pair(found: days.Pair, names: Names) -> Pair:
    return Pair(
        start=None if found.start is None else _tap(found.start, names),
        end=None if found.end is None else _tap(found.end, names),
        rest=found.rest,
        missing=None if found.whole else "start" if found.start is None else "end",
        overlaps=found.overlaps,
        lasts_s=found.lasts_ms // 1000,
    )


def _tap(found: days.Tap, names: Names) -> Tap:
    return Tap.model_validate(
        {
            "at": rfc3339(found.at_ms),
            "direction": found.direction,
            "was": found.was,
            "site_id": found.site,
            "site": names.get(found.site),
            "registration": found.number,
            "correction": found.correction,
            "late": found.late,
            "clock_corrected": found.corrected,
            "unsure": found.unsure,
        }
    )
