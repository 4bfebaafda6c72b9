"""Presences whose time is over: those that one of their companies lets go of, and those that go.

For each time that any company keeps presences, the sweep goes through them in the order of their
taps, up to the moment so long ago, and looks at each once: how far it came is kept. What it did not
see (a record that came years late, a company that chose a shorter time) is met when it begins again
at the beginning, once a month. Registrations of which nobody knows when they were are few: they are
looked at each time, by their receipt.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from cloud.custody import erasure
from cloud.custody.erasure import Copies
from cloud.registrations.tables import UNDATED, registration_corrections, registrations
from cloud.retention import leftovers, removal, restricting
from cloud.retention.presences import Tally, selected
from cloud.retention.tables import retention_sweeps
from cloud.retention.terms import Fate, Terms

_WHOLE_MS = 30 * 86_400_000
_FIRST = -(2**62)
_corrections = registration_corrections
_DATED = registrations.c.latest_ms.is_not(None) & (
    registrations.c.tapped_ms <= registrations.c.received_ms
)


def presences(
    conn: Connection, terms: Terms, months: int, copies: Copies, batch: int
) -> tuple[Tally, bool]:
    """Some of what was tapped longer ago than `months`; what went, and whether there is more."""
    since_ms = _since(conn, terms, months)
    rows = _next(conn, since_ms, terms.before_ms(months), batch)
    tally = _deal(conn, terms, rows, copies)
    if rows:
        _note(conn, months, rows[-1].tapped_ms)
    return tally, len(rows) >= batch


def undated(conn: Connection, terms: Terms, copies: Copies, batch: int) -> tuple[Tally, bool]:
    """Some of those whose age only their receipt tells."""
    after = (_FIRST, 0)
    while True:
        rows = conn.execute(
            selected()
            .where(UNDATED, registrations.c.received_ms < terms.before_ms(terms.classes[0]))
            .where(_after(registrations.c.received_ms, after))
            .order_by(registrations.c.received_ms, registrations.c.id)
            .limit(batch)
        ).all()
        tally = _deal(conn, terms, rows, copies)
        if tally or len(rows) < batch:
            return tally, bool(tally)
        after = (rows[-1].received_ms, rows[-1].id)


def corrections(conn: Connection, terms: Terms, company: int, batch: int) -> tuple[Tally, bool]:
    """Some of a company's corrections of longer ago than it keeps them."""
    rows = conn.execute(
        select(_corrections).where(restricting.overdue_corrections(terms, company)).limit(batch)
    ).all()
    return removal.remove_corrections(conn, rows, terms.at_ms), len(rows) >= batch


def begin_again(conn: Connection, months: int | None = None) -> None:
    """Have the sweep of a time, or of all, begin at the beginning."""
    gone = delete(retention_sweeps)
    conn.execute(gone if months is None else gone.where(retention_sweeps.c.months == months))


def fates(terms: Terms, rows: Sequence[Row[Any]]) -> list[tuple[Row[Any], Fate]]:
    """Those of whom something is to be done, each with what."""
    found = [(row, terms.fate(row)) for row in rows]
    return [(row, fate) for row, fate in found if fate.site or fate.employer or fate.goes]


def _deal(conn: Connection, terms: Terms, rows: Sequence[Row[Any]], copies: Copies) -> Tally:
    due = fates(terms, rows)
    tally: Tally = Counter()
    if not due:
        return tally
    staying = [(row, fate) for row, fate in due if not fate.goes]
    tally += removal.let_go(conn, staying, terms.at_ms, erased=True)
    going = [row for row, fate in due if fate.goes]
    if going:
        found = erasure.sealed(conn, [(row.epoch_id, row.seq) for row in going])
        tally += removal.remove(conn, going, found, copies, terms.at_ms)
        leftovers.orphans(conn, {row.badge_id for row in going})
        employers = {row.employer_id for row in going if row.employer_id is not None}
        leftovers.unregistered(conn, employers)
    return tally


def due(
    conn: Connection, terms: Terms, months: int, batch: int = 1000
) -> Iterator[tuple[Row[Any], Fate]]:
    """What the sweep of a time has before it, in pages, each with what is to be done."""
    since_ms = come_to(conn, terms, months)
    while rows := _next(conn, since_ms, terms.before_ms(months), batch):
        yield from fates(terms, rows)
        since_ms = rows[-1].tapped_ms


def undated_due(conn: Connection, terms: Terms) -> Iterator[tuple[Row[Any], Fate]]:
    """The same of those whose age only their receipt tells."""
    old = registrations.c.received_ms < terms.before_ms(terms.classes[0])
    rows = conn.execute(selected().where(UNDATED, old)).all()
    yield from fates(terms, rows)


def _next(conn: Connection, since_ms: int, before_ms: int, batch: int) -> Sequence[Row[Any]]:
    """The next of a sweep; those of one millisecond together."""
    query = (
        selected()
        .where(_DATED, registrations.c.tapped_ms < before_ms)
        .order_by(registrations.c.tapped_ms, registrations.c.id)
    )
    rows = conn.execute(query.where(registrations.c.tapped_ms > since_ms).limit(batch)).all()
    if len(rows) < batch:
        return rows
    last = rows[-1].tapped_ms
    whole = [row for row in rows if row.tapped_ms < last]
    same = conn.execute(query.where(registrations.c.tapped_ms == last)).all()
    return [*whole, *same]


def _after(column: ColumnElement[int], place: tuple[int, int]) -> ColumnElement[bool]:
    moment_ms, number = place
    return or_(column > moment_ms, (column == moment_ms) & (registrations.c.id > number))


def come_to(conn: Connection, terms: Terms, months: int) -> int:
    """How far the sweep of a time has come; once a month, nowhere."""
    this = retention_sweeps.c.months == months
    row = conn.execute(select(retention_sweeps).where(this)).one_or_none()
    if row is None or terms.at_ms - row.whole_ms >= _WHOLE_MS:
        return _FIRST
    return int(row.swept_ms)


def _since(conn: Connection, terms: Terms, months: int) -> int:
    since_ms = come_to(conn, terms, months)
    if since_ms == _FIRST:
        values = {"months": months, "swept_ms": _FIRST, "whole_ms": terms.at_ms}
        this = retention_sweeps.c.months == months
        conn.execute(delete(retention_sweeps).where(this))
        conn.execute(insert(retention_sweeps).values(values))
    return since_ms


def _note(conn: Connection, months: int, swept_ms: int) -> None:
    this = update(retention_sweeps).where(retention_sweeps.c.months == months)
    conn.execute(this.values(swept_ms=swept_ms))
