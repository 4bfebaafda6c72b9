"""What erasing a person would do, line by line: what goes now, what is kept until when, and why."""

from datetime import date
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from cloud.exports.tables import exports
from cloud.registrations.dating import dated
from cloud.registrations.holding import shown_to
from cloud.registrations.tables import registration_corrections, registrations
from cloud.retention.terms import Terms, last_day
from cloud.workers.tables import badges, workers

_corrections = registration_corrections


class What(StrEnum):
    """What a line is about."""

    PRESENCES = "presences"
    CORRECTIONS = "corrections"
    WORKER = "worker"
    INSS = "inss"
    BADGES = "badges"
    SNAPSHOTS = "snapshots"


class Line(msgspec.Struct, frozen=True):
    """How much goes now, how much is kept, and the last day on which any of it is."""

    what: What
    now: int
    kept: int
    until: date | None = None


def plan(conn: Connection, terms: Terms, company: int, worker: int) -> list[Line]:
    """What it would do, as of the terms' moment."""
    months = terms.limits.minimum_months
    least_ms = terms.before_ms(months)
    shown = (registrations.c.worker_id == worker) & shown_to(company)
    mine = (_corrections.c.worker_id == worker) & (_corrections.c.company_id == company)
    presences, newest = _counted(conn, shown, dated(), least_ms)
    corrected, newest_correction = _counted(conn, mine, _corrections.c.tapped_ms, least_ms)
    lines = [
        _line(What.PRESENCES, presences, newest, months),
        _line(What.CORRECTIONS, corrected, newest_correction, months),
    ]
    last = max((each for each in (newest, newest_correction) if each is not None), default=None)
    kept = last is not None and last >= least_ms
    until = last_day(last, months) if kept and last is not None else None
    row = conn.execute(
        select(workers.c.inss_sealed).where(workers.c.id == worker, workers.c.company_id == company)
    ).one_or_none()
    if row is not None:
        held = select(func.count()).where(badges.c.worker_id == worker)
        for what, number in (
            (What.WORKER, 1),
            (What.INSS, int(row.inss_sealed is not None)),
            (What.BADGES, int(conn.execute(held).scalar_one())),
        ):
            lines.append(Line(what, 0 if kept else number, number if kept else 0, until))
    made = select(func.count()).where(
        exports.c.company_id == company, exports.c.erased_ms.is_(None)
    )
    lines.append(Line(What.SNAPSHOTS, int(conn.execute(made).scalar_one()), 0))
    return [line for line in lines if line.now or line.kept]


def _counted(
    conn: Connection, which: ColumnElement[bool], moment: ColumnElement[int], least_ms: int
) -> tuple[tuple[int, int], int | None]:
    """How many go and how many are kept, and the moment of the newest."""
    row = conn.execute(
        select(
            func.count().filter(moment < least_ms),
            func.count().filter(moment >= least_ms),
            func.max(moment),
        ).where(which)
    ).one()
    return (int(row[0]), int(row[1])), row[2]


def _line(what: What, counts: tuple[int, int], newest: int | None, months: int) -> Line:
    now, kept = counts
    return Line(what, now, kept, last_day(newest, months) if kept and newest is not None else None)
