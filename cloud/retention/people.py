"""Restricting somebody, and taking away whom nothing needs any more. The caller commits.

A worker of the company's own keeps no badge and no number when it is restricted, and its INSS finds
it no more: who comes back to work is entered anew. What was tapped with its badges up to then stays
its own, whenever it arrives.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    literal,
    or_,
    select,
    update,
)

from cloud.accounts.tables import access_requests
from cloud.apps import service as apps
from cloud.companies.tables import companies
from cloud.configurations import service as configurations
from cloud.registrations.dating import dated
from cloud.registrations.tables import (
    reattribution,
    registration_corrections,
    registration_history,
    registrations,
)
from cloud.retention.removal import Tally
from cloud.retention.terms import Terms
from cloud.rows import among, insert_absent
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
    asked = (
        select(restrictions.c.id)
        .where(
            restrictions.c.company_id == table.c.company_id,
            restrictions.c.worker_id == table.c.worker_id,
            restrictions.c.until_ms >= table.c.tapped_ms,
        )
        .correlate(table)
        .exists()
    )
    chosen = terms.before_ms(terms.months.get(company, terms.limits.default_months))
    least = terms.before_ms(terms.limits.minimum_months)
    return and_(
        table.c.company_id == company,
        or_(table.c.tapped_ms < chosen, (table.c.tapped_ms < least) & asked),
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


def end(conn: Connection, terms: Terms, worker_ids: Collection[int]) -> tuple[Tally, set[int]]:
    """Take restricted workers away of whom their company keeps nothing.

    As long as others do, their names stay, for the others alone. How many went, and the badges that
    were theirs.
    """
    tally: Tally = Counter()
    freed: set[int] = set()
    rows = conn.execute(
        select(workers)
        .where(among(conn, workers.c.id, sorted(worker_ids)))
        .where(workers.c.restricted_ms.is_not(None))
        .order_by(workers.c.id)
    ).all()
    for row in rows:
        if is_held(conn, terms, row.company_id, row.id):
            continue
        if _is_named(conn, row.id):
            tally += _strip(conn, row)
            continue
        freed |= _delete(conn, row.id)
        # Stripped before, it was counted then.
        if has_more_than_a_name(conn, row):
            tally[row.company_id, "workers"] += 1
        conn.execute(delete(restrictions).where(restrictions.c.worker_id == row.id))
        conn.execute(delete(workers).where(workers.c.id == row.id))
    return tally, freed


def has_more_than_a_name(conn: Connection, row: Row[Any]) -> bool:
    """Whether a restricted worker has a number or an INSS still, and is not just a name."""
    numbered = select(restrictions.c.id).where(
        restrictions.c.worker_id == row.id,
        restrictions.c.company_id == row.company_id,
        restrictions.c.number.is_not(None),
    )
    return row.inss_sealed is not None or conn.execute(numbered).first() is not None


def orphans(conn: Connection, badge_ids: Collection[int] | None, limit: int = 1000) -> int:
    """Take away badges of these, or of all that were met, that nothing names any more; how many.

    With the number go its entries on rosters of blocked badges. One that somebody entered and
    nobody has held to a terminal yet waits for its holder, or is blocked before it has one.
    """
    query = select(badges.c.id, badges.c.profile, badges.c.number).where(_nobody_s()).limit(limit)
    if badge_ids is None:
        query = query.where(badges.c.first_seen_ms.is_not(None))
    else:
        query = query.where(among(conn, badges.c.id, sorted(badge_ids)))
    found = conn.execute(query).all()
    if not found:
        return 0
    configurations.forget_badges(conn, [(row.profile, row.number) for row in found])
    ids = [row.id for row in found]
    conn.execute(delete(reattribution).where(among(conn, reattribution.c.badge_id, ids)))
    gone = delete(badges).where(among(conn, badges.c.id, ids), _nobody_s())
    return conn.execute(gone).rowcount


def unregistered(conn: Connection, company_ids: Collection[int]) -> int:
    """Take away companies that nobody registered and nothing names any more; how many."""
    named = [
        select(table.c.id).where(column == companies.c.id).exists()
        for table, column in (
            (registrations, registrations.c.employer_id),
            (registrations, registrations.c.company_id),
            (workers, workers.c.company_id),
        )
    ]
    history = registration_history
    before = or_(history.c.employer_id == companies.c.id, history.c.company_id == companies.c.id)
    asked = select(access_requests.c.id).where(access_requests.c.company_id == companies.c.id)
    named.append(asked.exists())
    named.append(select(history.c.version).where(before).exists())
    gone = delete(companies).where(
        among(conn, companies.c.id, sorted(company_ids)),
        companies.c.private,
        *(~each for each in named),
    )
    return conn.execute(gone).rowcount


def _nobody_s() -> ColumnElement[bool]:
    """A condition on `badges`: nothing names it."""
    names = [
        select(table.c.badge_id).where(table.c.badge_id == badges.c.id).exists()
        for table in (registrations, former_holders)
    ]
    return and_(badges.c.worker_id.is_(None), *(~each for each in names))


def _is_named(conn: Connection, worker: int) -> bool:
    """Whether presences or corrections of any company are of a worker."""
    return any(
        conn.execute(select(table.c.id).where(table.c.worker_id == worker).limit(1)).first()
        is not None
        for table in (registrations, registration_corrections)
    )


def _strip(conn: Connection, row: Row[Any]) -> Tally:
    """Leave of a worker the name alone."""
    if not has_more_than_a_name(conn, row):
        return Counter()
    conn.execute(update(workers).where(workers.c.id == row.id).values(inss_sealed=None))
    conn.execute(
        update(restrictions)
        .where(restrictions.c.worker_id == row.id, restrictions.c.company_id == row.company_id)
        .values(number=None)
    )
    return Counter({(row.company_id, "workers"): 1})


def _delete(conn: Connection, worker: int) -> set[int]:
    """Take away what still names a worker of whom nothing is kept; the badges that were theirs."""
    mine = former_holders.c.worker_id == worker
    freed = set(conn.execute(select(former_holders.c.badge_id).where(mine)).scalars())
    conn.execute(delete(former_holders).where(mine))
    conn.execute(
        update(registration_history)
        .where(registration_history.c.worker_id == worker)
        .values(worker_id=None)
    )
    return freed
