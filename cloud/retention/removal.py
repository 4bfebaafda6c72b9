"""Taking presences away, with all that hangs on them. The caller commits.

Of a registration nothing stays but the body in custody, whose chain still verifies, and for a while
a number that tells the next snapshot of each of its companies that it is gone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, or_, select, update

from cloud.custody import erasure
from cloud.custody.erasure import Copies, Sealed
from cloud.exports.withdrawing import Withdrawn
from cloud.registrations.dating import dated
from cloud.registrations.tables import (
    correction_decisions,
    registration_corrections,
    registration_history,
    registrations,
)
from cloud.retention import guard, withdrawn
from cloud.retention.presences import Tally, companies_of
from cloud.retention.terms import Fate
from cloud.rows import among

_corrections = registration_corrections
_history = registration_history


def let_go(
    conn: Connection, rows: Sequence[tuple[Row[Any], Fate]], at_ms: int, *, erased: bool
) -> Tally:
    """Show presences no more to the companies that their fates name; how many of each.

    `erased`: their time is over; or else they are restricted.
    """
    told: list[Withdrawn] = []
    for flag, column, says in (
        ("site_let_go", "company_id", "site"),
        ("employer_let_go", "employer_id", "employer"),
    ):
        found = [row for row, fate in rows if getattr(fate, says)]
        if not found:
            continue
        ids = [row.id for row in found]
        conn.execute(
            update(registrations).where(among(conn, registrations.c.id, ids)).values({flag: True})
        )
        told += [_withdrawn(getattr(row, column), row, erased=erased) for row in found]
    withdrawn.note(conn, told, at_ms)
    return hidden(rows, "let-go" if erased else "restricted")


def hidden(rows: Iterable[tuple[Any, Fate]], kind: str) -> Tally:
    """How many of each company are shown no more, by their fates."""
    tally: Tally = Counter()
    for row, fate in rows:
        letting = {row.company_id} if fate.site else set()
        letting |= {row.employer_id} if fate.employer else set()
        tally.update((company, kind) for company in letting)
    return tally


def removed(rows: Iterable[Any]) -> Tally:
    """How many go, of each company that they were shown to."""
    return Counter(
        (company, "registrations") for row in rows for company in companies_of(row) or {None}
    )


def remove(
    conn: Connection,
    rows: Sequence[Row[Any]],
    found: Sequence[Sealed],
    copies: Copies,
    at_ms: int,
) -> Tally:
    """Take presences away whose companies all let go of them; how many of each company.

    `found` are the sealed parts at their places.
    """
    if not rows:
        return Counter()
    tally = removed(rows)
    erasure.blank(conn, found, copies)
    erasure.blank_places(conn, [(row.epoch_id, row.seq) for row in rows])
    ids = [row.id for row in rows]
    about = select(_corrections).where(among(conn, _corrections.c.registration_id, ids))
    tally += remove_corrections(conn, conn.execute(about).all(), at_ms)
    told = [_withdrawn(company, row, erased=True) for row in rows for company in companies_of(row)]
    told += _of_former_companies(conn, rows)
    conn.execute(delete(_history).where(among(conn, _history.c.registration_id, ids)))
    withdrawn.note(conn, told, at_ms)
    conn.execute(delete(registrations).where(among(conn, registrations.c.id, ids)))
    return tally


def remove_corrections(conn: Connection, rows: Sequence[Row[Any]], at_ms: int) -> Tally:
    """Take corrections away, with what was decided of them; how many of each company."""
    if not rows:
        return Counter()
    ids = [row.id for row in rows]
    with guard.opened(conn):
        decided = correction_decisions
        conn.execute(delete(decided).where(among(conn, decided.c.correction_id, ids)))
        conn.execute(delete(_corrections).where(among(conn, _corrections.c.id, ids)))
    hide_corrections(conn, rows, at_ms, erased=True)
    return Counter((row.company_id, "corrections") for row in rows)


def hide_corrections(
    conn: Connection, rows: Iterable[Row[Any]], at_ms: int, *, erased: bool
) -> None:
    """Have corrections taken out of what was exported, and told in the next snapshot."""
    told = [
        Withdrawn(row.company_id, "correction", row.id, row.division_id, row.site_id, erased)
        for row in rows
    ]
    withdrawn.note(conn, told, at_ms)


def forget_earlier(
    conn: Connection, company: int, worker: int, tapped_until_ms: int, at_ms: int
) -> None:
    """Take somebody out of what a company has of registrations that were another's since."""
    query = (
        select(_history.c.registration_id, func.max(_history.c.version).label("version"))
        .join(registrations, registrations.c.id == _history.c.registration_id)
        .where(
            _history.c.worker_id == worker,
            or_(_history.c.company_id == company, _history.c.employer_id == company),
            dated() <= tapped_until_ms,
        )
        .group_by(_history.c.registration_id)
    )
    withdrawn.note(conn, [_earlier(company, row) for row in conn.execute(query)], at_ms)


def _of_former_companies(conn: Connection, rows: Iterable[Any]) -> list[Withdrawn]:
    """What companies had of these that were shown them before, and are not now."""
    now = {row.id: companies_of(row) for row in rows}
    query = select(_history).where(among(conn, _history.c.registration_id, sorted(now)))
    return [
        _earlier(company, line)
        for line in conn.execute(query.order_by(_history.c.version))
        for company in companies_of(line) - now[line.registration_id]
    ]


def _earlier(company: int | None, line: Any) -> Withdrawn:
    return Withdrawn(company, "earlier", line.registration_id, version=line.version)


def _withdrawn(company: int | None, row: Any, *, erased: bool) -> Withdrawn:
    if company != row.company_id:
        return Withdrawn(company, "registration", row.id, None, None, erased)
    return Withdrawn(company, "registration", row.id, row.division_id, row.site_id, erased)
