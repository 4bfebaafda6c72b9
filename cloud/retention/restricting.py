"""Restricting somebody, whom a company shows no more. The caller commits.

A worker of the company's own keeps no badge and no number when it is restricted, and its INSS finds
it no more: who comes back to work is entered anew. What was tapped with its badges up to then stays
its own, whenever it arrives.
"""

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    literal,
    or_,
    select,
    update,
)

from cloud.apps import service as apps
from cloud.registrations.dating import dated
from cloud.registrations.tables import (
    registration_corrections,
    registrations,
)
from cloud.retention.terms import Terms
from cloud.rows import insert_absent
from cloud.visibility.rules import restricted_corrections
from cloud.webhooks import withdrawing
from cloud.workers.tables import badges, former_holders, restrictions, workers


def restrict(conn: Connection, company: int, worker: int, until_ms: int) -> int:
    """Have a company show nothing of a worker that was tapped until then, its own or another's.

    Of the registrations there are, `removal.let_go` tells. How many badges were taken from it.
    """
    row = conn.execute(select(workers).where(workers.c.id == worker).with_for_update()).one()
    key = {"company_id": company, "worker_id": worker}
    insert_absent(conn, restrictions, [key | {"until_ms": until_ms}], list(key))
    this = and_(restrictions.c.company_id == company, restrictions.c.worker_id == worker)
    conn.execute(
        update(restrictions)
        .where(this, restrictions.c.until_ms < until_ms)
        .values(until_ms=until_ms)
    )
    if row.company_id != company or row.restricted_ms is not None:
        return 0
    conn.execute(update(restrictions).where(this).values(number=row.number))
    held = badges.c.worker_id == worker
    conn.execute(
        former_holders.insert().from_select(
            ["badge_id", "until_ms", "worker_id", "valid_from_ms", "valid_until_ms"],
            select(
                badges.c.id,
                literal(until_ms, BigInteger),
                badges.c.worker_id,
                badges.c.valid_from_ms,
                badges.c.valid_until_ms,
            ).where(held),
        )
    )
    free = update(badges).where(held)
    taken = conn.execute(
        free.values(worker_id=None, valid_from_ms=None, valid_until_ms=None)
    ).rowcount
    conn.execute(
        update(workers)
        .where(workers.c.id == worker)
        # No number that anybody enters begins with a space.
        .values(number=f" {worker}", inss_mark=None, active=False, restricted_ms=until_ms)
    )
    apps.erase(conn, worker)
    withdrawing.withdraw(conn, "worker", [(company, worker)])
    return taken


def is_held(conn: Connection, terms: Terms, company: int, worker: int) -> bool:
    """Whether a company still has to keep anything of a worker, or chose to."""
    table = registrations.c
    least = dated() >= terms.before_ms(terms.limits.minimum_months)
    chosen = dated() >= terms.before_ms(terms.months.get(company, terms.limits.default_months))
    kept = [
        (whose == company) & or_(let_go & least, ~let_go & chosen)
        for whose, let_go in (
            (table.company_id, table.site_let_go),
            (table.employer_id, table.employer_let_go),
        )
    ]
    presence = select(table.id).where(table.worker_id == worker, or_(*kept))
    correction = select(registration_corrections.c.id).where(
        registration_corrections.c.worker_id == worker,
        registration_corrections.c.company_id == company,
        ~overdue_corrections(terms, company),
    )
    return any(conn.execute(query.limit(1)).first() is not None for query in (presence, correction))


def overdue_corrections(terms: Terms, company: int) -> ColumnElement[bool]:
    """A condition on `registration_corrections`: those whose time is over in a company."""
    table = registration_corrections
    chosen = terms.before_ms(terms.months.get(company, terms.limits.default_months))
    least = terms.before_ms(terms.limits.minimum_months)
    return and_(
        table.c.company_id == company,
        or_(
            table.c.tapped_ms < chosen,
            (table.c.tapped_ms < least) & restricted_corrections().exists(),
        ),
    )


def overdue(conn: Connection, terms: Terms) -> list[tuple[int, int]]:
    """Company and worker of those who were inactive for as long as presences are kept.

    And of whom their company keeps none.
    """
    inactive = workers.c.active.is_(False) & workers.c.restricted_ms.is_(None)
    found = []
    for company, months in sorted(terms.months.items()):
        mine = inactive & (workers.c.company_id == company)
        old = workers.c.ended_ms < terms.before_ms(months)
        ids = conn.execute(select(workers.c.id).where(mine, old).order_by(workers.c.id)).scalars()
        found += [(company, each) for each in ids if not is_held(conn, terms, company, each)]
    return found


def note_ends(conn: Connection, terms: Terms) -> None:
    """Whoever is inactive since nobody knows when, is so from now on."""
    unknown = workers.c.active.is_(False) & workers.c.ended_ms.is_(None)
    conn.execute(update(workers).where(unknown).values(ended_ms=terms.at_ms))


def restricted(conn: Connection) -> list[int]:
    """The workers that their company shows no more."""
    query = select(workers.c.id).where(workers.c.restricted_ms.is_not(None))
    return list(conn.execute(query.order_by(workers.c.id)).scalars())
