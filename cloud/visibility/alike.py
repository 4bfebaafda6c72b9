"""Registrations that no rule tells apart, counted together: which are visible, where others are.

Hundreds are made at few sites, so few questions are asked however many there are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, false, func, select

from cloud.companies.tables import divisions, sites
from cloud.registrations.tables import registrations
from cloud.visibility.rules import App, Viewer, visible_registrations
from cloud.visibility.steps import NAMED, Mender, Step, some, stop

NEWEST = 500
"""So many registrations are looked at: people ask for the last weeks."""
_TOLD_APART = (
    *("company_id", "employer_id", "division_id", "site_id"),
    *("site_let_go", "employer_let_go"),
)


def counted(
    conn: Connection, seen_by: Viewer | App, of: ColumnElement[bool], also: Sequence[str] = ()
) -> Sequence[Row[Any]]:
    """The newest that a condition gives: `times` is how many a row stands for, `seen` by the rules.

    `also` names columns that tell them apart as well.
    """
    names = [*_TOLD_APART, *also]
    newest = (
        select(*(registrations.c[name] for name in names))
        .where(of)
        .order_by(registrations.c.tapped_ms.desc())
        .limit(NEWEST)
        .subquery("newest")
    )
    columns = [newest.c[name] for name in names]
    made = select(*columns, func.count().label("times")).group_by(*columns).subquery("made")
    # Where there is no site the condition is NULL.
    seen = func.coalesce(visible_registrations(seen_by, made), false()).label("seen")
    asked: list[ColumnElement[Any]] = [
        *(made.c[name] for name in ("company_id", "site_id", *also, "times")),
        seen,
    ]
    return conn.execute(select(*asked)).all()


def times(rows: Iterable[Row[Any]]) -> int:
    """How many registrations rows stand for."""
    return sum(row.times for row in rows)


def hidden(conn: Connection, seen_by: Viewer | App, rows: Sequence[Row[Any]]) -> Iterator[Step]:
    """Where those were made that are not visible: at ours, at others', or nowhere yet."""
    total, ours = times(rows), seen_by.company_id
    unseen = [row for row in rows if not row.seen]
    here = [row for row in unseen if row.company_id == ours]
    away = times(row for row in unseen if row.company_id not in (ours, None))
    nowhere = times(row for row in unseen if row.company_id is None)
    if here:
        yield stop(
            "access",
            "{hidden} of {total} registrations were made where you have no access: {places}.",
            "Ask for access to the division or the site.",
            Mender.ADMINISTRATOR,
            hidden=times(here),
            total=total,
            places=places(conn, here),
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


def places(conn: Connection, rows: Iterable[Row[Any]]) -> str:
    """What the sites with the most are called, with divisions, and how many more there are."""
    found: Counter[int] = Counter()
    for row in rows:
        found[row.site_id] += row.times
    most = dict(found.most_common(NAMED))
    named = conn.execute(
        select(sites.c.id, divisions.c.name, sites.c.name)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(sites.c.id.in_(most))
    ).all()
    ranked = sorted((-most[site_id], f"{division} / {site}") for site_id, division, site in named)
    return some([place for _, place in ranked], len(found))
