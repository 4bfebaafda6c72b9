"""Workers' days from the database: registrations and corrections, as somebody sees them, paired."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, select, tuple_, union

from cloud.companies.tables import sites
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.registrations import corrections, days
from cloud.registrations.corrections import State, state
from cloud.registrations.days import Day, Tap
from cloud.registrations.reasons import Reason
from cloud.registrations.tables import registration_corrections, registrations
from cloud.visibility.rules import App, Viewer, visible_corrections, visible_registrations
from cloud.workers.tables import workers


@dataclass(frozen=True, slots=True)
class Attendance:
    """Days of a worker; taps that a correction made void, and corrections that are proposed."""

    days: list[Day]
    void: list[Tap]
    proposed: list[RowMapping]


def present(
    conn: Connection,
    who: Viewer,
    day: date,
    *,
    site: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[RowMapping]:
    """Workers of whom a tap of a day is visible, at a site if given, by name; after one of them.

    Raises NotFoundError when that one is not there.
    """
    first_ms, after_ms = days.bounds(day, day)
    sources = [
        (registrations, visible_registrations(who)),
        (registration_corrections, visible_corrections(who)),
    ]
    here = [] if site is None else [site]
    found = [
        select(table.c.worker_id).where(
            visible,
            table.c.tapped_ms >= first_ms,
            table.c.tapped_ms < after_ms,
            *(table.c.site_id == each for each in here),
        )
        for table, visible in sources
    ]
    columns = (workers.c.family_name, workers.c.given_name, workers.c.id)
    named = select(*columns).where(workers.c.id.in_(union(found[0], found[1])))
    if after is not None:
        last = conn.execute(named.where(workers.c.id == after)).one_or_none()
        if last is None:
            raise NotFoundError(_("The list has changed; begin again at its first page."))
        named = named.where(tuple_(*columns) > tuple_(*last))
    return list(conn.execute(named.order_by(*columns).limit(limit)).mappings())


def known(conn: Connection, who: Viewer, worker: int) -> RowMapping:
    """Name and id of a worker of whom anything registered, or corrected, is visible.

    Raises NotFoundError.
    """
    seen = select(registrations.c.id).where(
        registrations.c.worker_id == worker, visible_registrations(who)
    )
    entered = select(registration_corrections.c.id).where(
        registration_corrections.c.worker_id == worker, visible_corrections(who)
    )
    query = select(workers.c.id, workers.c.given_name, workers.c.family_name).where(
        workers.c.id == worker, seen.exists() | entered.exists()
    )
    found = conn.execute(query).mappings().first()
    if found is None:
        raise NotFoundError(_("There is no such worker."))
    return found


def of_workers(
    conn: Connection, who: Viewer | App, worker_ids: Iterable[int], first: date, last: date
) -> dict[int, Attendance]:
    """The days from `first` to `last` of workers, by id, as far as their taps are visible."""
    ids = sorted(worker_ids)
    first_ms, after_ms = days.bounds(first, last)
    since_ms, until_ms = first_ms - days.LOOK_BACK_MS, after_ms + days.LONGEST_MS
    rows = conn.execute(
        select(
            registrations.c.id,
            registrations.c.worker_id,
            registrations.c.site_id,
            registrations.c.direction,
            registrations.c.tapped_ms,
            registrations.c.received_ms,
            registrations.c.corrected,
            registrations.c.reason,
        ).where(
            registrations.c.worker_id.in_(ids),
            registrations.c.tapped_ms >= since_ms,
            registrations.c.tapped_ms < until_ms,
            visible_registrations(who),
        )
    ).mappings()
    taps: dict[int, list[Tap]] = {each: [] for each in ids}
    for row in rows:
        taps[row["worker_id"]].append(_tap(row))
    # A registration may have been dated anew since it was corrected: not by when it was.
    entered: dict[int, list[RowMapping]] = {each: [] for each in ids}
    for correction in corrections.listed(conn, who, worker_ids=ids):
        entered[correction["worker_id"]].append(correction)
    found = {}
    for each in ids:
        whole = apply(taps[each], entered[each])
        in_days = days.days(days.pairs(whole), first, last)
        void = [tap for tap in whole if tap.void and first_ms <= tap.at_ms < after_ms]
        proposed = [
            row
            for row in entered[each]
            if state(row) is State.PROPOSED and first_ms <= row["tapped_ms"] < after_ms
        ]
        found[each] = Attendance(in_days, void, proposed)
    return found


def site_names(conn: Connection, found: Iterable[Attendance]) -> dict[int | None, str]:
    """The names of the sites where days were spent, by id."""
    wanted = set()
    for each in found:
        wanted |= {pair.site for day in each.days for pair in day.pairs}
        wanted |= {tap.site for tap in each.void}
    query = select(sites.c.id, sites.c.name).where(sites.c.id.in_(wanted - {None}))
    return {row.id: row.name for row in conn.execute(query)}


def apply(taps: Sequence[Tap], entered: Iterable[Any]) -> list[Tap]:
    """Taps as corrections have them, in the order they were entered; only approved ones count."""
    numbered = {tap.number: tap for tap in taps}
    added = []
    for row in entered:
        if state(row) is not State.APPROVED:
            continue
        if row["kind"] == "add":
            added.append(
                Tap(row["tapped_ms"], row["direction"], row["site_id"], correction=row["id"])
            )
            continue
        tap = numbered.get(row["registration_id"])
        if tap is None:
            continue
        numbered[tap.number] = replace(
            tap,
            correction=row["id"],
            void=row["kind"] == "void",
            direction=row["direction"] or tap.direction,
            was=tap.was or tap.direction,
        )
    return [*numbered.values(), *added]


def _tap(row: RowMapping) -> Tap:
    return Tap(
        row["tapped_ms"],
        row["direction"],
        row["site_id"],
        row["id"],
        late=row["received_ms"] - row["tapped_ms"] > days.LATE_MS,
        corrected=bool(row["corrected"]),
        unsure=Reason.CLOCK_UNSURE in (row["reason"] or "").split(),
    )
