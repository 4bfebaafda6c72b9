"""Taking away what nothing needs any more: restricted workers, badges, unregistered companies.

The caller commits.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    or_,
    select,
    update,
)

from cloud.accounts.tables import access_requests
from cloud.companies.tables import companies
from cloud.configurations import service as configurations
from cloud.registrations.tables import (
    reattribution,
    registration_corrections,
    registration_history,
    registrations,
)
from cloud.retention.presences import Tally
from cloud.retention.restricting import is_held
from cloud.retention.terms import Terms
from cloud.rows import among
from cloud.workers.tables import badges, former_holders, restrictions, workers


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
