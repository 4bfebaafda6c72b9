"""Workers of other employers: what they registered at the sites that are reached, and no more.

SITE gives their registrations, with the names in them. Nothing gives their list or their badges,
nor what they registered elsewhere: a worker who never tapped at a site that is reached is answered
as one who does not exist.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, select

from cloud.accounts.scopes import Scope
from cloud.companies.tables import companies
from cloud.registrations.tables import registrations
from cloud.visibility.meant import whole_name
from cloud.visibility.period import Period
from cloud.visibility.rules import Viewer, visible_registrations
from cloud.visibility.steps import NAMED, Mender, Step, ok, stop
from cloud.workers.tables import workers

_NAMESAKES = 50
"""So many workers of one name are looked at."""


def steps(conn: Connection, seen_by: Viewer, who: str, period: Period) -> Iterator[Step]:
    """What is said of workers of this whole name who tapped where somebody may see it."""
    if not seen_by.reads(Scope.REGISTRATIONS_READ):
        return
    for row in _seen(conn, seen_by, who, period):
        name = f"{row.given_name} {row.family_name}"
        look = "Look for the name among the registrations."
        if row.private:
            yield stop(
                "worker",
                "{worker} works for {employer}, a private company: nobody registered it, so it has"
                " no list of workers. What was registered at the sites you reach shows all the"
                " same.",
                look,
                Mender.YOU,
                worker=name,
                employer=row.employer,
            )
        else:
            yield stop(
                "worker",
                "{worker} works for {employer}, and is on no list of your company.",
                look,
                Mender.YOU,
                worker=name,
                employer=row.employer,
            )
        if row.times:
            yield ok(
                "registrations",
                "{seen} registrations at the sites you reach are visible to you.",
                seen=row.times,
            )
        else:
            yield stop(
                "registrations",
                "Nothing is registered for the worker in this period at the sites you reach.",
                "Ask about another period.",
                Mender.YOU,
            )


def _seen(conn: Connection, seen_by: Viewer, who: str, period: Period) -> Sequence[Row[Any]]:
    """Of each such worker the employer, and how `times` often they tapped in the period."""
    namesakes = conn.execute(
        select(workers.c.id)
        .where(whole_name(who), workers.c.company_id != seen_by.company_id)
        .order_by(workers.c.id)
        .limit(_NAMESAKES)
    ).scalars()
    known = namesakes.all()
    if not known:
        return []
    # An index on the worker gives these few persons' own, with all that the rules ask.
    seen = (
        select(
            registrations.c.worker_id,
            registrations.c.employer_id,
            func.sum(case((period.condition(), 1), else_=0)).label("times"),
        )
        .where(
            registrations.c.worker_id.in_(known),
            registrations.c.company_id == seen_by.company_id,
            visible_registrations(seen_by),
        )
        .group_by(registrations.c.worker_id, registrations.c.employer_id)
        .subquery("seen")
    )
    named: Select[Any] = select(
        workers.c.given_name,
        workers.c.family_name,
        companies.c.name.label("employer"),
        companies.c.private,
        seen.c.times,
    )
    return conn.execute(
        named.join(seen, seen.c.worker_id == workers.c.id)
        .join(companies, companies.c.id == seen.c.employer_id)
        .order_by(workers.c.id)
        .limit(NAMED)
    ).all()
