"""What a run would erase, counted as it counts, and nothing changed."""

from collections import Counter

from sqlalchemy import Connection, func, select

from cloud.registrations.tables import registration_corrections
from cloud.retention import leftovers, removal, restricting, sweep, tidying
from cloud.retention.presences import Tally
from cloud.retention.terms import Terms
from cloud.settings import Retention
from cloud.workers.tables import workers

_corrections = registration_corrections


def rehearse(conn: Connection, limits: Retention, at_ms: int) -> Tally:
    """How much of each kind would go, by company; but for what somebody asked for."""
    terms = Terms.of(conn, limits, at_ms)
    tally: Tally = Counter()
    going = _presences(conn, terms, tally)
    _of_corrections(conn, terms, going, tally)
    _of_workers(conn, terms, tally)
    tally[None, "sealed"] += tidying.count_unread(conn, terms)
    exports = select(func.count()).where(tidying.old_exports(terms))
    tally[None, "exports"] += conn.execute(exports).scalar_one()
    for kind in tidying.KINDS:
        tally[None, kind.name] += tidying.count(conn, terms, kind)
    return +tally


def _presences(conn: Connection, terms: Terms, tally: Tally) -> set[int]:
    """Count them; those that go."""
    seen: set[int] = set()
    going: set[int] = set()
    pages = [sweep.due(conn, terms, months) for months in terms.classes]
    for page in (*pages, sweep.undated_due(conn, terms)):
        for row, fate in page:
            if row.id in seen:
                continue
            seen.add(row.id)
            if fate.goes:
                going.add(row.id)
                tally += removal.removed([row])
            else:
                tally += removal.hidden([(row, fate)], "let-go")
    return going


def _of_corrections(conn: Connection, terms: Terms, going: set[int], tally: Tally) -> None:
    seen: set[int] = set()
    queries = [
        select(_corrections.c.id, _corrections.c.company_id).where(
            restricting.overdue_corrections(terms, company)
        )
        for company in sorted(terms.months)
    ]
    about = select(
        _corrections.c.id, _corrections.c.company_id, _corrections.c.registration_id
    ).where(_corrections.c.registration_id.is_not(None))
    if going:
        for number, company, registration in conn.execute(about):
            if registration in going:
                seen.add(number)
                tally[company, "corrections"] += 1
    for query in queries:
        for number, company in conn.execute(query):
            if number not in seen:
                seen.add(number)
                tally[company, "corrections"] += 1


def _of_workers(conn: Connection, terms: Terms, tally: Tally) -> None:
    for company, _ in restricting.overdue(conn, terms):
        tally[company, "workers"] += 1
    query = select(workers).where(workers.c.id.in_(restricting.restricted(conn)))
    for row in conn.execute(query).all():
        held = restricting.is_held(conn, terms, row.company_id, row.id)
        if not held and leftovers.has_more_than_a_name(conn, row):
            tally[row.company_id, "workers"] += 1
