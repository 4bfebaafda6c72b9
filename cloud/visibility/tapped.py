"""Where a terminal registered what: what `explain` says of the registrations made on it.

Only those are counted that are the company's, by the site or by the worker; to somebody external
only those at what is granted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, false, func, or_, select

from cloud.companies.tables import divisions, sites
from cloud.languages.current import mark
from cloud.registrations.tables import registrations
from cloud.visibility.rules import Viewer, visible_registrations
from cloud.visibility.steps import Mender, Step, ok, stop

_NAMED = 10
"""So many places are named, those with the most registrations."""
_NEWEST = 500
"""So many registrations are looked at: people ask for the last weeks."""


def steps(conn: Connection, seen_by: Viewer, terminal: int) -> Iterator[Step]:
    """How many of the newest are visible, and where the others were made."""
    alike = _alike(conn, seen_by, terminal)
    total = sum(row.times for row in alike)
    seen = Counter[int | None]()
    hidden = Counter[int | None]()
    away = nowhere = 0
    for row in alike:
        if row.seen:
            # Sites of others are not named, though our own worker registered there.
            ours = row.company_id == seen_by.company_id
            seen[row.site_id if ours else None] += row.times
        elif row.company_id == seen_by.company_id:
            hidden[row.site_id] += row.times
        elif row.company_id is None:
            nowhere += row.times
        else:
            away += row.times
    if seen:
        named = mark(
            "{seen} of the newest {total} registrations made on it are visible to you: {places}."
        )
        unnamed = mark("{seen} of the newest {total} registrations made on it are visible to you.")
        places = _places(conn, seen)
        yield ok(
            "registrations",
            named if places else unnamed,
            seen=seen.total(),
            total=total,
            places=places,
        )
    if hidden:
        yield stop(
            "access",
            "{hidden} of {total} registrations were made where you have no access: {places}.",
            "Ask for access to the division or the site.",
            Mender.ADMINISTRATOR,
            hidden=hidden.total(),
            total=total,
            places=_places(conn, hidden),
        )
    if away:
        yield stop(
            "access",
            "{away} of {total} registrations were made at sites of other companies:"
            " administrators and auditors see them.",
            "Ask an administrator of your company.",
            Mender.ADMINISTRATOR,
            away=away,
            total=total,
        )
    if nowhere:
        yield stop(
            "access",
            "{nowhere} of {total} registrations were made on terminals assigned to no site then.",
            "Assign the terminal from a date before.",
            Mender.ADMINISTRATOR,
            nowhere=nowhere,
            total=total,
        )


def _alike(conn: Connection, seen_by: Viewer, terminal: int) -> Sequence[Row[Any]]:
    """The newest of them, those that no rule tells apart as one row: `times` is how many."""
    names = ("company_id", "employer_id", "division_id", "site_id")
    apart = (*names, "site_let_go", "employer_let_go")
    newest = (
        select(*(registrations.c[name] for name in apart))
        .where(registrations.c.terminal_id == terminal, _told_of(seen_by))
        .order_by(registrations.c.tapped_ms.desc())
        .limit(_NEWEST)
        .subquery("newest")
    )
    columns = [newest.c[name] for name in apart]
    made = select(*columns, func.count().label("times")).group_by(*columns).subquery("made")
    return conn.execute(
        select(
            made.c.company_id,
            made.c.site_id,
            made.c.times,
            # Where there is no site the condition is NULL.
            func.coalesce(visible_registrations(seen_by, made), false()).label("seen"),
        )
    ).all()


def _told_of(seen_by: Viewer) -> ColumnElement[bool]:
    """Those that are counted, whether visible or not."""
    if seen_by.external:
        return visible_registrations(seen_by)
    ours = seen_by.company_id
    return or_(
        (registrations.c.company_id == ours) & ~registrations.c.site_let_go,
        (registrations.c.employer_id == ours) & ~registrations.c.employer_let_go,
    )


def _places(conn: Connection, times: Counter[int | None]) -> str:
    """What the sites with the most are called, with their divisions."""
    wanted = [site for site, _ in times.most_common(_NAMED) if site is not None]
    named = conn.execute(
        select(sites.c.id, divisions.c.name, sites.c.name)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(sites.c.id.in_(wanted))
    ).all()
    most = sorted((-times[site_id], f"{division} / {site}") for site_id, division, site in named)
    return ", ".join(place for _, place in most)
