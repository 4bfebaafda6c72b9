"""What of a worker's registrations in a period is not visible, or not sure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, false, func, select

from cloud.companies.tables import divisions, sites
from cloud.languages.current import mark
from cloud.registrations.tables import registrations
from cloud.visibility import around
from cloud.visibility.period import Period
from cloud.visibility.rules import App, Viewer, visible_registrations
from cloud.visibility.steps import NAMED, Mender, Step, note, ok, some, stop

_NEWEST = 500
"""So many registrations are looked at: of years of them, people ask for the last weeks."""


@dataclass(frozen=True, slots=True)
class _Counts:
    """Of a worker's registrations in a period: how many there are of each kind."""

    total: int
    seen: int
    here: int
    """Hidden, at sites of the company."""
    away: int
    """Hidden, at sites of others."""
    nowhere: int
    """Hidden, made where no terminal was assigned."""
    corrected: int
    clock_unsure: int
    disputed: int
    badge_expired: int


def steps(
    conn: Connection, seen_by: Viewer | App, worker_id: int, period: Period
) -> Iterator[Step]:
    """What is said of a worker's registrations in a period, and of what else may be missed.

    What an app does not see is not counted either: for that somebody has to look at the company.
    """
    when = period.condition()
    if isinstance(seen_by, App):
        when &= visible_registrations(seen_by)
    alike = _alike(conn, seen_by, worker_id, when)
    yield from _told(conn, seen_by, alike)
    if isinstance(seen_by, App):
        return
    yield from around.unsent(conn, seen_by, period)
    if not alike or period.bounded:
        yield from around.nameless(conn, seen_by, period)


def _told(conn: Connection, seen_by: Viewer | App, alike: Sequence[Row[Any]]) -> Iterator[Step]:
    counts = _counts(seen_by, alike)
    if counts.total == _NEWEST:
        yield note("registrations", "The newest {newest} are looked at.", newest=_NEWEST)
    if counts.total == 0:
        yield _nothing(seen_by)
        return
    if counts.seen == counts.total:
        yield ok(
            "registrations", "All {total} registrations are visible to you.", total=counts.total
        )
    else:
        yield from _hidden(conn, seen_by, alike, counts)
    yield from _remarkable(counts)


def _nothing(seen_by: Viewer | App) -> Step:
    fix = mark("Find out which terminal was used, and ask again with its device number.")
    by = Mender.YOU
    if isinstance(seen_by, App):
        fix = mark("Tell an administrator of your company which terminal you used, and when.")
        by = Mender.ADMINISTRATOR
    return stop("registrations", "Nothing is registered for the worker in this period.", fix, by)


def _alike(
    conn: Connection, seen_by: Viewer | App, worker_id: int, when: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """A worker's newest registrations, those that no rule tells apart as one row.

    `times` says how many a row stands for: hundreds are made at few sites.
    """
    placed = ("worker_id", "company_id", "employer_id", "division_id", "site_id")
    apart = (*placed, "corrected", "reason", "site_let_go", "employer_let_go")
    # What the company let go of is none of its own any more.
    ours = registrations.c.employer_let_go.is_(False)
    newest = (
        select(*(registrations.c[name] for name in apart))
        .where(registrations.c.worker_id == worker_id, ours, when)
        .order_by(registrations.c.tapped_ms.desc())
        .limit(_NEWEST)
        .subquery("newest")
    )
    columns = [newest.c[name] for name in apart]
    mine = select(*columns, func.count().label("times")).group_by(*columns).subquery("mine")
    return conn.execute(
        select(
            mine.c.company_id,
            mine.c.corrected,
            func.coalesce(mine.c.reason, "").label("reason"),
            mine.c.times,
            # Where there is no site the condition is NULL.
            func.coalesce(visible_registrations(seen_by, mine), false()).label("seen"),
            mine.c.site_id,
        )
    ).all()


def _counts(seen_by: Viewer | App, alike: Sequence[Row[Any]]) -> _Counts:
    seen = [row for row in alike if row.seen]
    hidden = [row for row in alike if not row.seen]
    ours = seen_by.company_id
    return _Counts(
        total=_times(alike),
        seen=_times(seen),
        here=_times(row for row in hidden if row.company_id == ours),
        away=_times(row for row in hidden if row.company_id not in (ours, None)),
        nowhere=_times(row for row in hidden if row.company_id is None),
        corrected=_times(row for row in seen if row.corrected),
        clock_unsure=_times(row for row in seen if "clock-unsure" in row.reason),
        disputed=_times(row for row in seen if "disputed" in row.reason),
        badge_expired=_times(row for row in seen if "badge-expired" in row.reason),
    )


def _times(rows: Iterable[Row[Any]]) -> int:
    return sum(row.times for row in rows)


def _hidden(
    conn: Connection, seen_by: Viewer | App, alike: Sequence[Row[Any]], counts: _Counts
) -> Iterator[Step]:
    """What of a worker's registrations is not visible: at ours, at others', or nowhere yet."""
    if counts.here:
        times: Counter[int] = Counter()
        for row in alike:
            if not row.seen and row.company_id == seen_by.company_id:
                times[row.site_id] += row.times
        places = _places(conn, dict(times.most_common(NAMED)))
        yield stop(
            "access",
            "{hidden} of {total} registrations were made where you have no access: {places}.",
            "Ask for access to the division or the site.",
            Mender.ADMINISTRATOR,
            hidden=counts.here,
            total=counts.total,
            places=some(places, len(times)),
        )
    if counts.away:
        yield stop(
            "access",
            "{away} of {total} registrations were made at sites of other companies:"
            " administrators and auditors see them.",
            "Ask an administrator of your company.",
            Mender.ADMINISTRATOR,
            away=counts.away,
            total=counts.total,
        )
    if counts.nowhere:
        yield stop(
            "access",
            "{nowhere} of {total} registrations were made on terminals assigned to no site then.",
            "Assign the terminal from a date before.",
            Mender.ADMINISTRATOR,
            nowhere=counts.nowhere,
            total=counts.total,
        )
    if counts.seen:
        yield ok(
            "registrations",
            "{seen} of {total} are visible to you.",
            seen=counts.seen,
            total=counts.total,
        )


def _places(conn: Connection, times: Mapping[int, int]) -> list[str]:
    """What these sites are called, with their divisions; those with the most `times` first."""
    named = conn.execute(
        select(sites.c.id, divisions.c.name, sites.c.name)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(sites.c.id.in_(times))
    ).all()
    most = sorted((-times[site_id], f"{division} / {site}") for site_id, division, site in named)
    return [place for _, place in most]


def _remarkable(counts: _Counts) -> Iterator[Step]:
    for kind, count, sentence in (
        (
            "clock",
            counts.corrected,
            mark("The time of {count} was corrected: the terminal's clock was wrong or not set."),
        ),
        (
            "remarks",
            counts.clock_unsure,
            mark("The time of {count} is not sure: the terminal's clock was not set."),
        ),
        (
            "remarks",
            counts.disputed,
            mark("{count} are disputed: the terminal was revoked before they came."),
        ),
        (
            "remarks",
            counts.badge_expired,
            mark("{count} were made with a badge outside its dates."),
        ),
    ):
        if count:
            yield note(kind, sentence, count=count)
